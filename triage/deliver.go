package triage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/triage/delivery"
)

// How long a delivery waits after a failed attempt: five minutes, then twice as
// long each time, up to four hours. RFC 5321 (4.5.4.1) asks for half an hour at
// least as a rule; who greylists lets in what comes back after five minutes, and
// the hours of a case count. As it asks, a delivery is given up after five days.
const (
	firstPause   = 5 * time.Minute
	longestPause = 4 * time.Hour
	giveUp       = 5 * 24 * time.Hour
)

// Deliver brings the bags that are due to their destinations, as the newest
// roster says: by mail, or by a command in the home's directory commands. With
// all it tries those too that are not due yet or had failed. It returns the
// deliveries that it touched, and calls done with each as it ends.
//
// Only what a signed event speaks of leaves: a bag of a route that was killed
// before its event was queued does not, nor one of a case that was destroyed;
// while a purge is queued its bags wait. A bag that is no longer in the outbox
// counts as taken there by a person.
//
// It is at least once: killed after a server took a mail and before that was
// noted here, the next run sends it again under the same Message-ID; a command
// is likewise run again. What failed is in the delivery, not in the error,
// which is for a home that can't be read or a wrong passphrase. The caller
// holds the lock, so that two never deliver at once.
func (h *Home) Deliver(ctx context.Context, all bool, done func(*Delivery)) ([]*Delivery, error) {
	list, err := h.Deliveries()
	if err != nil || len(list) == 0 {
		return nil, err
	}
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	handed, err := h.handedOver()
	if err != nil {
		return nil, err
	}
	c := &courier{Home: h, roster: r, handed: handed, server: sync.OnceValues(h.mailServer)}
	var touched []*Delivery
	for _, d := range list {
		changed, err := c.step(ctx, d, all)
		if err != nil {
			return touched, err
		}
		if changed {
			touched = append(touched, d)
			done(d)
		}
	}
	return touched, nil
}

// A handOver names what a signed event speaks of.
type handOver struct {
	destination string
	digest      ledger.Digest
}

// handedOver maps what signed events speak of to its case.
func (h *Home) handedOver() (map[handOver]*Case, error) {
	cases, err := h.Cases()
	if err != nil {
		return nil, err
	}
	handed := make(map[handOver]*Case)
	for _, c := range cases {
		for _, e := range c.Handed {
			if e.Leaf.Event == ledger.EventHandedOver {
				handed[handOver{e.Leaf.Destination, e.Leaf.Digest}] = c
			}
		}
	}
	return handed, nil
}

// A courier is one run of Deliver.
type courier struct {
	*Home
	roster *roster.Signed
	handed map[handOver]*Case
	server func() (*delivery.Server, error) // asks for the passphrase once
}

// step brings one delivery further and reports whether anything changed.
func (c *courier) step(ctx context.Context, d *Delivery, all bool) (changed bool, err error) {
	bag := c.path("outbox", d.Destination, d.Bag)
	to := c.roster.Destination(d.Destination)
	of := c.handed[handOver{d.Destination, d.Digest}] // nil if no signed event speaks of it
	_, err = os.Lstat(bag)
	switch {
	case errors.Is(err, fs.ErrNotExist) && of != nil:
		changed = d.State != Delivered // else there is nothing to say
		d.State = DeliveryTaken
		d.say("the bag is no longer in the outbox: taken there by hand")
		return changed, c.endDelivery(d)
	case of == nil:
		// The route that sealed it was killed, and the next one writes both
		// again. Or the event was dropped with its case.
		d.State = DeliveryVoid
		d.say("no signed event speaks of it: its route was interrupted, its hand-over dropped or its case destroyed")
		return true, c.endDelivery(d)
	case d.State == Delivered:
		return false, nil
	case of.destroyed():
		d.State = DeliveryVoid
		d.say("its case was destroyed before it left")
		return true, c.endDelivery(d)
	case of.retired():
		return false, nil // a purge waits to be pushed; should the desk refuse it, this goes on
	case to != nil && to.Delivery == roster.DeliveryOutbox:
		d.State = DeliveryTaken
		d.say("the roster now says that a person takes it from the outbox")
		return true, c.endDelivery(d)
	case !all && (d.State == DeliveryFailed || d.Next.After(c.Now())):
		return false, nil
	}
	started := c.Now()
	said, err := c.try(ctx, to, d, bag)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err() // an attempt that was interrupted is none
	case errors.Is(err, seal.ErrPassphrase):
		return false, err
	case err == nil:
		d.State = Delivered
		d.say(said)
	default:
		d.failed(err, started, c.Now())
	}
	// Commit point: until this is on the disk the attempt has not been, and
	// is made again.
	return true, c.keepDelivery(d)
}

// A setupError is about this machine, and not the attempt's: it costs no pause,
// so that what is put right is tried at once.
type setupError struct{ error }

// Unwrap returns what is wrong.
func (e setupError) Unwrap() error { return e.error }

// failed notes why an attempt failed and when the next one is due.
func (d *Delivery) failed(err error, started, now time.Time) {
	d.say(err.Error())
	d.State = DeliveryWaiting
	if _, ok := errors.AsType[setupError](err); ok {
		return
	}
	d.Attempts++
	if d.First.IsZero() {
		d.First = started.UTC().Truncate(time.Second)
	}
	pause := longestPause
	if n := d.Attempts - 1; n < 10 { // no overflow
		pause = min(firstPause<<n, longestPause)
	}
	d.Next = now.UTC().Truncate(time.Second).Add(pause)
	if delivery.IsPermanent(err) || d.Next.Sub(d.First) > giveUp {
		d.State, d.Next = DeliveryFailed, time.Time{}
	}
}

// try makes one attempt.
func (c *courier) try(ctx context.Context, to *roster.Destination, d *Delivery, path string) (said string, err error) {
	if to == nil {
		return "", setupError{fmt.Errorf("roster %d has no destination %s any more", c.roster.Number, d.Destination)}
	}
	open := func() (*delivery.Bag, error) {
		b, err := delivery.Open(path, d.Bag, d.Digest)
		if err != nil {
			return nil, setupError{err}
		}
		return b, nil
	}
	if name, ok := to.Command(); ok {
		b, err := open()
		if err != nil {
			return "", err
		}
		defer b.File.Close()
		return delivery.Run(ctx, c.path("commands", name), to.Name, b)
	}
	address, ok := to.Mail()
	if !ok {
		return "", setupError{fmt.Errorf("this program knows no delivery %q", to.Delivery)}
	}
	server, err := c.server()
	if err != nil {
		return "", setupError{err}
	}
	b, err := open()
	if err != nil {
		return "", err
	}
	defer b.File.Close()
	letter := &delivery.Letter{Organisation: c.roster.Organisation, To: address, Language: to.Language, Date: c.Now().UTC()}
	said, err = server.Send(ctx, letter, b)
	if errors.Is(err, delivery.ErrTooLarge) {
		err = fmt.Errorf("%w; bring it by hand: %s", err, path)
	}
	return said, err
}

// endDelivery forgets a delivery.
func (h *Home) endDelivery(d *Delivery) error {
	if err := os.Remove(h.path("deliveries", d.name())); err != nil {
		return fmt.Errorf("ending a delivery: %w", err)
	}
	return syncDir(h.path("deliveries"))
}
