package intake

import (
	"bytes"
	"context"
	"net/http"
	"time"
)

// What a codename leads to must not show on the line: not in the size of the
// answer, nor in the time that it takes, nor in its status. Whoever watches sees
// that somebody came back, and not whether there was a case, nor an answer in
// it.

// leastPage is the size of the smallest answer, in bytes. In every language it
// holds the page of a case with some pages of answers.
const leastPage = 64 << 10

// beat is the time at whose multiples, counted from the end of the request, such
// answers leave. Deriving from a codename takes some 10 ms on an idle machine,
// opening the answers of a case a few more.
const beat = 250 * time.Millisecond

// A metronome lets answers wait for the beat.
type metronome struct {
	beat  time.Duration
	now   func() time.Time
	sleep func(context.Context, time.Duration)
}

func newMetronome() metronome {
	return metronome{beat, time.Now, func(ctx context.Context, d time.Duration) {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}}
}

// wait waits for the next beat after from.
func (m metronome) wait(ctx context.Context, from time.Time) {
	m.sleep(ctx, m.beat-m.now().Sub(from)%m.beat)
}

// heard says that the request has been read. From here on the time counts.
func (x *exchange) heard() { x.from = x.s.metronome.now() }

// answerAlike sends a page that depends on a codename: filled up, on the beat,
// and with one status whatever it says, since that would show in the length of
// the header.
func (x *exchange) answerAlike(page *bytes.Buffer) {
	size := leastPage
	for size < page.Len() {
		size *= 2
	}
	page.Write(bytes.Repeat([]byte{'\n'}, size-page.Len()))
	x.s.metronome.wait(x.r.Context(), x.from)
	x.answer(http.StatusOK, page)
}
