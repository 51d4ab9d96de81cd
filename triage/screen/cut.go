package screen

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// Cut returns s if it takes at most so many columns of a terminal, and else its
// beginning with an ellipsis, which together do. It never cuts within what a
// reader takes for one character: a letter and its marks, a conjunct of Hindi or
// Bengali, a flag, an emoji with its colour. columns is 1 or more.
//
// Where the width of a character depends on the terminal, the larger one counts,
// so that a line may come out shorter than it could, and never longer.
func Cut(s string, columns int) string {
	taken, fits := 0, 0 // columns; bytes that leave one for the ellipsis
	for at := 0; at < len(s); {
		n, w := cluster(s[at:])
		if taken+w > columns {
			return s[:fits] + "…"
		}
		taken, at = taken+w, at+n
		if taken < columns {
			fits = at
		}
	}
	return s
}

// cluster returns the length in bytes and the width in columns of the first
// character that a reader sees in s. It is at least what Unicode's annex 29 takes
// for one, in which some characters are found by tables that Go does not have:
// here they are found by what those tables are made of.
func cluster(s string) (size, columns int) {
	before, size := utf8.DecodeRuneInString(s)
	columns = runeWidth(before)
	flag := regional(before)
	for size < len(s) {
		r, n := utf8.DecodeRuneInString(s[size:])
		pair := flag && regional(r)
		if !pair && !joins(before, r) {
			break
		}
		flag = regional(r) && !pair // a third one begins another flag
		columns += runeWidth(r)
		before, size = r, size+n
	}
	return size, columns
}

// regional reports whether two like r make a flag.
func regional(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }

const zeroWidthJoiner = '\u200D'

// joins reports whether r belongs to the character that before is part of.
func joins(before, r rune) bool {
	switch {
	case unicode.Is(unicode.M, r), invisible(r):
		return true
	case r >= 0x1F3FB && r <= 0x1F3FF: // colours of skin
		return true
	case r == 0x0E33, r == 0x0EB3, r == 0xFF9E, r == 0xFF9F: // letters that are marks
		return true
	case before == zeroWidthJoiner, visibleFormat(before), before == 0x0D4E: // signs that stand before a letter
		return true
	case unicode.IsLetter(r) && norm.NFC.PropertiesString(string(before)).CCC() == virama:
		return true
	case medialJamo(r):
		return true
	}
	return leadingJamo(before) && unicode.Is(unicode.Hangul, r)
}

// virama is the class of the marks that join two consonants into one character
// (Unicode Standard Annex 44, table 15).
const virama = 9

// Letters of which Korean syllables are made that were not composed.
func leadingJamo(r rune) bool { return r >= 0x1100 && r <= 0x115F || r >= 0xA960 && r <= 0xA97C }
func medialJamo(r rune) bool  { return r >= 0x1160 && r <= 0x11FF || r >= 0xD7B0 && r <= 0xD7FB }

// runeWidth is how many columns r takes at most.
func runeWidth(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me), invisible(r):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
