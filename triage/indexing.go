package triage

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
)

// basis stands for all that a list is made from: the organisation, the ledger
// and the queue.
func (h *Home) basis(queue []Queued) (ledger.Digest, error) {
	sum := sha256.New()
	for _, path := range []string{h.path("config"), h.path("ledger", "head"), h.path("ledger", "leaves")} {
		digest, err := fileDigest(path)
		if err != nil {
			return ledger.Digest{}, err
		}
		sum.Write(digest[:])
	}
	for _, q := range queue {
		digest := digestOf(q.text)
		sum.Write(digest[:])
	}
	return ledger.Digest(sum.Sum(nil)), nil
}

// fileDigest returns zero for a file that is not there.
func fileDigest(path string) (ledger.Digest, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ledger.Digest{}, nil
	}
	if err != nil {
		return ledger.Digest{}, fmt.Errorf("reading the mirror: %w", err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.CopyBuffer(sum, struct{ io.Reader }{f}, make([]byte, 256<<10)); err != nil {
		return ledger.Digest{}, fmt.Errorf("reading the mirror: %w", err)
	}
	return ledger.Digest(sum.Sum(nil)), nil
}

// prints returns, for each case, what stands for all its leaves, and for what
// waits to be one: a list's line for it stays true exactly as long.
func (m *mirror) prints(waiting []Queued) map[ledger.CaseID]ledger.Digest {
	prints := make(map[ledger.CaseID]ledger.Digest)
	var b []byte
	add := func(id ledger.CaseID, kind byte, of []byte) {
		before := prints[id]
		b = append(append(append(b[:0], before[:]...), kind), of...)
		prints[id] = digestOf(b)
	}
	for i, l := range m.leaves {
		if l.Event != ledger.EventRoster {
			hash := m.hashes[tlog.StoredHashIndex(0, int64(i))]
			add(l.Case, 'l', hash[:])
		}
	}
	for _, q := range waiting {
		add(q.Leaf.Case, 'q', q.Leaf.Signature)
	}
	return prints
}

// read returns the entries of the index's segments, and what it saw of each.
func (x *index) read(segments int) (map[ledger.CaseID]*entry, []segment) {
	lists, seen := x.readAll(segments)
	known := make(map[ledger.CaseID]*entry)
	for _, list := range lists {
		for _, e := range list {
			known[e.ID] = e
		}
	}
	return known, seen
}

func (x *index) readAll(segments int) ([][]*entry, []segment) {
	lists, seen := make([][]*entry, segments), make([]segment, segments)
	inParallel(segments, func(i int) {
		if list, at, err := x.readSegment(i); err == nil {
			lists[i], seen[i] = list, segment{at, len(list)}
		}
	})
	return lists, seen
}

// whole returns the entries, in the ledger's order, if the index is whole for
// that basis.
func (x *index) whole(basis ledger.Digest) ([]*entry, []segment, bool) {
	state, err := x.readState()
	if err != nil || state.Basis != basis {
		return nil, nil, false
	}
	lists, seen := x.readAll(len(state.Segments))
	for i, s := range seen {
		if s.at != state.Segments[i] {
			return nil, nil, false
		}
	}
	list := slices.Concat(lists...)
	return list, seen, len(list) == state.Cases
}

// locked runs fn while no other process writes the index, unless the ledger is
// another by now: what was opened before a pull must not bring back what the
// pull destroyed. head is what the ledger's head was.
func (x *index) locked(head []byte, fn func() error) error {
	unlock, err := x.home.lockIndex()
	if err != nil {
		return err
	}
	defer unlock()
	now, err := os.ReadFile(x.home.path("ledger", "head"))
	if err != nil || !bytes.Equal(now, head) {
		return errNoIndex
	}
	return fn()
}

// lockIndex waits until nobody else writes the index, which takes them
// milliseconds. Files that dead writers left are removed.
func (h *Home) lockIndex() (unlock func(), err error) {
	if err := makeDir(h.path("index")); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(h.path("index", "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the index: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("locking the index: %w", err)
	}
	if err := sweep(h.path("index")); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// write writes a segment. A crash before its rename leaves the one before,
// whose outdated entries are noticed by their prints.
func (x *index) write(n int, entries []*entry) (nonce, error) {
	content, err := marshalEntries(entries)
	if err != nil {
		return nonce{}, err
	}
	defer clear(content)
	file, at := x.seal(segmentName(n), content)
	return at, writeFile(x.home.path("index", segmentName(n)), file)
}

// writeState is the index's commit point: before it the segments are read entry
// by entry, after it as a whole.
func (x *index) writeState(s *indexState) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("writing the index: %w", err)
	}
	file, _ := x.seal(stateName, text)
	return writeFile(x.home.path("index", stateName), file)
}

// dropSegments removes the segments in which cases at these places are: what
// the index knew of them must go, and without a key nothing less can be done.
func (h *Home) dropSegments(places []int) error {
	if _, err := os.Stat(h.path("index")); len(places) == 0 || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := h.lockIndex()
	if err != nil {
		return err
	}
	defer unlock()
	for _, place := range places {
		err := os.Remove(h.path("index", segmentName(place/segmentCases)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a case that was destroyed from the index: %w", err)
		}
	}
	return syncDir(h.path("index"))
}

// DropIndex removes the index of what was decrypted. The next list opens every
// case again.
func (h *Home) DropIndex() error {
	if _, err := os.Stat(h.path("index")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := h.lockIndex()
	if err != nil {
		return err
	}
	defer unlock()
	entries, err := os.ReadDir(h.path("index"))
	for _, e := range entries {
		if e.Name() != "lock" {
			err = errors.Join(err, os.Remove(filepath.Join(h.path("index"), e.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("removing the index: %w", err)
	}
	return syncDir(h.path("index"))
}
