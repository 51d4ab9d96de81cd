package stats

import (
	"encoding/csv"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"tocsin/seal/roster"
)

// of returns n cases like c.
func of(n int, c Case) []Case {
	return slices.Repeat([]Case{tidy(c)}, n)
}

// madeYear is a year of 60 reports with a bit of everything.
func madeYear() []Case {
	return slices.Concat(
		of(30, Case{Month: 1, Country: "TH", Language: "fr", Categories: []string{"travel-tourism"}, Destinations: []string{"police"}, Read: 0, HandedOver: 1, Acknowledged: 3}),
		of(12, Case{Month: 3, Country: "KH", Language: "en", Categories: []string{"travel-tourism", "trafficking"}, Destinations: []string{"police", "embassy"}, Addition: true, Read: 1, HandedOver: 2, Acknowledged: Never}),
		of(2, Case{Month: 5, Country: "BT", Language: "ur", Categories: []string{"forced-marriage"}, Read: 4, HandedOver: Never}),
		of(9, Case{Month: 7, Language: "en", Read: Never}),
		of(6, Case{Month: 9, Withdrawn: true, Country: "TH"}),
		of(1, Case{Month: 12, Purged: true, Country: "TH", Read: 9}),
	)
}

func rowsOf(t *testing.T, r *Report, table string) string {
	t.Helper()
	for _, v := range r.Tables {
		if v.Name == table {
			var list []string
			for _, row := range v.Rows {
				list = append(list, row.Code+"="+row.Count.String())
			}
			return strings.Join(list, " ")
		}
	}
	t.Fatalf("there is no table %s", table)
	return ""
}

func TestTheNumbers(t *testing.T) {
	r := Make(about, madeYear())
	if r.Total.String() != "60" {
		t.Errorf("%s reports", r.Total)
	}
	for table, want := range map[string]string{
		TableMonths:       "01=30 02=0 03=12 04=0 05-07=11 08=0 09-12=7",
		TableCountries:    "TH=30 KH=12 (others)=18",
		TableLanguages:    "fr=30 (others)=30",             // without English 9, of which 6 are known to be withdrawn
		TableCategories:   "travel-tourism=42 (others)=14", // two of forced marriage, and so trafficking too
		TableDestinations: "police=42 embassy=12",
		TableEvents:       "addition=12 withdrawn=6 purged=<5",
	} {
		if got := rowsOf(t, r, table); got != want {
			t.Errorf("%s: %s, want %s", table, got, want)
		}
	}
	text, err := json.Marshal([]any{r.Reading, r.HandingOver, r.Acknowledge})
	if err != nil {
		t.Fatal(err)
	}
	// 45 were read, 30 of them on day 0 and 12 on day 1: in time, 42 of 60. 42 were
	// handed over, 30 in time, of which all were acknowledged.
	const want = `[{"median_days":0,"in_time":{"from_percent":70,"to_percent":80}},{"median_days":1,"in_time":{"from_percent":60,"to_percent":80}},{"from_percent":60,"to_percent":80}]`
	if string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
}

func TestOnlyWholeDaysBeforeTheDeadlineAreInTime(t *testing.T) {
	for hours, want := range map[int][3]int{48: {1, 1, 0}, 47: {1, 0, 0}, 72: {1, 1, 1}, 12: {0, 0, 0}} {
		r := &Report{About: About{Deadline: hours}}
		if got := [3]int{r.inTime(0), r.inTime(1), r.inTime(2)}; got != want {
			t.Errorf("with %d hours: %v, want %v", hours, got, want)
		}
	}
}

func TestOfFewReportsNothingIsTold(t *testing.T) {
	for n, want := range map[int]string{0: "0", 1: "<5", 4: "<5", 5: "5"} {
		r := Make(about, of(n, Case{Month: 1, Country: "TH"}))
		if r.Total.String() != want || (len(r.Tables) > 0) != (n >= Least) {
			t.Errorf("of %d: %s, %d tables", n, r.Total, len(r.Tables))
		}
	}
}

func TestCounts(t *testing.T) {
	for _, v := range []struct {
		n    int
		of   base
		want string
	}{
		{0, base{20, 0}, "0"}, {1, base{20, 0}, "<5"}, {4, base{20, 0}, "<5"}, {5, base{20, 0}, "5"}, {15, base{20, 0}, "15"},
		{16, base{20, 0}, ">15"}, {19, base{20, 0}, ">15"}, {20, base{20, 0}, "20"},
		{0, base{9, 0}, "0"}, {1, base{9, 0}, "withheld"}, {8, base{9, 0}, "withheld"}, {9, base{9, 0}, "9"},
		{20, base{20, 1}, ">15"}, {15, base{20, 1}, "15"}, {10, base{20, 2}, "10"}, {11, base{20, 2}, ">10"}, {3, base{14, 2}, "withheld"},
	} {
		if got := v.of.count(v.n).String(); got != v.want {
			t.Errorf("%d of %v is %s, want %s", v.n, v.of, got, v.want)
		}
	}
}

func TestASharesStepIsFiveReports(t *testing.T) {
	if s := share(5, 19, 19); s != nil {
		t.Errorf("of 19: %+v", s)
	}
	for all := 4 * Least; all < 1200; all++ {
		few, most := share(0, all, all), share(all, all, all)
		for n := range Least {
			if *share(n, all, all) != *few || *share(all-n, all, all) != *most {
				t.Fatalf("%d of %d is told apart", n, all)
			}
		}
		if few.From != 0 || most.To != 100 {
			t.Fatalf("of %d: %+v to %+v", all, few, most)
		}
	}
	if s := share(480, 500, 500); *s != (Share{96, 97}) {
		t.Errorf("480 of 500: %+v", s)
	}
}

func TestMedian(t *testing.T) {
	for want, list := range map[float64][]int{2: {3, 1, 2}, 1.5: {1, 2}, 0: {0}} {
		if got := *median(list); got != want {
			t.Errorf("of %v: %v", list, got)
		}
	}
}

// wordsIn are those of a language, with titles that mean harm.
func wordsIn(tag string) *Words {
	return In(tag, func(code string) string { return "=" + code }, func(name string) string {
		return `=HYPERLINK("http://evil.example/")<script src="http://evil.example/x.js">` + "\u202e" + name
	})
}

func TestThePageStandsAlone(t *testing.T) {
	for _, cases := range [][]Case{madeYear(), nil, of(3, Case{Month: 2})} {
		for tag := range catalogues {
			about := about
			about.Organisation = `<img src="https://evil.example/">`
			var b strings.Builder
			if err := Make(about, cases).WriteHTML(&b, wordsIn(tag)); err != nil {
				t.Fatal(err)
			}
			page := b.String()
			if !strings.Contains(page, `<html lang="`+tag+`">`) || !strings.Contains(page, `content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"`) {
				t.Errorf("%s: no language or no policy", tag)
			}
			if bad := regexp.MustCompile(`(?i)<(script|img|link|iframe|object|embed|a|image|use|foreignObject)\b|\b(src|href|srcset|on[a-z]+)\s*=\s*"|url\(|@import|%!|\x{202e}`).FindString(strings.NewReplacer(`src=&#34;`, "").Replace(page)); bad != "" {
				t.Errorf("%s: the page has %q", tag, bad)
			}
			if got, want := strings.Count(page, "<svg "), len(Make(about, cases).Tables); got != want || strings.Count(page, "</table>") < want {
				t.Errorf("%s: %d charts, and %d tables", tag, got, want)
			}
		}
	}
}

// The page says each number twice, in a chart and in words, and no colour is
// needed: what is not exact has a broken outline.
func TestChartsAreSaidAgain(t *testing.T) {
	var b strings.Builder
	if err := Make(about, madeYear()).WriteHTML(&b, In("en", strings.ToUpper, strings.ToUpper)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<text class="count" x="548" y="29">30</text>`, "<tr><td>Thailand (TH)</td><td>30</td></tr>", "<tr><td>2026-05 – 2026-07</td><td>11</td></tr>",
		`<rect class="rough" `, "<tr><td>purged under a rule</td><td>&lt;5</td></tr>", "<td>70 to 80 %</td>", "median of those handed over</td><td>1</td>", "POLICE",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if regexp.MustCompile(`(?i)#[0-9a-f]{3,6}\b|rgb|: *(red|green|blue)`).MatchString(b.String()) {
		t.Error("the page has a colour")
	}
}

func TestTheCSV(t *testing.T) {
	var b strings.Builder
	if err := Make(about, madeYear()).WriteCSV(&b, wordsIn("en")); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(b.String())).ReadAll() // as many cells in each line
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, line := range lines {
		for _, c := range line {
			if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
				t.Errorf("a spreadsheet reckons %q", c)
			}
		}
		got[line[0]+" "+line[1]] = line[3]
	}
	for row, want := range map[string]string{
		"table row": "reports", "about year": "2026", "total all": "60", "months 05-07": "11", "countries TH": "30", "countries (others)": "18",
		"destinations police": "42", "events purged": "<5", "speed reading-median-days": "0", "speed reading-in-time-percent": "70..80",
	} {
		if got[row] != want {
			t.Errorf("%s is %q, want %q", row, got[row], want)
		}
	}
	if !strings.Contains(b.String(), "'=HYPERLINK") {
		t.Error("the title is missing")
	}
}

// A country of few reports is nowhere: that one came from there would tell the
// few people whom it is about.
func TestSmallCountriesAreNotNamed(t *testing.T) {
	r := Make(about, madeYear())
	var all strings.Builder
	for _, write := range []func() error{
		func() error { return r.WriteHTML(&all, wordsIn("en")) },
		func() error { return r.WriteCSV(&all, wordsIn("en")) },
		func() error { return json.NewEncoder(&all).Encode(r) },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"BT", "Bhutan", "Urdu", "forced-marriage"} {
		if strings.Contains(all.String(), name) {
			t.Errorf("%s is told", name)
		}
	}
}

var verbs = regexp.MustCompile(`%[a-z%]`)

func TestEveryCatalogueSaysEverything(t *testing.T) {
	if got := slices.Sorted(maps.Keys(catalogues)); !slices.Equal(got, slices.Sorted(slices.Values(roster.PageLanguages()))) {
		t.Errorf("catalogues: %v, and pages are in %v", got, roster.PageLanguages())
	}
	var code strings.Builder
	for _, name := range []string{"page.html", "page.go", "words.go", "csv.go"} {
		text, err := os.ReadFile(filepath.Clean(name))
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	for key, text := range catalogues["en"].Messages {
		used := strings.Contains(code.String(), `"`+key+`"`)
		for _, prefix := range []string{"row.", "row.other.", "table."} {
			used = used || strings.HasPrefix(key, prefix) && strings.Contains(code.String(), `"`+prefix+`"`)
		}
		if !used {
			t.Errorf("nothing says %s", key)
		}
		for tag, c := range catalogues {
			other := c.Messages[key]
			if other == "" || !utf8.ValidString(other) || !slices.Equal(verbs.FindAllString(text, -1), verbs.FindAllString(other, -1)) {
				t.Errorf("%s: %s is missing, or puts other things in: %q", tag, key, other)
			}
			if tag != "en" && other == text {
				t.Errorf("%s: %s was left in English: %q", tag, key, other)
			}
			if len(c.Messages) != len(catalogues["en"].Messages) {
				t.Errorf("%s has %d texts", tag, len(c.Messages))
			}
		}
	}
	for _, m := range regexp.MustCompile(`[sS]ay[( ]"([a-z.]+[a-z])"`).FindAllStringSubmatch(code.String(), -1) {
		if catalogues["en"].Messages[m[1]] == "" {
			t.Errorf("%q is said, which no catalogue does", m[1])
		}
	}
	for _, table := range []string{TableCountries, TableCategories, TableLanguages, TableDestinations} {
		if w := wordsIn("fr"); w.row(2026, table, others) == "" || w.note(table) == "" {
			t.Errorf("%s: the last row or the note has no words", table)
		}
	}
}
