package intake

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// errTooSlow says that a client sent less than the minimum rate over a window.
var errTooSlow = errors.New("the request body came in too slowly")

// A pacedBody reads a request body and ends with errTooSlow when the client is
// silent for a window or sends less than rate bytes a second on average over
// one. Only time spent waiting for the client counts: what the server itself
// spends on sealing and on its disk is not held against the witness.
//
// It is read by one goroutine at a time; slow and cut may be called by any.
type pacedBody struct {
	src io.Reader
	// arm sets the connection's read deadline; the zero time removes it.
	arm    func(time.Time) error
	now    func() time.Time
	window time.Duration
	rate   func() int64 // bytes a second, asked at the end of each window
	brief  bool         // the client found no place: it is not to be read for long

	armed time.Time // when the deadline was last set
	total int64     // bytes in all
	ended bool      // the client sent everything it announced
	err   error     // what ended the body otherwise

	mu      sync.Mutex
	reading time.Time     // since when it is inside src.Read, or zero; guarded by mu
	waited  time.Duration // time inside src.Read in this window; guarded by mu
	got     int64         // bytes in this window; guarded by mu
	wasCut  bool          // guarded by mu
}

// slow says how many bytes a second the client sends, and whether that is below
// the rate although it had its grace.
func (b *pacedBody) slow() (rate float64, slow bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reading.IsZero() {
		return 0, false // it waits for us
	}
	waited := b.waited + b.now().Sub(b.reading)
	rate = float64(b.got) / max(waited, 1).Seconds()
	return rate, waited >= grace && rate < float64(b.rate())
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// cut ends the body as too slow, if it is still waiting for the client.
func (b *pacedBody) cut() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reading.IsZero() {
		return false
	}
	b.wasCut = true
	return b.arm(longAgo) == nil
}

// begin notes that the client is waited for, and sets the deadline.
func (b *pacedBody) begin(now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wasCut && !b.ended {
		return errTooSlow
	}
	// Setting a deadline costs a system timer: an eighth of a window is
	// precise enough.
	if b.armed.IsZero() || now.Sub(b.armed) > b.window/8 {
		if err := b.arm(now.Add(b.window)); err != nil {
			return err
		}
		b.armed = now
	}
	b.reading = now
	return nil
}

// came notes what came of it, and how it stands at the end of a window.
func (b *pacedBody) came(n int, took time.Duration) (tooSlow bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = time.Time{}
	b.waited += took
	b.got += int64(n)
	if b.waited < b.window {
		return false
	}
	tooSlow = float64(b.got) < float64(b.rate())*b.waited.Seconds()
	b.waited, b.got = 0, 0
	return tooSlow
}

// Read implements io.Reader. After io.EOF the connection carries no deadline.
func (b *pacedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	before := b.now()
	if b.err = b.begin(before); b.err != nil {
		return 0, b.err
	}
	n, err := b.src.Read(p)
	b.total += int64(n)
	tooSlow := b.came(n, b.now().Sub(before))
	switch {
	case err == io.EOF:
		b.ended = true
		// The deadline must not outlive the body: net/http goes on reading to
		// notice a client that goes away while the report is being committed,
		// and would take the deadline for that.
		if err := b.arm(time.Time{}); err != nil {
			return n, err
		}
		return n, io.EOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.err = errTooSlow
	case err != nil:
		b.err = err
	case tooSlow:
		b.err = errTooSlow
	}
	return n, b.err
}

// drain reads and discards what the client still sends, until it ends, falls
// below the rate, or one of the bounds is reached.
func (b *pacedBody) drain(most int64, longest time.Duration) {
	until := b.now().Add(longest)
	buf := make([]byte, 32<<10)
	for most > 0 && !b.ended && b.now().Before(until) {
		n, err := b.Read(buf)
		most -= int64(n)
		if err != nil {
			return
		}
	}
}
