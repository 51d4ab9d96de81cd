package triage

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
)

// Reply seals a case worker's words to the witness and to the case, and queues
// them for push. It returns ErrAltered if the key in the case's record is not
// known to be the witness's. The caller holds the lock.
func (h *Home) Reply(c *Case, text string) (queued string, err error) {
	return h.reply(c, func(*opened) (*report.Message, error) {
		return report.NewMessage("", string(h.today()), text)
	})
}

// ErrTold means that the witness was told all of it before.
var ErrTold = errors.New("the witness was told before")

// Tell queues a reply that tells the witness to whom the case was handed, in
// general terms: each one of report.Authorities. Whom an earlier reply told, in
// the ledger or in the queue, is not told again; if nobody is left it returns
// ErrTold. Errors are those of Reply. The caller holds the lock.
func (h *Home) Tell(c *Case, handedTo []string) (queued string, err error) {
	return h.reply(c, func(o *opened) (*report.Message, error) {
		told, err := h.told(o)
		if err != nil {
			return nil, err
		}
		var news []string
		for _, to := range handedTo {
			if !slices.Contains(told, to) && !slices.Contains(news, to) {
				news = append(news, to)
			}
		}
		if len(news) == 0 {
			return nil, ErrTold
		}
		return report.NewMessage("", string(h.today()), "", news...)
	})
}

// told lists to whom the case was handed as far as the witness was told.
func (h *Home) told(o *opened) ([]string, error) {
	var list []string
	for _, e := range o.Messages {
		if e.Leaf.Kind != ledger.KindReply {
			continue
		}
		msg, err := h.read(o, e, nil)
		if err != nil {
			return nil, err
		}
		note, err := parseNote(msg)
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", o.ID, err)
		}
		list = append(list, note.HandedTo...)
	}
	return list, nil
}

// reply seals and queues the message that write returns.
func (h *Home) reply(c *Case, write func(*opened) (*report.Message, error)) (queued string, err error) {
	o, err := h.openCase(c)
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
	note, err := write(o)
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
