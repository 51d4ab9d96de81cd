package links

import "strings"

// Devanagari, Bengali and Gurmukhi follow one plan in Unicode: a letter stands
// at the same place in each block of 128. One table by that place writes all
// three in Latin letters, about as people do who have no other keyboard: long
// and short vowels, dental and retroflex consonants are the same. What it gets
// wrong: the Bengali inherent vowel, often said and written o; vowels that are
// not said within a word (Jayapur for Jaipur); a y that English spells away.
const (
	devanagari   = 0x0900
	gurmukhiEnds = 0x0A80
	virama       = 0x4D
)

var indicVowels = map[rune]string{ // letters, and the signs that take the place of the inherent a
	0x05: "a", 0x06: "a", 0x07: "i", 0x08: "i", 0x09: "u", 0x0A: "u", 0x0B: "ri", 0x0F: "e", 0x10: "ai", 0x11: "o", 0x13: "o", 0x14: "au",
	0x3E: "a", 0x3F: "i", 0x40: "i", 0x41: "u", 0x42: "u", 0x43: "ri", 0x45: "e", 0x47: "e", 0x48: "ai", 0x49: "o", 0x4B: "o", 0x4C: "au",
}

var indicConsonants = map[rune]string{
	0x15: "k", 0x16: "kh", 0x17: "g", 0x18: "gh", 0x19: "n", 0x1A: "ch", 0x1B: "ch", 0x1C: "j", 0x1D: "jh", 0x1E: "n",
	0x1F: "t", 0x20: "th", 0x21: "d", 0x22: "dh", 0x23: "n", 0x24: "t", 0x25: "th", 0x26: "d", 0x27: "dh", 0x28: "n",
	0x2A: "p", 0x2B: "ph", 0x2C: "b", 0x2D: "bh", 0x2E: "m", 0x2F: "y", 0x30: "r", 0x32: "l", 0x35: "v",
	0x36: "sh", 0x37: "sh", 0x38: "s", 0x39: "h",
}

// indicToLatin writes the letters of the three scripts in s in Latin ones, and
// leaves all others.
func indicToLatin(s string) string {
	if !strings.ContainsFunc(s, isIndic) {
		return s
	}
	var b strings.Builder
	inherent := false // the last letter was a consonant, whose a is not yet written
	flush := func(said bool) {
		if inherent && said {
			b.WriteByte('a')
		}
		inherent = false
	}
	for _, r := range s {
		at := (r - devanagari) % 0x80
		consonant, isConsonant := indicConsonants[at]
		vowel, isVowel := indicVowels[at]
		switch {
		case !isIndic(r):
			flush(false) // not said at the end of a word
			b.WriteRune(r)
		case isConsonant:
			flush(true)
			b.WriteString(consonant)
			inherent = true
		case isVowel:
			flush(at < 0x3E)
			b.WriteString(vowel)
		case at == 0x01 || at == 0x02 || r == 0x0A70: // candrabindu, anusvara, tippi
			flush(true)
			b.WriteByte('n')
		case at == virama:
			flush(false)
		case at == 0x3C || r == 0x0A71: // nukta, addak
		default:
			flush(true)
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isIndic(r rune) bool { return r >= devanagari && r < gurmukhiEnds }
