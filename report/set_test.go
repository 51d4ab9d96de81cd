package report

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSetNormalises(t *testing.T) {
	tests := []struct{ why, field, value, want string }{
		{"line ends", "what.seen", "a\r\nb\rc\u0085d\u2028e\u2029f\ng", "a\nb\nc\nd\ne\nf\ng"},
		{"space around", "what.seen", " \t\n\u00a0\u3000words  kept apart \r\n", "words  kept apart"},
		{"control characters", "what.seen", "a\x00b\x07c\x1b[31md\x7fe\u009bf\tg", "abc[31mdef\tg"},
		{"canonical composition", "what.seen", "re\u0301ception", "réception"},
		{"a control between letter and accent", "what.seen", "e\x00\u0301", "é"},
		{"bidirectional marks stay", "what.seen", "\u0641\u0646\u062f\u0642 \u200fABC", "\u0641\u0646\u062f\u0642 \u200fABC"},
		{"one line", "where.city", " Saint\r\n\tJosse  ten\u00a0Noode ", "Saint Josse ten Noode"},
		{"one address a line", "online.url", "a.example\r\nb.example\r\n", "a.example\nb.example"},
		{"country in lower case", "where.country", "be", "BE"},
		{"unknown country", "where.country", "unknown", "unknown"},
		{"choice with space", "danger.now", " yes\r\n", "yes"},
		{"Arabic digits", "when.date", "٢٠٢٦-١١-٠٤", "2026-11-04"},
		{"Persian digits", "when.time", "۲۲:۴۰", "22:40"},
		{"Bengali digits", "when.date", "২০২৬-১১", "2026-11"},
		{"Devanagari digits", "online.date", "२०२६", "2026"},
		{"digits beyond 16 bits", "online.time", "\U0001D7D8\U0001D7E1:\U0001D7F2\U0001D7FF", "09:69"},
		{"hour of one digit", "when.time", "9:05", "09:05"},
		{"coordinates as maps give them", "where.coordinates", "50.846700, 4.352500", "50.846700,4.352500"},
		{"digits elsewhere stay", "when.roughly", "الساعة ٩", "الساعة ٩"},
		{"a plate keeps its script", "suspect.plate", "1กก ๑๒๓๔", "1กก ๑๒๓๔"},
		{"nothing is cut", "where.city", strings.Repeat("x", 5000), strings.Repeat("x", 5000)},
	}
	for _, tt := range tests {
		var r Report
		if err := r.Set(tt.field, tt.value); err != nil {
			t.Errorf("%s: %v", tt.why, err)
			continue
		}
		if got := r.Get(tt.field); !slices.Equal(got, []string{tt.want}) {
			t.Errorf("%s: %s holds %q, want %q", tt.why, tt.field, got, tt.want)
		}
	}
}

func TestSetThenGetEveryField(t *testing.T) {
	var r Report
	for _, f := range Fields() {
		if got := r.Get(f.Name); got != nil {
			t.Errorf("%s of an empty report is %q", f.Name, got)
		}
		v := "value of " + f.Name
		if len(f.Choices) > 0 {
			v = f.Choices[0]
		}
		if err := r.Set(f.Name, v); err != nil {
			t.Fatal(err)
		}
		if got := r.Get(f.Name); !slices.Equal(got, []string{v}) {
			t.Errorf("%s is %q, want %q", f.Name, got, v)
		}
	}
	// Each went to a place of its own, so all are still there.
	for _, f := range Fields() {
		if len(r.Get(f.Name)) != 1 {
			t.Errorf("%s was overwritten", f.Name)
		}
		if err := r.Set(f.Name, ""); err != nil {
			t.Fatal(err)
		}
		if got := r.Get(f.Name); (f.Kind != Choices) != (got == nil) {
			t.Errorf("%s after an empty value is %q", f.Name, got)
		}
	}
}

func TestSetOfChoicesAppends(t *testing.T) {
	var r Report
	for _, v := range []string{"trafficking", "", "sexual-abuse", "trafficking"} {
		if err := r.Set("what.categories", v); err != nil {
			t.Fatal(err)
		}
	}
	got := r.Get("what.categories")
	if want := []string{"trafficking", "sexual-abuse"}; !slices.Equal(got, want) {
		t.Errorf("categories are %q, want %q", got, want)
	}
	got[0] = "changed"
	if r.What.Categories[0] != "trafficking" {
		t.Error("Get hands out the report's own slice")
	}
}

func TestSetOfChoicesIsBounded(t *testing.T) {
	r := Report{What: What{Seen: "x"}}
	for i := range 10_000 {
		if err := r.Set("what.categories", strings.Repeat("x", 1+i%50)+string(rune('a'+i%26))); err != nil {
			t.Fatal(err)
		}
	}
	if n, most := len(r.What.Categories), len(byName["what.categories"].Choices)+1; n > most {
		t.Errorf("%d values kept, want at most %d", n, most)
	}
	if problems := problemsOf(t, r.Validate()); !slices.Equal(problems, []Problem{{"what.categories", NotAChoice, 0}}) {
		t.Errorf("problems: %v", problems)
	}
}

func TestSetRefuses(t *testing.T) {
	r := Report{What: What{Seen: "before", Categories: []string{"trafficking"}}}
	for _, name := range []string{"", "what", "what.", "seen", "What.seen", "what.seen.x", "language", "received", "version"} {
		if err := r.Set(name, "x"); !errors.Is(err, ErrUnknownField) {
			t.Errorf("Set of %q: %v, want ErrUnknownField", name, err)
		}
		if r.Get(name) != nil {
			t.Errorf("Get of %q gives a value", name)
		}
	}
	for _, name := range []string{"what.seen", "what.categories"} {
		if err := r.Set(name, "secret\xff"); !errors.Is(err, ErrNotUTF8) {
			t.Errorf("Set of %s to no UTF-8: %v, want ErrNotUTF8", name, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error says what the witness wrote: %v", err)
		}
	}
	if want := (Report{What: What{Seen: "before", Categories: []string{"trafficking"}}}); !reflect.DeepEqual(r, want) {
		t.Errorf("refused values changed the report to %+v", r)
	}
}

func FuzzSet(f *testing.F) {
	f.Add("what.seen", "Elle ne portait\r\npas de bagage\x00\x1b[2J e\u0301")
	f.Add("where.city", "\u202eСаигон\u2028 Ho Chi Minh\t")
	f.Add("when.date", "٢٠٢٦-١١-٠٤")
	f.Add("when.time", "9:05")
	f.Add("where.coordinates", "-33.8568, 151.2153")
	f.Add("where.country", "th")
	f.Add("what.categories", "trafficking")
	f.Add("consent", "direct")
	f.Add("suspect.description", strings.Repeat("\u0301", 64))
	f.Add("what.why", "\xff\xfe")
	f.Add("no.such", "field")
	f.Fuzz(func(t *testing.T, name, value string) {
		var r Report
		err := r.Set(name, value)
		known := slices.ContainsFunc(table, func(f Field) bool { return f.Name == name })
		switch {
		case !known:
			if !errors.Is(err, ErrUnknownField) {
				t.Fatalf("unknown field: %v", err)
			}
		case !utf8.ValidString(value):
			if !errors.Is(err, ErrNotUTF8) {
				t.Fatalf("no UTF-8: %v", err)
			}
		case err != nil:
			t.Fatal(err)
		}
		if err != nil {
			if !reflect.DeepEqual(r, Report{}) {
				t.Fatalf("refused, and changed the report to %+v", r)
			}
			return
		}
		for _, v := range r.Get(name) {
			if v == "" || !utf8.ValidString(v) || strings.TrimSpace(v) != v {
				t.Errorf("kept %q", v)
			}
			for _, c := range v {
				if unicode.IsControl(c) && (byName[name].Kind != Text || c != '\n' && c != '\t') {
					t.Errorf("kept the control character %q", c)
				}
			}
			var again Report
			if err := again.Set(name, v); err != nil || !slices.Equal(again.Get(name), []string{v}) {
				t.Errorf("set again, %q became %q: %v", v, again.Get(name), err)
			}
		}
		// What Set keeps survives the JSON form, valid or not.
		data, err := r.Marshal()
		if errors.Is(err, ErrTooLarge) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(data)
		if back == nil {
			t.Fatal(err)
		}
		if !slices.Equal(back.Get(name), r.Get(name)) {
			t.Errorf("%q came back as %q", r.Get(name), back.Get(name))
		}
	})
}
