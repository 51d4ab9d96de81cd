package desk_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"tocsin/desk"
	"tocsin/ledger"
)

// withdrawable lets witnesses withdraw.
func (s *station) withdrawable(t *testing.T) {
	t.Helper()
	s.roster.Number, s.roster.Policy.Withdraw = 2, true
	if err := s.vault.UpdateRoster(t.Context(), must(s.roster.Sign(s.org))); err != nil {
		t.Fatal(err)
	}
}

// read returns the signed note that alice read the report.
func (s *station) read(t *testing.T) []byte {
	t.Helper()
	l := &ledger.Leaf{Event: ledger.EventRead, Day: "2026-01-03", Done: "2026-01-03", Case: s.id}
	l.Sign(s.vault.Roster().Instance(), "alice", s.workers["alice"])
	return must(l.Marshal())
}

func TestAReadReportIsNoted(t *testing.T) {
	s := newStation(t)
	s.withdrawable(t)
	c := s.client(t, s.workers["alice"])
	first, err := c.Push(t.Context(), s.read(t), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.Push(t.Context(), s.read(t), 0, nil); err != nil || again != first {
		t.Errorf("pushed again: leaf %d, %v; want leaf %d", again, err, first)
	}
	if err := s.vault.Withdraw(t.Context(), s.id, s.secret); err == nil {
		t.Error("what was read was withdrawn")
	}
}

// Of a withdrawn case the record and the ciphertext are left, which nothing
// opens any more; and nothing is taken for it.
func TestAWithdrawnCase(t *testing.T) {
	s := newStation(t)
	s.withdrawable(t)
	c := s.client(t, s.workers["alice"])
	kinds := func() (list string) {
		err := c.Objects(t.Context(), []int64{1, 2, 4}, func(f *desk.Frame) error {
			list += string(rune(f.Kind))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	before := kinds()
	if err := s.vault.Withdraw(t.Context(), s.id, s.secret); err != nil {
		t.Fatal(err)
	}
	envelope := string(rune(desk.Envelope))
	if after := kinds(); !strings.Contains(before, envelope) || after != strings.Replace(before, envelope, "", 1) {
		t.Errorf("the desk sent %q and sends %q", before, after)
	}
	const text = "ciphertext"
	for name, p := range map[string]struct {
		leaf  []byte
		reply string
	}{
		"read":        {s.read(t), ""},
		"a hand-over": {must(s.handOver(t, "alice", "bag").Marshal()), ""},
		"a reply":     {must(s.reply(t, text).Marshal()), text},
	} {
		size := s.vault.Checkpoint()
		var err error
		if p.reply == "" {
			_, err = c.Push(t.Context(), p.leaf, 0, nil)
		} else {
			_, err = c.Push(t.Context(), p.leaf, int64(len(p.reply)), strings.NewReader(p.reply))
		}
		var refusal *desk.Error
		if !errors.As(err, &refusal) || refusal.Status != http.StatusGone || !strings.Contains(refusal.Reason, "the case was withdrawn or purged") {
			t.Errorf("%s: %v, want status 410", name, err)
		}
		if string(s.vault.Checkpoint()) != string(size) {
			t.Errorf("%s: the ledger grew", name)
		}
	}
}
