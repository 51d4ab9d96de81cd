package view

import (
	"cmp"
	"context"
	"fmt"
	"strings"

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
	return fmt.Sprintf("pulled: %s; the ledger has %d leaves, %d of them new", count(p.Cases, "new case"), p.Size, p.Leaves) + settled(p.Delivered, p.Dropped), nil
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
	said := strings.TrimPrefix(settled(p.Delivered, p.Dropped), "; ")
	if len(p.Refused) > 0 {
		r, stays := p.Refused[0], "stays queued"
		if r.Dropped {
			stays = "is queued no more"
		}
		return "", fmt.Errorf("%s; the desk refused %s: %s of case %s %s: %w",
			cmp.Or(said, "nothing was delivered"), count(len(p.Refused), "event"), r.What(), r.Leaf.Case.String()[:8], stays, r.Err)
	}
	return cmp.Or(said, "nothing was queued"), nil
}

// stopped is err, or that somebody stopped it.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// settled says what is queued no more.
func settled(delivered, dropped []triage.Queued) string {
	said := ""
	if n := len(delivered); n > 0 {
		said += "; delivered: " + count(n, "event")
	}
	if n := len(dropped); n > 0 {
		said += fmt.Sprintf("; dropped: %s that came too late or was done by another", count(n, "event"))
	}
	return said
}

// count returns "1 case", "2 cases".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
