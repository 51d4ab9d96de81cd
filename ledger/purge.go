package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tocsin/seal/roster"
)

// The rules that a case may be purged under.
const (
	RuleRetention = "retention" // nothing new has come for as long as the policy keeps a case
	RuleRequest   = "request"   // the witness, or an authority, asked for it to be destroyed
)

// Rules returns the rules that a case may be purged under.
func Rules() []string { return []string{RuleRetention, RuleRequest} }

// Why a case can't be purged, or released. Vault, case workers and auditors
// judge by the same leaves and rosters, with [Custody.MayPurge] and
// [Custody.MayRelease].
var (
	ErrRule    = errors.New("it is no rule that a case may be purged under")
	ErrHeld    = errors.New("the case is held")
	ErrEarly   = errors.New("the time for which a case is kept has not passed")
	ErrSigners = errors.New("not enough case workers have signed")
	ErrUnseen  = errors.New("who signed it had not seen how the case changed last")
)

// A Custody follows the leaves of one case as far as they decide whether it
// may be purged. The zero Custody is that of a case that has no leaf yet.
type Custody struct {
	held   bool
	hold   int64 // held: the last leaf that says so
	news   Day   // the day of the last leaf that is news
	from   Day   // held: the first day of the hold, but not before news
	paused int   // days that it was held since news, but for a hold that lasts

	// The last leaf that makes whoever proposed to purge look again, a message,
	// a hold or a release, and the proposals after it.
	at        int64
	proposals []proposal
}

type proposal struct {
	index int64
	*Leaf
}

// Add takes the next leaf of the case and its index in the ledger.
func (c *Custody) Add(index int64, l *Leaf) {
	switch l.Event {
	case EventMessage, EventHandedOver, EventAcknowledged:
		c.news, c.from, c.paused = l.Day, l.Day, 0
	case EventHeld:
		if !c.held {
			c.held, c.from = true, l.Day
		}
		c.hold = index
	case EventReleased:
		if !c.held || c.MayRelease(index, l) != nil {
			return // it lifts nothing
		}
		c.held, c.paused = false, c.paused+days(c.from, l.Day)
	case EventPurgeProposed:
		c.proposals = append(c.proposals, proposal{index, l})
	}
	switch l.Event {
	case EventMessage, EventHeld, EventReleased:
		c.at, c.proposals = index, nil
	}
}

// days counts in seconds: a time.Duration ends after 292 years.
func days(from, to Day) int { return int((to.Time().Unix() - from.Time().Unix()) / (24 * 60 * 60)) }

// lastDay is the last one that a [Day] can be: days are compared as texts, in
// which the year 10000 would come before all others.
const lastDay Day = "9999-12-31"

// Held reports whether the case is held: nobody may purge it.
func (c *Custody) Held() bool { return c.held }

// Due returns the first day on which the rule retention lets the case be
// purged: so many days after the last message, hand-over or acknowledgement,
// not counting those on which it was held, and at the latest the last day of
// the year 9999. While it is held, and before its report, there is none: "".
func (c *Custody) Due(retentionDays int) Day {
	if c.held || c.news == "" {
		return ""
	}
	due := c.news.Time().AddDate(0, 0, retentionDays+c.paused)
	if due.After(lastDay.Time()) {
		return lastDay
	}
	return DayOf(due)
}

// MayRelease returns nil if l, a leaf that releases the case and is to stand at
// that index, may follow those that c has taken: it says that whoever signed it
// had seen the last hold. Otherwise it returns ErrUnseen: a release that
// somebody kept back lifts no hold that came after it. Of a case that is not
// held, which two may have released at the same time, any may follow; it changes
// nothing.
func (c *Custody) MayRelease(index int64, l *Leaf) error {
	if c.held && !saw(l, c.hold, index) {
		return fmt.Errorf("%w: %s had seen its leaves up to %d, and leaf %d holds it", ErrUnseen, l.By, l.After, c.hold)
	}
	return nil
}

// saw reports whether l, at that index, says that whoever signed it had seen the
// leaf at. Nobody has seen what is not there yet.
func saw(l *Leaf, at, index int64) bool { return l.After >= at && l.After < index }

// Proposed returns the names of those case workers of a roster whose proposal
// to purge the case under a rule counts, each once. One counts if the key that
// the roster gives the worker signed it, and says that the worker had seen the
// last message, hold or release: a proposal that somebody kept back counts no
// more.
func (c *Custody) Proposed(rule string, r *roster.Signed) []string {
	var names []string
	for _, p := range c.proposals {
		w := r.Worker(p.By)
		// Verifying takes the time, and one worker may have proposed without end.
		if w != nil && saw(p.Leaf, c.at, p.index) && p.Rule == rule && !slices.Contains(names, p.By) && p.Verify(r.Instance(), w.Desk) == nil {
			names = append(names, p.By)
		}
	}
	return names
}

// MayPurge returns nil if l, a leaf that purges the case and is to stand at that
// index, may follow those that c has taken, under the roster in force then: the
// case is not held, the rule is one of [Rules] and what it asks for is so on the
// leaf's day, whoever signed l had seen the last message, hold or release, and
// with them at least [roster.Policy.Signers] case workers of the roster have
// signed since. Otherwise it returns ErrRule, ErrHeld, ErrEarly, ErrUnseen or
// ErrSigners. Who signed l is for callers to verify.
func (c *Custody) MayPurge(index int64, l *Leaf, r *roster.Signed) error {
	if !slices.Contains(Rules(), l.Rule) {
		return fmt.Errorf("%w: %q; there are: %s", ErrRule, l.Rule, strings.Join(Rules(), ", "))
	}
	if c.held {
		return ErrHeld
	}
	if due := c.Due(r.Policy.RetentionDays); l.Rule == RuleRetention && (due == "" || l.Day < due) {
		return fmt.Errorf("%w: it may be purged from %s on, and it is %s", ErrEarly, due, l.Day)
	}
	if !saw(l, c.at, index) {
		return fmt.Errorf("%w: %s had seen its leaves up to %d, and leaf %d changed it", ErrUnseen, l.By, l.After, c.at)
	}
	signers := c.Proposed(l.Rule, r)
	if !slices.Contains(signers, l.By) {
		signers = append(signers, l.By)
	}
	if need := r.Policy.Signers(); len(signers) < need {
		return fmt.Errorf("%w: %d of the %d that roster %d asks for, since the case changed with leaf %d", ErrSigners, len(signers), need, r.Number, c.at)
	}
	return nil
}
