// Package screen makes text that a stranger wrote safe to show.
//
// A report may hold sequences that move a terminal's cursor, retitle its
// window, write its clipboard or answer in the reader's name, and characters
// that reorder or hide what stands beside them so that a name or a URL reads
// as another. What these functions return holds none of them. Everything of a
// report that reaches a terminal, a file name or a printed page passes through
// here; what is stored and handed over as data stays as the witness sent it.
//
// A removed character is shown as U+FFFD if it could have acted on a terminal,
// so that the reader sees that something was there, and vanishes if it is
// invisible anyway.
package screen

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const replacement = '\uFFFD'

// Line returns s as one line: every line break and tab becomes a space, runs
// of spaces one, none stand at either end.
func Line(s string) string {
	return strings.Join(strings.Fields(clean(s, true, false)), " ")
}

// Text returns s with its line breaks kept, as \n only, and tabs as spaces;
// the caller lays the lines out.
func Text(s string) string { return clean(s, false, false) }

// Page returns s as Text does but keeps the zero-width joiners that Persian,
// Hindi and Bengali are written with and emoji are made of. It is for pages,
// where text is shaped by a program that knows them; a terminal may not.
func Page(s string) string { return clean(s, false, true) }

// FileName returns a name that is safe in any directory of any system and on
// any command line, made of what a browser said a file is called: no path, no
// leading dot or dash, no character that a shell or Windows gives a meaning,
// at most 100 bytes with the ending kept. It may be empty.
func FileName(s string) string {
	s = Line(s)
	if i := strings.LastIndexAny(s, `/\`); i >= 0 {
		s = s[i+1:]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r):
			return r
		case strings.ContainsRune("._-+", r):
			return r
		}
		return '_'
	}, s)
	s = strings.TrimLeft(s, ".-_")
	s = strings.TrimRight(s, ".") // Windows drops them
	const most = 100
	if len(s) > most {
		ending := ""
		if i := strings.LastIndexByte(s, '.'); i >= 0 && len(s)-i <= 16 {
			ending = s[i:]
		}
		s = whole(s[:most-len(ending)]) + ending
	}
	return s
}

// whole drops a character that was cut in two at the end of s.
func whole(s string) string {
	for len(s) > 0 {
		if r, n := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || n > 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s
}

func clean(s string, oneLine, joiners bool) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s { // bytes that are not UTF-8 come as U+FFFD
		switch {
		case r == '\n' || r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029' || r == '\v' || r == '\f':
			if oneLine {
				b.WriteByte(' ')
			} else {
				b.WriteByte('\n')
			}
		case r == '\t':
			b.WriteByte(' ')
		case unicode.Is(unicode.Cc, r): // C0, DEL, C1
			b.WriteRune(replacement)
		case joiners && (r == '\u200C' || r == '\u200D'):
			b.WriteRune(r)
		case invisible(r):
		case unicode.Is(unicode.Co, r): // private use: fonts may draw anything
			b.WriteRune(replacement)
		case unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// invisible reports whether r shows nothing itself: the format characters
// (bidirectional overrides, embeddings, isolates and marks, zero-width spaces
// and joiners, tags, interlinear annotations) and the other characters that
// Unicode says to ignore by default (variation selectors, fillers).
func invisible(r rune) bool {
	switch {
	case unicode.Is(unicode.Cf, r) && !visibleFormat(r):
		return true
	case unicode.Is(unicode.Variation_Selector, r), unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
		return true
	}
	return unicode.Is(unicode.Noncharacter_Code_Point, r)
}

// visibleFormat reports whether r is one of the signs that Unicode counts as
// format characters although they are drawn: those that enclose Arabic, Syriac
// and Kaithi numbers.
func visibleFormat(r rune) bool {
	return unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// JSON returns an encoded JSON text with every character escaped that Line
// would not let through: it says the same to a program and nothing to a
// terminal.
func JSON(text []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(text))
	for _, r := range string(text) {
		switch {
		case r == '\n' || r < utf8.RuneSelf && r >= ' ' && r != 0x7f:
			b.WriteRune(r)
		case r <= 0xFFFF && hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		case hidden(r):
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		default:
			b.WriteRune(r)
		}
	}
	return b.Bytes()
}

// hidden reports whether a character must not reach a terminal.
func hidden(r rune) bool {
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Co, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || invisible(r)
}
