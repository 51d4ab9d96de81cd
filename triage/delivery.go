package triage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/ledger"
	"tocsin/seal/roster"
	"tocsin/triage/screen"
)

// A Delivery is a sealed bag that is to be mailed, or given to a command, and
// how far that is.
type Delivery struct {
	Destination string        `json:"destination"`
	Bag         string        `json:"bag"` // the file's name in the destination's outbox
	Digest      ledger.Digest `json:"-"`   // of the sealed bag
	State       DeliveryState `json:"state"`
	Attempts    int           `json:"attempts"`       // that failed
	First       time.Time     `json:"first,omitzero"` // when the first of them began
	Next        time.Time     `json:"next,omitzero"`  // not before then is it tried again
	Said        string        `json:"said"`           // the server's or command's last answer, or why it failed; one line, clean
}

// A DeliveryState says how far a delivery is.
type DeliveryState string

// The states of a delivery. The last two are never kept: their file is gone.
const (
	DeliveryWaiting DeliveryState = "waiting"   // to be tried, or tried again
	Delivered       DeliveryState = "delivered" // the server or the command has it
	DeliveryFailed  DeliveryState = "failed"    // not tried again unless asked for
	DeliveryTaken   DeliveryState = "taken"     // by a person: the bag is no longer in the outbox, or belongs there now
	DeliveryVoid    DeliveryState = "void"      // its case was destroyed before it left
)

const (
	deliveryHeader = "tocsin.delivery.v1"
	// maxSaid bounds what is kept of a server's answer, in bytes.
	maxSaid = 500
)

// name is that of the delivery's file. A destination's has no dot.
func (d *Delivery) name() string { return d.Destination + "." + strings.TrimSuffix(d.Bag, bagEnding) }

func (d *Delivery) marshal() []byte {
	return fmt.Appendf(nil, "%s\ndestination %s\nbag %s\ndigest %s\nstate %s\nattempts %d\nfirst %s\nnext %s\nsaid %s\n", deliveryHeader,
		d.Destination, d.Bag, d.Digest, d.State, d.Attempts, d.First.UTC().Format(time.RFC3339), d.Next.UTC().Format(time.RFC3339), d.Said)
}

// parseDelivery reads what marshal wrote, and only that.
func parseDelivery(text []byte) (*Delivery, error) {
	header, rest, _ := strings.Cut(string(text), "\n")
	if header != deliveryHeader {
		return nil, fmt.Errorf("its first line is not %q: %w", deliveryHeader, ErrVersion)
	}
	v := map[string]string{}
	for line := range strings.Lines(rest) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		v[key] = value
	}
	d := &Delivery{Destination: v["destination"], Bag: v["bag"], State: DeliveryState(v["state"]), Said: v["said"]}
	var errs [4]error
	d.Digest, errs[0] = ledger.ParseDigest(v["digest"])
	d.Attempts, errs[1] = strconv.Atoi(v["attempts"])
	d.First, errs[2] = time.Parse(time.RFC3339, v["first"])
	d.Next, errs[3] = time.Parse(time.RFC3339, v["next"])
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	d.First, d.Next = d.First.UTC(), d.Next.UTC()
	if !roster.ValidName(d.Destination) || d.Bag != screen.FileName(d.Bag) || d.Attempts < 0 ||
		!slices.Contains([]DeliveryState{DeliveryWaiting, Delivered, DeliveryFailed}, d.State) || !bytes.Equal(d.marshal(), text) {
		return nil, errors.New("the file is damaged")
	}
	return d, nil
}

// say keeps what somebody else said as one clean line.
func (d *Delivery) say(text string) {
	d.Said = screen.Line(strings.ToValidUTF8(text[:min(len(text), maxSaid)], ""))
}

// queueDelivery notes that a bag is to be delivered, unless a person takes it
// from the outbox.
func (h *Home) queueDelivery(to *roster.Destination, bag string, digest ledger.Digest) error {
	if to.Delivery == roster.DeliveryOutbox {
		return nil
	}
	if err := makeDir(h.path("deliveries")); err != nil {
		return err
	}
	return h.keepDelivery(&Delivery{Destination: to.Name, Bag: filepath.Base(bag), Digest: digest, State: DeliveryWaiting})
}

func (h *Home) keepDelivery(d *Delivery) error {
	return writeFile(h.path("deliveries", d.name()), d.marshal())
}

// An outboxBag is a sealed bag in the outbox.
type outboxBag struct {
	id          ledger.CaseID
	destination string
	path        string
}

// outboxBags lists the bags in the outbox, ordered by destination.
func (h *Home) outboxBags() ([]outboxBag, error) {
	outboxes, err := os.ReadDir(h.path("outbox"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	var list []outboxBag
	for _, o := range outboxes {
		bags, err := os.ReadDir(h.path("outbox", o.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading the outbox: %w", err)
		}
		for _, b := range bags {
			name, _, _ := strings.Cut(b.Name(), "-") // see bagName
			if id, err := ledger.ParseCaseID(name); err == nil && strings.HasSuffix(b.Name(), bagEnding) {
				list = append(list, outboxBag{id, o.Name(), h.path("outbox", o.Name(), b.Name())})
			}
		}
	}
	return list, nil
}

// forgetBags removes the bags of cases that are destroyed, but for those to whom
// the ledger says that the case was handed over: what lies in the outbox for them
// is theirs, see Copies. Of the others no ledger will ever speak, and a person
// could still bring them. Killed in it, the next pull goes on.
func (h *Home) forgetBags(byID map[ledger.CaseID]*Case) error {
	bags, err := h.outboxBags()
	if err != nil {
		return err
	}
	for _, b := range bags {
		if c := byID[b.id]; c == nil || !c.retired() || c.handedTo(b.destination) {
			continue
		}
		if err := os.Remove(b.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the bag of a case that was destroyed: %w", err)
		}
		if err := syncDir(h.path("outbox", b.destination)); err != nil {
			return err
		}
	}
	return nil
}

// Copies lists the bags of these cases that lie in the outbox of a destination to
// whom the case was handed over, sealed to it. No purge takes them away: a person
// does, who knows whether the destination has its own.
func (h *Home) Copies(cases []*Case) (paths []string, err error) {
	bags, err := h.outboxBags()
	if err != nil {
		return nil, err
	}
	for _, b := range bags {
		if slices.ContainsFunc(cases, func(c *Case) bool { return c.ID == b.id && c.handedTo(b.destination) }) {
			paths = append(paths, b.path)
		}
	}
	return paths, nil
}

// handedTo reports whether the case was handed over to a destination.
func (c *Case) handedTo(destination string) bool {
	return slices.ContainsFunc(c.Handed, func(e Entry) bool {
		return e.Leaf.Event == ledger.EventHandedOver && e.Leaf.Destination == destination
	})
}

// Deliveries lists the bags that are to be delivered and those that were, as
// long as they lie in the outbox, ordered by destination.
func (h *Home) Deliveries() ([]*Delivery, error) {
	entries, err := os.ReadDir(h.path("deliveries"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the deliveries: %w", err)
	}
	var list []*Delivery
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) {
			continue
		}
		path := h.path("deliveries", e.Name())
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // one that ended meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("reading the deliveries: %w", err)
		}
		d, err := parseDelivery(text)
		if err == nil && d.name() != e.Name() {
			err = errors.New("it is another delivery's")
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		list = append(list, d)
	}
	return list, nil
}
