package seal

import (
	"crypto/rand"
	_ "embed"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// codenameWords is how many words a codename has: 8 × log2(7775) is 103 bits.
const codenameWords = 8

// maxCodename bounds in bytes what ParseCodename looks at. The longest codename
// has 79 letters and spaces.
const maxCodename = 1024

// Codename is the secret with which a witness comes back. Its String is that
// secret: it goes on the witness's page and nowhere else. A log shows it
// withheld. The zero Codename is not one and derives nothing.
type Codename struct {
	words [codenameWords]uint16 // index into the list, from 1
}

// The EFF's large list for dice (J. Bonneau, "EFF's New Wordlists for Random
// Passphrases", 2016; CC BY 3.0 US), byte for byte as published.
//
//go:embed eff_large_wordlist.txt
var wordlistFile string

// wordlist holds the words in their order with their hyphens taken out.
type wordlist struct {
	words    []string
	index    map[string]uint16 // from 1
	sorted   []uint16          // the same numbers, in the order of the letters
	shortest int
	longest  int
}

// words is the list. Without hyphens "yo-yo" and "yoyo" are one word, which
// leaves 7,775; and no word is the beginning of another, so that a row of
// letters can be cut into words in one way only, and neither spaces nor
// hyphens have to be right.
var words = sync.OnceValue(func() *wordlist {
	l := &wordlist{index: make(map[string]uint16), shortest: 99}
	for line := range strings.Lines(wordlistFile) {
		_, word, _ := strings.Cut(strings.TrimSpace(line), "\t")
		word = strings.ReplaceAll(word, "-", "")
		if l.index[word] != 0 {
			continue
		}
		l.words = append(l.words, word)
		l.index[word] = uint16(len(l.words))
		l.sorted = append(l.sorted, uint16(len(l.words)))
		l.shortest, l.longest = min(l.shortest, len(word)), max(l.longest, len(word))
	}
	slices.SortFunc(l.sorted, func(a, b uint16) int { return strings.Compare(l.word(a), l.word(b)) })
	return l
})

// NewCodename draws a codename, each with the same chance.
func NewCodename() (Codename, error) {
	var c Codename
	n := big.NewInt(int64(len(words().words)))
	for i := range c.words {
		k, err := rand.Int(rand.Reader, n)
		if err != nil {
			return Codename{}, fmt.Errorf("drawing a codename: %w", err)
		}
		c.words[i] = uint16(k.Int64() + 1)
	}
	return c, nil
}

// A CodenameError says where a text stops being a codename. It wraps
// ErrCodename. Nothing of what was typed is in it: it may be shown.
type CodenameError struct {
	// Word is the number, from 1, of the first word that can't be told; 0 if
	// the fault is another.
	Word int
	// Words is how many words there are, if it is their number that is wrong.
	Words int

	whole string // what is wrong with the text as a whole, or ""
}

func (e *CodenameError) Error() string {
	switch {
	case e.whole != "":
		return fmt.Sprintf("%v: %s", ErrCodename, e.whole)
	case e.Word > 0:
		return fmt.Sprintf("%v: word %d is not on the list", ErrCodename, e.Word)
	}
	return fmt.Sprintf("%v: it has %d words and must have %d", ErrCodename, e.Words, codenameWords)
}

func (e *CodenameError) Unwrap() error { return ErrCodename }

// ParseCodename reads a codename as a person or a telephone writes it: any
// case, spacing, punctuation or numbering, hyphens or none, accents added by a
// keyboard, full-width and other compatibility forms of the letters. Only the
// letters a to z count; a letter of another alphabet is an error, since
// somebody meant something by it.
//
// Each word may have one slip: a letter too many, one missing, one taken for
// another, or two neighbours swapped. It is set right when that can mean one
// word of the list only, and refused when it can mean several. Text that reads
// as eight words as it stands is never taken for others. A slip may lead to
// another word of the list, and so to a codename that nobody has; the same text
// always leads to the same one.
//
// Errors are of type *CodenameError.
func ParseCodename(s string) (Codename, error) {
	if len(s) > maxCodename {
		return Codename{}, &CodenameError{whole: "too long"}
	}
	letters, starts, err := fold(s)
	defer clear(letters)
	if err != nil {
		return Codename{}, err
	}
	var c Codename
	list, rest, found := words(), letters, 0
	for ; len(rest) > 0; found++ {
		k, n := list.first(rest)
		if n == 0 {
			break
		}
		if found < codenameWords {
			c.words[found] = k
		}
		rest = rest[n:]
	}
	switch {
	case len(rest) == 0 && found == codenameWords:
		return c, nil
	case len(starts) == codenameWords:
		return list.eachMended(letters, starts)
	case len(rest) == 0:
		return Codename{}, &CodenameError{Words: found}
	case len(letters) > maxMended:
		return Codename{}, &CodenameError{Word: found + 1}
	}
	return list.cutMended(letters)
}

// word returns the word of that number.
func (l *wordlist) word(k uint16) string { return l.words[k-1] }

// first returns the word that b begins with and its length, or a length of 0.
func (l *wordlist) first(b []byte) (uint16, int) {
	for n := l.shortest; n <= min(l.longest, len(b)); n++ {
		if k := l.index[string(b[:n])]; k != 0 {
			return k, n
		}
	}
	return 0, 0
}

// fold reduces text to its letters a to z (Unicode normalization form KD,
// UAX #15, then case) and says at which of them a word starts by what stands
// between.
func fold(s string) (letters []byte, starts []int, err error) {
	text := norm.NFKD.AppendString(make([]byte, 0, 2*len(s)), s)
	defer clear(text)
	letters = make([]byte, 0, len(text))
	between := true
	for rest := text; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		rest = rest[n:]
		switch {
		case r >= 'A' && r <= 'Z':
			r += 'a' - 'A'
		case r >= 'a' && r <= 'z':
		case r == 'ı':
			// A Turkish keyboard's small I without a dot, which nothing
			// decomposes.
			r = 'i'
		case unicode.IsLetter(r):
			return letters, nil, &CodenameError{whole: "a letter that is not a to z"}
		default:
			between = between || !within(r)
			continue
		}
		if between {
			starts, between = append(starts, len(letters)), false
		}
		letters = append(letters, byte(r))
	}
	return letters, starts, nil
}

// within says whether something that is no letter may stand in the middle of a
// word: a hyphen, an accent, what can't be seen, and a digit, which is a slip
// for a letter there ("dr0pdown") and elsewhere a number with something after it.
func within(r rune) bool {
	return r == '\u2212' || unicode.In(r, unicode.Pd, unicode.M, unicode.Cf, unicode.Nd)
}

// Words returns the eight words.
func (c Codename) Words() []string {
	all := words().words
	w := make([]string, 0, codenameWords)
	for _, k := range c.words {
		if k == 0 {
			return nil
		}
		w = append(w, all[k-1])
	}
	return w
}

// String returns the canonical form, from which keys are derived: the words in
// lower case, without hyphens, joined by one space.
func (c Codename) String() string { return strings.Join(c.Words(), " ") }

// LogValue keeps a codename out of structured logs.
func (c Codename) LogValue() slog.Value { return slog.StringValue("codename withheld") }

// canonical returns String's bytes in a buffer that can be wiped.
func (c Codename) canonical() []byte {
	b := make([]byte, 0, codenameWords*10)
	for i, w := range c.Words() {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, w...)
	}
	return b
}
