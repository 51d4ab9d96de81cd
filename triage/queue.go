package triage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"tocsin/desk"
	"tocsin/ledger"
)

// A Queued is something that a case worker signed and that no verified
// checkpoint covers yet. Its file holds what is pushed, as it is pushed.
type Queued struct {
	Path string
	Leaf *ledger.Leaf

	text     []byte // the leaf as it is pushed
	at, size int64  // of its body in Path, if that is a file that was carried; else 0
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
	file, err := queueFile(l, desk.Message, ciphertext)
	if err != nil {
		return "", err
	}
	if err := makeDir(h.path("queue")); err != nil {
		return "", err
	}
	path, err := h.nextInQueue()
	if err != nil {
		return "", err
	}
	return path, writeFile(path, file)
}

// queueFile returns a signed leaf and what goes with it, if that is not nil, as
// they are pushed.
func queueFile(l *ledger.Leaf, kind desk.Kind, body []byte) ([]byte, error) {
	text, err := l.Marshal()
	if err != nil {
		return nil, fmt.Errorf("queuing an event: %w", err)
	}
	var b bytes.Buffer
	w := desk.NewWriter(&b)
	err = w.Write(desk.Statement, 0, text)
	if err == nil && body != nil {
		err = w.Write(kind, 0, body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("queuing an event: %w", err)
	}
	return b.Bytes(), nil
}

// nextInQueue returns the path of the next file of the queue. Under the home's
// lock nobody else adds to it, so that the directory is read once.
func (h *Home) nextInQueue() (string, error) {
	if h.lock != nil && h.queued > 0 {
		h.queued++
		return h.queuePath(h.queued), nil
	}
	entries, err := os.ReadDir(h.path("queue"))
	if err != nil {
		return "", fmt.Errorf("reading the queue: %w", err)
	}
	h.queued = 1
	for _, e := range entries {
		number, _ := strings.CutSuffix(e.Name(), queueEnding)
		if n, err := strconv.Atoi(number); err == nil {
			h.queued = max(h.queued, n+1)
		}
	}
	return h.queuePath(h.queued), nil
}

func (h *Home) queuePath(n int) string {
	return h.path("queue", fmt.Sprintf("%06d%s", n, queueEnding))
}

// openBody opens the ciphertext that goes with the event.
func (q Queued) openBody(kind desk.Kind) (io.ReaderAt, *os.File, int64, error) {
	if q.at == 0 {
		return queuedBody(q.Path, kind)
	}
	f, err := os.Open(q.Path)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("reading what was carried here: %w", err)
	}
	return io.NewSectionReader(f, q.at, q.size), f, q.size, nil
}

// queuedBody opens what follows the event in the queue's file at path, which is
// of that kind, and says how long it is.
func queuedBody(path string, kind desk.Kind) (io.ReaderAt, *os.File, int64, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, 0, ErrNotHere // a push delivered it meanwhile
	}
	if err != nil {
		return nil, nil, 0, fmt.Errorf("reading the queue: %w", err)
	}
	frames := desk.NewReader(f)
	for {
		frame, err := frames.Next()
		if err != nil {
			f.Close()
			return nil, nil, 0, fmt.Errorf("reading %s: %w", path, err)
		}
		if frame.Kind == kind {
			// The reader does not read ahead: here the body begins.
			at, err := f.Seek(0, io.SeekCurrent)
			if err != nil {
				f.Close()
				return nil, nil, 0, fmt.Errorf("reading %s: %w", path, err)
			}
			return io.NewSectionReader(f, at, frame.Size), f, frame.Size, nil
		}
	}
}

// Pushed says what became of the queue.
type Pushed struct {
	Delivered []Queued // in the ledger, verified, and no longer queued
	Dropped   []Queued // outdated meanwhile, and no longer queued
	Refused   []Refusal
	Pull      *Pulled
}

// A Refusal is an event that the desk does not take. It stays queued, but for a
// purge or a release that the case's history does not allow: it must not come true
// later, when nobody thinks of it any more.
type Refusal struct {
	Queued
	Err     error
	Dropped bool // it is queued no more
}

// Push delivers what is queued and then pulls: an event leaves the queue only
// when a checkpoint verified here covers it. Delivering is idempotent, so that
// a push killed anywhere is simply pushed again. The caller holds the lock.
func (h *Home) Push(ctx context.Context, addr string, progress Progress) (*Pushed, error) {
	queue, err := h.Queue()
	if err != nil {
		return nil, err
	}
	return h.push(ctx, addr, queue, progress)
}

// push delivers a list, of this home's queue or of a file, pulls, and says of
// each what became of it.
func (h *Home) push(ctx context.Context, addr string, list []Queued, progress Progress) (*Pushed, error) {
	c, hangUp, err := h.dial(addr)
	if err != nil {
		return nil, err
	}
	defer hangUp()
	refused, err := deliverAll(ctx, c, list)
	if err != nil {
		return nil, err
	}
	result := new(Pushed)
	if result.Pull, err = h.pull(ctx, c, progress); err != nil {
		return nil, err
	}
	m, err := h.openMirror()
	if err != nil {
		return nil, err
	}
	byID := make(map[ledger.CaseID]*Case)
	for _, c := range m.cases() {
		byID[c.ID] = c
	}
	for i, q := range list {
		switch c := byID[q.Leaf.Case]; {
		case m.has(q.Leaf):
			result.Delivered = append(result.Delivered, q)
		case c != nil && c.outdates(q.Leaf, m.roster.Number):
			result.Dropped = append(result.Dropped, q)
		case refused[i] != nil:
			no := Refusal{Queued: q, Err: refused[i]}
			var answer *desk.Error
			if errors.As(no.Err, &answer) && answer.Status == http.StatusConflict && mayBeForbidden(q.Leaf) && filepath.Dir(q.Path) == h.path("queue") {
				// The pull has dropped it, if the ledger says why.
				if err := os.Remove(q.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return result, fmt.Errorf("emptying the queue: %w", err)
				}
				result.Pull.Dropped = slices.DeleteFunc(result.Pull.Dropped, func(d Queued) bool { return d.Path == q.Path })
				no.Dropped = true
			}
			result.Refused = append(result.Refused, no)
		default:
			return result, fmt.Errorf("%w: the desk took %s and its ledger does not hold it; it stays queued", ErrRefused, filepath.Base(q.Path))
		}
	}
	return result, h.readNew(ctx)
}

// settle takes off the queue what the mirror holds, and returns it. Killed
// before, or between two of them, the next pull takes the rest off.
func (h *Home) settle(m *mirror) (delivered []Queued, err error) {
	queue, err := h.Queue()
	if err != nil {
		return nil, err
	}
	for _, q := range queue {
		if !m.has(q.Leaf) {
			continue
		}
		if err := os.Remove(q.Path); err != nil {
			return nil, fmt.Errorf("emptying the queue: %w", err)
		}
		delivered = append(delivered, q)
	}
	if len(delivered) == 0 {
		return nil, nil
	}
	return delivered, syncDir(h.path("queue"))
}

// deliverAll hands a list in, in its order, and returns for each why the desk did
// not take it, or nil. Rekeys that follow each other are of different cases:
// several are on their way at once and share the store's commits.
func deliverAll(ctx context.Context, c *desk.Client, list []Queued) (refused []error, err error) {
	const atOnce = 4 // as many connections as a client has
	for len(refused) < len(list) {
		queue := list[len(refused):]
		run := 1
		if queue[0].Leaf.Event == ledger.EventRekey {
			for run < len(queue) && queue[run].Leaf.Event == ledger.EventRekey {
				run++
			}
		}
		errs := make([]error, run)
		var next atomic.Int64
		var failed atomic.Bool // something other than a refusal: give up
		var all sync.WaitGroup
		for range min(atOnce, run) {
			all.Go(func() {
				for i := next.Add(1) - 1; i < int64(run) && !failed.Load(); i = next.Add(1) - 1 {
					errs[i] = deliver(ctx, c, queue[i])
					if no := (*desk.Error)(nil); errs[i] != nil && !errors.As(errs[i], &no) {
						failed.Store(true)
					}
				}
			})
		}
		all.Wait()
		for _, err := range errs {
			if no := (*desk.Error)(nil); err != nil && !errors.As(err, &no) {
				return nil, err
			}
		}
		refused = append(refused, errs...)
	}
	return refused, nil
}

func deliver(ctx context.Context, c *desk.Client, q Queued) error {
	kind, has := bodyKind(q.Leaf)
	if !has {
		_, err := c.Push(ctx, q.text, 0, nil)
		return err
	}
	push := c.Push
	if kind == desk.Envelope {
		push = c.PushEnvelope
	}
	src, f, size, err := q.openBody(kind)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = push(ctx, q.text, size, io.NewSectionReader(src, 0, size))
	return err
}

// What says in a word or two what was signed.
func (q Queued) What() string {
	switch q.Leaf.Event {
	case ledger.EventMessage:
		return q.Leaf.Kind
	case ledger.EventHandedOver:
		return "hand-over to " + q.Leaf.Destination
	case ledger.EventRekey:
		return "envelope sealed again"
	case ledger.EventRead:
		return "first reading"
	case ledger.EventAcknowledged:
		return "acknowledgement by " + q.Leaf.Destination
	case ledger.EventHeld:
		return "hold"
	case ledger.EventReleased:
		return "release"
	case ledger.EventPurgeProposed:
		return "proposal to purge under " + q.Leaf.Rule
	case ledger.EventPurged:
		return "purge under " + q.Leaf.Rule
	}
	return string(q.Leaf.Event)
}
