package audit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"tocsin/ledger"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// checkpoint checks the head of the ledger, and that it only grew from the
// one that the last audit kept.
func (a *auditor) checkpoint(signed []byte, hashes ledger.Hashes, size int64) {
	if len(a.rosters) == 0 {
		return // holdRoster says so
	}
	now := a.rosters[len(a.rosters)-1]
	cp, err := ledger.OpenCheckpoint(signed, now.Intake.Ledger)
	if err != nil {
		a.found("checkpoint-signature", "checkpoint", "%v", err)
	} else {
		a.result.Checkpoint = cp
		if !signedBy(signed, now.Intake.Ledger, nil) {
			a.found("signature-unknown", "checkpoint", "%s", moreBelow)
		}
		if cp.Size != size {
			a.found("checkpoint-size", "checkpoint", "it covers %d leaves, the store has %d", cp.Size, size)
		} else if root, err := hashes.Root(size); err != nil || root != cp.Root {
			a.found("checkpoint-root", "checkpoint", "its root is %s, that of the leaves is %s", cp.Root, root)
		} else {
			a.result.Signed = signed
		}
	}
	a.history(hashes, size)
	if a.result.History == HistoryBroken {
		a.result.Signed = nil
	}
}

// history holds the leaves against the checkpoint that the last audit kept.
func (a *auditor) history(hashes ledger.Hashes, size int64) {
	if a.last == nil {
		return
	}
	last, err := a.openLast()
	if err != nil {
		a.lastErr = err
		return
	}
	a.result.History = HistoryBroken
	if last.Size > size {
		a.found("history-rollback", "store", "it has %d leaves, the last audit saw %d: an older state was put back, or leaves were dropped", size, last.Size)
		return
	}
	if root, err := hashes.Root(last.Size); err != nil || root != last.Root {
		a.found("history-rewritten", "store", "its first %d leaves are not those that the last audit saw", last.Size)
		return
	}
	a.result.History = HistoryGrew
}

// openLast verifies the remembered checkpoint with the ledger key of any
// roster of this store, or of the auditor's own.
func (a *auditor) openLast() (*ledger.Checkpoint, error) {
	cp, err := ledger.OpenCheckpoint(a.last, a.held.Intake.Ledger)
	if err != nil {
		cp, _, err = a.open(a.last)
	}
	if err != nil {
		return nil, fmt.Errorf("the checkpoint of the last audit: %w", err)
	}
	return cp, nil
}

// open verifies a checkpoint with the ledger key of any roster of this store,
// the newest first, and returns that key: no roster is bound to keep it.
func (a *auditor) open(signed []byte) (cp *ledger.Checkpoint, vkey string, err error) {
	err = ledger.ErrSignature
	for i := len(a.rosters) - 1; i >= 0; i-- {
		vkey = a.rosters[i].Intake.Ledger
		if cp, err = ledger.OpenCheckpoint(signed, vkey); err == nil {
			return cp, vkey, nil
		}
	}
	return nil, "", err
}

// published checks the checkpoint that was last shown outside: the ledger's key
// signed it, the store's history begins with it, and it covers all leaves of the
// days before the one on which it was published, and no others.
func (a *auditor) published(p *vault.Published, hashes ledger.Hashes, size int64) {
	const where = "published checkpoint"
	a.shown = max(a.shown, p.Day)
	if len(a.rosters) == 0 {
		return // holdRoster says so
	}
	cp, vkey, err := a.open(p.Signed)
	if err != nil {
		a.found("published-signature", where, "%v", err)
		return
	}
	if what := prefix(cp, hashes, size); what != "" {
		a.found("published-root", where, "%s", what)
		return
	}
	a.daysOf(where, cp.Size, p.Day)
	a.strangers(where, p.Signed, vkey, cp.Size)
}

// cosigned does the same for the newest of them that its cosigners signed, and
// counts these.
func (a *auditor) cosigned(p *vault.Published, hashes ledger.Hashes, size int64) {
	const where = "cosigned checkpoint"
	a.shown = max(a.shown, p.Day)
	if len(a.rosters) == 0 {
		return
	}
	cp, vkey, err := a.open(p.Signed)
	if err != nil {
		a.found("cosigned-signature", where, "%v", err)
		return
	}
	if what := prefix(cp, hashes, size); what != "" {
		a.found("cosigned-root", where, "%s", what)
		return
	}
	a.daysOf(where, cp.Size, p.Day)
	a.strangers(where, p.Signed, vkey, cp.Size)
	a.quorum(where, p.Signed, vkey, cp.Size)
}

// since returns those rosters, the newest first, whose cosigners may have signed
// a checkpoint: that which was in force at the end of it, and those after it,
// because they sign once it was made.
func (a *auditor) since(size int64) (list []inForce) {
	for _, r := range slices.Backward(a.rosters) {
		if list = append(list, r); r.index < size {
			break
		}
	}
	return list
}

const moreBelow = "below it stands something else than the signatures of those who may sign it, each once"

// strangers checks that nobody signed a checkpoint but the ledger and cosigners
// of one roster. The line of a signature that nobody verifies can say anything,
// also in the clear.
func (a *auditor) strangers(where string, signed []byte, vkey string, size int64) {
	if !slices.ContainsFunc(a.since(size), func(r inForce) bool { return signedBy(signed, vkey, r.Cosigners) }) {
		a.found("signature-unknown", where, "%s", moreBelow)
	}
}

// signedBy reports whether nothing stands below a checkpoint but the signature
// of the ledger and those of some of the cosigners, each once and in its one form.
func signedBy(signed []byte, vkey string, cosigners []roster.Cosigner) bool {
	same, _, err := ledger.MergeCosigned(signed, signed, vkey, cosigners)
	_, lines, _ := strings.Cut(string(signed), "\n\n")
	return err == nil && bytes.Equal(same, signed) && strictSignatures(lines)
}

// quorum checks that the quorum of some roster signed a checkpoint. One without
// a quorum covers nothing.
func (a *auditor) quorum(where string, signed []byte, vkey string, size int64) {
	said := ""
	for _, r := range a.since(size) {
		_, by, err := ledger.OpenCosigned(signed, vkey, r.Cosigners)
		need := max(1, r.Policy.Quorum)
		if err == nil && len(by) >= need {
			a.covered, a.result.Cosigned = size, newCosigned(size, by)
			slices.SortFunc(by, func(x, y ledger.Cosignature) int { return y.Time.Compare(x.Time) })
			a.vouched = ledger.DayOf(by[need-1].Time)
			return
		}
		if said == "" {
			said = fmt.Sprintf("%d of the %d that roster %d asks for signed it", len(by), need, r.Number)
			if err != nil {
				said = err.Error()
			}
		}
	}
	a.found("cosigned-quorum", where, "%s", said)
}

// prefix says why a checkpoint is not one of these leaves, or "".
func prefix(cp *ledger.Checkpoint, hashes ledger.Hashes, size int64) string {
	if cp.Size > size {
		return fmt.Sprintf("it covers %d leaves, the store has %d", cp.Size, size)
	}
	if root, err := hashes.Root(cp.Size); err != nil || root != cp.Root {
		return fmt.Sprintf("its root is %s, that of the first %d leaves is %s", cp.Root, cp.Size, root)
	}
	return ""
}

// daysOf checks that a checkpoint of so many leaves, published on a day, covers
// those of the days before and no others.
func (a *auditor) daysOf(where string, size int64, published ledger.Day) {
	leaves := int64(len(a.days)) // without the last, if these are unreadable
	if 0 < size && size <= leaves && a.days[size-1] >= published {
		a.found("published-day", where, "it was published on %s, and covers a leaf of %s", published, a.days[size-1])
	}
	for i := size; i < leaves; i++ {
		if day := a.days[i]; day != "" && day < published {
			a.found("published-short", where, "it was published on %s, and does not cover leaf %d, of %s", published, i, day)
			return
		}
	}
}

// staleDays is how many days a leaf may wait for the cosigners: one to be
// published, and some for a cosigner that can't be reached for a while.
const staleDays = 4

// stale reports leaves that no cosigner has signed for, for longer than
// staleDays, though all that time the roster asked for a quorum. It goes by the
// days that the store itself shows.
func (a *auditor) stale() {
	since := a.quorumSince()
	first := max(since, a.covered)
	if since < 0 || first >= int64(len(a.days)) || a.days[first] == "" {
		return
	}
	if day := a.days[first]; a.shown.Time().Sub(day.Time()).Hours() > staleDays*24 {
		a.found("cosigned-stale", "cosigned checkpoint", "it covers %d leaves, leaf %d is of %s, and the store was in use on %s", a.covered, first, day, a.shown)
	}
}

// quorumSince returns from which leaf on the rosters ask for a quorum without a
// break, or -1 if that in force doesn't.
func (a *auditor) quorumSince() int64 {
	since := int64(-1)
	for _, r := range a.rosters {
		switch {
		case r.Policy.Quorum == 0:
			since = -1
		case since < 0:
			since = r.index
		}
	}
	return since
}

// aged gives notice of a ledger for which as many cosigners as must have not
// vouched for longer than staleDays, by their own clocks and the auditor's. Who
// shows an auditor an old state as if it were of today can't have them sign it
// again as long as they are shown the newer one, or nothing.
func (a *auditor) aged(today ledger.Day) {
	since := a.quorumSince()
	if since < 0 || since >= int64(len(a.days)) {
		return
	}
	last := max(a.vouched, a.days[since])
	if last != "" && today.Time().Sub(last.Time()).Hours() > staleDays*24 {
		a.found("cosigned-old", "cosigned checkpoint", "no quorum of cosigners has vouched for the ledger since %s, and it is %s", last, today)
	}
}
