package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"tocsin/ledger"
	"tocsin/vault"
)

// withdraw destroys a report for its witness, where the roster's policy lets it,
// as long as no case worker has read it.
func (s *Server) withdraw(x *exchange, v *visit, fields map[string]string) (*bytes.Buffer, error) {
	if fields["sure"] != "yes" {
		return s.repliesPage(x, v, replies{Unsure: true})
	}
	// Commit point: before Withdraw returns nil the report is there.
	err := s.vault.Withdraw(context.WithoutCancel(x.r.Context()), v.found.ID, v.credential.Withdrawal)
	switch {
	case errors.Is(err, vault.ErrRefused):
		said := "withdraw.late"
		if !s.vault.Roster().Policy.Withdraw { // changed while the page was open
			said = "withdraw.forbidden"
		}
		return s.repliesPage(x, v, replies{Said: said})
	case err != nil && !errors.Is(err, vault.ErrRetired):
		return nil, fmt.Errorf("withdrawing a report: %w", err)
	}
	return s.repliesPage(x, v, replies{}) // which says that it is gone
}

// gone returns the page of a case that was destroyed, or nil for one that is
// there: nothing else may be said to have been received.
func (s *Server) gone(l *Language, id ledger.CaseID) (*bytes.Buffer, error) {
	history, err := s.vault.History(id)
	if err != nil {
		return nil, fmt.Errorf("reading a case's history: %w", err)
	}
	if last := history[len(history)-1].Leaf; last.Retires() {
		return s.withdrawnPage(l, last.Day), nil
	}
	return nil, nil
}

func (s *Server) withdrawnPage(l *Language, day ledger.Day) *bytes.Buffer {
	return s.render("withdrawn", struct {
		view
		Day ledger.Day
	}{s.view(l, "withdrawn", ""), day})
}
