package view

import (
	"cmp"
	"context"
	"errors"
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
	said := "pulled: " + count(p.Cases, "new case")
	if n := len(p.News); n > 0 {
		said += ", news in " + count(n, "case")
	}
	said += fmt.Sprintf("; the ledger has %d leaves, %d of them new", p.Size, p.Leaves)
	if p.Roster > 0 {
		said += fmt.Sprintf("; roster %d is in force", p.Roster)
	}
	return said + settled(p.Delivered, p.Dropped), nil
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
		r, stays := p.Refused[0], fmt.Sprintf("stays queued (to drop it: triage queue drop %d)", p.Refused[0].Number())
		if r.Dropped {
			stays = "is queued no more"
		}
		return "", fmt.Errorf("%s; the desk refused %s: %s of case %s %s: %w",
			cmp.Or(said, "nothing was delivered"), count(len(p.Refused), "event"), r.What(), r.Leaf.Case.String()[:8], stays, r.Err)
	}
	return cmp.Or(said, "nothing was queued"), nil
}

// deliver brings the bags that are due to their destinations.
func (w *work) deliver(ctx context.Context, tell teller) (string, error) {
	var tried, left []*triage.Delivery
	err := w.locked(func() (err error) {
		if tried, err = w.Home.Deliver(ctx, false, func(d *triage.Delivery) { tell(d.Destination + " " + string(d.State)) }); err != nil {
			return err
		}
		left, err = w.Home.Deliveries()
		return err
	})
	if err != nil {
		return "", stopped(ctx, err)
	}
	states := make(map[triage.DeliveryState]int)
	var failed []*triage.Delivery
	for _, d := range tried {
		states[d.State]++
		if d.State == triage.DeliveryWaiting {
			failed = append(failed, d)
		}
	}
	// What is refused for good is said until a person acts.
	for _, d := range left {
		if d.State == triage.DeliveryFailed {
			failed = append(failed, d)
		}
	}
	var said []string
	if n := states[triage.Delivered]; n > 0 {
		said = append(said, "delivered: "+count(n, "bag"))
	}
	if n := states[triage.DeliveryTaken] + states[triage.DeliveryVoid]; n > 0 {
		said = append(said, count(n, "bag")+" not to be delivered any more")
	}
	if len(failed) > 0 {
		d := failed[0]
		said = append(said, fmt.Sprintf("not delivered: %s; to %s: %s", count(len(failed), "bag"), d.Destination, d.Said), "triage deliver --list says more")
		return "", errors.New(strings.Join(said, "; "))
	}
	return cmp.Or(strings.Join(said, "; "), "no bag is due to be delivered"), nil
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
