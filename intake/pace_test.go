package intake

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
	"time"
)

// A scriptedSource hands out its steps; each takes its time on the clock.
type scriptedSource struct {
	clock *time.Time
	steps []scriptedRead
}

type scriptedRead struct {
	bytes int
	takes time.Duration
	err   error
}

func (s *scriptedSource) Read(p []byte) (int, error) {
	if len(s.steps) == 0 {
		return 0, io.EOF
	}
	step := s.steps[0]
	s.steps = s.steps[1:]
	*s.clock = s.clock.Add(step.takes)
	return step.bytes, step.err
}

func newPaced(steps ...scriptedRead) (*pacedBody, *[]time.Time) {
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var armed []time.Time
	return &pacedBody{
		src:    &scriptedSource{clock: &clock, steps: steps},
		arm:    func(t time.Time) error { armed = append(armed, t); return nil },
		now:    func() time.Time { return clock },
		window: 60 * time.Second,
		rate:   func() int64 { return 100 },
	}, &armed
}

func repeat(n int, step scriptedRead) []scriptedRead {
	var steps []scriptedRead
	for range n {
		steps = append(steps, step)
	}
	return steps
}

func TestPace(t *testing.T) {
	const second = time.Second
	for _, tc := range []struct {
		name  string
		steps []scriptedRead
		want  error
	}{
		{"a steady line above the minimum", repeat(200, scriptedRead{bytes: 150, takes: second}), nil},
		{"a steady line below the minimum", repeat(200, scriptedRead{bytes: 50, takes: second}), errTooSlow},
		{"a slow minute in which enough came", append(repeat(59, scriptedRead{bytes: 1, takes: second}),
			scriptedRead{bytes: 6000, takes: second}), nil},
		{"one byte now and then", repeat(100, scriptedRead{bytes: 1, takes: 30 * second}), errTooSlow},
		{"silence", []scriptedRead{{takes: 60 * second, err: os.ErrDeadlineExceeded}}, errTooSlow},
		{"a lost connection", []scriptedRead{{bytes: 10}, {err: io.ErrUnexpectedEOF}}, io.ErrUnexpectedEOF},
		{"a short body at once", []scriptedRead{{bytes: 10, err: io.EOF}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, _ := newPaced(tc.steps...)
			_, err := io.Copy(io.Discard, b)
			if !errors.Is(err, tc.want) {
				t.Errorf("got error %v, want %v", err, tc.want)
			}
			if b.ended != (tc.want == nil) {
				t.Errorf("ended is %v", b.ended)
			}
		})
	}
}

// Time that the server spends between two reads is not the witness's.
func TestPaceForgivesTheServer(t *testing.T) {
	b, armed := newPaced(repeat(10, scriptedRead{bytes: 10, takes: time.Millisecond})...)
	src := b.src.(*scriptedSource)
	buf := make([]byte, 64)
	for {
		_, err := b.Read(buf)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("a fast client with a slow server: %v", err)
		}
		*src.clock = src.clock.Add(10 * time.Minute)
	}
	// Every wait had its whole window, and none is left behind.
	if n := len(*armed); n != 12 || !(*armed)[n-1].IsZero() {
		t.Errorf("deadlines set %d times, last %v; want one a read and none at the end", n, (*armed)[n-1])
	}
}

func TestDrainIsBounded(t *testing.T) {
	endless := readerFunc(func(p []byte) (int, error) { return len(p), nil })
	b, _ := newPaced()
	b.src = endless
	b.drain(1<<20, time.Hour)
	if b.got < 1<<20 || b.got > 1<<20+32<<10 {
		t.Errorf("drained %d bytes, want about 1 MiB", b.got)
	}
	b, _ = newPaced(repeat(1000, scriptedRead{bytes: 32 << 10, takes: time.Minute})...)
	b.drain(1<<40, time.Hour)
	if left := len(b.src.(*scriptedSource).steps); left != 940 {
		t.Errorf("%d reads left after an hour of one-minute reads, want 940", left)
	}
	b, _ = newPaced()
	b.src = bytes.NewReader(make([]byte, 100))
	b.drain(1<<20, time.Hour)
	if !b.ended {
		t.Error("a body that ended was not read to its end")
	}
}
