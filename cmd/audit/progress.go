package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"tocsin/audit"
)

// verify checks a store, and shows on a terminal how far it is.
func verify(ctx context.Context, t terminal, o audit.Options) (*audit.Result, error) {
	update, clear := t.progress()
	defer clear()
	o.Progress = update
	return audit.Verify(ctx, o)
}

// A progress is one line on a terminal that is written over in place.
type progress struct {
	w     io.Writer
	start time.Time
	last  time.Time
}

// progress returns what shows how far something is, if a person looks, and what
// takes it away again.
func (t terminal) progress() (update func(done, total int64), clear func()) {
	f, ok := t.err.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(int64, int64) {}, func() {}
	}
	p := newProgress(f)
	return p.update, p.clear
}

func newProgress(w io.Writer) *progress { return &progress{w: w, start: time.Now()} }

func (p *progress) update(done, total int64) {
	now := time.Now()
	if now.Sub(p.last) < 200*time.Millisecond || done == 0 {
		return
	}
	p.last = now
	spent := now.Sub(p.start)
	left := time.Duration(float64(spent) * float64(total-done) / float64(done)).Round(time.Second)
	fmt.Fprintf(p.w, "\r\x1b[K%3d %% of %d MiB, about %v left", 100*done/max(total, 1), total>>20, left)
}

func (p *progress) clear() {
	if !p.last.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
