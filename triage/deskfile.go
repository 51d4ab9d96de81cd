package triage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"tocsin/desk"
)

// A deskFile is what a desk would answer, in a file that was carried here. It is
// one stream of desk frames: a roster and a checkpoint, which are the head; the
// leaves from one index on, each once and in order; then objects in the order of
// their leaves, those of one leaf in the order of objectOrder. An object's index
// is as the desk sends it, so that an envelope that was sealed again stands under
// the leaf that opened its case, which may come before the first leaf.
//
// Nothing in it is trusted, and no more than the places of its frames is held in
// memory: 16 bytes for a leaf, of which there are at most maxNewLeaves, and 32
// for an object, of which there are at most two for each leaf.
type deskFile struct {
	from io.ReaderAt
	head desk.Head
	// first is the index of the first leaf, or of the one after the last if the
	// file has none: it is not known then, and first is -1.
	first   int64
	leaves  []span
	objects []placed
}

// A span is where a frame's body lies.
type span struct{ at, size int64 }

type placed struct {
	index int64
	span
	kind desk.Kind
}

// objectOrder are the kinds of objects in the order in which a deskFile has them.
var objectOrder = []desk.Kind{desk.Roster, desk.Record, desk.Envelope, desk.Message}

func comparePlaces(a, b placed) int {
	if a.index != b.index {
		if a.index < b.index {
			return -1
		}
		return 1
	}
	return slices.Index(objectOrder, a.kind) - slices.Index(objectOrder, b.kind)
}

// openCarried opens a file that was carried here. Only a regular file can be
// read twice, and nothing else is opened.
func openCarried(path string) (*os.File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return os.Open(path)
}

// carriedError says what to do about a file that can't be read.
func carriedError(path string, err error) error {
	if errors.Is(err, desk.ErrTruncated) {
		return fmt.Errorf("%s is not whole; write it again, and take the stick out only when that has ended: %w", path, err)
	}
	return fmt.Errorf("reading %s: %w", path, err)
}

// scanDeskFile finds out where everything lies, without reading bodies but the
// head's.
func scanDeskFile(f interface {
	io.ReadSeeker
	io.ReaderAt
}) (*deskFile, error) {
	d := &deskFile{from: f, first: -1}
	frames := desk.NewReader(f)
	for n := 0; ; n++ {
		frame, err := frames.Next()
		if err == io.EOF && n >= 2 {
			return d, nil
		}
		if err == io.EOF {
			err = fmt.Errorf("%w: it has no head", desk.ErrMalformed)
		}
		if err == nil {
			err = d.add(n, frame, f)
		}
		if err != nil {
			return nil, err
		}
	}
}

// add takes the n-th frame, whose body begins where f stands.
func (d *deskFile) add(n int, frame *desk.Frame, f io.Seeker) (err error) {
	misplaced := fmt.Errorf("%w: a frame %q with index %d is out of place", desk.ErrMalformed, byte(frame.Kind), frame.Index)
	switch n {
	case 0:
		if frame.Kind == desk.Statement {
			return errors.New("it holds what triage push --to wrote; on a machine that reaches the desk type: triage push --from FILE")
		}
		if frame.Kind != desk.Roster || frame.Index != 0 {
			return misplaced
		}
		d.head.Roster, err = frame.Bytes()
		return err
	case 1:
		if frame.Kind != desk.Checkpoint || frame.Index != 0 {
			return misplaced
		}
		d.head.Checkpoint, err = frame.Bytes()
		return err
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	here := span{at, frame.Size}
	if frame.Kind == desk.Leaf {
		if len(d.leaves) == 0 {
			d.first = frame.Index
		}
		if len(d.objects) > 0 || len(d.leaves) == maxNewLeaves || frame.Index != d.first+int64(len(d.leaves)) {
			return misplaced
		}
		d.leaves = append(d.leaves, here)
		return nil
	}
	o := placed{frame.Index, here, frame.Kind}
	if !slices.Contains(objectOrder, o.kind) || len(d.objects) >= 2*len(d.leaves) {
		return misplaced
	}
	if last := len(d.objects) - 1; last >= 0 && comparePlaces(d.objects[last], o) >= 0 {
		return misplaced
	}
	d.objects = append(d.objects, o)
	return nil
}

// Head returns what the file begins with.
func (d *deskFile) Head(context.Context) (*desk.Head, error) {
	head := d.head
	return &head, nil
}

// errGap means that a file begins too late for this home.
var errGap = errors.New("the file lacks what this home does")

func gap(need int64) error {
	return fmt.Errorf("%w: on the machine that reaches the desk type: triage pull --to FILE --since %d", errGap, need)
}

// Leaves calls fn with each leaf from index from to to-1, as a desk's client.
func (d *deskFile) Leaves(ctx context.Context, from, to int64, fn func(index int64, leaf []byte) error) error {
	if from >= to {
		return nil
	}
	if d.first < 0 || from < d.first {
		return gap(from)
	}
	if have := d.first + int64(len(d.leaves)); to > have {
		return fmt.Errorf("%w: its checkpoint is of %d leaves, and it has %d", desk.ErrMalformed, to, have)
	}
	for i := from; i < to; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := d.frame(desk.Leaf, i, d.leaves[i-d.first])
		leaf, err := f.Bytes()
		if err != nil {
			return err
		}
		if err := fn(i, leaf); err != nil {
			return err
		}
	}
	return nil
}

// Objects calls fn with what the file has for the leaves at those indices, as a
// desk's client.
func (d *deskFile) Objects(ctx context.Context, indices []int64, fn func(*desk.Frame) error) error {
	for _, index := range indices {
		at, _ := slices.BinarySearchFunc(d.objects, placed{index: index, kind: objectOrder[0]}, comparePlaces)
		for ; at < len(d.objects) && d.objects[at].index == index; at++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			o := d.objects[at]
			if err := fn(d.frame(o.kind, index, o.span)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *deskFile) frame(kind desk.Kind, index int64, s span) *desk.Frame {
	body := &wholeBody{io.NewSectionReader(d.from, s.at, s.size), s.size}
	return &desk.Frame{Kind: kind, Index: index, Size: s.size, Body: body}
}

// A wholeBody gives so many bytes or desk.ErrTruncated, as a frame's body must:
// the file may have become shorter since it was scanned.
type wholeBody struct {
	r    io.Reader
	left int64
}

func (b *wholeBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.left -= int64(n)
	if err == io.EOF && b.left > 0 {
		err = desk.ErrTruncated
	}
	return n, err
}
