package links

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// fold returns s so that spellings of the same letters are the same text: form
// NFKC, no case, no accents, digits of every script as 0 to 9, no invisible
// characters; Cyrillic, Greek, Devanagari, Bengali and Gurmukhi letters as the
// Latin ones that they are usually transliterated by. Letters of other scripts
// stay, with what is written or left out at will (vowel signs of Arabic and
// Hebrew) removed. It is idempotent, and valid UTF-8 whatever s is.
func fold(s string) string {
	s = strings.ToValidUTF8(s, "")
	// Removing a mark can bring two others together, so that they compose.
	// Twice is enough for every text that the fuzzer found; the bound is there
	// because the text is a stranger's.
	for range 4 {
		next := foldOnce(s)
		if next == s {
			break
		}
		s = next
	}
	return s
}

func foldOnce(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	for _, r := range indicToLatin(norm.NFKD.String(cases.Fold().String(norm.NFKC.String(s)))) {
		switch latin, known := latinOf[r]; {
		case known:
			b.WriteString(latin)
		case optional(r):
		case unicode.Is(unicode.Nd, r):
			b.WriteByte(digit(r))
		default:
			b.WriteRune(r)
		}
	}
	return norm.NFC.String(b.String())
}

// isPlain reports whether folding changes nothing.
func isPlain(s string) bool {
	for _, r := range s {
		if r >= utf8.RuneSelf || r >= 'A' && r <= 'Z' {
			return false
		}
	}
	return true
}

// digit returns a decimal digit of any script as ASCII. Unicode assigns them
// in runs of ten from zero on.
func digit(r rune) byte {
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return '0' + byte((r-rune(t.Lo))%10)
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return '0' + byte((r-rune(t.Lo))%10)
		}
	}
	return '0'
}

// digits writes the decimal digits of every script in s as 0 to 9.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf && unicode.Is(unicode.Nd, r) {
			return rune(digit(r))
		}
		return r
	}, s)
}

// optional reports whether a character is one that some write and some leave
// out: accents, the vowel signs of Arabic and Hebrew, the stretching tatweel,
// and what is invisible. The vowel signs of Thai and others are marks too, but
// no accents: without them another word is left.
func optional(r rune) bool {
	switch {
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r):
		return true
	case unicode.Is(unicode.Mn, r):
		return unicode.In(r, unicode.Inherited, unicode.Arabic, unicode.Hebrew, unicode.Cyrillic, unicode.Greek)
	}
	return r == 'ـ'
}

// latinOf writes letters in Latin ones, after decomposition: й arrives as и,
// ё as е, ѓ as г. It is one table for Russian, Ukrainian, Belarusian,
// Bulgarian, Serbian and Macedonian, after the common English transliteration
// (BGN/PCGN without its signs) and the Serbian Latin alphabet without its
// hooks; skeleton takes away what the two do differently. It is not right for
// the Ukrainian г (h), nor for the Bulgarian щ (sht) and ъ (a).
var latinOf = map[rune]string{
	// Cyrillic
	'а': "a", 'б': "b", 'в': "v", 'г': "g", 'д': "d", 'е': "e", 'ж': "zh", 'з': "z",
	'и': "i", 'к': "k", 'л': "l", 'м': "m", 'н': "n", 'о': "o", 'п': "p", 'р': "r",
	'с': "s", 'т': "t", 'у': "u", 'ф': "f", 'х': "kh", 'ц': "ts", 'ч': "ch", 'ш': "sh",
	'щ': "shch", 'ъ': "", 'ы': "y", 'ь': "", 'э': "e", 'ю': "yu", 'я': "ya",
	'і': "i", 'є': "ye", 'ґ': "g",
	'ђ': "dj", 'ј': "j", 'љ': "lj", 'њ': "nj", 'ћ': "c", 'џ': "dz", 'ѕ': "dz",
	// Greek, after ISO 843 in its everyday form
	'α': "a", 'β': "v", 'γ': "g", 'δ': "d", 'ε': "e", 'ζ': "z", 'η': "i", 'θ': "th",
	'ι': "i", 'κ': "k", 'λ': "l", 'μ': "m", 'ν': "n", 'ξ': "x", 'ο': "o", 'π': "p",
	'ρ': "r", 'σ': "s", 'ς': "s", 'τ': "t", 'υ': "y", 'φ': "f", 'χ': "ch", 'ψ': "ps", 'ω': "o",
	// Latin letters that do not decompose
	'ø': "o", 'đ': "dj", 'ð': "d", 'þ': "th", 'ł': "l", 'ħ': "h", 'ı': "i", 'æ': "ae", 'œ': "oe", 'ə': "a",
	// Letters of the Arabic script that one language writes for another's
	'ى': "ي", 'ی': "ي", 'ے': "ي", 'ک': "ك", 'ة': "ه", 'ہ': "ه", 'ھ': "ه",
}

// sounds are spellings of about the same sound in the transliterations and
// Latin alphabets of witnesses: Shumadiya and Šumadija, Zhemchuzhina and
// Zemcuzina, Junost and Yunost, Salaam and Salam, Müller and Mueller,
// Maharadscha and Maharaja. The
// longer ones come first.
var sounds = strings.NewReplacer(
	"dsch", "i", "tsch", "c", "tch", "c", "tsj", "c", "sch", "s", "sj", "s", "sh", "s", "ch", "c", "zh", "z", "kh", "h", "gh", "g", "ph", "f", "th", "t",
	"ts", "c", "tz", "c", "dj", "d", "ck", "k", "qu", "k", "q", "k", "x", "ks", "w", "v", "y", "i", "j", "i",
	"ae", "a", "oe", "o", "ue", "u",
)

// skeleton returns what is left of a folded word when spellings of the same
// sound are made one. Names that it makes the same differ in little; they are
// compared only within a city or a country.
func skeleton(word string) string {
	for {
		next := squeeze(sounds.Replace(word))
		if next == word {
			return word // each round is shorter, or has fewer of q w x y j
		}
		word = next
	}
}

// squeeze makes repeated letters one; digits stay.
func squeeze(s string) string {
	var b strings.Builder
	last := rune(-1)
	for _, r := range s {
		if r != last || !unicode.IsLetter(r) {
			b.WriteRune(r)
		}
		last = r
	}
	return b.String()
}

// words splits a folded text. An apostrophe joins, but for the articles l' and
// d', and a sign of another kind separates.
func words(folded string) []string {
	for _, article := range []string{"l", "d"} {
		for _, sign := range apostrophes {
			folded = strings.ReplaceAll(" "+folded, " "+article+sign, " ")
		}
	}
	for _, sign := range apostrophes {
		folded = strings.ReplaceAll(folded, sign, "")
	}
	return strings.FieldsFunc(folded, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
	})
}

var apostrophes = []string{"'", "’", "‘", "ʼ", "`", "´"}

// letters returns how many characters of s are letters, and whether any is a
// digit.
func letters(s string) (n int, digit bool) {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsMark(r) {
			n++
		}
		digit = digit || unicode.IsDigit(r)
	}
	return n, digit
}
