package triage

import (
	"errors"
	"fmt"
	"slices"
)

// A HandedOver says what became of a decision to hand a case over.
type HandedOver struct {
	Made   []*Routed
	Before []error // ErrRouted, of each destination that had all of it already
	// Noted says that a note of the case has the decision with its reason. If not,
	// all of them had the case before, and the note of then stands.
	Noted bool
}

// HandOver routes a case to each destination of with.Decision and notes what was
// decided. If one fails, those before it have the case and a note says so, as if
// the decision had been for them alone: HandedOver is not nil with an error, and
// the same again goes on with the rest. The caller holds the lock.
func (h *Home) HandOver(c *Case, with With) (*HandedOver, error) {
	out := new(HandedOver)
	decided := *with.Decision
	decided.To = nil
	var failed error
	for _, to := range with.Decision.To {
		r, err := h.Route(c, to, with)
		if err != nil && !errors.Is(err, ErrRouted) {
			failed = err
			break
		}
		if err != nil {
			out.Before = append(out.Before, err)
		} else {
			out.Made = append(out.Made, r)
		}
		decided.To = append(decided.To, to)
	}
	if len(decided.To) == 0 {
		return out, failed
	}
	noted, err := h.noteDecision(c, &decided, len(out.Made) > 0)
	out.Noted = noted
	return out, errors.Join(failed, err)
}

// noteDecision notes in a case what was decided about it, after it was handed over
// so, and reports whether a note says all of it now. fresh says that some of that
// was done just now; without it the decision is noted only if no note sends the
// case to all of them, as after a route that was killed before its note.
func (h *Home) noteDecision(c *Case, d *Decision, fresh bool) (bool, error) {
	if !fresh {
		if noted, err := h.noted(c, d.To); err != nil || noted {
			return false, err
		}
	}
	// Handed over again the same day, for there is more of it: the last note says so.
	if _, err := h.AddNote(c, &Note{Decision: d}); err != nil && !errors.Is(err, ErrNoChange) {
		return false, fmt.Errorf("noting what was decided: %w", err)
	}
	return true, nil
}

// noted reports whether notes of the case send it to all those destinations.
func (h *Home) noted(c *Case, to []string) (bool, error) {
	o, err := h.openCase(c)
	if err != nil {
		return false, err
	}
	var sent []string
	for _, n := range h.deskOf(o).Notes {
		if n.Decision != nil {
			sent = append(sent, n.Decision.To...)
		}
	}
	return !slices.ContainsFunc(to, func(name string) bool { return !slices.Contains(sent, name) }), nil
}
