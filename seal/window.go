package seal

import (
	"fmt"
	"io"
)

// window reads plaintext through one buffer that is filled in whole chunks of
// age, so that none is decrypted twice on the way through.
type window struct {
	r     io.ReaderAt
	size  int64
	fault func(error) error
	buf   []byte // a power of two long, or as long as everything
	start int64  // of what buf holds
	held  int
}

const chunkSize = 64 << 10 // of age's payload

func newWindow(r io.ReaderAt, size int64, chunks int64, fault func(error) error) *window {
	return &window{r: r, size: size, fault: fault, buf: make([]byte, min(size, chunks*chunkSize))}
}

// readFull fills p from an offset; p must lie within the plaintext.
func (w *window) readFull(p []byte, off int64) error {
	for len(p) > 0 {
		if off < w.start || off >= w.start+int64(w.held) {
			w.start = off - off%int64(len(w.buf))
			w.held = int(min(int64(len(w.buf)), w.size-w.start))
			if n, err := w.r.ReadAt(w.buf[:w.held], w.start); n < w.held {
				w.held = 0
				return w.fault(err)
			}
		}
		n := copy(p, w.buf[off-w.start:w.held])
		p, off = p[n:], off+int64(n)
	}
	return nil
}

func (w *window) wipe() { clear(w.buf) }

// zeros checks that a stretch holds nothing.
func (r *window) zeros(from, to int64) error {
	var b [4 << 10]byte
	for from < to {
		p := b[:min(int64(len(b)), to-from)]
		if err := r.readFull(p, from); err != nil {
			return err
		}
		for _, c := range p {
			if c != 0 {
				return fmt.Errorf("%w: something is hidden in the padding", ErrContents)
			}
		}
		from += int64(len(p))
	}
	return nil
}
