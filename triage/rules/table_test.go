package rules

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// worked reads the table of worked cases.
func worked(t testing.TB) *Table {
	t.Helper()
	text, err := os.ReadFile("testdata/belgium.cases")
	if err != nil {
		t.Fatal(err)
	}
	table, err := ParseTable(text)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestWorkedCases(t *testing.T) {
	table := worked(t)
	if table.Len() < 60 {
		t.Errorf("%d worked cases, want at least 60", table.Len())
	}
	for _, d := range table.Check(Default()) {
		t.Errorf("belgium.cases:%d: %s\n  missing    %q\n  unexpected %q", d.Line, d.Case, d.Missing, d.Unexpected)
	}
}

const cases = "tocsin.cases.v1\ngiven danger.now no; what.seen x\n\ncase A\nfacts child.missing yes\n"

func TestTableRefusesWhatIsWrong(t *testing.T) {
	if _, err := ParseTable([]byte(cases + "to police BE urgent: a, b\nnote c\nask danger.now\n")); err != nil {
		t.Fatal(err)
	}
	for _, w := range []struct {
		name, text string
		err        error
		says       string
	}{
		{"a newer version", strings.Replace(cases, "v1", "v2", 1), ErrVersion, "newer program"},
		{"no case", "tocsin.cases.v1\n", ErrMalformed, "no case"},
		{"facts of no case", "tocsin.cases.v1\nfacts danger.now no\n", ErrMalformed, "line 2"},
		{"given too late", cases + "given danger.now yes\n", ErrMalformed, "line 6"},
		{"no such field", cases + "facts danger.later yes\n", ErrMalformed, "danger.later"},
		{"no such answer", strings.Replace(cases, "missing yes", "missing perhaps", 1), ErrMalformed, "line 4"},
		{"no value", cases + "facts danger.now\n", ErrMalformed, "not answered"},
		{"no such authority", cases + "to press: a\n", ErrMalformed, "press"},
		{"no such country", cases + "to police UK: a\n", ErrMalformed, "UK"},
		{"no rules", cases + "to police BE\n", ErrMalformed, "commas"},
		{"no names", cases + "ask the witness\n", ErrMalformed, "commas"},
		{"an unknown key", cases + "expect x\n", ErrMalformed, "expect"},
		{"no account", "tocsin.cases.v1\ncase A\nfacts danger.now no\n", ErrMalformed, "line 2"},
	} {
		_, err := ParseTable([]byte(w.text))
		if !errors.Is(err, w.err) || !strings.Contains(err.Error(), w.says) {
			t.Errorf("%s: %v; want %v that says %q", w.name, err, w.err, w.says)
		}
	}
}

func TestCheckNamesWhatDiffers(t *testing.T) {
	s, err := Parse([]byte(head + "when child.missing\npropose police home\nwhy So.\nrule b\nwhen danger.departure\nwhy So.\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []struct {
		expected            string
		missing, unexpected []string
	}{
		{"to police BE: a\nask danger.departure\n", nil, nil},
		{"ask danger.departure\n", nil, []string{"to police BE: a"}},
		{"to police BE urgent: a\nask danger.departure\n", []string{"to police BE urgent: a"}, []string{"to police BE: a"}},
		{"to police BE: a\nnote b\n", []string{"note b"}, []string{"ask danger.departure"}},
		{"to police BE: a\nto justice: a\nask danger.departure, danger.now\n", []string{"to justice: a", "ask danger.now"}, nil},
	} {
		table, err := ParseTable([]byte(cases + w.expected))
		if err != nil {
			t.Fatal(err)
		}
		d := table.Check(s)
		if len(w.missing)+len(w.unexpected) == 0 {
			if len(d) != 0 {
				t.Errorf("%q: differs: %v", w.expected, d)
			}
			continue
		}
		if len(d) != 1 || d[0].Line != 4 || d[0].Case != "A" || !slices.Equal(d[0].Missing, w.missing) || !slices.Equal(d[0].Unexpected, w.unexpected) {
			t.Errorf("%q: %+v, want missing %q, unexpected %q", w.expected, d, w.missing, w.unexpected)
		}
	}
}
