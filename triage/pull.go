package triage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tocsin/desk"
	"tocsin/ledger"
)

// Pulled says what a pull brought.
type Pulled struct {
	Leaves  int64 // new in the ledger
	Size    int64 // of the ledger now
	Cases   int   // new
	Objects int   // fetched
	Bytes   int64 // of objects

	// Roster is the number of the roster in force, if it came with this pull in the
	// place of another; else 0.
	Roster uint64
	// News are the cases, known before, to which their witnesses added something.
	News []ledger.CaseID
	// Copies are the bags, see [Home.Copies], of cases that were destroyed.
	Copies []string

	// Delivered is what was queued and is in the ledger now, verified, and so is
	// queued no more.
	Delivered []Queued
	// Dropped is what was queued for cases that were withdrawn or purged
	// meanwhile, or sealed again for the same roster or a newer one, or to purge
	// or release cases that may not be any more, and is queued no more.
	Dropped []Queued
}

// A Progress is told how far a pull is: objects and bytes fetched, of how many.
type Progress func(objects, ofObjects int, bytes, ofBytes int64)

// A deskSource is what a mirror is brought up to date from: the desk, or a file that
// was written where the desk could be reached. Neither is trusted.
type deskSource interface {
	Head(ctx context.Context) (*desk.Head, error)
	Leaves(ctx context.Context, from, to int64, fn func(index int64, leaf []byte) error) error
	Objects(ctx context.Context, indices []int64, fn func(*desk.Frame) error) error
}

// Pull brings the mirror up to date from the desk at addr, or from the one the
// home knows if that is empty. What was fetched stays if it is interrupted, and
// the next pull goes on from there. What is queued and in the ledger leaves the
// queue. Then it opens the new cases for the index, which [Home.Reading] is told
// of. The caller holds the lock.
func (h *Home) Pull(ctx context.Context, addr string, progress Progress) (*Pulled, error) {
	return h.pullDesk(ctx, addr, progress, func(*desk.Client) error { return nil })
}

// pullDesk pulls from the desk, calls then while that is still reached, and reads
// what is new.
func (h *Home) pullDesk(ctx context.Context, addr string, progress Progress, then func(*desk.Client) error) (*Pulled, error) {
	c, hangUp, err := h.dial(addr)
	if err != nil {
		return nil, err
	}
	defer hangUp()
	p, err := h.pull(ctx, c, progress)
	if err != nil {
		return nil, err
	}
	if err := then(c); err != nil {
		return nil, err
	}
	return p, h.readNew(ctx)
}

// readNew opens what a pull brought, for the index, unless the person would have
// to be asked for a passphrase: a pull may run by itself at night, and then the
// next list does it. Whatever else is wrong is for the list to tell. It fails
// only if ctx ends, and then what was pulled, and what was opened, stays.
func (h *Home) readNew(ctx context.Context) error {
	if id, err := h.pluginIdentity(); h.identity == nil && (err != nil || id != nil) {
		return nil // a token asks for a touch at least
	}
	ask, reading, passphrase := h.Passphrase, h.Reading, h.passphrase
	h.Passphrase = nil
	_, err := h.Identity()
	h.Passphrase = ask
	if err != nil {
		h.passphrase = passphrase // it is right for the desk key
		return nil
	}
	defer func() { h.Reading = reading }()
	h.Reading = func(cases, of int) error {
		if reading != nil {
			if err := reading(cases, of); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	_, _ = h.Inbox()
	return ctx.Err()
}

// maxAttempts is how often a pull asks anew for what was destroyed meanwhile.
const maxAttempts = 4

func (h *Home) pull(ctx context.Context, src deskSource, progress Progress) (*Pulled, error) {
	m, err := h.openMirror()
	if err != nil {
		return nil, err
	}
	// advance keeps the rosters that it verifies.
	if err := makeDir(h.path("objects")); err != nil {
		return nil, err
	}
	before := m
	result := &Pulled{Leaves: -m.size(), Cases: -len(m.cases())}
	for attempt := 1; ; attempt++ {
		next, leaves, head, err := h.advance(ctx, src, m)
		if err != nil {
			return nil, err
		}
		grew := next.size() > m.size()
		if err := h.commit(m, next, leaves, head); err != nil {
			return nil, err
		}
		dropped, err := h.forget(next)
		if err != nil {
			return nil, err
		}
		result.Dropped = append(result.Dropped, dropped...)
		err = h.fetchMissing(ctx, src, next, result, progress)
		// What is absent may have been withdrawn or sealed again since the desk
		// said where it stands: then the ledger has grown by the leaf that tells.
		if errors.Is(err, errAbsent) && (attempt == 1 || grew) && attempt < maxAttempts {
			m = next
			continue
		}
		if err != nil {
			return nil, err
		}
		h.shed(next)
		if result.Delivered, err = h.settle(next); err != nil {
			return nil, err
		}
		result.Leaves += next.size()
		result.Size = next.size()
		result.Cases += len(next.cases())
		return result, h.compare(result, before, next)
	}
}

// compare notes in p what is new in the mirror that people act on.
func (h *Home) compare(p *Pulled, before, now *mirror) (err error) {
	if before.roster != nil && before.roster.Number != now.roster.Number {
		p.Roster = now.roster.Number
	}
	var gone []*Case
	for _, c := range now.cases() {
		if c.retired() && c.last >= before.size() {
			gone = append(gone, c)
		}
		if c.Index < before.size() && !c.retired() && slices.ContainsFunc(c.Messages, func(e Entry) bool {
			return e.Index >= before.size() && e.Leaf.Kind == ledger.KindAddition
		}) {
			p.News = append(p.News, c.ID)
		}
	}
	if len(gone) > 0 {
		p.Copies, err = h.Copies(gone)
	}
	return err
}

// fetchMissing brings the objects that m speaks of and the home lacks.
func (h *Home) fetchMissing(ctx context.Context, src deskSource, m *mirror, result *Pulled, progress Progress) error {
	missing := h.missing(m)
	var total int64
	for _, w := range missing {
		total += max(w.size, 0)
	}
	objects, bytes := result.Objects, result.Bytes // of before
	return h.fetch(ctx, src, missing, func(n int64) {
		result.Objects++
		result.Bytes += n
		progress(result.Objects-objects, len(missing), result.Bytes-bytes, max(total, result.Bytes-bytes))
	})
}

// dial returns a client of the desk, and what to call when done with it.
func (h *Home) dial(addr string) (c *desk.Client, hangUp func(), err error) {
	conf, err := h.config()
	if err != nil {
		return nil, nil, err
	}
	if addr == "" {
		addr = conf.Desk
	}
	if addr == "" {
		return nil, nil, errors.New("no desk address is known; add: --desk ADDR")
	}
	r, err := h.Roster()
	if err != nil {
		return nil, nil, err
	}
	key, err := h.deskKey()
	if err != nil {
		return nil, nil, err
	}
	connect, closeTor, err := h.Tor.Dial(addr, h.onionKey)
	if err != nil {
		return nil, nil, err
	}
	if c, err = desk.NewClient(connect, key, r.Intake.Desk); err != nil {
		return nil, nil, fmt.Errorf("preparing to ask the desk: %w", err)
	}
	return c, func() { c.Close(); closeTor() }, nil
}
