package intake

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"

	"tocsin/seal"
)

// The empty form is the page that weighs, and the page that most people load
// over a bad line, so it is compressed. Compressing a secret together with
// anything lets its letters be read off the length of the result (BREACH), so
// the secret is not compressed: a gzip stream (RFC 1952) is put together from
// pieces of the page that are the same for everybody, compressed once, and the
// codename between them in stored blocks (RFC 1951, section 3.2.4), filled up to
// a length that is the same for all. A piece refers to those before it and never
// to a stored block. Forms that are shown again, and all other pages, hold what a
// witness typed and are sent as they are.

// A blankForm is the empty form of one language, cut where the codename goes:
// first into the hidden field, then, as words, into the paragraph.
type blankForm struct {
	plain, zipped [3][]byte
	gaps          [2]int // lengths of what goes between
}

// What a blankForm depends on besides the language.
type blankKey struct {
	lang    *Language
	testify bool
	roster  [32]byte
	stale   bool // the emergency number's age is doubtful
}

// blanks holds the blank forms under the roster in force.
type blanks struct {
	mu    sync.Mutex
	forms map[blankKey]*blankForm
}

// blank returns the blank form of that language, and makes it on first use.
func (s *Server) blank(l *Language, testify bool) (*blankForm, error) {
	key := blankKey{l, testify, s.vault.Roster().Digest, s.europeanCall().Stale}
	s.blanks.mu.Lock()
	defer s.blanks.mu.Unlock()
	if b := s.blanks.forms[key]; b != nil {
		return b, nil
	}
	b, err := s.newBlank(l, testify)
	if err != nil {
		return nil, err
	}
	// Those of an earlier roster are of no more use.
	if len(s.blanks.forms) >= 4*len(s.languages.all) || s.blanks.forms == nil {
		s.blanks.forms = make(map[blankKey]*blankForm)
	}
	s.blanks.forms[key] = b
	return b, nil
}

func (s *Server) newBlank(l *Language, testify bool) (*blankForm, error) {
	c, err := seal.NewCodename()
	if err != nil {
		return nil, err
	}
	page := s.formPage(l, &draft{testify: testify, codename: c}, nil, false).Bytes()
	b := new(blankForm)
	var before []byte // of a piece, as it will be when it is read
	for i, gap := range [][]byte{s.hidden(c), s.words(c), nil} {
		piece, rest, ok := bytes.Cut(page, gap)
		if gap == nil {
			piece, ok = page, true
		}
		if !ok {
			return nil, fmt.Errorf("the form of %s does not show its codename", l.Code)
		}
		b.plain[i], page = piece, rest
		if b.zipped[i], err = deflate(piece, before, gap == nil); err != nil {
			return nil, fmt.Errorf("compressing the form: %w", err)
		}
		if gap != nil {
			b.gaps[i] = len(gap)
			// No page holds a NUL, so that nothing refers to one.
			before = slices.Concat(before, piece, make([]byte, len(gap)))
		}
	}
	return b, nil
}

// hidden is a codename as it stands in the form's hidden field, to the end of
// that.
func (s *Server) hidden(c seal.Codename) []byte {
	return []byte(c.String() + `">` + filling(c.Words()))
}

// words is the paragraph of a codename as the pages show it.
func (s *Server) words(c seal.Codename) []byte {
	var b bytes.Buffer
	data := struct{ Words []string }{c.Words()}
	if err := s.pages["form"].ExecuteTemplate(&b, "words", data); err != nil {
		panic("intake: the codename's words do not render")
	}
	return b.Bytes()
}

// deflate compresses a piece of a stream that has before ahead of it. Every piece
// ends at a byte's boundary, the last one ends the stream.
func deflate(piece, before []byte, last bool) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriterDict(&b, flate.BestCompression, before)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(piece); err != nil {
		return nil, err
	}
	if last {
		err = w.Close()
	} else {
		err = w.Flush()
	}
	return b.Bytes(), err
}

// page is the form with those in its gaps, and its Content-Encoding: gzip or "".
func (b *blankForm) page(hidden, words []byte, gzip bool) (*bytes.Buffer, string) {
	fill := [][]byte{b.plain[0], hidden, b.plain[1], words, b.plain[2]}
	// In a gap of another length, what a piece refers to would be elsewhere.
	if !gzip || len(hidden) != b.gaps[0] || len(words) != b.gaps[1] {
		return bytes.NewBuffer(bytes.Join(fill, nil)), ""
	}
	var sum, size uint32
	for _, piece := range fill {
		sum = crc32.Update(sum, crc32.IEEETable, piece)
		size += uint32(len(piece))
	}
	var out bytes.Buffer
	// No name, no time; system unknown.
	out.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255})
	out.Write(b.zipped[0])
	store(&out, hidden)
	out.Write(b.zipped[1])
	store(&out, words)
	out.Write(b.zipped[2])
	var trailer [8]byte
	binary.LittleEndian.PutUint32(trailer[:4], sum)
	binary.LittleEndian.PutUint32(trailer[4:], size)
	out.Write(trailer[:])
	return &out, "gzip"
}
