package triage

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"tocsin/ledger"
)

// An Entry is a leaf of a case and where it stands in the ledger. Index is -1
// while it is queued here and not in the ledger yet.
type Entry struct {
	Index int64
	Leaf  *ledger.Leaf

	queued string // the queue's file, if Index is -1
}

// A Case is what the ledger says of one, without opening anything.
type Case struct {
	ID        ledger.CaseID
	Index     int64      // of the leaf that opened it
	Day       ledger.Day // when it came
	Messages  []Entry    // the report first
	Handed    []Entry    // hand-overs and their acknowledgements
	Read      []Entry    // who opened the report for the first time
	Held      bool
	Purged    string // the rule it was purged under, in the ledger or in the queue, or empty
	Withdrawn bool   // the witness destroyed it before a case worker had read it

	queued   bool // something of it waits to be pushed
	purging  bool // a purge does: it is not destroyed yet, and the desk may refuse
	custody  ledger.Custody
	last     int64 // index of the last leaf in the ledger
	holds    []Entry
	releases []Entry
	record   ledger.Digest
	envelope ledger.Digest   // the one in force
	older    []ledger.Digest // those that were, in their order
	sealed   uint64          // number of the roster for which the one in force is sealed
	resealed uint64          // the same of a new one that is queued here, or 0
}

// cases lists the cases in the order they came.
func (m *mirror) cases() []*Case {
	var list []*Case
	byID := make(map[ledger.CaseID]*Case)
	var number uint64 // of the roster in force
	for i, l := range m.leaves {
		if l.Event == ledger.EventRoster {
			number = l.Number
		} else if l.Event == ledger.EventCase {
			c := &Case{ID: l.Case, Index: int64(i), Day: l.Day, last: int64(i), record: l.Digest, envelope: l.Envelope, sealed: number}
			byID[l.Case] = c
			list = append(list, c)
		} else if c := byID[l.Case]; c != nil {
			c.add(Entry{Index: int64(i), Leaf: l})
		}
	}
	return list
}

// queuedIndex stands for that of a leaf which is not in the ledger yet: it comes
// after all that is.
const queuedIndex = math.MaxInt64

func (c *Case) add(e Entry) {
	index := e.Index
	if index < 0 {
		index = queuedIndex
		c.queued = true
	}
	c.custody.Add(index, e.Leaf)
	c.Held = c.custody.Held()
	c.last = max(c.last, e.Index)
	switch e.Leaf.Event {
	case ledger.EventMessage:
		c.Messages = append(c.Messages, e)
	case ledger.EventRekey:
		if e.Index < 0 {
			c.resealed = e.Leaf.Number
			return
		}
		c.older = append(c.older, c.envelope)
		c.envelope, c.sealed = e.Leaf.Envelope, e.Leaf.Number
	case ledger.EventHandedOver, ledger.EventAcknowledged:
		c.Handed = append(c.Handed, e)
	case ledger.EventHeld:
		c.holds = append(c.holds, e)
	case ledger.EventReleased:
		c.releases = append(c.releases, e)
	case ledger.EventRead:
		c.Read = append(c.Read, e)
	case ledger.EventPurged:
		c.Purged, c.purging = e.Leaf.Rule, e.Index < 0
	case ledger.EventWithdrawn:
		c.Withdrawn = true
	}
}

// retired reports whether nobody works on the case any more: its key is
// destroyed, or this home has a purge of it queued.
func (c *Case) retired() bool { return c.Purged != "" || c.Withdrawn }

// destroyed reports whether the ledger says that the case's key is destroyed.
func (c *Case) destroyed() bool { return c.retired() && !c.purging }

// waits reports whether a message, a hold or a release is queued: what is
// signed before the desk has it does not count as signed with it in view.
func (c *Case) waits() bool {
	return slices.ContainsFunc(slices.Concat(c.Messages, c.holds, c.releases), func(e Entry) bool { return e.Index < 0 })
}

// Cases lists the cases that the home knows, with what is queued for them.
func (h *Home) Cases() ([]*Case, error) {
	m, err := h.openMirror()
	if err != nil {
		return nil, err
	}
	return h.withQueue(m)
}

func (h *Home) withQueue(m *mirror) ([]*Case, error) {
	queue, err := h.Queue()
	if err != nil {
		return nil, err
	}
	return m.casesWith(m.waiting(queue)), nil
}

// waiting lists what of a queue the ledger does not hold yet.
func (m *mirror) waiting(queue []Queued) []Queued {
	return slices.DeleteFunc(slices.Clone(queue), func(q Queued) bool { return m.has(q.Leaf) })
}

// casesWith lists the cases with what waits for them.
func (m *mirror) casesWith(waiting []Queued) []*Case {
	list := m.cases()
	if len(waiting) == 0 {
		return list
	}
	byID := make(map[ledger.CaseID]*Case)
	for _, c := range list {
		byID[c.ID] = c
	}
	for _, q := range waiting {
		if c := byID[q.Leaf.Case]; c != nil {
			c.add(Entry{Index: -1, Leaf: q.Leaf, queued: q.Path})
		}
	}
	return list
}

// has reports whether the ledger holds what was signed in l.
func (m *mirror) has(l *ledger.Leaf) bool {
	_, ok := m.find(l)
	return ok
}

// find returns the index of the leaf that bears l's signature, which covers
// everything but the day of entry.
func (m *mirror) find(l *ledger.Leaf) (int64, bool) {
	if m.signed == nil {
		m.signed = make(map[string]int64)
	}
	for ; m.indexed < len(m.leaves); m.indexed++ {
		if s := m.leaves[m.indexed].Signature; len(s) > 0 {
			m.signed[string(s)] = int64(m.indexed)
		}
	}
	i, ok := m.signed[string(l.Signature)]
	return i, ok && m.leaves[i].Case == l.Case
}

// ErrNoCase means that no case, or more than one, begins with what was given.
var ErrNoCase = errors.New("no such case")

// Find returns the case whose ID begins with prefix.
func (h *Home) Find(prefix string) (*Case, error) {
	m, err := h.openMirror()
	if err != nil {
		return nil, err
	}
	list, err := h.withQueue(m)
	if err != nil {
		return nil, err
	}
	return pick(list, prefix)
}

func pick(list []*Case, prefix string) (*Case, error) {
	prefix = strings.ToLower(strings.TrimSpace(prefix))
	var found *Case
	for _, c := range list {
		if prefix == "" || !strings.HasPrefix(c.ID.String(), prefix) {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("%w: several begin with %q; type more of it", ErrNoCase, prefix)
		}
		found = c
	}
	if found == nil {
		return nil, fmt.Errorf("%w: none begins with %q; see: triage list", ErrNoCase, prefix)
	}
	return found, nil
}
