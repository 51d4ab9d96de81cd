package intake

import (
	"bytes"
	"errors"
	"fmt"

	"tocsin/ledger"
	"tocsin/vault"
)

// proof returns the C2SP tlog-proof of a case's report: that its leaf is in the
// ledger, as that was last published. It returns none for a report that came
// since: a proof against the ledger of the moment would let whoever asks for
// one again and again count when others report.
func (s *Server) proof(v *visit) ([]byte, error) {
	history, err := s.vault.History(v.found.ID)
	if err != nil {
		return nil, fmt.Errorf("reading a case's history: %w", err)
	}
	for _, e := range history {
		if e.Leaf.Event != ledger.EventMessage || e.Leaf.Kind != ledger.KindReport {
			continue
		}
		proof, err := s.vault.Prove(e.Index)
		if errors.Is(err, vault.ErrUnpublished) {
			return nil, nil
		}
		return proof, err
	}
	return nil, fmt.Errorf("proving a case: it has no report")
}

// proofPage shows the receipt, or says when there will be one.
func (s *Server) proofPage(x *exchange, v *visit, _ map[string]string) (*bytes.Buffer, error) {
	proof, err := s.proof(v)
	if err != nil {
		return nil, err
	}
	return s.receipt(x, v, proof), nil
}

// receipt is the page with that proof, or without one.
func (s *Server) receipt(x *exchange, v *visit, proof []byte) *bytes.Buffer {
	return s.render("proof", struct {
		view
		Codename string
		Proof    string
	}{s.carrying(x.lang, "proof", "proof", "keep"), v.codename.String(), string(proof)})
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
		if err != nil || proof == nil {
			return s.receipt(x, v, nil), err
		}
		found = true
		return bytes.NewBuffer(proof), nil
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
