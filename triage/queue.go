package triage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/desk"
	"tocsin/ledger"
)

// A Queued is something that a case worker signed and that no verified
// checkpoint covers yet. Its file holds what is pushed, as it is pushed.
type Queued struct {
	Path string
	Leaf *ledger.Leaf

	text []byte // the leaf as it is pushed
}

const queueEnding = ".event"

// Queue lists what waits to be pushed, oldest first.
func (h *Home) Queue() ([]Queued, error) {
	entries, err := os.ReadDir(h.path("queue"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the queue: %w", err)
	}
	var list []Queued
	for _, e := range entries { // sorted by name, which begins with a number
		if !strings.HasSuffix(e.Name(), queueEnding) || strings.HasPrefix(e.Name(), tempPrefix) {
			continue
		}
		q := Queued{Path: h.path("queue", e.Name())}
		f, err := os.Open(q.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a push delivered it meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("reading the queue: %w", err)
		}
		err = q.read(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", q.Path, err)
		}
		list = append(list, q)
	}
	return list, nil
}

func (q *Queued) read(f io.Reader) error {
	frame, err := desk.NewReader(f).Next()
	if err != nil {
		return err
	}
	if frame.Kind != desk.Statement {
		return errors.New("it does not begin with a signed event")
	}
	if q.text, err = frame.Bytes(); err != nil {
		return err
	}
	q.Leaf, err = ledger.ParseLeaf(q.text)
	return err
}

// enqueue signs l as this home's worker and queues it, with the ciphertext of
// a message. The rename in it is the commit point of every verb that queues.
func (h *Home) enqueue(l *ledger.Leaf, ciphertext []byte) (string, error) {
	r, err := h.Roster()
	if err != nil {
		return "", err
	}
	card, err := h.Card()
	if err != nil {
		return "", err
	}
	key, err := h.deskKey()
	if err != nil {
		return "", err
	}
	l.Done = h.today()
	l.Day = l.Done // the vault sets its own; the signature leaves it out
	l.Sign(r.Instance(), card.Name, key)
	text, err := l.Marshal()
	if err != nil {
		return "", fmt.Errorf("queuing an event: %w", err)
	}
	var b bytes.Buffer
	w := desk.NewWriter(&b)
	err = w.Write(desk.Statement, 0, text)
	if err == nil && ciphertext != nil {
		err = w.Write(desk.Message, 0, ciphertext)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", fmt.Errorf("queuing an event: %w", err)
	}
	if err := makeDir(h.path("queue")); err != nil {
		return "", err
	}
	path, err := h.nextInQueue()
	if err != nil {
		return "", err
	}
	return path, writeFile(path, b.Bytes())
}

func (h *Home) nextInQueue() (string, error) {
	entries, err := os.ReadDir(h.path("queue"))
	if err != nil {
		return "", fmt.Errorf("reading the queue: %w", err)
	}
	next := 1
	for _, e := range entries {
		var n int
		if _, err := fmt.Sscanf(e.Name(), "%d"+queueEnding, &n); err == nil {
			next = max(next, n+1)
		}
	}
	return h.path("queue", fmt.Sprintf("%06d%s", next, queueEnding)), nil
}

// queuedMessage opens the ciphertext in a queue's file, past the event.
func (h *Home) queuedMessage(l *ledger.Leaf) (io.ReaderAt, *os.File, int64, error) {
	queue, err := h.Queue()
	if err != nil {
		return nil, nil, 0, err
	}
	for _, q := range queue {
		if !bytes.Equal(q.Leaf.Signature, l.Signature) {
			continue
		}
		f, err := os.Open(q.Path)
		if err != nil {
			return nil, nil, 0, fmt.Errorf("reading the queue: %w", err)
		}
		frames := desk.NewReader(f)
		for {
			frame, err := frames.Next()
			if err != nil {
				f.Close()
				return nil, nil, 0, fmt.Errorf("reading %s: %w", q.Path, err)
			}
			if frame.Kind == desk.Message {
				// The reader does not read ahead: here the body begins.
				at, err := f.Seek(0, io.SeekCurrent)
				if err != nil {
					f.Close()
					return nil, nil, 0, fmt.Errorf("reading %s: %w", q.Path, err)
				}
				return io.NewSectionReader(f, at, frame.Size), f, frame.Size, nil
			}
		}
	}
	return nil, nil, 0, ErrNotHere
}

// Pushed says what became of the queue.
type Pushed struct {
	Delivered []Queued // in the ledger, verified, and no longer queued
	Refused   []Refusal
	Pull      *Pulled
}

// A Refusal is an event that the desk does not take. It stays queued.
type Refusal struct {
	Queued
	Err error
}

// Push delivers what is queued and then pulls: an event leaves the queue only
// when a checkpoint verified here covers it. Delivering is idempotent, so that
// a push killed anywhere is simply pushed again. The caller holds the lock.
func (h *Home) Push(ctx context.Context, addr string, progress Progress) (*Pushed, error) {
	queue, err := h.Queue()
	if err != nil {
		return nil, err
	}
	c, hangUp, err := h.dial(addr)
	if err != nil {
		return nil, err
	}
	defer hangUp()
	result := new(Pushed)
	refused := make(map[string]error)
	for _, q := range queue {
		err := h.deliver(ctx, c, q)
		var no *desk.Error
		if errors.As(err, &no) {
			refused[q.Path] = err
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	if result.Pull, err = h.pull(ctx, c, progress); err != nil {
		return nil, err
	}
	m, err := h.openMirror()
	if err != nil {
		return nil, err
	}
	dropped := func(q Queued) bool {
		return slices.ContainsFunc(result.Pull.Dropped, func(d Queued) bool { return d.Path == q.Path })
	}
	for _, q := range queue {
		if dropped(q) {
			continue
		}
		if !m.has(q.Leaf) {
			if refused[q.Path] == nil {
				return result, fmt.Errorf("%w: the desk took %s and its ledger does not hold it; it stays queued", ErrRefused, filepath.Base(q.Path))
			}
			result.Refused = append(result.Refused, Refusal{q, refused[q.Path]})
			continue
		}
		if err := os.Remove(q.Path); err != nil {
			return result, fmt.Errorf("emptying the queue: %w", err)
		}
		result.Delivered = append(result.Delivered, q)
	}
	if len(result.Delivered) > 0 {
		return result, syncDir(h.path("queue"))
	}
	return result, nil
}

func (h *Home) deliver(ctx context.Context, c *desk.Client, q Queued) error {
	if q.Leaf.Event != ledger.EventMessage {
		_, err := c.Push(ctx, q.text, 0, nil)
		return err
	}
	src, f, size, err := h.queuedMessage(q.Leaf)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = c.Push(ctx, q.text, size, io.NewSectionReader(src, 0, size))
	return err
}

// What says in a word or two what was signed.
func (q Queued) What() string {
	switch q.Leaf.Event {
	case ledger.EventMessage:
		return q.Leaf.Kind
	case ledger.EventHandedOver:
		return "hand-over to " + q.Leaf.Destination
	case ledger.EventRead:
		return "note that the report was read"
	}
	return string(q.Leaf.Event)
}
