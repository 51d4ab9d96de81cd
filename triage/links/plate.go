package links

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A plate's value is its letters and digits: "1ABC234". Two plates are the same
// or they are not: a character that differs is another car.

// lookalikes are the letters of Cyrillic and Greek plates that are chosen, or
// typed, for the Latin letters that they look like. Other letters are written
// by their sound.
var lookalikes = strings.NewReplacer(
	"А", "A", "В", "B", "Е", "E", "К", "K", "М", "M", "Н", "H", "О", "O", "Р", "P", "С", "C", "Т", "T", "У", "Y", "Х", "X", "Ј", "J",
	"Α", "A", "Β", "B", "Ε", "E", "Ζ", "Z", "Η", "H", "Ι", "I", "Κ", "K", "Μ", "M", "Ν", "N", "Ο", "O", "Ρ", "P", "Τ", "T", "Υ", "Y", "Χ", "X",
)

// confused are the letters that nobody tells from digits on a passing car.
// Few countries use both in the same place.
var confused = strings.NewReplacer("O", "0", "I", "1")

const (
	minPlate  = 5
	maxPlate  = 12
	plateWord = 4 // letters of a word that is a colour, a make or a place, and no plate's
)

// shortWords are said with a plate and shorter than that.
var shortWords = map[string]bool{"red": true, "van": true, "car": true, "bus": true, "suv": true, "the": true}

// plates adds the plates of the field, which may hold several and words besides.
func (c *collector) plates(field string) {
	for _, part := range strings.FieldsFunc(field, func(r rune) bool { return strings.ContainsRune(",;،、", r) }) {
		c.add(Plate, plateValue(part), strings.TrimSpace(part), "suspect.plate")
	}
}

// plateValue returns the value of one plate, or "" if the text is none or says
// that part of it was not seen. It is idempotent.
func plateValue(s string) string {
	s = norm.NFKC.String(strings.ToValidUTF8(s, ""))
	s = lookalikes.Replace(strings.ToUpper(withoutParentheses(s)))
	if strings.ContainsAny(s, "?*…") || strings.Contains(s, "..") || strings.Contains(s, "__") {
		return ""
	}
	var plate strings.Builder
	for _, w := range words(strings.ReplaceAll(fold(s), "_", " ")) {
		if n, digit := letters(w); (n < plateWord || digit) && !shortWords[w] {
			plate.WriteString(w)
		}
	}
	value := confused.Replace(strings.ToUpper(plate.String()))
	n, figures := 0, 0
	for _, r := range value {
		n++
		if unicode.IsDigit(r) {
			figures++
		}
	}
	if n < minPlate || n > maxPlate || figures < 2 {
		return ""
	}
	return value
}

// withoutParentheses leaves out what is said in parentheses.
func withoutParentheses(s string) string {
	depth := 0
	return strings.Map(func(r rune) rune {
		switch r {
		case '(', '[':
			depth++
			return ' '
		case ')', ']':
			depth = max(0, depth-1)
			return ' '
		}
		if depth > 0 {
			return -1
		}
		return r
	}, s)
}
