package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"tocsin/ledger"
	"tocsin/seal/agefile"
)

// The checks of ciphertexts: nearly all bytes of a store.

func (c *checker) messages() {
	seen := map[int64]bool{}
	c.each(bucketMessages, func(k, v []byte) {
		i, l := c.leafOf(bucketMessages, k, ledger.EventMessage)
		seen[i] = true
		if l == nil {
			return
		}
		c.counts.Messages++
		inline, blob, err := parseBody(v)
		switch {
		case err != nil:
			c.found("record-malformed", describe(i, l), err.Error())
		case inline != nil:
			c.workers.do(inline, func(inline []byte) func() {
				m := &message{index: i, leaf: l}
				m.read(bytes.NewReader(inline), int64(len(inline)), false, nil)
				return func() { c.tell(m) }
			})
		default:
			c.blob(i, l, blob)
		}
	})
	c.expect(bucketMessages, ledger.EventMessage, seen, nil)
}

// blob opens a blob here, so that a source is asked in the order of the
// leaves, and leaves reading it to a worker.
func (c *checker) blob(i int64, l *ledger.Leaf, blob blobName) {
	if other, ok := c.blobs[blob]; ok {
		c.found("blob-twice", describe(i, l), fmt.Sprintf("it names the blob of leaf %d", other))
	}
	c.blobs[blob] = i
	c.workers.room()
	name := hex.EncodeToString(blob[:])
	b, err := c.src.Blob(c.ctx, i, name)
	switch {
	case err != nil && c.broke(err):
		return
	case errors.Is(err, fs.ErrNotExist):
		c.found("blob-missing", describe(i, l), "its file "+name+" is not there")
		return
	case err != nil:
		c.found("blob-unreadable", describe(i, l), err.Error())
		return
	}
	if b.Size <= InlineMax {
		c.found("blob-small", describe(i, l), "a message of its size lies in "+DBName)
	}
	c.workers.read(func() func() {
		defer b.Close()
		m := &message{index: i, leaf: l}
		c.readBlob(m, b)
		return func() { c.tell(m) }
	})
}

// buffers are for reading blobs, one for each worker that does.
var buffers = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

const copyBuffer = 1 << 20 // bytes

// samples are for the beginnings of messages, one for each worker.
var samples = sync.Pool{New: func() any { return &sample{make([]byte, 0, sampleSize)} }}

func (c *checker) readBlob(m *message, b *Blob) {
	r := &countingReader{c: c, r: b}
	was := b.identity()
	m.resumed = c.visit.Resume.knows(was, m.leaf.Digest)
	buffer := buffers.Get().(*[copyBuffer]byte)
	whole := m.read(io.LimitReader(r, b.Size), b.Size, m.resumed, buffer[:])
	buffers.Put(buffer)
	if m.resumed {
		c.advance(b.Size - r.n)
	} else if whole && b.identity() == was {
		if err := c.visit.Resume.note(was, m.leaf.Digest); err != nil {
			c.end(err)
		}
	}
}

// tell says what a worker saw.
func (c *checker) tell(m *message) {
	for _, f := range m.findings {
		c.visit.Found(f)
	}
	if m.resumed {
		c.counts.Resumed++
	}
	if m.info != nil {
		c.visit.Message(m.index, m.leaf, m.info)
	}
}

// A message is a ciphertext as a worker sees it.
type message struct {
	index int64
	leaf  *ledger.Leaf
	findings
	info    *agefile.Info // nil unless it is well formed and could be read
	resumed bool          // its digest was found to be that of the leaf before
}

// read holds a ciphertext against its leaf, in one pass over it, or over its
// beginning if the digest is known, and reports whether its bytes are the leaf's.
// buffer may be nil where r needs none.
func (m *message) read(r io.Reader, size int64, known bool, buffer []byte) bool {
	if size != m.leaf.Size {
		// Its digest can't be right either, and need not be computed: a file
		// without content can claim any size.
		m.found("message-size", describe(m.index, m.leaf), fmt.Sprintf("it has %d bytes, its leaf says %d", size, m.leaf.Size))
		return false
	}
	begin := samples.Get().(*sample)
	defer samples.Put(begin)
	begin.b = begin.b[:0]
	sum := sha256.New()
	to := io.MultiWriter(sum, begin)
	info, err := agefile.Inspect(io.TeeReader(r, to), size)
	if err != nil {
		m.found("message-malformed", describe(m.index, m.leaf), err.Error())
	}
	// Inspect may stop anywhere after the header: the digest takes the rest.
	if known {
		r = io.LimitReader(r, int64(cap(begin.b)-len(begin.b)))
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{to}, r, buffer); err != nil {
		m.found("blob-unreadable", describe(m.index, m.leaf), err.Error())
		return false
	}
	if m.info = info; info != nil && !random(begin.payload(info.HeaderSize)) {
		m.found("message-readable", describe(m.index, m.leaf), "its bytes are not spread as those of a ciphertext are")
	}
	if known {
		return true
	}
	if ledger.Digest(sum.Sum(nil)) != m.leaf.Digest {
		m.found("message-digest", describe(m.index, m.leaf), "its SHA-256 is not the one in its leaf")
		return false
	}
	return true
}
