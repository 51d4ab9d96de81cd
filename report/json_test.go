package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// samples returns reports as they are stored, by file name.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	m := make(map[string][]byte)
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		m[filepath.Base(p)] = data
	}
	return m
}

func TestParseThenMarshalGivesBackTheInput(t *testing.T) {
	for name, data := range samples(t) {
		r, err := Parse(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := r.Marshal()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !bytes.Equal(got, data) {
			t.Errorf("%s came out as\n%s", name, got)
		}
	}
}

func TestParseFillsTheTypes(t *testing.T) {
	r, err := Parse(samples(t)["hotel.json"])
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Fields() {
		if len(r.Get(f.Name)) == 0 && f.Section != "online" {
			t.Errorf("%s is empty, though the sample fills all but online", f.Name)
		}
	}
	if r.Version != 1 || r.Language != "fr" || r.Received != "2026-11-06" ||
		r.Danger.Now != Yes || r.Where.PlaceKind != "hotel" || r.Suspect.CountryNow != "TH" ||
		r.Consent != ConsentCaseworkers || !reflect.DeepEqual(r.Others.Intervened, []string{"hotel"}) {
		t.Errorf("read as %+v", r)
	}
}

func TestUnknownFieldsSurviveAtEveryLevel(t *testing.T) {
	// The value holds what a decoder into Go types would lose: a large
	// number, an escape, an order, a name that differs in case only.
	const strange = `{"z":12345678901234567890,"a":[1.0,"\u00e9",null,{}],"Seen":false}`
	levels := []string{""}
	for _, s := range sections {
		levels = append(levels, s.name)
	}
	for _, level := range levels {
		in := `{"version": 1, "what": {"seen": "x"}, "added": ` + strange + `}`
		switch level {
		case "":
		case "what":
			in = `{"version": 1, "what": {"added": ` + strange + `, "seen": "x"}}`
		default:
			in = `{"version": 1, "what": {"seen": "x"}, "` + level + `": {"added": ` + strange + `}}`
		}
		r, err := Parse([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", level, err)
			continue
		}
		// An older program changes what it knows and stores the report.
		if err := r.Set("where.city", "Liège"); err != nil {
			t.Fatal(err)
		}
		for _, marshal := range []func() ([]byte, error){
			r.Marshal,
			func() ([]byte, error) { return json.Marshal(r) },
			func() ([]byte, error) { return json.Marshal(*r) },
		} {
			out, err := marshal()
			if err != nil {
				t.Fatal(err)
			}
			var top map[string]json.RawMessage
			if err := json.Unmarshal(out, &top); err != nil {
				t.Fatal(err)
			}
			if level != "" {
				var inner map[string]json.RawMessage
				if err := json.Unmarshal(top[level], &inner); err != nil {
					t.Fatal(err)
				}
				top = inner
			}
			if got := string(top["added"]); got != strange {
				t.Errorf("at level %q it became %s", level, got)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		why, in string
		want    error
	}{
		{"nothing", ``, ErrMalformed},
		{"no object", `["version", 1]`, ErrMalformed},
		{"cut short", `{"version": 1, "what": {"seen": "secret"`, ErrMalformed},
		{"something behind it", `{"version": 1, "what": {"seen": "secret"}} {}`, ErrMalformed},
		{"a comma too many", `{"version": 1, "what": {"seen": "secret",}}`, ErrMalformed},
		{"no UTF-8", "{\"version\": 1, \"what\": {\"seen\": \"secret\xff\"}}", ErrMalformed},
		{"a section twice", `{"version": 1, "what": {"seen": "secret"}, "what": {}}`, ErrMalformed},
		{"a field twice", `{"version": 1, "what": {"seen": "secret", "seen": "x"}}`, ErrMalformed},
		{"an unknown name twice", `{"version": 1, "what": {"seen": "secret"}, "secret": 1, "secret": 2}`, ErrMalformed},
		{"a name twice, once escaped", `{"version": 1, "what": {"seen": "secret", "\u0073een": "x"}}`, ErrMalformed},
		{"a section that is none", `{"version": 1, "what": "secret"}`, ErrMalformed},
		{"a null section", `{"version": 1, "what": null}`, ErrMalformed},
		{"a null field", `{"version": 1, "what": {"seen": null}}`, ErrMalformed},
		{"a number for a text", `{"version": 1, "what": {"seen": 7}}`, ErrMalformed},
		{"a list for a text", `{"version": 1, "what": {"seen": ["secret"]}}`, ErrMalformed},
		{"a text for a list", `{"version": 1, "what": {"seen": "x", "categories": "secret"}}`, ErrMalformed},
		{"a null in a list", `{"version": 1, "what": {"seen": "x", "categories": [null]}}`, ErrMalformed},
		{"a null list", `{"version": 1, "what": {"seen": "x", "categories": null}}`, ErrMalformed},
		{"a consent that is no text", `{"version": 1, "what": {"seen": "x"}, "consent": true}`, ErrMalformed},
		{"nested without end", `{"version": 1, "x": ` + strings.Repeat("[", 100_000), ErrMalformed},
		{"no version", `{"what": {"seen": "secret"}}`, ErrVersion},
		{"the next version", `{"version": 2, "what": {"seen": 7}}`, ErrVersion},
		{"version 0", `{"version": 0, "what": {"seen": "secret"}}`, ErrVersion},
		{"a version in words", `{"version": "1", "what": {"seen": "secret"}}`, ErrVersion},
		{"a null version", `{"version": null, "what": {"seen": "secret"}}`, ErrVersion},
		{"too large", `{"version": 1, "what": {"seen": "x"}, "x": "` + strings.Repeat("x", MaxSize) + `"}`, ErrTooLarge},
	}
	for _, tt := range tests {
		r, err := Parse([]byte(tt.in))
		if !errors.Is(err, tt.want) || r != nil {
			t.Errorf("%s: got %v, %v; want no report and %v", tt.why, r, err, tt.want)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error says what the report says: %v", tt.why, err)
		}
	}
}

func TestAReportThatBreaksARuleCanStillBeRead(t *testing.T) {
	const in = `{
  "version": 1,
  "what": {
    "categories": ["a category of later years"],
    "seen": "x"
  },
  "consent": "a tier of later years"
}
`
	r, err := Parse([]byte(in))
	if got := problemsOf(t, err); len(got) != 2 {
		t.Fatalf("problems: %v", got)
	}
	if r == nil || r.What.Seen != "x" {
		t.Fatalf("the report is %+v", r)
	}
	out, err := r.Marshal()
	if err != nil || string(out) != in {
		t.Errorf("came out as %s, %v", out, err)
	}
	if _, held := r.Withhold(); held != nil {
		t.Errorf("withheld %v from a report without a witness section", held)
	}
}

func TestMarshalRefuses(t *testing.T) {
	if _, err := (&Report{Version: 2}).Marshal(); !errors.Is(err, ErrVersion) {
		t.Errorf("version 2: %v, want ErrVersion", err)
	}
	if _, err := (&Report{What: What{Seen: strings.Repeat("x", MaxSize)}}).Marshal(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v, want ErrTooLarge", err)
	}
}

func TestMarshalOfTheZeroReport(t *testing.T) {
	got, err := new(Report).Marshal()
	if err != nil || string(got) != "{\n  \"version\": 1\n}\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, data := range samples(f) {
		f.Add(data)
	}
	f.Add([]byte(`{"version":1,"what":{"seen":"\ud800 \u0000 <&>","":{}},"when":{},"":[]}`))
	f.Add([]byte(`{"version":1,"what":{"seen":"","heard":"x","categories":[]},"received":"2026-02-30"}`))
	f.Add([]byte(`{"version":2,"what":{"seen":"x"}}`))
	f.Add([]byte(`{"version":1,"what":{"seen":"x","seen":"y"}}`))
	f.Add([]byte(`{"version":1,"x":[[[[{"a":1e999}]]]],"online":{"url":"a\nb"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Parse(data)
		if r == nil {
			if err == nil {
				t.Fatal("neither a report nor an error")
			}
			return
		}
		if err == nil {
			if at, why := walk(decode(t, Schema), decode(t, data)); why != "" {
				t.Errorf("the schema refuses what Parse accepts: %s %s", at, why)
			}
		}
		out, err := r.Marshal()
		if errors.Is(err, ErrTooLarge) && len(data) > MaxSize/8 {
			return // unknown members take a little more room, one a line
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, want := decode(t, out), withoutEmpty(decode(t, data)); !reflect.DeepEqual(got, want) {
			t.Errorf("came out as\n%v\nwant\n%v", got, want)
		}
		back, _ := Parse(out)
		if !reflect.DeepEqual(back, r) {
			t.Fatal("what Marshal wrote reads differently")
		}
		again, err := back.Marshal()
		if err != nil || !bytes.Equal(again, out) {
			t.Errorf("not stable: %s, then %s, %v", out, again, err)
		}
	})
}

func decode(t testing.TB, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// withoutEmpty takes from a decoded report what Marshal leaves out: known
// fields with an empty value, and sections with nothing left.
func withoutEmpty(v any) any {
	top := v.(map[string]any)
	empty := func(v any) bool {
		list, ok := v.([]any)
		return v == "" || ok && len(list) == 0
	}
	for _, name := range []string{"language", "received", "consent"} {
		if empty(top[name]) {
			delete(top, name)
		}
	}
	for _, s := range sections {
		inner, ok := top[s.name].(map[string]any)
		if !ok {
			continue
		}
		for name, v := range inner {
			if byName[s.name+"."+name] != nil && empty(v) {
				delete(inner, name)
			}
		}
		if len(inner) == 0 {
			delete(top, s.name)
		}
	}
	return top
}
