package ledger_test

import (
	"crypto/rand"
	"errors"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

// purgeRoster is one with those case workers. Only what a purge is judged by is
// in it.
func purgeRoster(t *testing.T, signers int, names ...string) *roster.Signed {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, "example.org/organisation")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	_, ledgerKey := noteKey(t, origin, "ledger")
	r := &roster.Roster{
		Number: 1, Day: "2026-01-01", Organisation: "Example", Origin: origin,
		Intake: roster.Intake{Ledger: ledgerKey, Desk: public(deskKey("intake"))},
		Policy: roster.DefaultPolicy(),
	}
	r.Policy.RetentionDays, r.Policy.PurgeSigners = 30, signers
	for i, name := range names {
		r.Workers = append(r.Workers, roster.Worker{
			Name: name, Recipient: "age1pq1" + strings.Repeat("qpzry9x8"[i:i+1], 1952), Desk: public(deskKey(name)),
		})
	}
	signed, err := r.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := roster.Open(signed, vkey)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// A step is a leaf of a case: on which day, what, by whom. An event says its
// rule after a space. What was signed after another leaf than the one before it
// says so after an @.
type step struct{ day, what, by string }

func (s step) leaf(r *roster.Signed, index int64) *ledger.Leaf {
	what, kept, _ := strings.Cut(s.what, "@")
	event, rule, _ := strings.Cut(what, " ")
	l := &ledger.Leaf{Event: ledger.Event(event), Day: ledger.Day(s.day), Done: ledger.Day(s.day), Case: someCase, Rule: rule, After: index - 1}
	if after, err := strconv.ParseInt(kept, 10, 64); err == nil {
		l.After = after
	}
	if l.Event == ledger.EventMessage {
		l.Kind, l.Rule = rule, ""
	}
	if s.by != "" {
		l.Sign(r.Instance(), s.by, deskKey(s.by))
	}
	return l
}

// What may be purged, when, and signed by whom. Each case begins with a report
// of 1 January and is kept for 30 days.
func TestMayPurge(t *testing.T) {
	two := purgeRoster(t, 0, "ana", "bo", "cy")
	three := purgeRoster(t, 3, "ana", "bo", "cy")
	one := purgeRoster(t, 1, "ana")
	few := purgeRoster(t, 3, "ana", "bo")
	left := purgeRoster(t, 2, "bo", "cy") // after ana left
	propose := func(day, by string) step { return step{day, "purge-proposed request", by} }
	purge := func(day, by string) step { return step{day, "purged request", by} }
	retain := func(day string) []step {
		return []step{{day, "purge-proposed retention", "ana"}, {day, "purged retention", "bo"}}
	}
	for name, c := range map[string]struct {
		roster *roster.Signed
		steps  []step // the last one purges
		want   error
	}{
		"nobody proposed":             {two, []step{purge("2026-01-02", "ana")}, ledger.ErrSigners},
		"a colleague did":             {two, []step{propose("2026-01-02", "ana"), purge("2026-01-02", "bo")}, nil},
		"oneself twice":               {two, []step{propose("2026-01-02", "ana"), purge("2026-01-02", "ana")}, ledger.ErrSigners},
		"both proposed":               {two, []step{propose("2026-01-02", "ana"), propose("2026-01-02", "bo"), purge("2026-01-02", "ana")}, nil},
		"under another rule":          {two, []step{{"2026-01-02", "purge-proposed retention", "ana"}, purge("2026-01-02", "bo")}, ledger.ErrSigners},
		"alone where one is enough":   {one, []step{purge("2026-01-02", "ana")}, nil},
		"two where three are asked":   {three, []step{propose("2026-01-02", "ana"), purge("2026-01-02", "bo")}, ledger.ErrSigners},
		"two of whom one twice":       {three, []step{propose("2026-01-02", "ana"), propose("2026-01-03", "ana"), purge("2026-01-04", "bo")}, ledger.ErrSigners},
		"three where three are asked": {three, []step{propose("2026-01-02", "ana"), propose("2026-01-02", "bo"), purge("2026-01-02", "cy")}, nil},
		"more asked than there are":   {few, []step{propose("2026-01-02", "ana"), purge("2026-01-02", "bo")}, ledger.ErrSigners},
		"proposed by who left":        {left, []step{propose("2026-01-02", "ana"), purge("2026-01-02", "bo")}, ledger.ErrSigners},
		"a rule of one's own":         {two, []step{{"2026-01-02", "purge-proposed inquiry", "ana"}, {"2026-01-02", "purged inquiry", "bo"}}, ledger.ErrRule},

		"held":                  {two, []step{propose("2026-01-02", "ana"), {"2026-01-03", "held inquiry", "cy"}, purge("2026-01-04", "bo")}, ledger.ErrHeld},
		"proposed while held":   {two, []step{{"2026-01-02", "held inquiry", "cy"}, propose("2026-01-03", "ana"), {"2026-01-04", "released", "cy"}, purge("2026-01-04", "bo")}, ledger.ErrSigners},
		"proposed before":       {two, []step{propose("2026-01-02", "ana"), {"2026-01-03", "held inquiry", "cy"}, {"2026-01-04", "released", "cy"}, purge("2026-01-05", "bo")}, ledger.ErrSigners},
		"released and proposed": {two, []step{{"2026-01-02", "held inquiry", "cy"}, {"2026-01-04", "released", "cy"}, propose("2026-01-04", "ana"), purge("2026-01-05", "bo")}, nil},
		"held twice, released":  {two, []step{{"2026-01-02", "held inquiry", "cy"}, {"2026-01-03", "held court", "ana"}, {"2026-01-04", "released", "cy"}, propose("2026-01-04", "ana"), purge("2026-01-05", "bo")}, nil},
		"the witness wrote":     {two, []step{propose("2026-01-02", "ana"), {"2026-01-02", "message addition", ""}, purge("2026-01-02", "bo")}, ledger.ErrSigners},
		"a note":                {two, []step{propose("2026-01-02", "ana"), {"2026-01-02", "message note", "cy"}, purge("2026-01-02", "bo")}, ledger.ErrSigners},
		"a hand-over":           {two, []step{propose("2026-01-02", "ana"), {"2026-01-03", "handed-over", "cy"}, purge("2026-01-04", "bo")}, nil},
		"a proposal kept back":  {two, []step{{"2026-01-05", "message addition", ""}, {"2026-01-05", "purge-proposed request@7", "ana"}, purge("2026-01-05", "bo")}, ledger.ErrSigners},
		"a proposal for ever":   {two, []step{{"2026-01-05", "purge-proposed request@9", "ana"}, purge("2026-01-05", "bo")}, ledger.ErrSigners},
		"one for itself":        {two, []step{{"2026-01-05", "purge-proposed request@8", "ana"}, purge("2026-01-05", "bo")}, ledger.ErrSigners},
		"a purge kept back":     {two, []step{{"2026-01-05", "message addition", ""}, propose("2026-01-05", "ana"), {"2026-01-05", "purged request@7", "bo"}}, ledger.ErrUnseen},
		"a purge for ever":      {two, []step{propose("2026-01-05", "ana"), {"2026-01-05", "purged request@99", "bo"}}, ledger.ErrUnseen},
		"a purge of itself":     {two, []step{propose("2026-01-05", "ana"), {"2026-01-05", "purged request@9", "bo"}}, ledger.ErrUnseen},
		"a proposal not seen":   {two, []step{propose("2026-01-05", "ana"), {"2026-01-05", "purged request@7", "bo"}}, nil},

		"a release kept back":        {two, []step{{"2026-01-02", "held inquiry", "cy"}, {"2026-01-02", "released@7", "cy"}, propose("2026-01-02", "ana"), purge("2026-01-02", "bo")}, ledger.ErrHeld},
		"kept back for a later hold": {two, []step{{"2026-01-02", "held inquiry", "cy"}, {"2026-01-02", "released", "ana"}, {"2026-01-03", "held court", "cy"}, {"2026-01-03", "released@8", "cy"}, propose("2026-01-03", "ana"), purge("2026-01-03", "bo")}, ledger.ErrHeld},
		"one of two holds seen":      {two, []step{{"2026-01-02", "held inquiry", "cy"}, {"2026-01-02", "held court", "ana"}, {"2026-01-02", "released@8", "cy"}, propose("2026-01-02", "ana"), purge("2026-01-02", "bo")}, ledger.ErrHeld},
		"a release for ever":         {two, []step{{"2026-01-02", "held inquiry", "cy"}, {"2026-01-02", "released@99", "cy"}, propose("2026-01-02", "ana"), purge("2026-01-02", "bo")}, ledger.ErrHeld},
		"a release of itself":        {two, []step{{"2026-01-02", "held inquiry", "cy"}, {"2026-01-02", "released@9", "cy"}, propose("2026-01-02", "ana"), purge("2026-01-02", "bo")}, ledger.ErrHeld},
		"refused, and then released": {two, []step{{"2026-01-02", "held inquiry", "cy"}, {"2026-01-02", "released@7", "cy"}, {"2026-01-02", "released", "cy"}, propose("2026-01-02", "ana"), purge("2026-01-02", "bo")}, nil},
		"a release of nothing":       {two, []step{propose("2026-01-02", "ana"), {"2026-01-02", "released", "cy"}, purge("2026-01-02", "bo")}, nil},

		"a day early":              {two, retain("2026-01-30"), ledger.ErrEarly},
		"when its time has come":   {two, retain("2026-01-31"), nil},
		"proposed early":           {two, []step{{"2026-01-20", "purge-proposed retention", "ana"}, {"2026-02-01", "purged retention", "bo"}}, nil},
		"30 days after a reply":    {two, append([]step{{"2026-01-11", "message reply", "cy"}}, retain("2026-02-09")...), ledger.ErrEarly},
		"31 days after a reply":    {two, append([]step{{"2026-01-11", "message reply", "cy"}}, retain("2026-02-10")...), nil},
		"days held do not count":   {two, append([]step{{"2026-01-11", "held inquiry", "cy"}, {"2026-01-21", "released", "cy"}}, retain("2026-02-09")...), ledger.ErrEarly},
		"and the rest does":        {two, append([]step{{"2026-01-11", "held inquiry", "cy"}, {"2026-01-21", "released", "cy"}}, retain("2026-02-10")...), nil},
		"held twice":               {two, append([]step{{"2026-01-11", "held inquiry", "cy"}, {"2026-01-13", "held court", "cy"}, {"2026-01-21", "released", "cy"}}, retain("2026-02-09")...), ledger.ErrEarly},
		"news while it was held":   {two, append([]step{{"2026-01-11", "held inquiry", "cy"}, {"2026-01-13", "acknowledged", "cy"}, {"2026-01-21", "released", "cy"}}, retain("2026-02-19")...), ledger.ErrEarly},
		"and its 30 days are over": {two, append([]step{{"2026-01-11", "held inquiry", "cy"}, {"2026-01-13", "acknowledged", "cy"}, {"2026-01-21", "released", "cy"}}, retain("2026-02-20")...), nil},
		"released, never held":     {two, append([]step{{"2026-01-21", "released", "cy"}}, retain("2026-01-31")...), nil},
	} {
		var custody ledger.Custody
		custody.Add(7, step{"2026-01-01", "message report", ""}.leaf(c.roster, 7))
		last := len(c.steps) - 1
		for i, s := range c.steps[:last] {
			custody.Add(int64(8+i), s.leaf(c.roster, int64(8+i)))
		}
		err := custody.MayPurge(int64(8+last), c.steps[last].leaf(c.roster, int64(8+last)), c.roster)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// A proposal counts under the key that the roster gives the worker now: who
// took over somebody's name did not propose what that one did.
func TestAProposalUnderAnotherKey(t *testing.T) {
	r := purgeRoster(t, 2, "ana", "bo")
	var c ledger.Custody
	c.Add(7, step{"2026-01-01", "message report", ""}.leaf(r, 7))
	l := step{"2026-01-02", "purge-proposed request", ""}.leaf(r, 8)
	l.Sign(r.Instance(), "ana", deskKey("ana before"))
	c.Add(8, l)
	if got := c.Proposed(ledger.RuleRequest, r); len(got) != 0 {
		t.Errorf("proposed by %v", got)
	}
	c.Add(9, step{"2026-01-02", "purge-proposed request", "ana"}.leaf(r, 9))
	c.Add(10, step{"2026-01-03", "purge-proposed request", "ana"}.leaf(r, 10))
	if got := c.Proposed(ledger.RuleRequest, r); len(got) != 1 || got[0] != "ana" {
		t.Errorf("proposed by %v, want ana, once", got)
	}
}

func TestACaseWithoutLeavesIsNotPurged(t *testing.T) {
	r := purgeRoster(t, 1, "ana")
	var c ledger.Custody
	if c.Held() || c.Due(30) != "" {
		t.Errorf("held %t, due %q", c.Held(), c.Due(30))
	}
	if err := c.MayPurge(7, step{"2026-01-01", "purged retention", "ana"}.leaf(r, 7), r); !errors.Is(err, ledger.ErrEarly) {
		t.Errorf("%v, want ErrEarly", err)
	}
}

// What may follow a hold: a release by who saw it; and of a case that nobody
// holds any release.
func TestMayRelease(t *testing.T) {
	r := purgeRoster(t, 2, "ana", "bo")
	var c ledger.Custody
	release := func(after string) error {
		return c.MayRelease(11, step{"2026-01-03", "released@" + after, "bo"}.leaf(r, 11))
	}
	c.Add(7, step{"2026-01-01", "message report", ""}.leaf(r, 7))
	wantError(t, "never held", release("0"), nil)
	c.Add(8, step{"2026-01-02", "held inquiry", "ana"}.leaf(r, 8))
	c.Add(9, step{"2026-01-02", "message note", "ana"}.leaf(r, 9))
	for after, want := range map[string]error{"7": ledger.ErrUnseen, "8": nil, "10": nil, "11": ledger.ErrUnseen, "99": ledger.ErrUnseen} {
		wantError(t, "after "+after, release(after), want)
	}
	c.Add(10, step{"2026-01-02", "released@9", "bo"}.leaf(r, 10))
	wantError(t, "released before", release("7"), nil)
}

// Days are compared as texts, and end with the year 9999.
func TestDueEndsWithTheDays(t *testing.T) {
	r := purgeRoster(t, 1, "ana")
	for _, c := range []struct {
		steps []step
		want  ledger.Day
	}{
		{[]step{{"9999-12-01", "message report", ""}}, "9999-12-31"},
		{[]step{{"9999-12-02", "message report", ""}}, "9999-12-31"},
		{[]step{{"9999-12-31", "message report", ""}}, "9999-12-31"},
		// Longer than a time.Duration.
		{[]step{{"2026-01-01", "message report", ""}, {"2026-01-02", "held inquiry", "ana"}, {"2326-01-02", "released", "ana"}}, "2326-01-31"},
	} {
		var custody ledger.Custody
		for i, s := range c.steps {
			custody.Add(int64(7+i), s.leaf(r, int64(7+i)))
		}
		if got := custody.Due(30); got != c.want {
			t.Errorf("%v: due %s, want %s", c.steps, got, c.want)
		}
		early := step{c.steps[0].day, "purged retention", "ana"}.leaf(r, 10)
		if err := custody.MayPurge(10, early, r); early.Day < c.want && !errors.Is(err, ledger.ErrEarly) {
			t.Errorf("%v: purged on %s: %v, want ErrEarly", c.steps, early.Day, err)
		}
	}
}
