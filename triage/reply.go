package triage

import (
	"bytes"
	"fmt"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
)

// Reply seals a case worker's words to the witness and to the case, and queues
// them for push. It returns ErrAltered if the key in the case's record is not
// known to be the witness's. The caller holds the lock.
func (h *Home) Reply(c *Case, text string) (queued string, err error) {
	r, err := h.Roster()
	if err != nil {
		return "", err
	}
	o, err := h.open(c, r)
	if err != nil {
		return "", err
	}
	// The report vouches for the witness's key.
	told, err := h.read(o, c.Messages[0], nil)
	if err != nil {
		return "", err
	}
	if o.altered(told) {
		return "", fmt.Errorf("replying in case %s: %w", c.ID, ErrAltered)
	}
	note, err := report.NewMessage("", string(h.today()), text)
	if err != nil {
		return "", fmt.Errorf("the reply: %w", err)
	}
	body, err := note.Marshal()
	if err != nil {
		return "", fmt.Errorf("the reply: %w", err)
	}
	defer clear(body)
	witness, err := seal.ParseRecipient(o.record.Witness)
	if err != nil {
		return "", fmt.Errorf("case %s: the witness's key: %w", c.ID, err)
	}
	var sealed bytes.Buffer
	w, err := seal.NewMessage(&sealed, o.context(ledger.KindReply), body, o.key.Recipient(), witness)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", fmt.Errorf("sealing the reply: %w", err)
	}
	return h.enqueue(&ledger.Leaf{
		Event: ledger.EventMessage, Kind: ledger.KindReply, Case: c.ID,
		Size: int64(sealed.Len()), Digest: digestOf(sealed.Bytes()),
	}, sealed.Bytes())
}
