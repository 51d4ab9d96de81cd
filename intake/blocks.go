package intake

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// blockSize is what goes onto the line at once. Over TLS each write is a record
// of its own, whose length shows: were what fills an answer up written apart from
// the answer, it could be told from it.
const blockSize = 16 << 10

// A blockWriter writes blocks of blockSize, whatever pieces they come in, and
// what is left on flush. It asks next before each.
type blockWriter struct {
	to   io.Writer
	next func() error
	buf  []byte
}

func newBlockWriter(to io.Writer, next func() error) *blockWriter {
	return &blockWriter{to, next, make([]byte, 0, blockSize)}
}

func (b *blockWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := copy(b.buf[len(b.buf):blockSize], rest)
		b.buf, rest = b.buf[:len(b.buf)+n], rest[n:]
		if len(b.buf) == blockSize {
			if err := b.flush(); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}

func (b *blockWriter) flush() error {
	if len(b.buf) == 0 {
		return nil
	}
	if err := b.next(); err != nil {
		return err
	}
	_, err := b.to.Write(b.buf)
	b.buf = b.buf[:0]
	return err
}

// store writes a block of deflate (RFC 1951, section 3.2.4) that is not
// compressed and not the last, of at most 65,535 bytes. The stream must be at a
// byte's boundary, and is again afterwards.
func store(to *bytes.Buffer, block []byte) {
	n := uint16(len(block))
	to.WriteByte(0)
	to.Write(binary.LittleEndian.AppendUint16(nil, n))
	to.Write(binary.LittleEndian.AppendUint16(nil, ^n))
	to.Write(block)
}

// filled is a gzip stream (RFC 1952) of size bytes that holds a text of less than
// 64 KiB. Nothing in it is compressed: it is a way to send a file, which has to
// stay as it is, in more bytes than it has.
func filled(text []byte, size int) *bytes.Buffer {
	last := []byte{1, 0, 0, 0xff, 0xff} // an empty block
	head := []byte{0x1f, 0x8b, 8, 0x10, 0, 0, 0, 0, 0, 255}
	left := size - (len(head) + 1 + 5 + len(text) + len(last) + 8)
	var b bytes.Buffer
	b.Grow(size)
	b.Write(head)
	// A comment in the header makes up for what empty blocks, of five bytes,
	// leave over.
	b.Write(append(bytes.Repeat([]byte{' '}, max(0, left)%5), 0))
	store(&b, text)
	for range left / 5 {
		store(&b, nil)
	}
	b.Write(last)
	b.Write(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(text)))
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(text))))
	return &b
}
