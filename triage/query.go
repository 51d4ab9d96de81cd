package triage

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Query says which cases are looked for. The zero value finds all.
type Query struct {
	words   [][]byte // folded
	filters []filter
}

type filter struct{ key, value string }

// maxQuery bounds a query, in bytes.
const maxQuery = 1000

// filterKeys are the filters and the values they take, nil for any.
var filterKeys = map[string][]string{
	"case":      nil,
	"day":       nil,
	"country":   nil,
	"category":  nil,
	"assigned":  nil,
	"mark":      nil,
	"danger":    {"yes", "no"},
	"departure": {"yes", "no"},
	"news":      {"yes", "no"},
	"state": {
		"open", "overdue", "held",
		StateNew, StateRead, StateHandedOver, StateAcknowledged, StateWithdrawn, StatePurged,
	},
}

// ParseQuery reads what a person typed: words, which must all be in the text of
// the case in any order, and filters, which must all hold. A word is found
// within longer ones. Several words between double quotes are found as they
// stand; a quote that is never closed ends with the query, so that one can be
// searched while it is typed.
//
//	case:7k3q        the ID begins so
//	day:2026-03      the day on which it came begins so
//	country:TH       the country of the facts, by its two letters
//	category:CODE    one of its categories
//	state:STATE      open (nobody was told), overdue (and the deadline is past),
//	                 held, handed-over (acknowledged or not), new, read,
//	                 acknowledged, withdrawn, purged
//	assigned:NAME    to that case worker; assigned:none to nobody
//	mark:NAME        it bears that mark
//	danger:yes       a child is in danger now; or danger:no
//	departure:yes    a departure is imminent; or departure:no
//	news:yes         the witness wrote last; or news:no
//
// A filter without a value is one that is still being typed: it finds
// everything. Any other word with a colon is a word. It fails for a query of
// more than 1,000 bytes, one that is not UTF-8, and a filter with a value that
// it does not take.
func ParseQuery(s string) (*Query, error) {
	if len(s) > maxQuery {
		return nil, fmt.Errorf("a search of %d bytes; at most %d are taken", len(s), maxQuery)
	}
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("the search is not UTF-8 text")
	}
	q := new(Query)
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if rest, ok := strings.CutPrefix(s, `"`); ok {
			var phrase string
			phrase, s, _ = strings.Cut(rest, `"`)
			q.addWord(phrase)
			continue
		}
		end := strings.IndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '"' })
		if end < 0 {
			end = len(s)
		}
		if err := q.add(s[:end]); err != nil {
			return nil, err
		}
		s = s[end:]
	}
	return q, nil
}

func (q *Query) addWord(w string) {
	if w = Fold(w); w != "" {
		q.words = append(q.words, []byte(w))
	}
}

func (q *Query) add(word string) error {
	key, value, _ := strings.Cut(word, ":")
	key = strings.ToLower(key)
	values, known := filterKeys[key]
	switch {
	case !known || len(key) == len(word):
		q.addWord(word)
		return nil
	case value == "":
		return nil
	}
	value = strings.ToLower(value)
	if values != nil && !slices.Contains(values, value) {
		return fmt.Errorf("%s:%q: there are %s", key, value, strings.Join(values, ", "))
	}
	if key == "country" && len(value) > 2 {
		return fmt.Errorf("country:%q: a country is its two letters, such as country:TH", value)
	}
	q.filters = append(q.filters, filter{key, value})
	return nil
}

// Match reports whether a case is looked for. text is the text of the case as
// [Fold] returns it.
func (q *Query) Match(s *Summary, text string) bool { return q.match(s, []byte(text)) }

func (q *Query) match(s *Summary, text []byte) bool {
	for _, f := range q.filters {
		if !f.match(s) {
			return false
		}
	}
	for _, w := range q.words {
		if !bytes.Contains(text, w) {
			return false
		}
	}
	return true
}

func (f filter) match(s *Summary) bool {
	same := func(v string) bool { return strings.EqualFold(v, f.value) }
	switch f.key {
	case "case":
		return strings.HasPrefix(s.ID, f.value)
	case "day":
		return strings.HasPrefix(s.Day, f.value)
	case "country":
		return same(s.Country)
	case "category":
		return slices.ContainsFunc(s.Category, same)
	case "assigned":
		return same(s.Assigned) || s.Assigned == "" && f.value == "none"
	case "mark":
		return slices.ContainsFunc(s.Marks, same)
	case "danger":
		return s.Danger == (f.value == "yes")
	case "departure":
		return s.Departure == (f.value == "yes")
	case "news":
		return s.Unheard == (f.value == "yes")
	case "state":
		return s.is(f.value)
	}
	return false
}

// is reports whether the case is in a state that a filter names.
func (s *Summary) is(state string) bool {
	switch state {
	case "open":
		return s.Open()
	case "overdue":
		return s.Open() && s.HoursLeft < 0
	case StateHeld:
		return s.Held
	case StateHandedOver:
		return len(s.HandedTo) > 0 && !s.retired()
	}
	return s.State == state
}
