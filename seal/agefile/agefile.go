// Package agefile reads what an age file shows to everybody: the kinds of its
// recipients, the structure of its payload and the length of its plaintext.
//
// It holds no key, opens nothing and does not import the age library, so that
// an auditor's program that uses it links no code that could. What it accepts
// is well formed and nothing more: integrity is not visible without a key, and
// comes from the digest in the ledger.
//
// Only the binary format is read, not the armored one. The format is
// https://c2sp.org/age (age-encryption.org/v1); the limits are those of
// filippo.io/age 1.3, so that a file accepted here is not refused there for
// its header.
package agefile

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"sync"
)

// ErrMalformed is wrapped by every error of Inspect that is about the file
// rather than about reading it.
var ErrMalformed = errors.New("not a well-formed age file")

// Hybrid is the stanza type of a post-quantum hybrid recipient (age1pq1…,
// ML-KEM-768 with X25519), the only one that Tocsin seals to.
const Hybrid = "mlkem768x25519"

const (
	intro           = "age-encryption.org/v1\n"
	maxHeader       = 2 << 20 // bytes
	maxStanzas      = 1024
	maxArgs         = 129 // type included
	maxQuoted       = 32  // bytes of a stanza type in an error
	bodyColumns     = 64
	macSize         = 32
	nonceSize       = 16
	chunkSize       = 64 << 10
	tagSize         = 16
	sealedChunkSize = chunkSize + tagSize
)

// The header of a file sealed only to hybrid recipients has one length per
// number of recipients: see HybridHeaderSize.
const (
	hybridFixed  = 70   // intro (22 bytes) and closing line (48)
	hybridStanza = 1557 // one recipient
	hybridShare  = 1120 // bytes in its one argument: what ML-KEM-768 and X25519 send
	hybridBody   = 43   // columns of its body, the sealed file key of 32 bytes
)

// Info is what an age file shows without a key. Sizes are in bytes.
type Info struct {
	// Stanzas are the types of the recipients' stanzas in their order.
	Stanzas []string
	// Exact says that every stanza is Hybrid and of the form in which age writes
	// it, with an argument and a body of as many bytes as they must have, in
	// base64. Otherwise a stanza may hold words in the clear.
	Exact bool
	// HeaderSize is where the payload begins.
	HeaderSize int64
	// PayloadSize is all that follows the header: the 16-byte nonce and the
	// encrypted chunks.
	PayloadSize int64
	// PlaintextSize is what the chunks hold when they are opened.
	PlaintextSize int64
}

// HybridHeaderSize returns the length of the header of a file sealed to that
// many hybrid recipients and nobody else.
func HybridHeaderSize(recipients int) int64 {
	return hybridFixed + hybridStanza*int64(recipients)
}

// readers are used again: an audit inspects every message of a store.
var readers = sync.Pool{New: func() any { return bufio.NewReader(nil) }}

// Inspect reads the header from r and computes the rest from size, the length
// of the whole file. It reads at most the header and one buffer (4 KiB)
// beyond, and never more than 2 MiB of header. A file that it refuses gives an
// error that wraps ErrMalformed; an error of r is passed on wrapped.
func Inspect(r io.Reader, size int64) (*Info, error) {
	buffered := readers.Get().(*bufio.Reader)
	buffered.Reset(io.LimitReader(r, min(max(size, 0), maxHeader)))
	h := header{r: buffered}
	stanzas, err := h.parse()
	buffered.Reset(nil)
	readers.Put(buffered)
	if err != nil {
		return nil, fmt.Errorf("inspecting an age header: %w", err)
	}
	info := &Info{Stanzas: stanzas, Exact: !h.odd, HeaderSize: h.n, PayloadSize: size - h.n}
	if info.PlaintextSize, err = plaintextSize(info.PayloadSize); err != nil {
		return nil, fmt.Errorf("inspecting an age payload: %w", err)
	}
	return info, nil
}

// plaintextSize undoes the STREAM construction: a nonce, then chunks of 64 KiB
// with a tag of 16 bytes each, the last of which is shorter but only empty
// when it is the only one.
func plaintextSize(payload int64) (int64, error) {
	sealed := payload - nonceSize
	if sealed < tagSize {
		return 0, malformed("the payload is cut short: %d bytes", payload)
	}
	chunks := (sealed-1)/sealedChunkSize + 1
	last := sealed - (chunks-1)*sealedChunkSize
	if last < tagSize || last == tagSize && chunks > 1 {
		return 0, malformed("no payload is %d bytes long", payload)
	}
	return sealed - chunks*tagSize, nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// header reads a header line by line.
type header struct {
	r   *bufio.Reader
	n   int64 // bytes taken
	odd bool  // a stanza was not of the form of a hybrid recipient's
}

// line returns the next line without its LF, valid until the next is read. The
// lines of a header that someone may have made up are held in memory one at a
// time.
func (h *header) line() ([]byte, error) {
	b, err := h.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull { // no line that age writes to a known recipient
		var rest []byte
		b = bytes.Clone(b)
		rest, err = h.r.ReadBytes('\n')
		b = append(b, rest...)
	}
	h.n += int64(len(b))
	if err == io.EOF {
		return nil, malformed("the header does not end within the file or %d bytes", maxHeader)
	} else if err != nil {
		return nil, err
	}
	return b[:len(b)-1], nil
}

// parse returns the types of the stanzas and leaves h.n at the header's end.
func (h *header) parse() ([]string, error) {
	first := make([]byte, len(intro))
	n, err := io.ReadFull(h.r, first)
	h.n += int64(n)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	if string(first[:n]) != intro {
		return nil, malformed("it does not begin with age-encryption.org/v1")
	}
	var stanzas []string
	for {
		line, err := h.line()
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(line, []byte("---")) {
			return stanzas, closing(line, len(stanzas))
		}
		if len(stanzas) == maxStanzas {
			return nil, malformed("more than %d stanzas", maxStanzas)
		}
		kind, err := h.stanza(line)
		if err != nil {
			return nil, err
		}
		stanzas = append(stanzas, kind)
	}
}

// closing checks the line that ends the header: "--- " and a MAC.
func closing(line []byte, stanzas int) error {
	mac, ok := bytes.CutPrefix(line, []byte("--- "))
	if b, valid := decode(mac); !ok || !valid || b != macSize {
		return malformed("the closing line holds no MAC")
	}
	if stanzas == 0 {
		return malformed("it has no recipient")
	}
	return nil
}

// stanza checks one stanza, whose first line was read, and returns its type.
func (h *header) stanza(line []byte) (string, error) {
	rest, ok := bytes.CutPrefix(line, []byte("-> "))
	if !ok {
		return "", malformed("a stanza does not begin with ->")
	}
	args := bytes.Split(rest, []byte(" "))
	if len(args) > maxArgs {
		return "", malformed("a stanza has more than %d arguments", maxArgs)
	}
	for _, a := range args {
		if !visible(a) {
			return "", malformed("an argument of a stanza is empty or not visible ASCII")
		}
	}
	kind := string(args[0])
	h.odd = h.odd || kind != Hybrid || len(args) != 2 || !share(args[1])
	for first := true; ; first = false {
		line, err := h.line()
		if err != nil {
			return "", err
		}
		h.odd = h.odd || !first || len(line) != hybridBody
		if _, ok := decode(line); !ok {
			return "", malformed("the body of a stanza of type %.*q is not wrapped base64", maxQuoted, kind)
		}
		if len(line) < bodyColumns {
			return kind, nil
		}
	}
}

var base64Strict = base64.RawStdEncoding.Strict()

// decode returns how many bytes a line of unpadded base64 stands for, and
// whether it is canonical and of at most 64 columns. CR would be skipped by
// the decoder: refused, or two headers would read as one.
func decode(line []byte) (int, bool) {
	if len(line) > bodyColumns || bytes.IndexByte(line, '\r') >= 0 {
		return 0, false
	}
	var b [bodyColumns]byte
	n, err := base64Strict.Decode(b[:], line)
	return n, err == nil
}

// share reports whether an argument, which is visible, is that of a hybrid
// recipient's stanza.
func share(arg []byte) bool {
	var b [hybridShare]byte
	if len(arg) != base64Strict.EncodedLen(len(b)) {
		return false
	}
	_, err := base64Strict.Decode(b[:], arg)
	return err == nil
}

// visible reports whether s is a non-empty string of bytes 33 to 126.
func visible(s []byte) bool {
	for _, c := range s {
		if c < 33 || c > 126 {
			return false
		}
	}
	return len(s) > 0
}
