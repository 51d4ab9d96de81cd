package audit

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Printable makes a text safe to show: findings and errors may quote what lies
// in a hostile store. Everything but printable characters and plain spaces (so
// also what turns the direction of writing) is shown as JSON escapes it.
func Printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
