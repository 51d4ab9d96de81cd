package triage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
)

// A draft is a reply that is not sent yet: drafts/CASE.age, one for each case,
// sealed to this home's worker alone and padded as every message. Writing one
// needs no secret key and asks for no passphrase; reading one does. Nobody else
// gets it: it is in no ledger and no queue.
//
// The worker's recipient is public, so that whoever can write to this disk can
// put a draft there. It is therefore never sent but by somebody who was shown
// it: cmd/triage shows it and asks.
const (
	draftDir    = "drafts"
	draftEnding = ".age"
	draftFormat = 1
	// maxDraft is more than a draft has, in bytes: report.MaxMessage characters,
	// each escaped, and what was replied before.
	maxDraft = 1 << 20
)

var (
	// ErrNoDraft means that no draft is kept for the case.
	ErrNoDraft = errors.New("no draft is kept for this case")
	// ErrDraftSent means that a reply with the draft's words was queued after it
	// was written. The draft is removed.
	ErrDraftSent = errors.New("this draft was sent before")
)

// A Draft is what was kept of a reply.
type Draft struct {
	Day  string `json:"day"` // by this home's clock, when it was written
	Text string `json:"text"`

	// After are the digests of the replies that this worker had queued or sent
	// when the draft was written. A later one with the same words is the draft
	// itself, see SendDraft.
	After []ledger.Digest `json:"-"`
}

// draftForm is draft.json.
type draftForm struct {
	Version int      `json:"version"`
	Day     string   `json:"day"`
	Text    string   `json:"text"`
	After   []string `json:"after"`
}

func (h *Home) draftPath(id ledger.CaseID) string { return h.path(draftDir, id.String()+draftEnding) }

// KeepDraft keeps text as the case's draft, in the place of the one that there
// is. The caller holds the lock.
func (h *Home) KeepDraft(c *Case, text string) error {
	if err := c.there(); err != nil {
		return err
	}
	r, err := h.Roster()
	if err != nil {
		return err
	}
	card, err := h.Card()
	if err != nil {
		return err
	}
	to, err := seal.ParseRecipient(card.Recipient)
	if err != nil {
		return fmt.Errorf("sealing the draft: the card: %w", err)
	}
	m, err := report.NewMessage("", string(h.today()), text)
	if err != nil {
		return fmt.Errorf("the draft: %w", err)
	}
	form := draftForm{Version: draftFormat, Day: m.Day, Text: m.Text, After: []string{}}
	for _, e := range c.replies(card.Name) {
		form.After = append(form.After, e.Leaf.Digest.String())
	}
	body, err := json.Marshal(form)
	if err != nil {
		return fmt.Errorf("the draft: %w", err)
	}
	defer clear(body)
	var sealed bytes.Buffer
	in := seal.Context{Instance: r.Instance().String(), Case: c.ID.String(), Kind: seal.KindDraft}
	w, err := seal.NewMessage(&sealed, in, body, to)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return fmt.Errorf("sealing the draft: %w", err)
	}
	if err := makeDir(h.path(draftDir)); err != nil {
		return err
	}
	// Commit point: before it the draft is the one before, or none.
	return writeFile(h.draftPath(c.ID), sealed.Bytes())
}

// replies are those of one case worker, in the ledger and in the queue.
func (c *Case) replies(by string) []Entry {
	var list []Entry
	for _, e := range c.Messages {
		if e.Leaf.Kind == ledger.KindReply && e.Leaf.By == by {
			list = append(list, e)
		}
	}
	return list
}

// Draft opens the case's draft, or returns ErrNoDraft.
func (h *Home) Draft(c *Case) (*Draft, error) {
	file, err := os.Open(h.draftPath(c.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("case %s: %w", c.ID, ErrNoDraft)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the draft: %w", err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading the draft: %w", err)
	}
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	id, err := h.Identity()
	if err != nil {
		return nil, err
	}
	in := seal.Context{Instance: r.Instance().String(), Case: c.ID.String(), Kind: seal.KindDraft}
	msg, err := seal.ReadMessage(file, st.Size(), id, in, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the draft: %w; to remove it: triage draft %s --discard", err, c.ID)
	}
	defer clear(msg.Body)
	d, err := parseDraft(msg.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the draft: %w; to remove it: triage draft %s --discard", err, c.ID)
	}
	return d, nil
}

// parseDraft reads a draft.json. Its text is a reply's, or this is an error.
func parseDraft(body []byte) (*Draft, error) {
	if len(body) > maxDraft {
		return nil, errors.New("it is too large for a draft")
	}
	var form draftForm
	if err := json.Unmarshal(body, &form); err != nil {
		return nil, errors.New("it is no draft") // the JSON error may quote it
	}
	if form.Version != draftFormat {
		return nil, fmt.Errorf("a draft of version %d: %w", form.Version, ErrVersion)
	}
	m, err := report.NewMessage("", form.Day, form.Text)
	if err != nil {
		return nil, err
	}
	d := &Draft{Day: m.Day, Text: m.Text}
	for _, s := range form.After {
		digest, err := ledger.ParseDigest(s)
		if err != nil {
			return nil, errors.New("it is no draft")
		}
		d.After = append(d.After, digest)
	}
	return d, nil
}

// SendDraft queues the draft d of the case as a reply and removes it. Errors are
// those of Reply, and ErrDraftSent. The caller holds the lock.
//
// Killed before the reply is queued, nothing has happened. Killed after that,
// the draft is still there and its reply is in the queue, or by now in the
// ledger: told again, SendDraft finds that a reply with its words came after it
// was written, removes it, and sends nothing.
func (h *Home) SendDraft(c *Case, d *Draft) (queued string, err error) {
	sent, err := h.sentSince(c, d)
	if err != nil {
		return "", err
	}
	if sent {
		if err := h.DiscardDraft(c); err != nil {
			return "", err
		}
		return "", fmt.Errorf("case %s: %w", c.ID, ErrDraftSent)
	}
	// Commit point: the reply is queued.
	if queued, err = h.Reply(c, d.Text); err != nil {
		return "", err
	}
	return queued, h.DiscardDraft(c)
}

// sentSince reports whether this worker sent the words of d after it was
// written.
func (h *Home) sentSince(c *Case, d *Draft) (bool, error) {
	card, err := h.Card()
	if err != nil {
		return false, err
	}
	o, err := h.openCase(c)
	if err != nil {
		return false, err
	}
	for _, e := range c.replies(card.Name) {
		if slices.Contains(d.After, e.Leaf.Digest) {
			continue
		}
		msg, err := h.read(o, e, nil)
		if err != nil {
			return false, err
		}
		note, err := parseNote(msg)
		if err != nil {
			return false, fmt.Errorf("case %s: %w", c.ID, err)
		}
		if note.Text == d.Text {
			return true, nil
		}
	}
	return false, nil
}

// DiscardDraft removes the case's draft, or returns ErrNoDraft. The caller holds
// the lock.
func (h *Home) DiscardDraft(c *Case) error {
	err := os.Remove(h.draftPath(c.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("case %s: %w", c.ID, ErrNoDraft)
	}
	if err != nil {
		return fmt.Errorf("removing the draft: %w", err)
	}
	return syncDir(h.path(draftDir))
}

// Drafts lists the cases that a draft is kept for, by what the files are called.
func (h *Home) Drafts() ([]ledger.CaseID, error) {
	entries, err := os.ReadDir(h.path(draftDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the drafts: %w", err)
	}
	var list []ledger.CaseID
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), draftEnding)
		if id, err := ledger.ParseCaseID(name); ok && err == nil {
			list = append(list, id)
		}
	}
	return list, nil
}

// forgetDrafts removes the drafts of cases that are destroyed. Killed in it, the
// next pull goes on.
func (h *Home) forgetDrafts(byID map[ledger.CaseID]*Case) error {
	ids, err := h.Drafts()
	if err != nil {
		return err
	}
	removed := false
	for _, id := range ids {
		if c := byID[id]; c == nil || !c.retired() {
			continue
		}
		if err := os.Remove(h.draftPath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the draft of a case that was destroyed: %w", err)
		}
		removed = true
	}
	if !removed {
		return nil
	}
	return syncDir(h.path(draftDir))
}
