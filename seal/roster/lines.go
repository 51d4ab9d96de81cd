package roster

import (
	"crypto/ed25519"
	"fmt"
	"strconv"
	"strings"
)

// lines reads the "key value" lines that rosters and cards are made of. The
// first error sticks, so that a parser reads as the format looks.
type lines struct {
	rest []string
	n    int // number of the line last taken, from 1
	err  error
}

// newLines splits a text that must end with a newline.
func newLines(text []byte) *lines {
	s := &lines{}
	body, ok := strings.CutSuffix(string(text), "\n")
	if !ok {
		s.fail("the text does not end with a newline")
		return s
	}
	s.rest = strings.Split(body, "\n")
	return s
}

func (s *lines) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("%w: line %d: %s", ErrMalformed, s.n, fmt.Sprintf(format, args...))
	}
}

func (s *lines) next() string {
	s.n++
	if len(s.rest) == 0 {
		s.fail("the text ends too early")
		return ""
	}
	line := s.rest[0]
	s.rest = s.rest[1:]
	return line
}

// header takes the first line, which names format and version.
func (s *lines) header(want string) error {
	line := s.next()
	if s.err != nil {
		return s.err
	}
	if line == want {
		return nil
	}
	family := want[:strings.LastIndex(want, ".v")+2]
	if strings.HasPrefix(line, family) {
		return fmt.Errorf("%q: %w", line, ErrVersion)
	}
	s.fail("expected %q", want)
	return s.err
}

func (s *lines) exact(want string) {
	if got := s.next(); s.err == nil && got != want {
		s.fail("expected %q", want)
	}
}

func (s *lines) blank() { s.exact("") }

func (s *lines) peek(prefix string) bool {
	return s.err == nil && len(s.rest) > 0 && strings.HasPrefix(s.rest[0], prefix)
}

func (s *lines) value(key string) string {
	line := s.next()
	v, ok := strings.CutPrefix(line, key+" ")
	if s.err == nil && (!ok || v == "") {
		s.fail("expected %q and a value", key)
	}
	return v
}

func (s *lines) uint(key string) uint64 {
	v := s.value(key)
	n, err := strconv.ParseUint(v, 10, 62)
	if s.err == nil && err != nil {
		s.fail("%s: not a number", key)
	}
	return n
}

func (s *lines) desk(key string) ed25519.PublicKey {
	k, err := ParseDeskKey(s.value(key))
	if s.err == nil && err != nil {
		s.fail("%s: %v", key, err)
	}
	return k
}

// end returns the first error, or that something follows the last line.
func (s *lines) end() error {
	if s.err == nil && len(s.rest) > 0 {
		s.n++
		s.fail("unexpected text at the end")
	}
	return s.err
}
