package triage

import (
	"bytes"
	"encoding/json"
	"html"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"filippo.io/age"

	"tocsin/report"
	"tocsin/seal/roster"
	"tocsin/triage/screen"
)

// corpus is the reports of testdata/corpus, by name: LANGUAGE-NUMBER. They are
// made up. Nothing in them happened, and nobody in them exists.
func corpus(t testing.TB) map[string]*report.Report {
	t.Helper()
	paths, err := filepath.Glob("testdata/corpus/*.json")
	ok(t, err)
	all := make(map[string]*report.Report)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		ok(t, err)
		r, err := report.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if again, err := r.Marshal(); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%s is not as a report is written: %v", path, err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".json")] = r
	}
	return all
}

// found has, of each report of the corpus, words that stand in no other, as
// somebody types them who knows the language: without marks, in another case, or
// as part of a longer word.
var found = map[string]string{
	"en-1": "school BAG plaits", "en-2": "gamers coach", "en-3": "minibus บ้านพัก",
	"fr-1": "hoteliere fillettes", "fr-2": "l'Œillet", "fr-3": "niece paques",
	"nl-1": "kamermeisje huilen", "nl-2": "beheerders", "nl-3": "schooltje snoep",
	"de-1": "grenzstrasse madchen", "de-2": "STRASSENVERKÄUFER", "de-3": "erpresst ubergabe",
	"ar-1": "أجنبيا خائفة", "ar-2": "هدايا رمضان", "ar-3": "الشقق المفروشة",
	"bn-1": "সৈকতের দারোয়ান", "bn-2": "বাসস্ট্যান্ডে", "bn-3": "প্রতিবেশীর",
	"hi-1": "मंदिर चॉकलेट", "hi-2": "ट्रेन रुपये", "hi-3": "ट्यूशन",
	"pa-1": "ਵਿਸਾਖੀ ਵਿਆਹ", "pa-2": "ਢਾਬੇ", "pa-3": "ਭਤੀਜਾ",
	"ro-1": "pensiunea taraneasca", "ro-2": "inghetata salvamarul", "ro-3": "transmisiuni",
	"ru-1": "ДЕЖУРНАЯ конверт", "ru-2": "тренер секции", "ru-3": "посуточно",
	"sh-1": "ŽĆ-123 djevojcicom", "sh-2": "рецепционер", "sh-3": "čamca otok",
	"tr-1": "isik AĞLAYAN", "tr-2": "dugun salonunda", "tr-3": "mendil",
	"ur-1": "چوکیدار مہمان", "ur-2": "کزن چودہ", "ur-3": "یتیم بچوں",
	"vi-1": "khach san khan quang", "vi-2": "tro choi du do", "vi-3": `"xe om"`,
}

func TestTheCorpusCoversTheForm(t *testing.T) {
	all := corpus(t)
	languages, consents := map[string]int{}, map[report.Consent]int{}
	filled := map[string]bool{}
	var scripts, emoji, leftward int
	for name, r := range all {
		languages[r.Language]++
		consents[r.Consent]++
		if !strings.HasPrefix(name, r.Language+"-") {
			t.Errorf("%s is in %s", name, r.Language)
		}
		for _, f := range report.Fields() {
			for _, v := range r.Get(f.Name) {
				filled[f.Name] = filled[f.Name] || v != ""
				latin := strings.ContainsFunc(v, func(c rune) bool { return unicode.Is(unicode.Latin, c) })
				if strings.ContainsFunc(v, func(c rune) bool { return unicode.In(c, unicode.Arabic) }) && latin {
					leftward++
				}
				if strings.ContainsFunc(v, func(c rune) bool {
					return unicode.In(c, unicode.Bengali, unicode.Devanagari, unicode.Gurmukhi, unicode.Cyrillic)
				}) && latin {
					scripts++
				}
				if strings.ContainsFunc(v, func(c rune) bool { return c >= 0x1F000 }) {
					emoji++
				}
			}
		}
	}
	for _, tag := range strings.Fields("en fr nl de ar bn hi pa ro ru sh tr ur vi") {
		if languages[tag] < 3 {
			t.Errorf("%d reports in %s", languages[tag], tag)
		}
	}
	for _, f := range report.Fields() {
		if !filled[f.Name] {
			t.Errorf("no report answers %s", f.Name)
		}
	}
	if len(consents) != 4 || scripts < 8 || emoji < 12 || leftward < 8 {
		t.Errorf("consents %v; in one value: %d mixed scripts, %d emoji, %d scripts of both directions", consents, scripts, emoji, leftward)
	}
}

// The corpus in a home: every report is listed, found, shown, proposed and
// printed, whatever its language and its reader's.
func TestTheCorpus(t *testing.T) {
	s := newStation(t)
	for _, language := range roster.PageLanguages() {
		reader, err := age.GenerateHybridIdentity()
		ok(t, err)
		ok(t, s.org.OrgAddDestination(roster.Destination{
			Name: "police-" + language, Title: "Police", Kind: "police", Country: "BE", Language: language,
			Recipient: reader.Recipient().String(), Delivery: roster.DeliveryOutbox,
		}))
	}
	s.sign()
	ok(t, s.vault.UpdateRoster(t.Context(), s.roster))
	all := corpus(t)
	cases := map[string]*told{}
	for name, r := range all {
		body, err := r.Marshal()
		ok(t, err)
		cases[name] = s.addReport(s.vault, body)
	}
	s.pull()
	inbox, err := s.alice.Inbox()
	ok(t, err)
	list := inbox.List()
	if len(list) != len(all) {
		t.Errorf("%d of %d are listed", len(list), len(all))
	}
	byID := map[string]*Summary{}
	for i, v := range list {
		byID[v.ID] = &list[i]
	}
	sameAsJSON(t, list)
	signed, err := s.alice.Roster()
	ok(t, err)
	m, err := s.alice.openMirror()
	ok(t, err)
	for name, r := range all {
		c := s.find(cases[name])
		v := byID[c.ID.String()]
		if v == nil || v.Problem != "" || v.Account == "" || v.Country != r.Where.Country || v.Danger != (r.Danger.Now == report.Yes) {
			t.Errorf("%s is listed as %+v", name, v)
		}
		q, err := ParseQuery(found[name])
		ok(t, err)
		if got := inbox.Search(q); len(got) != 1 || got[0].ID != c.ID.String() {
			t.Errorf("%s: %q finds %d cases", name, found[name], len(got))
		}
		shown, err := s.alice.Show(c)
		ok(t, err)
		sameAsJSON(t, shown)
		var out bytes.Buffer
		ok(t, shown.Write(&out))
		if text := words(out.String()); !strings.Contains(text, words(screen.Text(account(r)))) {
			t.Errorf("%s is shown without its account:\n%s", name, out.String())
		}
		proposed, err := s.alice.Propose(c)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sameAsJSON(t, proposed)
		o, err := s.alice.open(c, signed)
		ok(t, err)
		for _, language := range roster.PageLanguages() {
			b, err := s.alice.gather(o, signed, m, signed.Destination("police-"+language), With{})
			ok(t, err)
			page := string(b.payload[0].content)
			if !strings.Contains(page, `<html lang="`+language+`"`) || !strings.Contains(html.UnescapeString(page), screen.Page(account(r))) {
				t.Errorf("%s: its page in %s lacks the account", name, language)
			}
			if strings.Contains(account(r), "<") && strings.Contains(page, account(r)) {
				t.Errorf("%s: its page in %s holds what the witness wrote as it stands", name, language)
			}
			if who := r.Witness.Contact; who != "" && r.Consent != report.ConsentDirect && strings.Contains(page, who) {
				t.Errorf("%s: its page in %s says who the witness is", name, language)
			}
		}
	}
}

// account is the longest that a report tells.
func account(r *report.Report) string {
	longest := ""
	for _, text := range []string{r.What.Seen, r.What.Heard, r.What.Suspected} {
		if len(text) > len(longest) {
			longest = text
		}
	}
	return longest
}

// words are a text without what lays it out.
func words(s string) string { return strings.Join(strings.Fields(s), "") }

// sameAsJSON fails unless v is valid JSON as the program prints it, and says
// there what it says.
func sameAsJSON(t *testing.T, v any) {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "  ")
	ok(t, err)
	printed := screen.JSON(text)
	if i := bytes.IndexFunc(printed, func(r rune) bool { return r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }); i >= 0 {
		t.Errorf("byte %d of the JSON could act on a terminal", i)
	}
	var want, got any
	ok(t, json.Unmarshal(text, &want))
	if err := json.Unmarshal(printed, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the JSON says something else: %v", err)
	}
}
