// Package audit checks, without any key that opens anything, that a store is
// whole: nothing that was accepted is missing or altered, nothing was slipped
// in, history was only added to, and all of it is sealed to the people whom
// the organisation named and to no one else.
//
// The package and everything it imports link no code that could open a sealed
// thing; a test over the import graph holds that. What an auditor must bring
// is the organisation's verifier key, got from elsewhere than from the intake,
// a roster, and, to notice a store that was rolled back or rewritten with the
// intake's own key, the checkpoint that the last audit kept.
//
// What no audit without keys can see: whether a ciphertext opens, and whether
// a report was refused before it was accepted.
package audit

import (
	"context"
	"errors"
	"fmt"

	"tocsin/ledger"
	"tocsin/seal/agefile"
	"tocsin/seal/padme"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// Options are what an audit is made with.
type Options struct {
	Store    string       // directory of a snapshot
	Source   vault.Source // where it is read from if not from Store; nil otherwise
	Live     bool         // it is that of a store which took reports until it stopped: see vault.Visitor
	Roster   []byte       // a signed roster, the newest that the auditor has
	OrgKey   string       // the organisation's verifier key
	Last     []byte       // signed checkpoint of the last audit; nil if there was none
	Today    ledger.Day   // as of when notice is given of what is overdue; "" gives none
	Resume   string       // file that remembers what an interrupted audit has hashed, or ""; see vault.Resume
	Progress func(done, total int64)
}

// A Result is what an audit found.
type Result struct {
	Whole      bool               `json:"whole"` // nothing above a notice was found
	Findings   []Finding          `json:"findings"`
	More       map[string]int     `json:"more,omitempty"` // by ID, how many findings beyond MaxFindings
	History    string             `json:"history"`
	Counts     vault.Counts       `json:"counts"`
	Roster     uint64             `json:"roster"` // number of the roster in force
	Checkpoint *ledger.Checkpoint `json:"-"`      // nil if it did not verify
	Signed     []byte             `json:"-"`      // the checkpoint as it is signed; nil if it is not that of the leaves, or breaks with the last audit's
	Newest     []byte             `json:"-"`      // the newest signed roster that the auditor has seen now

	Statistics *Statistics    `json:"statistics"` // of the leaves that could be read
	Cosigned   *Cosigned      `json:"cosigned"`   // nil if no cosigned checkpoint verified with its quorum
	InForce    *roster.Signed `json:"-"`          // the roster in force; nil if none verified
}

// What an audit can say of a store's history.
const (
	HistoryUnchecked = "unchecked" // nothing was remembered to hold it against
	HistoryFirst     = "first"     // nothing was, and this audit's checkpoint is kept
	HistoryGrew      = "grew"      // it contains the one remembered
	HistoryBroken    = "broken"    // it does not: a finding says more
)

// Verify checks a store. It returns an error only when it could not check:
// the store or an input is missing or can't be read, or an input is not what
// it is given as. All that is wrong with the store is a finding. The file to
// resume from is there only from the beginning of an audit that did not end to
// the end of the next.
func Verify(ctx context.Context, o Options) (*Result, error) {
	held, err := roster.Open(o.Roster, o.OrgKey)
	if err != nil {
		return nil, fmt.Errorf("the auditor's roster: %w", err)
	}
	a := &auditor{
		findings: findings{counts: map[string]int{}},
		held:     held, last: o.Last, handed: map[handOver]bool{}, cases: map[ledger.CaseID]*caseFile{},
		result: &Result{History: HistoryUnchecked, Newest: held.Note},
	}
	progress := o.Progress
	if progress == nil {
		progress = func(int64, int64) {}
	}
	src := o.Source
	if src == nil {
		dir, err := vault.OpenDir(o.Store)
		if err != nil {
			return nil, err
		}
		defer dir.Close()
		src = dir
	}
	var resume *vault.Resume
	if o.Resume != "" {
		if resume, err = vault.OpenResume(o.Resume); err != nil {
			return nil, err
		}
		defer resume.Close()
	}
	counts, err := vault.Check(ctx, src, vault.Visitor{
		Live:       o.Live,
		Resume:     resume,
		Roster:     a.roster,
		Leaf:       a.leaf,
		Checkpoint: a.checkpoint,
		Cosigned:   a.cosigned,
		Published:  a.published,
		Envelope:   a.envelope,
		Message:    a.message,
		Found:      a.add,
		Progress:   progress,
	})
	if err != nil {
		return nil, err
	}
	if resume != nil {
		if err := resume.Remove(); err != nil {
			return nil, err
		}
	}
	if a.lastErr != nil {
		return nil, a.lastErr
	}
	a.result.Counts = *counts
	a.result.Statistics = a.tally.Statistics()
	a.holdRoster()
	a.stale()
	a.overdue(o.Today)
	a.tell(a.result)
	return a.result, nil
}

// An auditor follows one check.
type auditor struct {
	findings
	held    *roster.Signed
	last    []byte
	lastErr error
	result  *Result
	rosters []inForce
	handed  map[handOver]bool
	cases   map[ledger.CaseID]*caseFile // by the leaves so far
	days    []ledger.Day                // of the leaves; "" where unreadable
	shown   ledger.Day                  // the last day that the store shows
	covered int64                       // leaves that the cosigned checkpoint covers, if it has its quorum
	vouched ledger.Day                  // on which the last of its quorum signed it, or ""
	tally   Tally
}

// inForce is a roster and the leaf from which on it is in force.
type inForce struct {
	index int64
	*roster.Signed
}

// handOver names what a destination can acknowledge.
type handOver struct {
	id          ledger.CaseID
	destination string
}

// roster takes the rosters of the store in the order they came into force.
func (a *auditor) roster(index int64, l *ledger.Leaf, note []byte) {
	where := fmt.Sprintf("roster %d (leaf %d)", l.Number, index)
	r, err := roster.Open(note, a.held.OrgKey)
	if err != nil {
		a.found("roster-signature", where, "%v", err)
		return
	}
	if r.Number != l.Number {
		a.found("roster-number", where, "the roster itself has number %d", r.Number)
	}
	if n := len(a.rosters); n > 0 {
		if err := r.Follows(a.rosters[n-1].Signed); err != nil {
			a.found("roster-order", where, "%v", err)
		}
	}
	a.rosters = append(a.rosters, inForce{index, r})
	a.result.Roster, a.result.InForce = r.Number, r
}

// rosterAt returns the roster in force at a leaf, or nil if none verified.
func (a *auditor) rosterAt(index int64) *roster.Signed {
	for i := len(a.rosters) - 1; i >= 0; i-- {
		if a.rosters[i].index <= index {
			return a.rosters[i].Signed
		}
	}
	return nil
}

// holdRoster holds the roster in force against the one that the auditor has.
func (a *auditor) holdRoster() {
	if len(a.rosters) == 0 {
		a.found("roster-missing", "store", "no roster in it is signed by the organisation")
		return
	}
	now := a.rosters[len(a.rosters)-1]
	switch same := a.counterpart(); {
	case now.Instance() != a.held.Instance():
		a.found("roster-origin", "store", "it is the store of %q, the auditor's roster is for %q", now.Origin, a.held.Origin)
	case now.Number < a.held.Number:
		a.found("roster-rollback", "store", "roster %d is in force, the auditor has roster %d", now.Number, a.held.Number)
	case same != nil && same.Digest != a.held.Digest:
		a.found("roster-fork", "store", "its roster %d is not the auditor's roster %d", same.Number, a.held.Number)
	default:
		a.result.Newest = now.Note
	}
}

// counterpart returns the store's own roster of the number that the auditor's
// has, or nil; the very same one if that is there.
func (a *auditor) counterpart() *roster.Signed {
	var found *roster.Signed
	for _, r := range a.rosters {
		if r.Number == a.held.Number && (found == nil || r.Digest == a.held.Digest) {
			found = r.Signed
		}
	}
	return found
}

// leaf checks what the ledger alone says: who did what, and was it theirs to do.
// Signatures, which take the time, are verified before it is a leaf's turn.
func (a *auditor) leaf(index int64, l *ledger.Leaf) (tell func()) {
	var err error
	if r := a.rosterAt(index); l.IsSigned() && r != nil {
		if worker := r.Worker(l.By); worker != nil {
			err = l.Verify(r.Instance(), worker.Desk)
		}
	}
	return func() { a.follow(index, l, err) }
}

// follow takes the leaves in their order; signature is what is wrong with that
// of a leaf which a case worker of its day signed.
func (a *auditor) follow(index int64, l *ledger.Leaf, signature error) {
	for int64(len(a.days)) < index {
		a.days = append(a.days, "")
	}
	a.days, a.shown = append(a.days, l.Day), max(a.shown, l.Day)
	where := fmt.Sprintf("%s of case %s (leaf %d)", l.Event, l.Case, index)
	r := a.rosterAt(index)
	a.tally.Add(l, r)
	if l.Destination != "" {
		pair := handOver{l.Case, l.Destination}
		switch {
		case r != nil && r.Destination(l.Destination) == nil:
			a.found("event-destination", where, "%q is not a destination of roster %d", l.Destination, r.Number)
		case l.Event == ledger.EventHandedOver:
			a.handed[pair] = true
		case l.Event == ledger.EventAcknowledged && !a.handed[pair]:
			a.found("event-order", where, "the case was not handed over to %q before", l.Destination)
		}
	}
	a.purge(where, index, l, r)
	if l.Event == ledger.EventWithdrawn && r != nil && !r.Policy.Withdraw {
		a.found("withdrawn-policy", where, "roster %d does not let a witness withdraw a report", r.Number)
	}
	if !l.IsSigned() || r == nil {
		return
	}
	if r.Worker(l.By) == nil {
		a.found("event-worker", where, "%q is not a case worker of roster %d", l.By, r.Number)
	} else if signature != nil {
		a.found("event-signature", where, "%v", signature)
	}
}

// purge follows who held a case and who signed to have it destroyed, and checks
// that it was destroyed only when it might be.
func (a *auditor) purge(where string, index int64, l *ledger.Leaf, r *roster.Signed) {
	if l.Event == ledger.EventRoster {
		return
	}
	c := a.caseFile(index, l.Case)
	if l.Event == ledger.EventReleased {
		if err := c.custody.MayRelease(index, l); err != nil {
			a.found("released-unseen", where, "%v", err)
		}
	}
	// A second purge is out of order, and found as that. To judge it as well would
	// verify each proposal once for each purge of a store that has many of both.
	if l.Event == ledger.EventPurged && r != nil && !c.retired {
		switch err := c.custody.MayPurge(index, l, r); {
		case errors.Is(err, ledger.ErrRule):
			a.found("purged-rule", where, "%v", err)
		case errors.Is(err, ledger.ErrHeld):
			a.found("purged-held", where, "%v", err)
		case errors.Is(err, ledger.ErrEarly):
			a.found("purged-early", where, "%v", err)
		case errors.Is(err, ledger.ErrUnseen):
			a.found("purged-unseen", where, "%v", err)
		case err != nil:
			a.found("purged-signers", where, "%v", err)
		}
	}
	c.add(index, l)
}

// envelope checks to whom a case key is sealed, as far as can be seen.
func (a *auditor) envelope(index, sealed int64, id ledger.CaseID, info *agefile.Info) {
	where := fmt.Sprintf("envelope of case %s (leaf %d)", id, index)
	if r := a.rosterAt(sealed); r != nil {
		if len(info.Stanzas) != len(r.Workers) {
			a.found("envelope-recipients", where, "it is sealed to %d recipients, roster %d has %d case workers", len(info.Stanzas), r.Number, len(r.Workers))
		}
		a.rekey(where, r)
	}
	a.hybrid(where, info)
	if what := header(info); what != "" {
		a.found("envelope-header", where, "%s", what)
	}
	if info.PlaintextSize != vault.CaseKeySize {
		a.found("envelope-size", where, "it holds %d bytes, a case key has %d", info.PlaintextSize, vault.CaseKeySize)
	}
}

// message checks to how many a message is sealed, and that its length tells
// nothing: a report, an addition and a note to the case key alone, a
// reply to the witness's key as well.
func (a *auditor) message(index int64, l *ledger.Leaf, info *agefile.Info) {
	where := fmt.Sprintf("%s of case %s (leaf %d)", l.Kind, l.Case, index)
	want := 1
	if l.Kind == ledger.KindReply {
		want = 2
	}
	if len(info.Stanzas) != want {
		a.found("message-recipients", where, "it is sealed to %d recipients, expected %d", len(info.Stanzas), want)
	}
	a.hybrid(where, info)
	if what := header(info); what != "" {
		a.found("message-header", where, "%s", what)
	}
	if !padme.OnStep(info.PlaintextSize) {
		a.found("message-padding", where, "its %d bytes are not a step of the padding", info.PlaintextSize)
	}
}

// header says how a header is not what age writes for so many hybrid recipients,
// or "". A stanza's arguments and body could hold anything, also a text in the clear.
func header(info *agefile.Info) string {
	switch want := agefile.HybridHeaderSize(len(info.Stanzas)); {
	case info.Exact:
		return ""
	case info.HeaderSize != want:
		return fmt.Sprintf("its header has %d bytes, %d hybrid recipients take %d", info.HeaderSize, len(info.Stanzas), want)
	}
	return "its header is as long as that of hybrid recipients, and has something else in it"
}

// hybrid reports a recipient that is not post-quantum.
func (a *auditor) hybrid(where string, info *agefile.Info) {
	for _, s := range info.Stanzas {
		if s != agefile.Hybrid {
			a.found("recipient-type", where, "it is sealed to a recipient of type %q, only %s is allowed", s, agefile.Hybrid)
		}
	}
}
