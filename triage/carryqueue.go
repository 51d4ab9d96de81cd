package triage

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tocsin/desk"
	"tocsin/ledger"
)

// maxCarried bounds the signed leaves of a file that is pushed, in bytes: some
// hundred thousand of them. They are in memory at once; what goes with them is
// not.
const maxCarried = 64 << 20

// PushTo writes what is queued to path, to be pushed by [Home.PushFrom] where the
// desk can be reached, and returns it. All of it stays queued until a pull brings
// a checkpoint that covers it. With nothing queued nothing is written. The file
// is 0600 and appears whole or not at all. The caller holds the lock.
func (h *Home) PushTo(ctx context.Context, path string) ([]Queued, error) {
	queue, err := h.Queue()
	if err != nil || len(queue) == 0 {
		return nil, err
	}
	err = writeCarried(path, func(w *desk.Writer) error {
		for _, q := range queue {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := q.copyTo(w); err != nil {
				return err
			}
		}
		return nil
	})
	return queue, err
}

// copyTo writes the event, and what goes with it.
func (q Queued) copyTo(w *desk.Writer) error {
	if err := w.Write(desk.Statement, 0, q.text); err != nil {
		return err
	}
	kind, has := bodyKind(q.Leaf)
	if !has {
		return nil
	}
	src, f, size, err := q.openBody(kind)
	if err != nil {
		return err
	}
	defer f.Close()
	return w.Stream(kind, 0, size, io.NewSectionReader(src, 0, size))
}

// bodyKind says as what the ciphertext travels that goes with an event, if there
// is any.
func bodyKind(l *ledger.Leaf) (kind desk.Kind, has bool) {
	switch l.Event {
	case ledger.EventRekey:
		return desk.Envelope, true
	case ledger.EventMessage:
		return desk.Message, true
	}
	return 0, false
}

// PushFrom delivers to the desk at addr what [Home.PushTo] wrote, and then pulls,
// so that what it says was delivered is in the ledger. The desk judges each event
// by its signature, whoever brings it, and takes it once: the file can be pushed
// again. This home's own queue is left alone. The caller holds the lock.
func (h *Home) PushFrom(ctx context.Context, addr, path string, progress Progress) (*Pushed, error) {
	f, err := openCarried(path)
	if err != nil {
		return nil, fmt.Errorf("reading what was carried here: %w", err)
	}
	list, err := scanQueue(f)
	f.Close()
	if err != nil {
		return nil, carriedError(path, err)
	}
	for i := range list {
		list[i].Path = path
	}
	return h.push(ctx, addr, list, progress)
}

// scanQueue lists the events of a file, and where what goes with them lies, if
// all of it is whole.
func scanQueue(f io.ReadSeeker) ([]Queued, error) {
	var list []Queued
	var total int64
	frames := desk.NewReader(f)
	open := false // the last event lacks what goes with it
	for {
		frame, err := frames.Next()
		switch {
		case err == io.EOF && open:
			return nil, fmt.Errorf("%w: its last event lacks its ciphertext", desk.ErrMalformed)
		case err == io.EOF:
			return list, nil
		case err != nil:
			return nil, err
		case len(list) == 0 && frame.Kind == desk.Roster:
			return nil, errors.New("it holds what triage pull --to wrote; on the machine without a network type: triage pull --from FILE")
		}
		if open {
			q := &list[len(list)-1]
			if kind, _ := bodyKind(q.Leaf); frame.Kind != kind || frame.Index != 0 {
				return nil, fmt.Errorf("%w: a frame %q is out of place", desk.ErrMalformed, byte(frame.Kind))
			}
			if q.at, err = f.Seek(0, io.SeekCurrent); err != nil {
				return nil, err
			}
			q.size, open = frame.Size, false
			continue
		}
		if total += frame.Size; frame.Kind != desk.Statement || frame.Index != 0 || total > maxCarried {
			return nil, fmt.Errorf("%w: a frame %q is out of place, or one too many", desk.ErrMalformed, byte(frame.Kind))
		}
		var q Queued
		if q.text, err = frame.Bytes(); err != nil {
			return nil, err
		}
		if q.Leaf, err = ledger.ParseLeaf(q.text); err != nil {
			return nil, err
		}
		_, open = bodyKind(q.Leaf)
		list = append(list, q)
	}
}
