package rules

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"tocsin/report"
)

// reports are enough to reach every rule's every verdict.
func reports(t testing.TB) []*report.Report {
	return []*report.Report{
		{},
		tellReport(t, "danger.now yes; where.country TH; suspect.nationality DE; child.missing yes; what.suspected x"),
		tellReport(t, "danger.now no; where.country BE; suspect.residence BE; what.seen x; what.categories trafficking; consent direct"),
		tellReport(t, "online.url x; danger.departure unknown; where.country unknown"),
	}
}

// FuzzRules holds that whatever is taken as rules can be used and shown.
func FuzzRules(f *testing.F) {
	f.Add(belgium)
	f.Add([]byte(head + "when danger.now\npropose police home\nurgent\nwhy So.\n"))
	f.Add([]byte(head + "when (danger.now ? child.missing : online.only) && !(where.country in [home, \"TH\"])\npropose hotline where.country\npropose other\nwhy So,\n\tand so.\n"))
	f.Add([]byte(head + "when \"other\" in what.categories || suspect.plate\nwhy So.\n"))
	f.Add([]byte("tocsin.rules.v2\n"))
	tried := reports(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse(text)
		if err != nil {
			if s != nil || strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Fatalf("rules %v with the error %q", s, err)
			}
			return
		}
		if s.Text() != string(text) {
			t.Fatal("the text is not what was read")
		}
		again, err := Parse([]byte(s.Text()))
		if err != nil || again.Version() != s.Version() {
			t.Fatalf("read again: %v", err)
		}
		for _, r := range tried {
			p := s.Propose(r)
			for _, u := range p.Undecided {
				if u.Problem != "" || len(u.Missing) == 0 {
					t.Fatalf("rule %s is undecided for want of nothing: %s", u.Rule, u.Problem)
				}
			}
			for _, d := range p.Destinations {
				if !slices.Contains(report.Authorities(), d.Kind) || d.Country != "" && country(d.Country) != nil || len(d.Reasons) == 0 {
					t.Fatalf("proposed %+v", d)
				}
			}
		}
	})
}

// FuzzTable holds that whatever is taken as worked cases can be tried.
func FuzzTable(f *testing.F) {
	text, err := os.ReadFile("testdata/belgium.cases")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("tocsin.cases.v1\ngiven danger.now no\ncase A\nfacts what.seen x; danger.now not answered\nto police BE urgent: a, b\nto other: c\nnote d\nask danger.now,\n child.missing\n"))
	f.Add([]byte("tocsin.cases.v1\ncase A\nfacts online.url x; what.categories other; what.categories trafficking\n"))
	f.Add([]byte("tocsin.cases.v9\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		table, err := ParseTable(text)
		if err != nil {
			if table != nil || strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Fatalf("a table %v with the error %q", table, err)
			}
			return
		}
		if n := len(table.Check(Default())); n > table.Len() {
			t.Fatalf("%d of %d cases differ", n, table.Len())
		}
	})
}

func BenchmarkPropose(b *testing.B) {
	r := reports(b)[1]
	for b.Loop() {
		Default().Propose(r)
	}
}
