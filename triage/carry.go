package triage

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"tocsin/desk"
	"tocsin/ledger"
	"tocsin/seal/roster"
)

// ErrOlder means that a file ends before what was seen here, without
// contradicting it.
var ErrOlder = errors.New("older than what this home has seen")

// PullFrom is Pull from a file that [Home.PullTo] wrote where the desk could be
// reached: everything is checked, refused, kept and gone on from in the same way.
// A file that stands where this home stands brings what is still missing of it.
// One whose checkpoint is the beginning of what was seen here is [ErrOlder], and
// nothing of it is taken: two sticks were confused. One that ends earlier and is
// no such beginning shows another history, and is refused. The caller holds the
// lock.
func (h *Home) PullFrom(ctx context.Context, path string, progress Progress) (*Pulled, error) {
	f, err := openCarried(path)
	if err != nil {
		return nil, fmt.Errorf("reading what was carried here: %w", err)
	}
	defer f.Close()
	src, err := scanDeskFile(f)
	if err != nil {
		return nil, carriedError(path, err)
	}
	m, err := h.openMirror()
	if err != nil {
		return nil, err
	}
	if err := m.judgeOlder(&src.head); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p, err := h.pull(ctx, src, progress)
	if errors.Is(err, errAbsent) {
		err = h.explainAbsent(src, err)
	}
	if err != nil {
		return nil, carriedError(path, err)
	}
	return p, h.readNew(ctx)
}

// judgeOlder returns an error if a head speaks of fewer leaves than m has. What
// is wrong with it otherwise is for pull to say.
func (m *mirror) judgeOlder(head *desk.Head) error {
	r, err := roster.Open(head.Roster, m.orgKey)
	if err != nil {
		return nil
	}
	cp, err := ledger.OpenCheckpoint(head.Checkpoint, r.Intake.Ledger)
	if err != nil || cp.Origin != r.Origin || cp.Size >= m.size() {
		return nil
	}
	root, err := m.hashes.Root(cp.Size)
	if err != nil {
		return fmt.Errorf("computing the ledger's root: %w", err)
	}
	then := mirror{leaves: m.leaves[:cp.Size]}
	last := then.lastRoster()
	if root != cp.Root || last == nil || last.Digest != ledger.Digest(r.Digest) {
		return refused("the ledger was rewritten: the %d leaves that the file speaks of are not the first %d of the %d seen here", cp.Size, cp.Size, m.size())
	}
	return fmt.Errorf("%w: it ends after leaf %d of %d. Nothing was taken from it; was it the right stick?", ErrOlder, cp.Size, m.size())
}

// explainAbsent tells a file that begins too late from one that lacks what it
// should hold.
func (h *Home) explainAbsent(src *deskFile, err error) error {
	m, failed := h.openMirror()
	if failed != nil {
		return failed
	}
	need := m.size()
	for _, w := range h.missing(m) {
		need = min(need, w.index)
	}
	if need < m.size() && (src.first < 0 || need < src.first) {
		return gap(need)
	}
	return err
}

// PullTo is Pull from the desk at addr, and then writes to path what a home that
// reaches no desk needs of it: see [Home.PullFrom]. Leaves before since, and what
// they speak of, are left out: it is the number of leaves that the other home had
// after its last whole pull, or 0. It needs no worker.key. The file is 0600 and
// appears whole or not at all. The caller holds the lock.
func (h *Home) PullTo(ctx context.Context, addr, path string, since int64, progress Progress) (*Pulled, error) {
	return h.pullDesk(ctx, addr, progress, func(c *desk.Client) error {
		m, err := h.openMirror()
		if err != nil {
			return err
		}
		switch {
		case since < 0 || since > m.size():
			return fmt.Errorf("the ledger has %d leaves; the other home can't have %d of them", m.size(), since)
		case m.size()-since > maxNewLeaves:
			return fmt.Errorf("the file would have %d leaves, and one pull takes %d at most", m.size()-since, maxNewLeaves)
		}
		// The record of a case that was withdrawn proves that its witness did it.
		// This home has judged that and let go of it; the other has not.
		before := mirror{leaves: m.leaves[:since]}
		if err := h.fetchPublic(ctx, c, &before, m); err != nil {
			return err
		}
		if err := h.writeDeskFile(ctx, m, path, since); err != nil {
			return err
		}
		_, err = h.forget(m)
		return err
	})
}

// writeDeskFile writes the mirror from a leaf on as a [deskFile].
func (h *Home) writeDeskFile(ctx context.Context, m *mirror, path string, since int64) error {
	return writeCarried(path, func(w *desk.Writer) error {
		head, err := h.readHead()
		if err != nil {
			return err
		}
		if err := errors.Join(w.Write(desk.Roster, 0, head.Roster), w.Write(desk.Checkpoint, 0, head.Checkpoint)); err != nil {
			return err
		}
		if err := h.copyLeaves(w, m, since); err != nil {
			return err
		}
		for _, o := range m.objectsSince(since) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := h.copyObject(w, o); err != nil {
				return err
			}
		}
		return nil
	})
}

// copyLeaves writes the leaves as they lie in the mirror.
func (h *Home) copyLeaves(w *desk.Writer, m *mirror, since int64) error {
	f, err := os.Open(h.path("ledger", "leaves"))
	if err != nil {
		return fmt.Errorf("reading the mirror's leaves: %w", err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	for i := range m.size() {
		leaf, err := readLeaf(r)
		if err == nil && i >= since {
			err = w.Write(desk.Leaf, i, leaf)
		}
		if err != nil {
			return fmt.Errorf("copying leaf %d: %w", i, err)
		}
	}
	return nil
}

// objectsSince lists what the leaves from since on speak of and a home that has
// those before needs, in the order of a [deskFile].
func (m *mirror) objectsSince(since int64) []want {
	var list []want
	resealed := map[ledger.CaseID]int64{} // leaf of the envelope in force
	withdrawn := map[ledger.CaseID]bool{}
	for i, l := range m.leaves {
		switch l.Event {
		case ledger.EventRoster:
			if int64(i) >= since {
				list = append(list, want{int64(i), desk.Roster, l.Digest, -1})
			}
		case ledger.EventRekey:
			resealed[l.Case] = int64(i)
		case ledger.EventWithdrawn:
			withdrawn[l.Case] = int64(i) >= since
		}
	}
	for _, c := range m.cases() {
		live := !c.retired()
		if live && c.Index >= since || withdrawn[c.ID] {
			list = append(list, want{c.Index, desk.Record, c.record, -1})
		}
		if live && max(c.Index, resealed[c.ID]) >= since {
			list = append(list, want{c.Index, desk.Envelope, c.envelope, -1})
		}
		for _, e := range c.Messages {
			if live && e.Index >= since {
				list = append(list, want{e.Index, desk.Message, e.Leaf.Digest, e.Leaf.Size})
			}
		}
	}
	slices.SortFunc(list, func(a, b want) int {
		return cmp.Or(cmp.Compare(a.index, b.index), slices.Index(objectOrder, a.kind)-slices.Index(objectOrder, b.kind))
	})
	return list
}

// copyObject writes an object. It is checked on its way, so that a damaged disk
// is noticed on this side of the gap.
func (h *Home) copyObject(w *desk.Writer, o want) error {
	f, size, err := h.openObject(o.digest)
	if err != nil {
		return fmt.Errorf("what leaf %d speaks of: %w", o.index, err)
	}
	defer f.Close()
	sum := sha256.New()
	if err := w.Stream(o.kind, o.index, size, io.TeeReader(f, sum)); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), o.digest[:]) {
		return fmt.Errorf("%s is damaged; remove it and pull again", h.objectPath(o.digest))
	}
	return nil
}

// partEnding ends the name of a file that is being written for a stick. A stick
// is not the home's to sweep: what a writer that died left there, the next one
// with the same name takes the place of.
const partEnding = ".part"

// writeCarried writes a file to be carried. It takes the place of one that was
// carried before, and of nothing else.
func writeCarried(path string, fill func(*desk.Writer) error) error {
	if old, err := openCarried(path); err == nil {
		_, err = desk.NewReader(old).Next()
		old.Close()
		if errors.Is(err, desk.ErrVersion) {
			return fmt.Errorf("%s is there and holds something else; give another name", path)
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("writing a file to carry: %w", err)
	}
	part := path + partEnding
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("writing a file to carry: %w", err)
	}
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing a file to carry: %w", err)
	}
	p := &pending{File: f, path: path}
	defer p.discard()
	b := bufio.NewWriterSize(p, 1<<20)
	w := desk.NewWriter(b)
	err = fill(w)
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = b.Flush()
	}
	if errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("%s grows beyond what that file system takes (FAT32: 4 GiB); format the stick as exFAT, or pull less with --since: %w", filepath.Base(path), err)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	// Commit point: killed before it, a file that was there before is untouched.
	return p.commit()
}
