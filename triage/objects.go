package triage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"

	"tocsin/desk"
	"tocsin/ledger"
)

// ErrNotHere means that an object was not pulled yet.
var ErrNotHere = errors.New("not in this home yet; type: triage pull")

// A want is an object that the ledger speaks of and the home lacks.
type want struct {
	index  int64 // of its leaf
	kind   desk.Kind
	digest ledger.Digest
	size   int64 // -1 if the ledger does not say
}

// One request names at most so many leaves and announces so many bytes, so
// that an interrupted pull has something to show for itself.
const (
	batchLeaves = 256
	batchBytes  = 64 << 20
)

// objectPath is where an object lies: its digest names it, so that what is
// there under a name is right or damaged, and never outdated.
func (h *Home) objectPath(d ledger.Digest) string { return h.path("objects", d.String()) }

func (h *Home) hasObject(d ledger.Digest) bool {
	_, err := os.Lstat(h.objectPath(d))
	return err == nil
}

// openObject opens an object to be read at random; it does not read it whole
// to check it, which age and the manifest do for messages.
func (h *Home) openObject(d ledger.Digest) (*os.File, int64, error) {
	f, err := os.Open(h.objectPath(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, ErrNotHere
	}
	if err != nil {
		return nil, 0, fmt.Errorf("opening an object: %w", err)
	}
	st, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("opening an object: %w", err), f.Close())
	}
	return f, st.Size(), nil
}

// readObject reads a small object and checks it against its digest.
func (h *Home) readObject(d ledger.Digest) ([]byte, error) {
	text, err := os.ReadFile(h.objectPath(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotHere
	}
	if err != nil {
		return nil, fmt.Errorf("reading an object: %w", err)
	}
	if digestOf(text) != d {
		return nil, fmt.Errorf("%s is damaged; remove it and pull again", h.objectPath(d))
	}
	return text, nil
}

// errAbsent means that the desk does not hold what a leaf speaks of. It may
// have let go of it since it was asked where it stands.
var errAbsent = errors.New("the desk no longer holds it")

// missing lists what the mirror speaks of and the home lacks. A case that was
// purged or withdrawn has nothing any more, and what it had is no longer needed
// here.
func (h *Home) missing(m *mirror) []want {
	var list []want
	add := func(index int64, kind desk.Kind, digest ledger.Digest, size int64) {
		if !h.hasObject(digest) {
			list = append(list, want{index, kind, digest, size})
		}
	}
	for _, c := range m.cases() {
		if c.retired() {
			continue
		}
		add(c.Index, desk.Record, c.record, -1)
		add(c.Index, desk.Envelope, c.envelope, -1)
		for _, e := range c.Messages {
			add(e.Index, desk.Message, e.Leaf.Digest, e.Leaf.Size)
		}
	}
	return list
}

// forget removes what the home holds of cases that were purged or withdrawn: a
// case is destroyed everywhere or it is not. It returns what is queued no more,
// for these cases, because it is superseded, and purges and releases that the ledger forbids:
// what the desk refused of a file that was carried to it is told by nothing else.
//
// Objects that another case names as well stay. Nobody signs a withdrawal, so
// whoever has the ledger key can open a case that names another's objects, and
// withdraw it.
func (h *Home) forget(m *mirror) (dropped []Queued, err error) {
	kept := map[ledger.Digest]bool{}
	gone := map[ledger.Digest]int{} // by the place of its case in the ledger
	byID := map[ledger.CaseID]*Case{}
	for place, c := range m.cases() {
		of := func(d ledger.Digest) { kept[d] = true }
		if c.retired() {
			of = func(d ledger.Digest) { gone[d] = place }
		}
		byID[c.ID] = c
		of(c.envelope)
		of(c.record)
		for _, d := range c.older {
			of(d) // as long as the case lives, shed judges of them
		}
		for _, e := range c.Messages {
			of(e.Leaf.Digest)
		}
	}
	for _, l := range m.leaves {
		if l.Event == ledger.EventRoster {
			kept[l.Digest] = true
		}
	}
	maps.DeleteFunc(gone, func(d ledger.Digest, _ int) bool { return kept[d] || !h.hasObject(d) })
	// First: killed after it, the objects tell the next pull what is left to do.
	if err := h.dropSegments(slices.Collect(maps.Values(gone))); err != nil {
		return nil, err
	}
	for d := range gone {
		if err := os.Remove(h.objectPath(d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("removing a case that was destroyed: %w", err)
		}
	}
	if err := errors.Join(h.forgetDrafts(byID), h.forgetBags(byID)); err != nil {
		return nil, err
	}
	queue, err := h.Queue()
	if err != nil {
		return nil, err
	}
	for _, q := range queue {
		c := byID[q.Leaf.Case]
		// What the ledger holds is for settle to take off.
		if c == nil || m.has(q.Leaf) || !c.outdates(q.Leaf, m.roster.Number) && !c.forbids(q.Leaf, m.roster) {
			continue
		}
		if err := os.Remove(q.Path); err != nil {
			return nil, fmt.Errorf("removing what was queued for a case that was destroyed or sealed again: %w", err)
		}
		dropped = append(dropped, q)
	}
	return dropped, nil
}

// fetch brings objects and checks each against the ledger before it gets its
// name. done is called with the bytes of each.
func (h *Home) fetch(ctx context.Context, src deskSource, list []want, done func(bytes int64)) error {
	var absent error
	for len(list) > 0 {
		var batch []want
		var announced int64
		for len(batch) < len(list) && len(batch) < batchLeaves && announced < batchBytes {
			w := list[len(batch)]
			batch = append(batch, w)
			announced += max(w.size, 0)
		}
		// What is absent keeps nobody from the rest.
		err := h.fetchBatch(ctx, src, batch, done)
		if errors.Is(err, errAbsent) {
			absent, err = err, nil
		}
		if err != nil {
			return err
		}
		list = list[len(batch):]
	}
	return absent
}

func (h *Home) fetchBatch(ctx context.Context, src deskSource, batch []want, done func(bytes int64)) error {
	type key struct {
		index int64
		kind  desk.Kind
	}
	wanted := make(map[key]want)
	var indices []int64
	for _, w := range batch {
		if n := len(indices); n == 0 || indices[n-1] != w.index {
			indices = append(indices, w.index)
		}
		wanted[key{w.index, w.kind}] = w
	}
	s := newSettler()
	err := src.Objects(ctx, indices, func(f *desk.Frame) error {
		k := key{f.Index, f.Kind}
		w, ok := wanted[k]
		switch {
		case ok:
		case f.Kind == desk.Record, f.Kind == desk.Envelope, f.Kind == desk.Absent:
			// A case's other half, which is here already; and what is absent is
			// told below. They are small, and come once for each leaf.
			return nil
		default:
			return refused("the desk sends %d bytes for leaf %d that nobody asked for", f.Size, f.Index)
		}
		p, err := h.receive(w, f)
		if errors.Is(err, errAbsent) {
			return nil // told below
		}
		if err != nil {
			return err
		}
		delete(wanted, k)
		s.settle(p)
		done(f.Size)
		return nil
	})
	// Also after an error: what is settled need not be fetched again.
	err = errors.Join(err, s.wait(), syncDir(h.path("objects")))
	if err != nil {
		return err
	}
	for k := range wanted {
		return refused("what leaf %d speaks of: %w", k.index, errAbsent)
	}
	return nil
}

// receive writes an object next to its place and returns it to be settled,
// if it is what its leaf says.
func (h *Home) receive(w want, f *desk.Frame) (*pending, error) {
	if w.size >= 0 && f.Size != w.size {
		return nil, refused("what leaf %d speaks of has %d bytes, and the desk sends %d", w.index, w.size, f.Size)
	}
	p, err := create(h.objectPath(w.digest))
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(p, sum), f.Body); err != nil {
		p.discard()
		return nil, err
	}
	if !bytes.Equal(sum.Sum(nil), w.digest[:]) {
		p.discard()
		if w.kind == desk.Envelope {
			// Sealed again since the desk said where it stands, or forged: asked
			// anew, the ledger tells.
			return nil, errAbsent
		}
		return nil, refused("what the desk sends for leaf %d is not what the leaf says", w.index)
	}
	return p, nil
}

// A settler syncs several files at once and gives them their names: the disk
// does many syncs in little more time than one. The directory is synced by its
// caller, once for all.
type settler struct {
	slots chan struct{} // one element for each file under way
	all   sync.WaitGroup
	mu    sync.Mutex
	err   error // guarded by mu
}

// settlers is how many files are synced at once.
const settlers = 16

func newSettler() *settler { return &settler{slots: make(chan struct{}, settlers)} }

func (s *settler) settle(p *pending) {
	s.slots <- struct{}{}
	s.all.Go(func() {
		defer func() { <-s.slots }()
		if err := p.settle(); err != nil {
			p.discard()
			s.mu.Lock()
			s.err = errors.Join(s.err, err)
			s.mu.Unlock()
		}
	})
}

// wait returns when all are settled.
func (s *settler) wait() error {
	s.all.Wait()
	return s.err
}
