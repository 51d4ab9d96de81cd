package triage

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

// A Due case is one of which the ledger does not say that anybody was told.
type Due struct {
	ID        string `json:"case"`
	Day       string `json:"day"`        // when it came
	HoursLeft int    `json:"hours_left"` // begun hours until the deadline; less than 0: full hours since, or 0
	Overdue   bool   `json:"overdue"`
	Queued    bool   `json:"queued"` // a hand-over waits to be pushed
}

// Due lists the cases whose deadline has passed and those whose deadline passes
// within so many hours, the longest overdue first. It goes by the ledger alone
// and the newest roster's policy, and needs no key: a hand-over counts once it
// is in the ledger, for all to see, and so does a purge. A report's clock starts when its day began,
// because no more is kept of when it came.
func (h *Home) Due(hours int) ([]Due, error) {
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	cases, err := h.Cases()
	if err != nil {
		return nil, err
	}
	deadline := time.Duration(r.Policy.DeadlineHours) * time.Hour
	list := []Due{}
	for _, c := range cases {
		left := c.Day.Time().Add(deadline).Sub(h.Now())
		if c.destroyed() || left > time.Duration(hours)*time.Hour {
			continue
		}
		d := Due{ID: c.ID.String(), Day: string(c.Day), HoursLeft: int(math.Ceil(left.Hours())), Overdue: left <= 0}
		told := false
		for _, e := range c.Handed {
			if e.Leaf.Event == ledger.EventHandedOver {
				told = told || e.Index >= 0
				d.Queued = d.Queued || e.Index < 0
			}
		}
		if !told {
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b Due) int { return cmp.Compare(a.HoursLeft, b.HoursLeft) })
	return list, nil
}

// Hold queues the signed event that a case is held: the witness can't withdraw
// it, nobody may purge it, and the days do not count as retention. rule is a
// word for why that stands in the ledger in the clear; reason goes into a note,
// sealed, and may be empty. It returns ErrNoChange if the case is held. The
// caller holds the lock.
func (h *Home) Hold(c *Case, rule, reason string) error {
	if !roster.ValidName(rule) {
		return fmt.Errorf("%q is no word for why a case is held: it stands in the ledger for all to read, and is 1 to 32 lower-case letters, digits and hyphens", rule)
	}
	if err := c.there(); err != nil {
		return err
	}
	if c.Held {
		return fmt.Errorf("case %s is held: %w", c.ID, ErrNoChange)
	}
	if reason != "" {
		// First: killed after it, hold finds the note and queues the event.
		_, err := h.AddNote(c, &Note{Text: "Held (" + rule + "): " + reason})
		if err != nil && !errors.Is(err, ErrNoChange) {
			return err
		}
	}
	_, err := h.enqueue(&ledger.Leaf{Event: ledger.EventHeld, Case: c.ID, Rule: rule, After: c.last}, nil)
	return err
}

// Release queues the signed event that a case is held no longer. It returns
// ErrNoChange if it was not. The caller holds the lock.
func (h *Home) Release(c *Case) error {
	if err := c.there(); err != nil {
		return err
	}
	if !c.Held {
		return fmt.Errorf("case %s is not held: %w", c.ID, ErrNoChange)
	}
	// A release lifts what its worker had seen in the ledger, and no more.
	if slices.ContainsFunc(c.holds, func(e Entry) bool { return e.Index < 0 }) {
		return fmt.Errorf("case %s: that you hold it waits to be pushed, and a release comes after it; type: triage push, and this again", c.ID)
	}
	_, err := h.enqueue(&ledger.Leaf{Event: ledger.EventReleased, Case: c.ID, After: c.last}, nil)
	return err
}

// there returns an error for a case that is retired.
func (c *Case) there() error {
	switch {
	case c.purging:
		return fmt.Errorf("case %s: its purge under the rule %s is queued, and nothing more is done in it; type: triage push", c.ID, c.Purged)
	case c.Purged != "":
		return fmt.Errorf("case %s was purged under the rule %s: its key is destroyed", c.ID, c.Purged)
	case c.Withdrawn:
		return fmt.Errorf("case %s was withdrawn by its witness: its key is destroyed", c.ID)
	}
	return nil
}
