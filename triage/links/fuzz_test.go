package links

import (
	"strings"
	"testing"
	"unicode/utf8"

	"tocsin/report"
)

// Texts of witnesses are a stranger's: whatever they are, no normaliser fails,
// each gives valid UTF-8, and what it gave it leaves alone.
func FuzzNormalisers(f *testing.F) {
	for _, path := range []string{"testdata/places.txt", "testdata/cities.txt"} {
		for _, row := range table(f, path) {
			f.Add(row[len(row)-1])
		}
	}
	for _, s := range []string{
		"1-ABC-234", "А 123 ВС 77", "กข ๑๒๓๔", "+32 (0)477/12.34.56", "0032477123456", "8 (916) 123-45-67", "@John_Doe92", "u/someone",
		"https://www.instagram.com/x/?a=b", "hxxps://bad[.]example[.]net/", "J.Doe+x@GMail.com", "j [at] example [dot] org", "12.9274,100.8771",
		"İIıi", "ﬀﬁ①Ⅷ", "e\u0301\u0323", "\u0e4d\u0e32", "Å\u200dB\u00ad", "ǅ", "\xff\xfe", "ы\u0308", "क\u094dष", "tshschtchzhkhghdj", "\u1e9e", "a\u0345b", "𝟘𝔄",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, normalise := range map[string]func(string) string{
			"fold":      fold,
			"skeleton":  func(s string) string { return skeleton(fold(s)) },
			"city":      cityValue,
			"platform":  platformValue,
			"plate":     plateValue,
			"phone":     func(s string) string { return phoneValue(s, "", true) },
			"handle":    handleValue,
			"host":      hostValue,
			"e-mail":    emailValue,
			"point":     nearValue,
			"indic":     indicToLatin,
			"placename": func(s string) string { return strings.Join(nameWords(s), " ") },
		} {
			got := normalise(s)
			if !utf8.ValidString(got) && name != "indic" {
				t.Fatalf("%s of %q is not valid UTF-8: %q", name, s, got)
			}
			if name == "city" || name == "placename" {
				continue // an article or a word for a city may have another behind it
			}
			if again := normalise(got); again != got && utf8.ValidString(s) {
				t.Fatalf("%s of %q is %q, and of that %q", name, s, got, again)
			}
		}
	})
}

// Whatever the fields hold, the keys are few, small and valid, and the case
// they are of can be looked up.
func FuzzKeys(f *testing.F) {
	f.Add("Hotel Šumadija", "Beograd", "1-ABC-234", "SN 205", "@john_doe92", "http://example.net/x", "12.9274,100.8771", "+32477123456 a@example.org")
	f.Add("|", "||", "a|b", "AA0", ":", "://", "1.000,2.000", "@@@")
	f.Fuzz(func(t *testing.T, place, city, plate, flight, handle, url, at, text string) {
		r := new(report.Report)
		for name, value := range map[string]string{
			"where.place": place, "where.city": city, "suspect.plate": plate, "suspect.flight": flight, "online.handle": handle,
			"online.url": url, "where.coordinates": at, "what.seen": text, "when.date": "2026-03-04", "where.country": "RS",
		} {
			if err := r.Set(name, value); err != nil {
				return
			}
		}
		keys := KeysOf(r, text)
		if len(keys) > MaxKeys {
			t.Fatalf("%d keys", len(keys))
		}
		x := NewIndex(0)
		x.Add("a", keys)
		x.Add("b", KeysOf(r, text))
		for _, k := range keys {
			if len(k.Value) > MaxValue || !utf8.ValidString(k.Value) || !utf8.ValidString(k.Shown) || k.Value == "" {
				t.Fatalf("%+v", k)
			}
		}
		for _, l := range x.Of("a") {
			if l.Case != "b" {
				t.Fatalf("%+v", l)
			}
		}
	})
}
