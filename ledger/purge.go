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

// Why a case can't be purged. Vault, case workers and auditors judge by the
// same leaves and rosters, with [Custody.MayPurge].
var (
	ErrRule    = errors.New("it is no rule that a case may be purged under")
	ErrHeld    = errors.New("the case is held")
	ErrEarly   = errors.New("the time for which a case is kept has not passed")
	ErrSigners = errors.New("not enough case workers have signed")
)

// A Custody follows the leaves of one case as far as they decide whether it
// may be purged. The zero Custody is that of a case that has no leaf yet.
type Custody struct {
	held   bool
	news   Day // the day of the last leaf that is news
	from   Day // held: the first day of the hold, but not before news
	paused int // days that it was held since news, but for a hold that lasts

	// The last leaf that makes whoever proposed to purge look again, a message,
	// a hold or a release, and the proposals after it.
	settled   Day
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
	case EventReleased:
		if c.held {
			c.held, c.paused = false, c.paused+days(c.from, l.Day)
		}
	case EventPurgeProposed:
		c.proposals = append(c.proposals, proposal{index, l})
	}
	switch l.Event {
	case EventMessage, EventHeld, EventReleased:
		c.settled, c.at, c.proposals = l.Day, index, nil
	}
}

func days(from, to Day) int { return int(to.Time().Sub(from.Time()).Hours() / 24) }

// Held reports whether the case is held: nobody may purge it.
func (c *Custody) Held() bool { return c.held }

// Due returns the first day on which the rule retention lets the case be
// purged: so many days after the last message, hand-over or acknowledgement,
// not counting those on which it was held. While it is held, and before its
// report, there is none: "".
func (c *Custody) Due(retentionDays int) Day {
	if c.held || c.news == "" {
		return ""
	}
	return DayOf(c.news.Time().AddDate(0, 0, retentionDays+c.paused))
}

// Proposed returns the names of those case workers of a roster whose proposal
// to purge the case under a rule counts, each once. One counts if the key that
// the roster gives the worker signed it, and says that the worker had seen the
// last message, hold or release: a proposal that somebody kept back counts no
// more.
func (c *Custody) Proposed(rule string, r *roster.Signed) []string {
	var names []string
	for _, p := range c.proposals {
		// Nobody has seen what is not there yet.
		seen := p.After >= c.at && p.After < p.index
		w := r.Worker(p.By)
		if w != nil && seen && p.Rule == rule && p.Verify(r.Instance(), w.Desk) == nil && !slices.Contains(names, p.By) {
			names = append(names, p.By)
		}
	}
	return names
}

// MayPurge returns nil if l, a leaf that purges the case, may follow those that
// c has taken, under the roster in force then: the case is not held, the rule
// is one of [Rules] and what it asks for is so on the leaf's day, and together
// with who signs l at least [roster.Policy.Signers] case workers of the roster
// have signed since the last message, hold or release. Otherwise it returns
// ErrRule, ErrHeld, ErrEarly or ErrSigners. Who signed l is for callers to
// verify.
func (c *Custody) MayPurge(l *Leaf, r *roster.Signed) error {
	if !slices.Contains(Rules(), l.Rule) {
		return fmt.Errorf("%w: %q; there are: %s", ErrRule, l.Rule, strings.Join(Rules(), ", "))
	}
	if c.held {
		return ErrHeld
	}
	if due := c.Due(r.Policy.RetentionDays); l.Rule == RuleRetention && (due == "" || l.Day < due) {
		return fmt.Errorf("%w: it may be purged from %s on, and it is %s", ErrEarly, due, l.Day)
	}
	if l.Done < c.settled {
		return fmt.Errorf("%w: %s signed on %s, and the case changed on %s", ErrSigners, l.By, l.Done, c.settled)
	}
	signers := c.Proposed(l.Rule, r)
	if !slices.Contains(signers, l.By) {
		signers = append(signers, l.By)
	}
	if need := r.Policy.Signers(); len(signers) < need {
		return fmt.Errorf("%w: %d of the %d that roster %d asks for, since the case changed on %s", ErrSigners, len(signers), need, r.Number, c.settled)
	}
	return nil
}
