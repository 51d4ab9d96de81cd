package intake

import (
	"errors"
	"io"
	"os"
	"time"
)

// errTooSlow says that a client sent less than the minimum rate over a window.
var errTooSlow = errors.New("the request body came in too slowly")

// A pacedBody reads a request body and ends with errTooSlow when the client is
// silent for a window or sends less than rate bytes a second on average over
// one. Only time spent waiting for the client counts: what the server itself
// spends on sealing and on its disk is not held against the witness.
//
// It is used by one goroutine at a time.
type pacedBody struct {
	src io.Reader
	// arm sets the connection's read deadline; the zero time removes it.
	arm    func(time.Time) error
	now    func() time.Time
	window time.Duration
	rate   func() int64 // bytes a second, asked at the end of each window
	brief  bool         // the client found no place: it is not to be read for long

	armed  time.Time     // when the deadline was last set
	waited time.Duration // time inside src.Read in this window
	got    int64         // bytes in this window
	ended  bool          // the client sent everything it announced
	err    error         // what ended the body otherwise
}

// Read implements io.Reader. After io.EOF the connection carries no deadline.
func (b *pacedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	before := b.now()
	// Setting a deadline costs a system timer: an eighth of a window is
	// precise enough.
	if b.armed.IsZero() || before.Sub(b.armed) > b.window/8 {
		if err := b.arm(before.Add(b.window)); err != nil {
			b.err = err
			return 0, err
		}
		b.armed = before
	}
	n, err := b.src.Read(p)
	b.waited += b.now().Sub(before)
	b.got += int64(n)
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
	case b.waited >= b.window:
		if float64(b.got) < float64(b.rate())*b.waited.Seconds() {
			b.err = errTooSlow
		}
		b.waited, b.got = 0, 0
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
