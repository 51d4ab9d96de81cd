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
	x.s.metronome.wait(x.r.Context(), x.from)
	x.answerFilled(page)
}

// answerFilled sends a page filled up: that a report was received, whatever it
// said.
func (x *exchange) answerFilled(page *bytes.Buffer) {
	size := leastPage
	for size < page.Len() {
		size *= 2
	}
	x.pageHeader()
	x.send(http.StatusOK, page, size-page.Len())
}

// answerFile sends a text of less than 64 KiB as a file of that name, in as many
// bytes as a page of leastPage, and on the beat. It does so by way of gzip, which
// every browser takes; where it is not taken, the text's length shows.
func (x *exchange) answerFile(name string, text *bytes.Buffer) {
	h := x.w.Header()
	x.pageHeader()
	size := leastPage + headerSize(h)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	if acceptsGzip(x.r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		text = filled(text.Bytes(), size-headerSize(h))
	}
	x.s.metronome.wait(x.r.Context(), x.from)
	x.send(http.StatusOK, text, 0)
}

// headerSize is how many bytes the fields of a header take on the line.
func headerSize(h http.Header) int {
	n := 0
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(": ") + len(v) + len("\r\n")
		}
	}
	return n
}
