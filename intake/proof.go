package intake

import (
	"bytes"
	"fmt"

	"tocsin/ledger"
)

// proof returns the C2SP tlog-proof of a case's report: that its leaf is in the
// ledger.
func (s *Server) proof(v *visit) ([]byte, error) {
	history, err := s.vault.History(v.found.ID)
	if err != nil {
		return nil, fmt.Errorf("reading a case's history: %w", err)
	}
	for _, e := range history {
		if e.Leaf.Event == ledger.EventMessage && e.Leaf.Kind == ledger.KindReport {
			return s.vault.Prove(e.Index)
		}
	}
	return nil, fmt.Errorf("proving a case: it has no report")
}

// proofPage shows the receipt.
func (s *Server) proofPage(x *exchange, v *visit, _ map[string]string) (*bytes.Buffer, error) {
	proof, err := s.proof(v)
	if err != nil {
		return nil, err
	}
	return s.render("proof", struct {
		view
		Codename string
		Proof    string
	}{s.carrying(x.lang, "proof", "proof", "keep"), v.codename.String(), string(proof)}), nil
}

// proofFile sends the receipt as a file. Its name says nothing, because it stays
// in the browser's list of downloads.
func (s *Server) proofFile(x *exchange) error {
	fields, err := readFields(x, "codename")
	if err != nil {
		return err
	}
	x.heard()
	found := false
	page, err := s.open(x, fields, func(_ *exchange, v *visit, _ map[string]string) (*bytes.Buffer, error) {
		proof, err := s.proof(v)
		found = err == nil
		return bytes.NewBuffer(proof), err
	})
	if err != nil {
		return err
	}
	if !found {
		x.answerAlike(page)
		return nil
	}
	x.answerFile("receipt.txt", page)
	return nil
}
