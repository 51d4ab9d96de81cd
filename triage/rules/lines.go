package rules

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tocsin/report"
)

// A line of a file, after those that go on from it were joined to it.
type line struct {
	number     int // of its beginning, from 1
	key, value string
}

// split reads what rules and tables have in common. Its text is safe to show:
// it holds no control character but tabs and line breaks, and none that
// reorders or hides what stands beside it.
func split(text []byte, header string) ([]line, error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, MaxSize)
	}
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%w: not valid UTF-8", ErrMalformed)
	}
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	if string(first) != header {
		stem := header[:len(header)-len("1")]
		if bytes.HasPrefix(first, []byte(stem)) {
			return nil, fmt.Errorf("the first line is %.40q: %w", first, ErrVersion)
		}
		return nil, fmt.Errorf("%w: the first line must be %s", ErrMalformed, header)
	}
	var lines []line
	number := 1
	for text := range strings.Lines(string(rest)) {
		number++
		text = strings.TrimSuffix(text, "\n")
		if strings.ContainsFunc(text, unshown) {
			return nil, fmt.Errorf("line %d: %w: it holds a character that can't be seen", number, ErrMalformed)
		}
		trimmed := strings.Join(strings.Fields(text), " ")
		switch {
		case trimmed == "", text[0] == '#':
		case text[0] != ' ' && text[0] != '\t':
			key, value, _ := strings.Cut(trimmed, " ")
			lines = append(lines, line{number, key, value})
		case len(lines) == 0:
			return nil, fmt.Errorf("line %d: %w: nothing that it could go on from", number, ErrMalformed)
		default:
			last := &lines[len(lines)-1]
			last.value = strings.TrimSpace(last.value + " " + trimmed)
		}
	}
	return lines, nil
}

func unshown(r rune) bool {
	return r != '\t' && (unicode.Is(unicode.C, r) || r == '\u2028' || r == '\u2029')
}

// parseTarget reads what stands after propose.
func parseTarget(v string) (target, error) {
	var t target
	var more string
	t.kind, t.country, _ = strings.Cut(v, " ")
	t.country, more, _ = strings.Cut(t.country, " ")
	if !slices.Contains(report.Authorities(), t.kind) {
		return t, fmt.Errorf("%q is no kind of authority; there are: %s", t.kind, strings.Join(report.Authorities(), ", "))
	}
	if more != "" {
		return t, errors.New("after propose come a kind and at most one country")
	}
	if f := factByName[t.country]; t.country == "" || t.country == homeName || f != nil && f.format == report.Country {
		return t, nil
	}
	if err := country(t.country); err != nil {
		return t, fmt.Errorf("%w; it may also be home or a fact that is a country, such as where.country", err)
	}
	return t, nil
}
