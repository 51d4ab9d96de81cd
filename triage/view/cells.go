package view

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"tocsin/triage/screen"
)

// cells measures and cuts text in a terminal's cells, as the library that draws
// it does. Its zero value measures character by character, which is what most
// terminals do; those that say that they go by what a reader takes for one
// character get that.
type cells struct{ method ansi.Method }

// line returns s, cleaned, in exactly n cells: cut between characters with a
// sign that it was, or filled with spaces.
func (c cells) line(s string, n int) string {
	s = strings.ReplaceAll(clean(s), "\n", " ")
	if c.method.StringWidth(s) > n {
		s = c.cut(s, n-1) + "…"
	}
	return s + strings.Repeat(" ", max(0, n-c.method.StringWidth(s)))
}

// maxMarks is how many marks may stand on one letter. No script needs as many;
// more of them cover the lines around.
const maxMarks = 8

// clean returns text that may stand on the screen: see [screen.Text].
func clean(s string) string {
	n := 0
	return strings.Map(func(r rune) rune {
		if n++; !unicode.IsMark(r) {
			n = 0
		}
		if n > maxMarks {
			return -1
		}
		return r
	}, screen.Text(s))
}

// cut returns as many whole characters of s as fit n cells.
func (c cells) cut(s string, n int) string {
	end := 0
	for end < len(s) {
		cluster, width := ansi.FirstGraphemeCluster(s[end:], c.method)
		if n -= width; n < 0 || cluster == "" {
			break
		}
		end += len(cluster)
	}
	return s[:end]
}

// wrap cleans text and returns its lines, each of at most n cells, broken
// between words where there are any and never within a character. What a line
// goes on with is indented as its beginning, so that no text gets to the margin,
// where headings stand.
func (c cells) wrap(text string, n int) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSuffix(clean(text), "\n"), "\n") {
		rest := strings.TrimLeft(line, " ")
		indent := line[:min(len(line)-len(rest), n/2)]
		for _, r := range c.rows(rest, n-len(indent)) {
			lines = append(lines, strings.TrimRight(indent+rest[r.from:r.to], " "))
		}
	}
	return lines
}

// A row is the part of a line that stands in one row of the screen.
type row struct{ from, to int }

// rows says where a line is broken so that no row has more than n cells. There
// is always one. The space at which it breaks stays with the row above.
func (c cells) rows(line string, n int) []row {
	var list []row
	start, space, width := 0, 0, 0 // space: behind the last one in the row
	for at := 0; at < len(line); {
		cluster, w := ansi.FirstGraphemeCluster(line[at:], c.method)
		if cluster == "" {
			break
		}
		if width+w > n && at > start && cluster != " " {
			end := at
			if space > start {
				end = space
			}
			list = append(list, row{start, end})
			start, width = end, c.method.StringWidth(line[end:at])
			space = start
		}
		at += len(cluster)
		width += w
		if cluster == " " {
			space = at
		}
	}
	return append(list, row{start, len(line)})
}

// Ways to stand out. Each also says it in words: where there is no colour
// nothing is lost.
const (
	bold    = "1"
	reverse = "7"
	alarm   = "1;31"
	faint   = "2"
)

// styled draws one line, which has no sequences in it, in a way.
func styled(way, s string) string {
	if way == "" || s == "" {
		return s
	}
	return "\x1b[" + way + "m" + s + "\x1b[m"
}
