package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ErrUnknownField means that the form has no field of the name given to Set.
var ErrUnknownField = errors.New("no such field in a report")

// ErrNotUTF8 means that a value is not text.
var ErrNotUTF8 = errors.New("value is not valid UTF-8")

// Set puts what the form sent for a field into the report. A field of kind
// Choices gains the value, if it does not hold it yet; any other is replaced.
// An empty value clears a field, and adds nothing to Choices.
//
// Set only normalises: CRLF, CR, NEL and Unicode's line and paragraph
// separators become LF; other control characters but tab are dropped; the
// text is brought into form NFC and trimmed. What should be a single line
// becomes one, with single spaces. Dates, times and coordinates may be in any
// script's digits; a country code may be in lower case. Whether the value is
// allowed is for Validate to say, so that a page can name all problems at
// once.
//
// The error wraps ErrUnknownField or ErrNotUTF8; the report is then as it was.
func (r *Report) Set(field, value string) error {
	f := byName[field]
	if f == nil {
		return ErrUnknownField
	}
	if !utf8.ValidString(value) {
		return fmt.Errorf("%s: %w", f.Name, ErrNotUTF8)
	}
	value = f.normalise(value)
	if f.text != nil {
		*f.text(r) = value
		return nil
	}
	// One value more than there are choices is enough to make the list
	// invalid, and keeps a hostile form from growing it without end.
	list := f.list(r)
	if value != "" && len(*list) <= len(f.Choices) && !slices.Contains(*list, value) {
		*list = append(*list, value)
	}
	return nil
}

// Get returns the values of a field: none if it is empty or unknown to the
// form, one, or several for Choices. The slice belongs to the caller.
func (r *Report) Get(field string) []string {
	f := byName[field]
	switch {
	case f == nil:
		return nil
	case f.list != nil:
		return slices.Clone(*f.list(r))
	case *f.text(r) == "":
		return nil
	default:
		return []string{*f.text(r)}
	}
}

var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// Maps show a pair with a space after its comma.
var commas = strings.NewReplacer(" , ", ",", ", ", ",", " ,", ",")

func (f *Field) normalise(s string) string {
	s = strings.Map(func(c rune) rune {
		if forbidden(c) {
			return -1
		}
		return c
	}, lineBreaks.Replace(s))
	// NFC comes after the dropping, which may bring a letter and its accent
	// together.
	s = strings.TrimSpace(norm.NFC.String(s))
	if f.Kind == Text {
		return s
	}
	s = strings.Join(strings.Fields(s), " ")
	switch f.Format {
	case Date:
		s = asciiDigits(s)
	case Time:
		s = asciiDigits(s)
		if len(s) == len("9:05") && s[1] == ':' {
			s = "0" + s
		}
	case Coordinates:
		s = commas.Replace(asciiDigits(s))
	case Country:
		if len(s) == 2 {
			s = strings.ToUpper(s)
		}
	}
	return s
}

// forbidden says whether a character has no place in any text of a report.
func forbidden(c rune) bool {
	return unicode.IsControl(c) && c != '\n' && c != '\t'
}

// asciiDigits writes decimal digits of any script as 0 to 9: a phone set to
// Arabic, Bengali or Hindi may send its own.
func asciiDigits(s string) string {
	return strings.Map(func(c rune) rune {
		if c <= unicode.MaxASCII {
			return c
		}
		// Each range of Nd is made of whole runs from zero to nine.
		for _, t := range unicode.Nd.R16 {
			if c >= rune(t.Lo) && c <= rune(t.Hi) {
				return '0' + (c-rune(t.Lo))%10
			}
		}
		for _, t := range unicode.Nd.R32 {
			if c >= rune(t.Lo) && c <= rune(t.Hi) {
				return '0' + (c-rune(t.Lo))%10
			}
		}
		return c
	}, s)
}
