package desk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// magic opens every stream of frames and names the version of the format.
const magic = "tocsin.desk.v1\n"

// Kind says what a frame carries.
type Kind byte

const (
	Roster     Kind = 'r' // a signed roster; Index is its leaf's, or 0 in a head
	Checkpoint Kind = 'c' // a signed checkpoint; Index is 0
	Leaf       Kind = 'l' // a leaf of the ledger at Index
	Record     Kind = 'k' // the record of the case opened by the leaf at Index
	Envelope   Kind = 'e' // the envelope in force of that case; Index is 0 in a push
	Message    Kind = 'm' // the ciphertext of the message at Index
	Absent     Kind = 'a' // the store no longer holds what the leaf at Index speaks of; empty
	Statement  Kind = 's' // a leaf that a case worker signed, to be appended; Index is 0
	Accepted   Kind = 'i' // a pushed statement has Index in the ledger; empty
	Blobs      Kind = 'b' // how many bytes the blobs of a store have together is Index; empty
	Image      Kind = 'd' // vault.db as a snapshot has it; Index is the number of its leaves
	end        Kind = 'z' // closes a stream; Index is the number of frames before it
)

// limits holds, in bytes, the largest frame of each kind. The largest roster
// that package roster knows has about 420 KB, an envelope to it 156 KB.
var limits = map[Kind]int64{
	Roster:     1 << 20,
	Checkpoint: 64 << 10,
	Leaf:       64 << 10,
	Record:     64 << 10,
	Envelope:   1 << 20,
	Message:    1 << 40,
	Absent:     0,
	Statement:  64 << 10,
	Accepted:   0,
	Blobs:      0,
	Image:      1 << 40,
	end:        0,
}

// Errors of a stream of frames. Each comes wrapped with what was found.
var (
	ErrVersion   = errors.New("not a desk stream of a version this program knows (tocsin.desk.v1)")
	ErrMalformed = errors.New("malformed desk stream")
	ErrTruncated = errors.New("desk stream was cut short")
)

const headSize = 1 + 8 + 8

// A Frame is one piece of a stream. Its wire form is the kind (one byte), the
// index and the length (eight bytes each, big-endian, below 2^63), and then
// length bytes, so each stream has exactly one encoding.
type Frame struct {
	Kind  Kind
	Index int64
	Size  int64
	// Body gives exactly Size bytes or ErrTruncated. It is valid until the
	// next call of Next; what is left unread then is skipped.
	Body io.Reader
}

// Bytes reads the frame whole. It is for every kind but Message and Image, which
// can be larger than memory: it refuses those.
func (f *Frame) Bytes() ([]byte, error) {
	if f.Kind == Message || f.Kind == Image {
		return nil, fmt.Errorf("%w: a frame %q is to be streamed, not held", ErrMalformed, byte(f.Kind))
	}
	// The size was announced by the other side: grow with what really comes.
	var b bytes.Buffer
	if _, err := io.Copy(&b, f.Body); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// A Writer writes a stream of frames. Close writes the last frame; without it
// the reader reports the stream as cut short.
type Writer struct {
	w     io.Writer
	count int64
	begun bool
	err   error
}

// NewWriter returns a Writer to w. Nothing is written before the first frame.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes a frame that is at hand as a whole.
func (w *Writer) Write(kind Kind, index int64, data []byte) error {
	return w.Stream(kind, index, int64(len(data)), bytes.NewReader(data))
}

// Stream writes a frame of size bytes read from body. After an error, which
// includes body having fewer bytes, the stream is broken and stays so.
func (w *Writer) Stream(kind Kind, index, size int64, body io.Reader) error {
	if w.err != nil {
		return w.err
	}
	limit, known := limits[kind]
	switch {
	case !known:
		return fmt.Errorf("%w: no frame has kind %q", ErrMalformed, byte(kind))
	case index < 0 || size < 0 || size > limit:
		return fmt.Errorf("%w: a frame %q of %d bytes, index %d", ErrMalformed, byte(kind), size, index)
	}
	var head []byte
	if !w.begun {
		head = append(head, magic...)
		w.begun = true
	}
	head = append(head, byte(kind))
	head = binary.BigEndian.AppendUint64(head, uint64(index))
	head = binary.BigEndian.AppendUint64(head, uint64(size))
	if _, w.err = w.w.Write(head); w.err != nil {
		return w.err
	}
	n, err := io.Copy(w.w, io.LimitReader(body, size))
	if err == nil && n < size {
		err = fmt.Errorf("%w: %d of %d bytes of a frame", ErrTruncated, n, size)
	}
	w.err = err
	w.count++
	return err
}

// Close ends the stream; it does not close what is underneath.
func (w *Writer) Close() error { return w.Stream(end, w.count, 0, bytes.NewReader(nil)) }

// A Reader reads a stream of frames from a side that is not trusted.
type Reader struct {
	r     io.Reader
	body  io.LimitedReader // rest of the current frame
	count int64
	begun bool
	err   error
}

// NewReader returns a Reader from r. It does not read ahead: after Next, r
// stands where the frame's body begins. If r is a file, bodies that are not read
// are sought over.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Next returns the next frame. io.EOF comes only after the frame that closes a
// stream and with nothing behind it; any other end is ErrTruncated.
func (r *Reader) Next() (*Frame, error) {
	if r.err != nil {
		return nil, r.err
	}
	f, err := r.next()
	if err != nil {
		r.err = err
		return nil, err
	}
	return f, nil
}

func (r *Reader) next() (*Frame, error) {
	if !r.begun {
		var got [len(magic)]byte
		n, err := io.ReadFull(r.r, got[:])
		if string(got[:n]) != magic[:n] || err == nil && string(got[:]) != magic {
			return nil, ErrVersion
		}
		if err != nil {
			return nil, cutShort(err)
		}
		r.begun = true
	} else if r.body.N > 0 {
		if err := r.skip(); err != nil {
			return nil, err
		}
	}
	var head [headSize]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return nil, cutShort(err)
	}
	kind := Kind(head[0])
	index := binary.BigEndian.Uint64(head[1:])
	size := binary.BigEndian.Uint64(head[9:])
	limit, known := limits[kind]
	switch {
	case !known:
		return nil, fmt.Errorf("%w: no frame has kind %q", ErrMalformed, head[0])
	case index > math.MaxInt64 || size > uint64(limit):
		return nil, fmt.Errorf("%w: a frame %q of %d bytes, index %d", ErrMalformed, head[0], size, index)
	}
	if kind == end {
		return nil, r.finish(int64(index))
	}
	r.count++
	r.body = io.LimitedReader{R: r.r, N: int64(size)}
	return &Frame{Kind: kind, Index: int64(index), Size: int64(size), Body: body{r}}, nil
}

// skip passes over what is left unread of the current frame. In a file it is
// sought over; an end of the file before the frame's is noticed where the next
// frame should begin.
func (r *Reader) skip() error {
	if s, ok := r.r.(io.Seeker); ok {
		if _, err := s.Seek(r.body.N, io.SeekCurrent); err == nil {
			r.body.N = 0
			return nil
		}
		// A pipe: read.
	}
	_, err := io.Copy(io.Discard, body{r})
	return err
}

func (r *Reader) finish(count int64) error {
	if count != r.count {
		return fmt.Errorf("%w: %d frames announced, %d came", ErrMalformed, count, r.count)
	}
	var one [1]byte
	switch _, err := io.ReadFull(r.r, one[:]); err {
	case io.EOF:
		return io.EOF
	case nil:
		return fmt.Errorf("%w: something follows its end", ErrMalformed)
	default:
		return err
	}
}

// body reads the current frame's rest and turns an early end into ErrTruncated.
type body struct{ r *Reader }

func (b body) Read(p []byte) (int, error) {
	if b.r.body.N <= 0 {
		return 0, io.EOF
	}
	n, err := b.r.body.Read(p)
	if err == io.EOF && b.r.body.N > 0 {
		err = ErrTruncated
	}
	return n, err
}

// cutShort turns the end of the input into ErrTruncated and leaves other
// failures, such as the network's, as they are.
func cutShort(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return ErrTruncated
	}
	return err
}
