package links

import (
	"slices"
	"testing"

	"tocsin/report"
)

// filled returns a report with fields of those names and values.
func filled(t testing.TB, pairs ...string) *report.Report {
	t.Helper()
	r := new(report.Report)
	for i := 0; i < len(pairs); i += 2 {
		if err := r.Set(pairs[i], pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestPlaces(t *testing.T) {
	type place [3]string // name, city, country
	for _, tt := range []struct {
		a, b place
		same bool
	}{
		{place{"Golden Star Hotel", "Pattaya", "TH"}, place{"hôtel GOLDEN-STAR", "Pattaya, Thailand", "TH"}, true},
		{place{"Golden Star Hotel", "Pattaya", "TH"}, place{"Goldenstar Resort & Spa", "พัทยา", ""}, true},
		{place{"Golden Star Hotel", "Pattaya", "TH"}, place{"Golden Satr", "Pattaya", "TH"}, true},
		{place{"Golden Star Hotel", "Pattaya", "TH"}, place{"Golden Star Hotel, Pattaya", "", "TH"}, true},
		{place{"Golden Star Hotel", "", "TH"}, place{"Golden Star", "Patong", "VN"}, false},
		{place{"Holiday Inn", "", "TH"}, place{"Holiday Inn", "Patong", "TH"}, false},
		{place{"Golden Sunrise Hotel", "", "TH"}, place{"Golden Sunrise", "Patong", "TH"}, true},
		{place{"Hilton", "Pattaya", "TH"}, place{"Hilton Pattaya", "Pattaya", "TH"}, true},
		{place{"Hilton", "Pattaya", "TH"}, place{"Hilton", "Phuket", "TH"}, false},
		{place{"Hilton", "", "TH"}, place{"Hilton", "", "TH"}, false},
		{place{"Hilton", "Paris", "FR"}, place{"Hilton", "Paris", "US"}, false},
		{place{"Hotel Šumadija", "Beograd", "RS"}, place{"Хотел Шумадија", "Београд", "RS"}, true},
		{place{"Hotel Šumadija", "Belgrade", "RS"}, place{"hotel Shumadiya", "Белград", ""}, true},
		{place{"Отель Жемчужина", "Сочи", "RU"}, place{"Zhemchuzhina", "Sochi", "RU"}, true},
		{place{"Ξενοδοχείο Ποσειδών", "Αθήνα", "GR"}, place{"Hotel Poseidon", "Athens", "GR"}, true},
		{place{"فندق السلام", "القاهرة", "EG"}, place{"فُنْدُق سلام", "Cairo", "EG"}, true},
		{place{"होटल गंगा", "दिल्ली", "IN"}, place{"गंगा होटल", "New Delhi", "IN"}, true},
		{place{"Khách sạn Hòa Bình", "Hà Nội", "VN"}, place{"Hoa Binh hotel", "Hanoi", "VN"}, true},
		{place{"Bar 7", "Pattaya", "TH"}, place{"Bar 8", "Pattaya", "TH"}, false},
		{place{"Soi Boomerang 6", "Pattaya", "TH"}, place{"Soi Boomerang 7", "Pattaya", "TH"}, false},
		{place{"Golden Star Hotel", "Pattaya", "TH"}, place{"Golden Star Bar", "Pattaya", "TH"}, false},
		{place{"Golden Star Hotel", "Pattaya", "TH"}, place{"bar of hotel Golden Star", "Pattaya", "TH"}, true},
		{place{"Golden Star Bar", "Pattaya", "TH"}, place{"Golden Star Restaurant", "Pattaya", "TH"}, true},
		{place{"Golden Star Massage & Spa", "Pattaya", "TH"}, place{"Golden Star Htel", "Pattaya", "TH"}, false},
		{place{"โรงแรมสบาย", "พัทยา", "TH"}, place{"บาร์สบาย", "Pattaya", "TH"}, false},
		{place{"beach bar", "Pattaya", "TH"}, place{"Beach Bar", "Pattaya", "TH"}, false},
		{place{"Pattaya Hotel", "Pattaya", "TH"}, place{"Pattaya Beach", "Pattaya", "TH"}, false},
		{place{"Pattaya Hotel", "Pattaya", "TH"}, place{"PATTAYA HOTEL", "Pattaya", "TH"}, true},
		{place{"Rose Bar", "Pattaya", "TH"}, place{"Rosa Bar", "Pattaya", "TH"}, false},
		{place{"Müller Haus", "Köln", "DE"}, place{"Mueller-Haus", "Cologne", "DE"}, true},
		{place{"L'Étoile", "Dakar", "SN"}, place{"hotel Etoile", "Dakar", "SN"}, true},
		{place{"Tom & Jerry's", "Cebu City", "PH"}, place{"Tom and Jerrys Bar", "Cebu", "PH"}, true},
		{place{"", "Pattaya", "TH"}, place{"", "Pattaya", "TH"}, false},
	} {
		x := NewIndex(0)
		for i, p := range []place{tt.a, tt.b} {
			x.Add([]string{"a", "b"}[i], KeysOf(filled(t, "where.place", p[0], "where.city", p[1], "where.country", p[2])))
		}
		if got := len(x.Of("a")) == 1; got != tt.same {
			t.Errorf("%q, %q: linked %v, want %v (%+v)", tt.a, tt.b, got, tt.same, x.keys)
		}
		if len(x.Of("a")) != len(x.Of("b")) {
			t.Errorf("%q, %q: linked one way only", tt.a, tt.b)
		}
	}
}

func TestValues(t *testing.T) {
	for _, tt := range []struct {
		kind  Kind
		field []string
		want  []string
	}{
		{Plate, []string{"suspect.plate", "1-abc-234"}, []string{"1ABC234"}},
		{Plate, []string{"suspect.plate", "white Toyota 1 ABC 234 (Belgian)"}, []string{"1ABC234"}},
		{Plate, []string{"suspect.plate", "А 123 ВС 77"}, []string{"A123BC77"}},
		{Plate, []string{"suspect.plate", "١٢٣٤٥ ب"}, []string{"12345ب"}},
		{Plate, []string{"suspect.plate", "กข ๑๒๓๔ กรุงเทพมหานคร"}, []string{"กข1234"}},
		{Plate, []string{"suspect.plate", "AB12 CDE; BG 987-XO"}, []string{"AB12CDE", "BG987X0"}},
		{Plate, []string{"suspect.plate", "1-ABC-2??"}, nil},
		{Plate, []string{"suspect.plate", "unknown"}, nil},
		{Plate, []string{"what.seen", "the plate 1-ABC-234"}, nil},
		{Flight, []string{"suspect.flight", "SN 0205", "when.date", "2026-03-04"}, []string{"SN205 2026-03-04 2026-03-04"}},
		{Flight, []string{"suspect.flight", "bel205", "when.date", "2026-03"}, []string{"SN205 2026-03-01 2026-03-31"}},
		{Flight, []string{"suspect.flight", "vol 205", "suspect.airline", "brussels airlines", "suspect.travel_dates", "du 3.3.2026 au 17 mars 2026"}, []string{"SN205 2026-03-03 2026-03-17"}},
		{Flight, []string{"suspect.flight", "SN205 at 9 from gate B4", "suspect.travel_dates", "12 марта 2026"}, []string{"SN205 2026-03-12 2026-03-12"}},
		{Flight, []string{"suspect.flight", "XY 12", "when.date", "2026-03-04"}, []string{"XY12 2026-03-04 2026-03-04"}},
		{Flight, []string{"suspect.flight", "SN205"}, nil},
		{Flight, []string{"suspect.flight", "SN205", "when.date", "2026"}, nil},
		{Phone, []string{"what.seen", "he gave +32 (0)477/12.34.56 to her"}, []string{"+32477123456"}},
		{Phone, []string{"what.seen", "0032 477 123456"}, []string{"+32477123456"}},
		{Phone, []string{"what.seen", "0477 12 34 56", "where.country", "BE"}, []string{"+32477123456"}},
		{Phone, []string{"what.seen", "0477 12 34 56", "where.country", "TH"}, []string{"0477123456"}},
		{Phone, []string{"what.seen", "0477 12 34 56"}, []string{"0477123456"}},
		{Phone, []string{"what.seen", "٠٨١٢٣٤٥٦٧٨", "where.country", "TH"}, []string{"+66812345678"}},
		{Phone, []string{"what.seen", "8 (916) 123-45-67", "where.country", "RU"}, []string{"+79161234567"}},
		{Phone, []string{"what.seen", "on 04/03/2026 at 12:00, room 1234567890"}, nil},
		{Phone, []string{"online.platform", "WhatsApp", "online.handle", "66812345678"}, []string{"+66812345678"}},
		{Phone, []string{"what.seen", "https://wa.me/66812345678?text=x"}, []string{"+66812345678"}},
		{Handle, []string{"online.platform", "Insta", "online.handle", "@John_Doe92"}, []string{"instagram:john_doe92"}},
		{Handle, []string{"what.seen", "see https://www.instagram.com/John_Doe92/?igshid=1."}, []string{"instagram:john_doe92"}},
		{Handle, []string{"what.seen", "his insta: John_Doe92, he said"}, []string{"instagram:john_doe92"}},
		{Handle, []string{"what.seen", "john_doe92 on Instagram yesterday"}, []string{"instagram:john_doe92"}},
		{Handle, []string{"what.seen", "we met on Instagram yesterday evening"}, nil},
		{Handle, []string{"online.url", "t.me/someone_1"}, []string{"telegram:someone_1"}},
		{Handle, []string{"online.platform", "тикток", "online.handle", "tom, @jerry"}, []string{"tiktok:tom", "tiktok:jerry"}},
		{URL, []string{"online.url", "http://www.Shop.Example.co.uk:8080/a?b=c"}, []string{"example.co.uk"}},
		{URL, []string{"what.heard", "on hxxps://bad[.]example[.]net/x, he said"}, []string{"example.net"}},
		{URL, []string{"online.url", "someone.blogspot.com"}, []string{"someone.blogspot.com"}},
		{URL, []string{"online.url", "https://youtu.be/dQw4w9WgXcQ?si=abc\nhttps://m.youtube.com/watch?feature=share&v=dQw4w9WgXcQ"}, []string{"youtube.com/watch?v=dQw4w9WgXcQ"}},
		{URL, []string{"online.url", "https://www.facebook.com/"}, nil},
		{URL, []string{"online.url", "room no.5 on the site"}, nil},
		{URL, []string{"online.url", "http://пример.рф/страница"}, []string{"xn--e1afmkfd.xn--p1ai"}},
		{Email, []string{"what.seen", "write to J.Doe+x@GMail.com."}, []string{"jdoe@gmail.com"}},
		{Email, []string{"what.why", "j.doe [at] example [dot] org"}, []string{"j.doe@example.org"}},
		{Email, []string{"what.why", "write to j.doe61 at example.org"}, []string{"j.doe61@example.org"}},
		{Email, []string{"what.why", "we met at example.org"}, nil},
		{URL, []string{"what.why", "write to j.doe61 at example.org"}, nil},
		{URL, []string{"what.why", "we met at example.org"}, []string{"example.org"}},
		{Email, []string{"witness.contact", "me@example.org", "what.seen", "x"}, nil},
		{Email, []string{"others.witnesses", "my wife, she@example.org"}, nil},
		{Near, []string{"where.coordinates", "12.9274, 100.8771"}, []string{"12.92740,100.87710"}},
		{Near, []string{"where.coordinates", "12.92,100.87"}, nil},
		{Near, []string{"where.coordinates", "0.0000,0.0000"}, nil},
	} {
		var got []string
		for _, k := range KeysOf(filled(t, tt.field...)) {
			if k.Kind == tt.kind {
				got = append(got, k.Value)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s of %q: %q, want %q", tt.kind, tt.field, got, tt.want)
		}
	}
}
