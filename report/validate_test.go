package report

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// problemsOf returns what a *ValidationError lists.
func problemsOf(t *testing.T, err error) []Problem {
	t.Helper()
	if err == nil {
		return nil
	}
	var v *ValidationError
	if !errors.As(err, &v) {
		t.Fatalf("%v is no ValidationError", err)
	}
	return v.Problems
}

func TestOnlyAnAccountOrAnAddressIsNeeded(t *testing.T) {
	for _, f := range Fields() {
		var r Report
		value := "1"
		switch {
		case len(f.Choices) > 0:
			value = f.Choices[0]
		case f.Format == Date:
			value = "2026"
		case f.Format == Time:
			value = "00:00"
		case f.Format == Coordinates:
			value = "0,0"
		}
		if err := r.Set(f.Name, value); err != nil {
			t.Fatal(err)
		}
		var want []Problem
		switch f.Name {
		case "what.seen", "what.heard", "what.suspected", "what.behaviour", "what.why", "online.url":
		default:
			want = []Problem{{"what.seen", Missing, 0}}
		}
		if got := problemsOf(t, r.Validate()); !slices.Equal(got, want) {
			t.Errorf("with %s alone: %v, want %v", f.Name, got, want)
		}
	}
	blank := Report{What: What{Seen: " \n"}}
	if got := problemsOf(t, blank.Validate()); !slices.Equal(got, []Problem{{"what.seen", Missing, 0}}) {
		t.Errorf("with a blank account: %v", got)
	}
}

func TestLimitsCountCharacters(t *testing.T) {
	for _, f := range Fields() {
		if f.Format != "" || len(f.Choices) > 0 {
			continue
		}
		for _, char := range []string{"x", "শ", "🆘"} {
			r := Report{What: What{Seen: "x"}}
			if err := r.Set(f.Name, strings.Repeat(char, f.Max)); err != nil {
				t.Fatal(err)
			}
			if err := r.Validate(); err != nil {
				t.Errorf("%s filled with %s: %v", f.Name, char, err)
			}
			if err := r.Set(f.Name, strings.Repeat(char, f.Max+1)); err != nil {
				t.Fatal(err)
			}
			if got := problemsOf(t, r.Validate()); !slices.Equal(got, []Problem{{f.Name, TooLong, f.Max}}) {
				t.Errorf("%s with one %s too many: %v", f.Name, char, got)
			}
		}
	}
}

// TestAFullReportFits fills every field with the characters that take most
// room in JSON: U+2028 is written as six bytes.
func TestAFullReportFits(t *testing.T) {
	var r Report
	r.Language, r.Received = strings.Repeat("x", 3)+strings.Repeat("-abcdefg", 4), "2026-11-06"
	for _, f := range table {
		switch {
		case f.list != nil:
			*f.list(&r) = f.Choices
		case f.Kind == Choice:
			*f.text(&r) = f.Choices[0]
		case f.Format == "":
			*f.text(&r) = strings.Repeat("\u2028", f.Max-1) + "x"
		}
	}
	data, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > MaxSize/2 {
		t.Errorf("a full report takes %d bytes: little is left for newer programs' fields", len(data))
	}
	if _, err := Parse(data); err != nil {
		t.Error(err)
	}
}

func TestFormats(t *testing.T) {
	tests := []struct {
		field string
		good  []string
		bad   []string
	}{
		{"when.date",
			[]string{"2026", "2026-02", "2024-02-29", "1999-12-31"},
			[]string{"26", "2026-2", "2026-13", "2026-00", "2026-02-30", "2023-02-29", "2026-11-00",
				"2026/11/04", "04-11-2026", "2026-11-", "unknown", "x2026", "2026 "}},
		{"when.time",
			[]string{"00:00", "23:59"},
			[]string{"24:00", "12:60", "12", "1:2", "12:00:00", "9h05"}},
		{"where.coordinates",
			[]string{"0,0", "50.8467,4.3525", "-33.8568,151.2153", "90,180", "-90.0,-180.000", "7,-9.5"},
			[]string{"90.1,0", "91,0", "0,180.5", "0,181", "50,8467,4,3525", "50.8467", "50.8467;4.3525",
				"50.,4", ".5,4", "+50,4", "NaN,0", "1e1,0", "50°N,4°E", "50.8467,4.3525x", "050,4", "50 51,4 21", "50,4,3"}},
		{"where.country",
			[]string{"BE", "XK", "unknown"},
			[]string{"UK", "Belgium", "B", "bel", "Unknown"}},
		{"suspect.nationality", []string{"NL"}, []string{"Dutch"}},
		{"danger.now", []string{"yes", "no", "unknown"}, []string{"maybe", "YES", "1", "on"}},
		{"consent", []string{"direct", "caseworkers", "none"}, []string{"unknown", "yes"}},
		{"what.categories", []string{"other", "unknown"}, []string{"Trafficking", "x"}},
	}
	for _, tt := range tests {
		try := func(value string, want []Problem) {
			r := Report{What: What{Seen: "x"}}
			// Not through Set, which would put some right.
			if f := byName[tt.field]; f.list != nil {
				*f.list(&r) = []string{value}
			} else {
				*f.text(&r) = value
			}
			if got := problemsOf(t, r.Validate()); !slices.Equal(got, want) {
				t.Errorf("%s %q: %v, want %v", tt.field, value, got, want)
			}
		}
		for _, v := range tt.good {
			try(v, nil)
		}
		for _, v := range tt.bad {
			want := Problem{tt.field, BadFormat, 0}
			f := byName[tt.field]
			if len(f.Choices) > 0 {
				want.Kind = NotAChoice
			} else if len(v) > f.Max {
				want.Kind, want.Limit = TooLong, f.Max
			}
			try(v, []Problem{want})
		}
	}
}

func TestWhatAnotherProgramMayHaveWritten(t *testing.T) {
	tests := []struct {
		why    string
		change func(*Report)
		want   Problem
	}{
		{"a control character in a text", func(r *Report) { r.What.Seen = "a\x1b[2Jb" }, Problem{"what.seen", BadFormat, 0}},
		{"a C1 control in a line", func(r *Report) { r.Where.City = "a\u009bb" }, Problem{"where.city", BadFormat, 0}},
		{"a line that breaks", func(r *Report) { r.Suspect.Plate = "1-ABC\n-234" }, Problem{"suspect.plate", BadFormat, 0}},
		{"a tab in a line", func(r *Report) { r.Suspect.Plate = "1\t2" }, Problem{"suspect.plate", BadFormat, 0}},
		{"no UTF-8", func(r *Report) { r.What.Seen = "\xff" }, Problem{"what.seen", BadFormat, 0}},
		{"a choice twice", func(r *Report) { r.Others.Intervened = []string{"police", "police"} }, Problem{"others.intervened", BadFormat, 0}},
		{"an empty choice in a list", func(r *Report) { r.Others.Intervened = []string{""} }, Problem{"others.intervened", NotAChoice, 0}},
		{"another version", func(r *Report) { r.Version = 2 }, Problem{"version", BadFormat, 0}},
		{"a language that is none", func(r *Report) { r.Language = "français" }, Problem{"language", BadFormat, 0}},
		{"a language too long", func(r *Report) { r.Language = "nl" + strings.Repeat("-abcdefgh", 4) }, Problem{"language", TooLong, 35}},
		{"a precise time of receipt", func(r *Report) { r.Received = "2026-11-06T10:00:00Z" }, Problem{"received", BadFormat, 0}},
		{"a month of receipt", func(r *Report) { r.Received = "2026-11" }, Problem{"received", BadFormat, 0}},
		{"a day that does not exist", func(r *Report) { r.Received = "2026-11-31" }, Problem{"received", BadFormat, 0}},
	}
	for _, tt := range tests {
		r := Report{Language: "sr-Latn", Received: "2026-11-30", What: What{Seen: "two\nlines\tand a tab", Heard: "x"}}
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		tt.change(&r)
		if got := problemsOf(t, r.Validate()); !slices.Equal(got, []Problem{tt.want}) {
			t.Errorf("%s: %v, want %v", tt.why, got, tt.want)
		}
	}
}

func TestAllProblemsAtOnceInOrderAndWithoutWords(t *testing.T) {
	var r Report
	for _, v := range [][2]string{
		{"consent", "secretconsent"},
		{"witness.contact", strings.Repeat("secret", 1000)},
		{"when.time", "se:et"},
		{"danger.now", "secretanswer"},
	} {
		if err := r.Set(v[0], v[1]); err != nil {
			t.Fatal(err)
		}
	}
	err := r.Validate()
	want := []Problem{
		{"what.seen", Missing, 0},
		{"danger.now", NotAChoice, 0},
		{"when.time", BadFormat, 0},
		{"witness.contact", TooLong, 1000},
		{"consent", NotAChoice, 0},
	}
	if got := problemsOf(t, err); !slices.Equal(got, want) {
		t.Errorf("problems %v, want %v", got, want)
	}
	for _, p := range want {
		if !strings.Contains(err.Error(), p.Field) {
			t.Errorf("the error does not name %s: %v", p.Field, err)
		}
	}
	if strings.Contains(err.Error(), "se:et") || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error says what the witness wrote: %v", err)
	}
}
