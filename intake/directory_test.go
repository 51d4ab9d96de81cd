package intake

import (
	"cmp"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/report"
)

func shippedDirectory(t *testing.T) *directory {
	t.Helper()
	d, err := loadDirectory(directoryFile, time.Now())
	must(t, err)
	return d
}

// checksOf returns every Check in v, however deep, so that a list that somebody
// adds is looked at too.
func checksOf(v reflect.Value) []Check {
	var checks []Check
	switch v.Kind() {
	case reflect.Pointer:
		return checksOf(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			checks = append(checks, checksOf(v.Index(i))...)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			checks = append(checks, checksOf(v.MapIndex(key))...)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Check]() {
			return []Check{{Source: v.FieldByName("Source").String(), Verified: v.FieldByName("Verified").String()}}
		}
		for i := range v.NumField() {
			checks = append(checks, checksOf(v.Field(i))...)
		}
	}
	return checks
}

func TestNoDirectoryEntryLacksASource(t *testing.T) {
	checks := checksOf(reflect.ValueOf(shippedDirectory(t)))
	written := strings.Count(string(directoryFile), `"verified"`)
	if len(checks) != written || written < 500 {
		t.Errorf("looked at %d entries of %d", len(checks), written)
	}
	for _, c := range checks {
		if !strings.HasPrefix(c.Source, "https://") {
			t.Errorf("%+v has no source", c)
		}
		if day, err := time.Parse(time.DateOnly, c.Verified); err != nil || day.Year() < 2026 {
			t.Errorf("%+v: verified when?", c)
		}
	}
}

func TestDirectoryCoverage(t *testing.T) {
	d := shippedDirectory(t)
	// The main countries of the fourteen languages of the leaflets (English,
	// French, Dutch, German, Serbo-Croatian, Arabic, Turkish, Romanian,
	// Russian, Bengali, Hindi, Punjabi, Urdu, Vietnamese), then the countries
	// that most travellers go to, and those named most often in reports.
	for _, code := range strings.Fields(`
GB IE US CA AU NZ BE FR CH LU NL DE AT RS HR BA ME EG MA DZ TN SA AE IQ JO LB
TR RO MD RU BY BD IN PK VN
ES CN IT MX TH JP GR HK MO MY PL PT KR SG HU ID ZA CZ DK SE FI NO IS BG CY MT
UA AL SI SK EE LV LT PH KH LA MM LK NP MV KE TZ UG GH SN GM MG BR AR PE CO CL
EC CR PA GT HN NI SV DO CU JM HT FJ IL GE AM KZ UZ QA OM KW BH TW MN
`) {
		numbers, known := d.emergency(code)
		if !known {
			t.Errorf("%s: no emergency number", code)
			continue
		}
		if !slices.ContainsFunc(numbers, func(n EmergencyNumber) bool { return n.For != "ambulance" }) {
			t.Errorf("%s: no number that reaches the police", code)
		}
	}
	var without []string
	short := regexp.MustCompile(`^[0-9]{2,5}$`)
	for _, code := range countries {
		numbers, ok := d.emergency(code)
		if !ok {
			without = append(without, code)
		}
		if len(numbers) > 3 {
			t.Errorf("%s: %d numbers are too many to choose from in danger", code, len(numbers))
		}
		for _, n := range numbers {
			if !short.MatchString(n.Dial) {
				t.Errorf("%s: %q is no short number", code, n.Dial)
			}
		}
	}
	if len(without) > 25 {
		t.Errorf("%d countries have no emergency number", len(without))
	}
	slices.Sort(without)
	total, helplines, missing, hotlines, reporting, old := 0, 0, 0, 0, 0, 0
	for _, e := range d.countries {
		total++
		for n, list := range map[*int]int{&helplines: len(e.ChildHelpline), &missing: len(e.MissingChildren), &hotlines: len(e.Hotline), &reporting: len(e.Reporting)} {
			*n += min(list, 1)
		}
		if len(e.Emergency) > 0 && e.Emergency[0].StaleAt(time.Now(), DefaultConfig().NumbersMaxAgeDays) {
			old++
		}
	}
	t.Logf("countries: %d; with emergency numbers: %d (%d doubted as old); child helplines %d, missing children %d, hotlines %d, reporting pages %d; no emergency number: %s",
		total, len(countries)-len(without), old, helplines, missing, hotlines, reporting, strings.Join(without, " "))
}

func TestBelgiansAreTheFirstToUseTheDirectory(t *testing.T) {
	d := shippedDirectory(t)
	be := d.country("BE")
	if be == nil || be.Emergency[0].Dial != "112" || be.MissingChildren[0].Dial != "116000" {
		t.Fatalf("Belgium: %+v", be)
	}
	if len(be.ChildHelpline) > 0 && be.ChildHelpline[0].Dial == "116111" {
		t.Error("116111 does not work in Belgium")
	}
	// A crisis line that is open during a crisis only.
	if strings.Contains(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, string(directoryFile)), "3225014000") {
		t.Error("the consular crisis line is shown as if it were always open")
	}
	var langs []string
	for _, p := range be.Reporting {
		langs = append(langs, p.Lang)
	}
	if !slices.Equal(langs, []string{"en", "fr", "nl"}) {
		t.Errorf("reporting pages in %v", langs)
	}
}

func TestCountryWithoutNumbersFallsBack(t *testing.T) {
	d := shippedDirectory(t)
	for _, code := range []string{"AQ", report.Unknown, "", "Atlantis"} {
		numbers, known := d.emergency(code)
		if known || len(numbers) != 2 || numbers[0].Dial != "112" || numbers[1].Dial != "911" {
			t.Errorf("%q: %v %v", code, numbers, known)
		}
		if d.country(code) != nil {
			t.Errorf("%q has an entry", code)
		}
	}
	// A country may have a page, and yet no number.
	d, err := loadDirectory([]byte(patch(`"emergency": [{"dial": "101", "for": "police", "source": "https://example.org/101", "verified": "2026-11-24"}],`, ``)), aDay)
	must(t, err)
	if numbers, known := d.emergency("BE"); known || len(numbers) != 1 || numbers[0].Dial != "112" {
		t.Errorf("a country without a number: %v %v", numbers, known)
	}
}

func TestCountryWithNumbers(t *testing.T) {
	d := shippedDirectory(t)
	if numbers, known := d.emergency("JP"); !known || numbers[0].Dial != "110" {
		t.Errorf("Japan: %v", numbers)
	}
}

func TestSupportShowsVictimsFirst(t *testing.T) {
	d, err := loadDirectory([]byte(patch(
		`"support": []`, `"support": [
			{"url": "https://a.example.org/", "name": "A", "kind": "prevention", `+checked+`},
			{"url": "https://b.example.org/", "name": "B", "kind": "victims", "country": "BE", `+checked+`}]`)), aDay)
	must(t, err)
	if s := d.International.Support; len(s) != 2 || s[0].Name != "B" {
		t.Errorf("%+v", s)
	}
}

func TestSourceName(t *testing.T) {
	d := shippedDirectory(t)
	for address, want := range map[string]string{
		"https://www.inhope.org/EN/our-members": "INHOPE: our members",
		"https://www.example.org/a/b":           "example.org",
		"https://example.org":                   "example.org",
	} {
		if got := d.sourceName(address); got != want {
			t.Errorf("%s is called %q", address, got)
		}
	}
}

func TestStaleAt(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		check Check
		stale bool
	}{
		{"checked today", Check{Verified: "2026-11-24"}, false},
		{"checked a year ago", Check{Verified: "2025-11-25"}, false},
		{"checked longer ago", Check{Verified: "2025-11-23"}, true},
		{"an old copy read today", Check{Verified: "2026-11-24", AsOf: "2021-05-01"}, true},
		{"a copy of this year read today", Check{Verified: "2026-11-24", AsOf: "2026-02-13"}, false},
		{"a copy of last year, no day", Check{Verified: "2026-11-24", AsOf: "2025"}, true},
		{"a copy of this year, no day", Check{Verified: "2026-11-24", AsOf: "2026"}, false},
		{"a copy of last November, no day", Check{Verified: "2026-11-24", AsOf: "2025-11"}, true},
		{"a copy without a date", Check{Verified: "2026-11-24", AsOf: "unknown"}, true},
		{"never checked", Check{}, true},
		{"nonsense", Check{Verified: "lately"}, true},
		{"an old statement that its source still publishes", Check{Verified: "2026-11-24", Revised: "2012-04-03"}, false},
	} {
		if got := c.check.StaleAt(now, 365); got != c.stale {
			t.Errorf("%s: stale %v", c.name, got)
		}
	}
}

// aDay is when the directories of the table below were built.
var aDay = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

// checked is a Check as a directory writes it.
const checked = `"source": "https://example.org/", "verified": "2026-11-24"`

// aDirectory is a small directory with one entry of each sort.
const aDirectory = `{
	"sources": [{"url": "https://example.org/", "name": "Example"}],
	"fallback": [{"dial": "112", "for": "all", ` + checked + `}],
	"international": {
		"reporting": [], "hotline": [], "missing_children": [], "child_helpline": [],
		"support": []
	},
	"countries": [{
		"code": "BE",
		"emergency": [{"dial": "101", "for": "police", "source": "https://example.org/101", "verified": "2026-11-24"}],
		"child_helpline": [{"dial": "0800-1234", "name": "Line", ` + checked + `}],
		"hotline": [{"url": "https://example.org/report", "name": "Hotline", "dial": "103", "mail": "a@example.org", "lang": "fr", ` + checked + `}]
	}]
}`

// patch returns aDirectory with the first of each pair replaced by the second.
func patch(pairs ...string) string {
	s := aDirectory
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(s, pairs[i]) {
			panic("no " + pairs[i])
		}
		s = strings.Replace(s, pairs[i], pairs[i+1], 1)
	}
	return s
}

func TestDirectoryRefusals(t *testing.T) {
	d, err := loadDirectory([]byte(aDirectory), aDay)
	must(t, err)
	if be := d.country("BE"); be == nil || be.Emergency[0].Verified != "2026-11-24" || be.Hotline[0].Mail != "a@example.org" {
		t.Fatalf("read %+v", be)
	}
	const unchecked = `{"url": "https://example.org/", "name": "x"}`
	const police = `"source": "https://example.org/101", "verified": "2026-11-24"`
	for _, c := range []struct{ name, data, says string }{
		{"nothing", ``, "EOF"},
		{"another field", patch(`"code": "BE"`, `"code": "BE", "comment": "x"`), "comment"},
		{"another list abroad", patch(`"support": []`, `"support": [], "prayers": []`), "prayers"},
		{"text after the end", aDirectory + "{}", "after"},
		{"no source", patch(`"source": "https://example.org/101", `, ``), "no source"},
		{"not verified", patch(`, "verified": "2026-11-24"}],
		"child`, `}],
		"child`), "not verified"},
		{"no such day", patch(police, `"source": "https://example.org/101", "verified": "2026-02-30"`), "verified"},
		{"a month is no day", patch(police, `"source": "https://example.org/101", "verified": "2026-11"`), "verified"},
		{"verified in the future", patch(police, `"source": "https://example.org/101", "verified": "2026-11-26"`), "after the program was built"},
		{"a copy from the future", patch(police, police+`, "as_of": "2026-12-01"`), "as_of"},
		{"a copy of some time", patch(police, police+`, "as_of": "lately"`), "as_of"},
		{"revised after it was verified", patch(police, police+`, "revised": "2026-12"`), "revised"},
		{"a copy of which nobody says when", patch(police, police+`, "via": "https://example.com/"`), "as_of"},
		{"a source over http", patch(`https://example.org/101`, `http://example.org/101`), "https"},
		{"a script for a source", patch(`https://example.org/101`, `javascript:alert(1)`), "https"},
		{"a second source over http", patch(police, police+`, "also": ["http://example.org/"]`), "https"},
		{"a copy over http", patch(police, police+`, "as_of": "2026", "via": "http://example.org/"`), "https"},
		{"a page over http", patch(`https://example.org/report`, `http://example.org/report`), "https"},
		{"a page with a user name", patch(`https://example.org/report`, `https://police@example.org/report`), "https"},
		{"a page on no host", patch(`https://example.org/report`, `https:///report`), "https"},
		{"a page without a name", patch(`"name": "Hotline"`, `"name": " "`), "no name"},
		{"no such country", patch(`"code": "BE"`, `"code": "EU"`), "no such country"},
		{"the country unknown", patch(`"code": "BE"`, `"code": "unknown"`), "no such country"},
		{"no country", patch(`"countries": [{`, `"countries": [null, {`), "no such country"},
		{"a country twice", patch(`"countries": [{`, `"countries": [{"code": "BE"}, {`), "twice"},
		{"a number twice", patch(`"emergency": [{`, `"emergency": [{"dial": "101", "for": "all", `+checked+`}, {`), "twice"},
		{"a helpline twice", patch(`"child_helpline": [{`, `"child_helpline": [{"dial": "0800-1234", `+checked+`}, {`), "twice"},
		{"a page twice", patch(`"name": "Line", `+checked+`}],
		"hotline": [{`, `"name": "Line", `+checked+`}],
		"hotline": [{"url": "https://example.org/report", "name": "x", `+checked+`}, {`), "twice"},
		{"a source twice", patch(`"sources": [{`, `"sources": [{"url": "https://example.org/", "name": "x"}, {`), "twice"},
		{"a source without a name", patch(`"name": "Example"`, `"name": ""`), "no name"},
		{"a source that is no address", patch(`"url": "https://example.org/"`, `"url": "example"`), "https"},
		{"a long emergency number", patch(`"dial": "101"`, `"dial": "+32 101"`), "no short number"},
		{"for nobody", patch(`"for": "police"`, `"for": "fire"`), `for "fire"`},
		{"a helpline in letters", patch(`"dial": "0800-1234"`, `"dial": "1-800-THE-LOST"`), "no number"},
		{"a page with a number in letters", patch(`"dial": "103"`, `"dial": "one"`), "no number"},
		{"a page with a bad address", patch(`"a@example.org"`, `"example.org"`), "no address"},
		{"a page in a bad language", patch(`"lang": "fr"`, `"lang": "French"`), "no language"},
		{"no fallback", patch(`[{"dial": "112", "for": "all", `+checked+`}]`, `[]`), "fallback"},
		{"a bad fallback", patch(`"dial": "112"`, `"dial": "one"`), "fallback"},
		{"an organisation of another kind", patch(`"support": []`, `"support": [{"url": "https://example.org/", "name": "x", "kind": "church", `+checked+`}]`), "kind"},
		{"an organisation nowhere", patch(`"support": []`, `"support": [{"url": "https://example.org/", "name": "x", "kind": "victims", "country": "XX", `+checked+`}]`), "no such country"},
		{"an unchecked organisation", patch(`"support": []`, `"support": [{"url": "https://example.org/", "name": "x", "kind": "victims"}]`), "no source"},
		{"an organisation without a name", patch(`"support": []`, `"support": [{"url": "https://example.org/", "kind": "victims", `+checked+`}]`), "no name"},
		{"an organisation over http", patch(`"support": []`, `"support": [{"url": "http://example.org/", "name": "x", "kind": "victims", `+checked+`}]`), "https"},
		{"an organisation twice", patch(`"support": []`, `"support": [{"url": "https://example.org/", "name": "x", "kind": "victims", `+checked+`}, {"url": "https://example.org/", "name": "y", "kind": "victims", `+checked+`}]`), "twice"},
		{"an unchecked reporting page abroad", patch(`"reporting": []`, `"reporting": [`+unchecked+`]`), "no source"},
		{"an unchecked hotline abroad", patch(`"hotline": []`, `"hotline": [`+unchecked+`]`), "no source"},
		{"an unchecked page for missing children", patch(`"missing_children": []`, `"missing_children": [`+unchecked+`]`), "no source"},
		{"an unchecked helpline abroad", patch(`"child_helpline": []`, `"child_helpline": [`+unchecked+`]`), "no source"},
		{"an unchecked reporting page", patch(`"code": "BE"`, `"code": "BE", "reporting": [`+unchecked+`]`), "no source"},
		{"an unchecked line for missing children", patch(`"code": "BE"`, `"code": "BE", "missing_children": [{"dial": "116000"}]`), "no source"},
	} {
		if _, err := loadDirectory([]byte(c.data), aDay); err == nil {
			t.Errorf("%s: accepted", c.name)
		} else if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// Both faults are told at once.
	_, err = loadDirectory([]byte(patch(`"for": "police"`, `"for": "fire"`, `"lang": "fr"`, `"lang": "French"`)), aDay)
	if err == nil || !strings.Contains(err.Error(), "fire") || !strings.Contains(err.Error(), "French") {
		t.Errorf("of two faults: %v", err)
	}
}

// The order of the countries is that of their codes, so that an operator finds
// one and a change stays small.
func TestDirectoryIsInOrder(t *testing.T) {
	codes := regexp.MustCompile(`"code": "([A-Z]{2})"`).FindAllStringSubmatch(string(directoryFile), -1)
	if len(codes) < 200 || !slices.IsSortedFunc(codes, func(a, b []string) int { return cmp.Compare(a[1], b[1]) }) {
		t.Error("the countries are not in the order of their codes")
	}
}
