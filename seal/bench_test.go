package seal

import (
	"bytes"
	"io"
	"testing"
	"time"

	"filippo.io/age"
)

// What the archive, the digests and the checks cost on top of age. Both sides
// run in the same loop, in turn, so that what else the machine does hits them
// alike; "x-age" is time over time.

func BenchmarkSeal(b *testing.B) {
	const size = 16 << 20
	content := pattern(size)
	to := newKey(b).Recipient()
	ratio(b, size, func() {
		w, err := NewMessage(io.Discard, reportContext, nil, to)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Attach("n", "t", bytes.NewReader(content)); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}, func() {
		w, err := age.Encrypt(io.Discard, to)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(w, bytes.NewReader(content)); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	const size = 16 << 20
	key := newKey(b)
	message := sealed(b, key, reportContext, nil, pattern(size))
	ratio(b, size, func() {
		_, err := ReadMessage(bytes.NewReader(message), int64(len(message)), key.Identity(), reportContext,
			func(_ File, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
		if err != nil {
			b.Fatal(err)
		}
	}, func() {
		r, err := age.Decrypt(bytes.NewReader(message), key.Identity())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	})
}

// A report of 2 KB, the usual one.
func BenchmarkSealReport(b *testing.B) {
	body := pattern(2000)
	to := newKey(b).Recipient()
	ratio(b, 0, func() {
		w, err := NewMessage(io.Discard, reportContext, body, to)
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}, func() {
		w, err := age.Encrypt(io.Discard, to)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Write(body); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkReadReport(b *testing.B) {
	key := newKey(b)
	message := sealed(b, key, reportContext, pattern(2000))
	ratio(b, 0, func() {
		if _, err := ReadMessage(bytes.NewReader(message), int64(len(message)), key.Identity(), reportContext, nil); err != nil {
			b.Fatal(err)
		}
	}, func() {
		r, err := age.Decrypt(bytes.NewReader(message), key.Identity())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkDerive(b *testing.B) {
	c, err := ParseCodename(example)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Derive(testInstance); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseCodename(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseCodename(example); err != nil {
			b.Fatal(err)
		}
	}
}

// ratio runs ours and age's in turn and reports how they compare. The usual
// columns are those of ours alone.
func ratio(b *testing.B, size int64, ours, theirs func()) {
	b.Helper()
	b.SetBytes(size)
	b.ReportAllocs()
	var a, c time.Duration
	for b.Loop() {
		start := time.Now()
		ours()
		a += time.Since(start)
		b.StopTimer()
		start = time.Now()
		theirs()
		c += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(float64(a)/float64(c), "x-age")
}
