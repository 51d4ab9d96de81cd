package triage

import (
	"context"
	"errors"
	"fmt"

	"tocsin/desk"
)

// Pulled says what a pull brought.
type Pulled struct {
	Leaves  int64 // new in the ledger
	Size    int64 // of the ledger now
	Cases   int   // new
	Objects int   // fetched
	Bytes   int64 // of objects
}

// A Progress is told how far a pull is: objects and bytes fetched, of how many.
type Progress func(objects, ofObjects int, bytes, ofBytes int64)

// Pull brings the mirror up to date from the desk at addr, or from the one the
// home knows if that is empty. What was fetched stays if it is interrupted, and
// the next pull goes on from there. The caller holds the lock.
func (h *Home) Pull(ctx context.Context, addr string, progress Progress) (*Pulled, error) {
	c, err := h.dial(addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return h.pull(ctx, c, progress)
}

func (h *Home) pull(ctx context.Context, c *desk.Client, progress Progress) (*Pulled, error) {
	m, err := h.openMirror()
	if err != nil {
		return nil, err
	}
	// advance keeps the rosters that it verifies.
	if err := makeDir(h.path("objects")); err != nil {
		return nil, err
	}
	next, leaves, head, err := h.advance(ctx, c, m)
	if err != nil {
		return nil, err
	}
	if err := h.commit(m, next, leaves, head); err != nil {
		return nil, err
	}
	result := &Pulled{Leaves: next.size() - m.size(), Size: next.size(), Cases: len(next.cases()) - len(m.cases())}
	if err := h.forget(next); err != nil {
		return nil, err
	}
	missing := h.missing(next)
	var total int64
	for _, w := range missing {
		total += max(w.size, 0)
	}
	err = h.fetch(ctx, c, missing, func(n int64) {
		result.Objects++
		result.Bytes += n
		progress(result.Objects, len(missing), result.Bytes, max(total, result.Bytes))
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// dial returns a client of the desk.
func (h *Home) dial(addr string) (*desk.Client, error) {
	conf, err := h.config()
	if err != nil {
		return nil, err
	}
	if addr == "" {
		addr = conf.Desk
	}
	if addr == "" {
		return nil, errors.New("no desk address is known; add: --desk ADDR")
	}
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	key, err := h.deskKey()
	if err != nil {
		return nil, err
	}
	c, err := desk.NewClient(addr, key, r.Intake.Desk)
	if err != nil {
		return nil, fmt.Errorf("preparing to ask the desk: %w", err)
	}
	return c, nil
}
