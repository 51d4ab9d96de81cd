package triage

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"tocsin/ledger"
	"tocsin/seal/roster"
	"tocsin/triage/links"
	"tocsin/triage/screen"
)

// An Inbox holds the cases as they were when [Home.Inbox] returned it, with
// their texts, in memory. It does not change, so that several may search it at
// once.
type Inbox struct {
	now      func() time.Time
	deadline time.Duration
	entries  []*entry // in the ledger's order
	urgent   []*entry // the same, the most urgent first

	basis    ledger.Digest // what it was made from
	segments []segment     // of the index, as it was written or read
}

// A segment is what was last seen of one on the disk.
type segment struct {
	at   nonce // zero if there is none that can be read
	size int   // entries
}

// List returns the cases, the most urgent first.
func (b *Inbox) List() []Summary { return b.Search(new(Query)) }

// Search returns the cases that q matches, the most urgent first.
func (b *Inbox) Search(q *Query) []Summary {
	now := b.now()
	var found []*entry
	for _, e := range b.urgent {
		if s := e.at(now, b.deadline); q.match(&s, e.text) {
			found = append(found, e)
		}
	}
	list := make([]Summary, len(found)) // at once: they are large
	for i, e := range found {
		list[i] = e.at(now, b.deadline)
	}
	return list
}

// Inbox returns the cases as they now are. Most come from the index; those that
// are new or changed since it was written are opened, on all cores, and put into
// it. Called again, it returns what it has while nothing changed, and otherwise
// opens only what did. Opening many is told to [Home.Reading], and when that
// stops it, what was opened stays in the index.
//
// A case that can't be read is in the inbox, with its problem. Errors are those
// of the roster, the mirror, the queue and the key; never the index's.
func (h *Home) Inbox() (*Inbox, error) {
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	queue, err := h.Queue()
	if err != nil {
		return nil, err
	}
	b := &Inbox{now: h.Now, deadline: time.Duration(r.Policy.DeadlineHours) * time.Hour}
	if b.basis, err = h.basis(queue); err != nil {
		return nil, err
	}
	if old := h.inbox; old != nil && old.basis == b.basis {
		b.segments = old.segments
		return h.hold(b, old.entries), nil
	}
	if h.inbox == nil && h.hasIndex() {
		x, err := h.index()
		if err != nil && !errors.Is(err, errNoIndex) {
			return nil, err
		}
		if err == nil {
			if entries, segments, ok := x.whole(b.basis); ok {
				b.segments = segments
				return h.hold(b, entries), nil
			}
		}
	}
	return h.readCases(b, r, queue)
}

// hold makes b, with those entries, what the home has in memory.
func (h *Home) hold(b *Inbox, entries []*entry) *Inbox {
	b.entries, b.urgent = entries, slices.Clone(entries)
	slices.SortStableFunc(b.urgent, func(x, y *entry) int { return moreUrgent(&x.Summary, &y.Summary) })
	h.inbox = b
	return b
}

// readCases fills b from the mirror.
func (h *Home) readCases(b *Inbox, r *roster.Signed, queue []Queued) (*Inbox, error) {
	head, err := os.ReadFile(h.path("ledger", "head"))
	if os.IsNotExist(err) {
		return h.hold(b, nil), nil
	}
	if err != nil {
		return nil, err
	}
	m, err := h.openMirror()
	if err != nil {
		return nil, err
	}
	waiting := m.waiting(queue)
	rd := &reader{home: h, roster: r, head: head, cases: m.casesWith(waiting), prints: m.prints(waiting)}
	if len(rd.cases) == 0 {
		return h.hold(b, nil), nil
	}
	// Without the key there is one error to tell, not one for each case.
	rd.index, err = h.index()
	if err != nil && !errors.Is(err, errNoIndex) {
		return nil, err
	}
	rd.recall(h.inbox)
	entries, err := rd.read()
	if err != nil {
		return nil, err
	}
	// A pull meanwhile may be in the entries or not; and what could not be read
	// is tried again the next time.
	if again, err := h.basis(queue); err != nil || again != b.basis || rd.unread > 0 {
		b.basis = ledger.Digest{}
	}
	rd.finish(b.basis)
	b.segments = rd.segments
	return h.hold(b, entries), nil
}

// Reading is how a home tells how many cases it has opened, of how many that
// are new or changed. It is called by one goroutine at a time. If it returns an
// error, no more are opened and the error is returned.
type Reading func(cases, of int) error

// A reader makes the entries of an inbox.
type reader struct {
	home   *Home
	roster *roster.Signed
	head   []byte
	cases  []*Case
	prints map[ledger.CaseID]ledger.Digest

	index    *index // nil if there is none, or once it can't be written
	known    map[ledger.CaseID]*entry
	segments []segment
	stale    []bool // segments that hold other entries than known
	unread   int    // cases with a problem
}

// recall takes what is known from memory, or else from the disk, and drops what
// is true no more.
func (rd *reader) recall(memory *Inbox) {
	rd.segments = make([]segment, (len(rd.cases)+segmentCases-1)/segmentCases)
	rd.stale = make([]bool, len(rd.segments))
	rd.known = make(map[ledger.CaseID]*entry)
	switch {
	case memory != nil:
		for _, e := range memory.entries {
			if e.Summary.Problem == "" {
				rd.known[e.ID] = e
			}
		}
		copy(rd.segments, memory.segments)
		for i, s := range rd.segments {
			// Another process may have written it since, or removed it.
			rd.stale[i] = rd.index == nil || rd.index.nonce(segmentName(i)) != s.at
		}
	case rd.index != nil:
		rd.known, rd.segments = rd.index.read(len(rd.segments))
	}
	of := make([]int, len(rd.segments)) // entries that are still true
	for i, c := range rd.cases {
		if e := rd.known[c.ID]; e == nil || e.Print != rd.prints[c.ID] {
			delete(rd.known, c.ID)
			continue
		}
		of[i/segmentCases]++
	}
	for i, s := range rd.segments {
		rd.stale[i] = rd.stale[i] || s.size != of[i]
	}
}

// readBatch is how many cases are opened between two writes of the index: what
// a killed process loses of its work, a second or two.
const readBatch = 1024

// read opens the cases that are not known, and returns the entries of all.
func (rd *reader) read() ([]*entry, error) {
	var missing []int
	for i, c := range rd.cases {
		if rd.known[c.ID] == nil {
			missing = append(missing, i)
		}
	}
	entries := make([]*entry, len(rd.cases))
	progress := &progress{tell: rd.home.Reading, of: len(missing)}
	for batch := range slices.Chunk(missing, readBatch) {
		inParallel(len(batch), func(i int) {
			if !progress.stopped() {
				entries[batch[i]] = rd.entry(rd.cases[batch[i]])
				progress.done()
			}
		})
		for _, i := range batch {
			if e := entries[i]; e != nil && e.Summary.Problem == "" {
				rd.known[e.ID], rd.stale[i/segmentCases] = e, true
			} else {
				rd.unread++
			}
		}
		rd.save(batch[0]/segmentCases, batch[len(batch)-1]/segmentCases)
		if progress.err != nil {
			return nil, progress.err
		}
	}
	for i, c := range rd.cases {
		if entries[i] == nil {
			entries[i] = rd.known[c.ID]
		}
	}
	return entries, nil
}

// entry opens a case for its entry.
func (rd *reader) entry(c *Case) *entry {
	e := &entry{kept: kept{ID: c.ID, Print: rd.prints[c.ID], Summary: outline(c)}}
	if c.retired() {
		return e
	}
	var g gist
	o, err := rd.home.open(c, rd.roster)
	if err == nil {
		err = rd.home.summarise(o, &e.Summary, &g)
	}
	if err != nil {
		e.Summary.Problem = screen.Line(err.Error())
	}
	e.text = []byte(Fold(g.words.String()))
	if g.report != nil {
		// Strings alone: they always encode.
		e.Keys, _ = json.Marshal(links.KeysOf(g.report, g.additions...))
	}
	return e
}

// save writes those of the segments from first to last that are stale.
func (rd *reader) save(first, last int) {
	if rd.index == nil || !slices.Contains(rd.stale[first:last+1], true) {
		return
	}
	err := rd.index.locked(rd.head, func() error {
		for n := first; n <= last; n++ {
			if !rd.stale[n] {
				continue
			}
			var entries []*entry
			for _, c := range rd.cases[n*segmentCases : min((n+1)*segmentCases, len(rd.cases))] {
				if e := rd.known[c.ID]; e != nil {
					entries = append(entries, e)
				}
			}
			at, err := rd.index.write(n, entries)
			if err != nil {
				return err
			}
			rd.segments[n], rd.stale[n] = segment{at, len(entries)}, false
		}
		return nil
	})
	if err != nil {
		rd.index = nil // a full disk, or a pull meanwhile: the next list goes on
	}
}

// finish writes what is still stale, and that the index is whole for a basis,
// unless that is zero.
func (rd *reader) finish(basis ledger.Digest) {
	rd.save(0, len(rd.segments)-1)
	if rd.index == nil || basis == (ledger.Digest{}) {
		return
	}
	state := &indexState{Basis: basis, Cases: len(rd.cases)}
	for _, s := range rd.segments {
		state.Segments = append(state.Segments, s.at)
	}
	// It is only a cache: without the state it is read entry by entry.
	_ = rd.index.locked(rd.head, func() error { return rd.index.writeState(state) })
}

// progress counts what is done and stops when it is told to.
type progress struct {
	tell Reading // may be nil

	mu  sync.Mutex
	n   int
	of  int
	err error // of tell; guarded by mu, as n is
}

func (p *progress) stopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err != nil
}

func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	if p.tell != nil && p.err == nil {
		p.err = p.tell(p.n, p.of)
	}
}
