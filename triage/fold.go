package triage

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold brings text into the form in which it is searched, so that what people
// take for the same word is the same bytes, whoever typed it and on whatever
// keyboard: compatibility forms are resolved (Unicode NFKD), case is folded,
// accents and the vowel points of Arabic and Hebrew are left out, invisible
// characters are too, and each run of white space becomes one space. "hotel" is
// then found in "Hôtel" and "HOTEL".
//
// The vowel signs of Hindi, Bengali, Thai and their like are letters to their
// readers, and stay.
func Fold(s string) string {
	// Folding may bring forth what decomposes once more.
	s = norm.NFKD.String(cases.Fold().String(norm.NFKD.String(s)))
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range s {
		switch {
		case r < unicode.MaxASCII && r > ' ': // most of it
		case unicode.IsSpace(r):
			space = true
			continue
		case unicode.Is(unicode.Cf, r), unicode.IsControl(r), r == tatweel, isAccent(r):
			continue
		case r == 'ı': // the dotless i of Turkish, as its dotted one loses the dot
			r = 'i'
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	return b.String()
}

// tatweel stretches an Arabic word and says nothing.
const tatweel = '\u0640'

// isAccent reports whether r is a mark that people leave out when they search:
// those that no script owns, which are the accents of Latin, Greek and Cyrillic
// and most points of Arabic, and the others of Arabic and Hebrew.
func isAccent(r rune) bool {
	return unicode.Is(unicode.Mn, r) && unicode.In(r, unicode.Inherited, unicode.Arabic, unicode.Hebrew)
}
