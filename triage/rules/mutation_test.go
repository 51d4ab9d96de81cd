package rules

import (
	"fmt"
	"strings"
	"testing"
)

// TestWorkedCasesCatchEveryBrokenRule breaks the shipped rules in turn and
// sees the worked cases differ: a table that a wrong rule passes is no test.
func TestWorkedCasesCatchEveryBrokenRule(t *testing.T) {
	table := worked(t)
	caught := func(what string, broken []byte) {
		t.Helper()
		s, err := Parse(broken)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if len(table.Check(s)) == 0 {
			t.Errorf("%s: no worked case notices", what)
		}
	}
	text := string(belgium)
	for _, r := range Default().rules {
		// Every rule lost, or turned round.
		start := strings.Index(text, "rule "+r.id+"\n")
		end := strings.Index(text[start:], "\nwhy ") + start
		caught(r.id+" never applies", []byte(text[:start]+strings.Replace(text[start:], "when ", "when false && ", 1)))
		caught(r.id+" always applies", []byte(text[:start]+strings.Replace(text[start:], "when ", "when true || ", 1)))
		// Urgent where it is not, not urgent where it is, nobody proposed.
		block := text[start:end]
		if r.urgent {
			caught(r.id+" is not urgent", []byte(text[:start]+strings.Replace(block, "\nurgent", "", 1)+text[end:]))
		} else if len(r.propose) > 0 {
			caught(r.id+" is urgent", []byte(text[:end]+"\nurgent"+text[end:]))
		}
		for _, p := range r.propose {
			line := fmt.Sprintf("\npropose %s %s", p.kind, p.country)
			if !strings.Contains(block, line) {
				t.Fatalf("%s: no line %q", r.id, line)
			}
			caught(r.id+" proposes another", []byte(text[:start]+strings.Replace(block, line, "\npropose justice home", 1)+text[end:]))
			caught(r.id+" proposes one of another country", []byte(text[:start]+strings.Replace(block, line, "\npropose "+p.kind+" FR", 1)+text[end:]))
		}
	}
	// Each of the eight, in ways that a person might get it wrong.
	for _, m := range []struct{ number, old, broken string }{
		{"1", "when danger.now", "when danger.departure"},
		{"1", "when danger.departure", "when danger.departure && danger.now"},
		{"2", "when where.country == home", `when where.country == home && consent != "none"`},
		{"2", "when where.country != home\npropose police home", "when where.country != home && suspect.nationality == home\npropose police home"},
		{"2", "when where.country != home\npropose foreign-affairs home", `when where.country != home && where.country != "NL"` + "\npropose foreign-affairs home"},
		{"3", "when suspect.nationality == home || ", "when "},
		{"3", "suspect.residence == home\n", "suspect.residence == \"FR\"\n"},
		{"3", "\n  || suspect.country_now == home", ""},
		{"3", "suspect.nationality == home ||", "suspect.nationality == home &&"},
		{"3", "|| suspect.country_now == home", "|| suspect.country_now == where.country"},
		{"4", "when where.country != home && suspect", "when suspect"},
		{"4", "home && suspect.nationality != home", "home && suspect.residence != home"},
		{"4", "home && suspect.nationality != home", "home"},
		{"4", "home && suspect.nationality != home", "home && suspect.nationality != where.country"},
		{"4", "propose hotline suspect.nationality", "propose hotline where.country"},
		{"5", "when child.missing", "when child.missing && where.country == home"},
		{"6", "when online.only && online.url", "when online.only"},
		{"6", "when online.only && online.url", "when online.url"},
		{"6", "when online.only && online.url", "when online.only && online.url && !danger.now"},
		{"7", "when what.doubt", "when what.suspected"},
		{"7", "when what.doubt", `when what.doubt && consent != "none"`},
		{"8", `when consent == "direct"`, `when consent != "none"`},
		{"8", `when consent == "none"`, `when consent != "direct"`},
		{"8", `when consent == "none"`, `when consent == "none" && !danger.now`},
	} {
		if strings.Count(text, m.old) == 0 {
			t.Fatalf("rule %s has no %q", m.number, m.old)
		}
		caught(fmt.Sprintf("rule %s with %q", m.number, m.broken), []byte(strings.Replace(text, m.old, m.broken, 1)))
	}
}
