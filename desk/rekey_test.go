package desk_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"testing"

	"tocsin/desk"
	"tocsin/ledger"
	"tocsin/seal"
)

// rekey returns an envelope for the case and its leaf, which alice signed.
func (s *station) rekey(t *testing.T) (leaf, envelope []byte) {
	t.Helper()
	workers := must(seal.ParseRecipients(s.roster.Recipients()))
	envelope = must(must(seal.NewCaseKey()).Envelope(workers))
	l := &ledger.Leaf{Event: ledger.EventRekey, Day: "2026-01-03", Done: "2026-01-03", Case: s.id,
		Number: s.roster.Number, Envelope: sha256.Sum256(envelope)}
	l.Sign(s.vault.Roster().Instance(), "alice", s.workers["alice"])
	return must(l.Marshal()), envelope
}

// nextRoster puts a roster in force that differs by its number alone.
func (s *station) nextRoster(t *testing.T) {
	t.Helper()
	s.roster.Number++
	if err := s.vault.UpdateRoster(t.Context(), must(s.roster.Sign(s.org))); err != nil {
		t.Fatal(err)
	}
}

func TestAnEnvelopeThatWasSealedAgainIsServed(t *testing.T) {
	s := newStation(t)
	s.nextRoster(t)
	c := s.client(t, s.workers["alice"])
	leaf, envelope := s.rekey(t)
	push := func() int64 {
		return must(c.PushEnvelope(t.Context(), leaf, int64(len(envelope)), bytes.NewReader(envelope)))
	}
	if first, again := push(), push(); first != again {
		t.Errorf("pushed twice it is leaf %d and %d", first, again)
	}
	var got []byte
	err := s.client(t, s.workers["bob"]).Objects(t.Context(), []int64{1}, func(f *desk.Frame) (err error) {
		if f.Kind == desk.Envelope {
			got, err = f.Bytes()
		}
		return err
	})
	if err != nil || !bytes.Equal(got, envelope) {
		t.Errorf("the desk serves another envelope, %v", err)
	}
}

func TestRekeysThatAreRefused(t *testing.T) {
	s := newStation(t)
	early, earlyEnvelope := s.rekey(t)
	s.nextRoster(t)
	c := s.client(t, s.workers["alice"])
	leaf, envelope := s.rekey(t)
	large := make([]byte, 300<<10)
	event := must(s.handOver(t, "alice", "bag").Marshal())
	before := s.vault.Checkpoint()
	for name, p := range map[string]struct {
		leaf, envelope []byte
		status         int
	}{
		"no envelope":             {leaf, nil, http.StatusBadRequest},
		"another envelope":        {leaf, earlyEnvelope, http.StatusConflict},
		"for the roster before":   {early, earlyEnvelope, http.StatusConflict},
		"too large":               {leaf, large, http.StatusRequestEntityTooLarge},
		"beside an event":         {event, envelope, http.StatusBadRequest},
		"cut short":               {leaf, envelope[:100], 0},
		"a message, not envelope": {leaf, nil, http.StatusBadRequest},
	} {
		size := int64(len(p.envelope))
		body := io.Reader(bytes.NewReader(p.envelope))
		var err error
		switch name {
		case "no envelope":
			_, err = c.PushEnvelope(t.Context(), p.leaf, 0, nil)
		case "cut short":
			_, err = c.PushEnvelope(t.Context(), p.leaf, size+1, body)
		case "a message, not envelope":
			_, err = c.Push(t.Context(), p.leaf, int64(len(envelope)), bytes.NewReader(envelope))
		default:
			_, err = c.PushEnvelope(t.Context(), p.leaf, size, body)
		}
		var refusal *desk.Error
		if err == nil || p.status != 0 && (!errors.As(err, &refusal) || refusal.Status != p.status) {
			t.Errorf("%s: %v, want status %d", name, err, p.status)
		}
	}
	if !bytes.Equal(before, s.vault.Checkpoint()) {
		t.Error("the ledger grew")
	}
}
