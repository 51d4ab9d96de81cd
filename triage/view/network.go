package view

import (
	"context"
	"fmt"

	"tocsin/triage"
)

// A teller is told, in a few words, how far something is.
type teller func(string)

// following tells how far a pull is.
func following(tell teller) triage.Progress {
	return func(objects, of int, bytes, ofBytes int64) {
		tell(fmt.Sprintf("%d of %d objects, %d of %d MiB", objects, of, bytes>>20, ofBytes>>20))
	}
}

// inbox reads the cases. It stops when ctx ends.
func (w *work) inbox(ctx context.Context, tell teller) (*triage.Inbox, error) {
	w.reading(ctx, tell)
	return w.Home.Inbox()
}

func (w *work) reading(ctx context.Context, tell teller) {
	w.Home.Reading = func(cases, of int) error {
		tell(fmt.Sprintf("reading %d of %d", cases, of))
		return ctx.Err()
	}
}

// pull brings what is new.
func (w *work) pull(ctx context.Context, tell teller) (string, error) {
	w.reading(ctx, tell)
	var p *triage.Pulled
	err := w.locked(func() (err error) {
		p, err = w.Home.Pull(ctx, w.Desk, following(tell))
		return err
	})
	if err != nil {
		return "", stopped(ctx, err)
	}
	return fmt.Sprintf("pulled: %s; the ledger has %d leaves, %d of them new", count(p.Cases, "new case"), p.Size, p.Leaves) + dropped(p), nil
}

// push delivers what is queued.
func (w *work) push(ctx context.Context, tell teller) (string, error) {
	w.reading(ctx, tell)
	var p *triage.Pushed
	err := w.locked(func() (err error) {
		p, err = w.Home.Push(ctx, w.Desk, following(tell))
		return err
	})
	if err != nil {
		return "", stopped(ctx, err)
	}
	said := "nothing was queued"
	if n := len(p.Delivered); n > 0 {
		said = "delivered: " + count(n, "event")
	}
	if p.Pull != nil {
		said += dropped(p.Pull)
	}
	if len(p.Refused) > 0 {
		r := p.Refused[0]
		return "", fmt.Errorf("%s; the desk refused %s, which stays queued: %s of case %s: %w",
			said, count(len(p.Refused), "event"), r.What(), r.Leaf.Case.String()[:8], r.Err)
	}
	return said, nil
}

// stopped is err, or that somebody stopped it.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func dropped(p *triage.Pulled) string {
	if len(p.Dropped) == 0 {
		return ""
	}
	return fmt.Sprintf("; %s queued for cases that are destroyed or sealed anew dropped", count(len(p.Dropped), "event"))
}

// count returns "1 case", "2 cases".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
