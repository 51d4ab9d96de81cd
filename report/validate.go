package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// ProblemKind says what is wrong with a field.
type ProblemKind string

const (
	TooLong    ProblemKind = "too-long"     // more characters than Problem.Limit
	NotAChoice ProblemKind = "not-a-choice" // a value that the form does not offer
	BadFormat  ProblemKind = "bad-format"   // not of the field's Format, a control character, a choice named twice
	Missing    ProblemKind = "missing"      // neither an account nor an address online
)

// Problem is one reason why a report is not accepted. It holds nothing of
// what the witness wrote.
type Problem struct {
	Field string // name of a Field, or "version", "language", "received"
	Kind  ProblemKind
	Limit int // for TooLong, in characters
}

func (p Problem) String() string {
	switch p.Kind {
	case TooLong:
		return fmt.Sprintf("%s is longer than %d characters", p.Field, p.Limit)
	case NotAChoice:
		return p.Field + " is none of its choices"
	case BadFormat:
		return p.Field + " has the wrong format"
	case Missing:
		return "neither an account of what happened nor an address online (" + p.Field + ")"
	}
	return p.Field + " is wrong"
}

// ValidationError lists everything that is wrong with a report, in the order
// of the form, at most one problem a field.
type ValidationError struct {
	Problems []Problem
}

func (e *ValidationError) Error() string {
	said := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		said[i] = p.String()
	}
	return "report is not valid: " + strings.Join(said, "; ")
}

// The patterns are those of the published schema, in the part of the syntax
// that Go and ECMA-262 share. A date must exist in the calendar besides.
const (
	datePattern        = `^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$`
	dayPattern         = `^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`
	timePattern        = `^([01][0-9]|2[0-3]):[0-5][0-9]$`
	coordinatesPattern = `^-?(90(\.0+)?|[1-8]?[0-9](\.[0-9]+)?),-?(180(\.0+)?|(1[0-7][0-9]|[1-9]?[0-9])(\.[0-9]+)?)$`
	languagePattern    = `^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$`
)

// maxLanguage is the length that RFC 5646, section 4.4.1, asks programs to
// allow for a language tag.
const maxLanguage = 35

var formatLimits = map[Format]int{
	Date:        len("2006-01-02"),
	Time:        len("15:04"),
	Coordinates: 50,
}

var (
	formatPatterns = map[Format]*regexp.Regexp{
		Date:        regexp.MustCompile(datePattern),
		Time:        regexp.MustCompile(timePattern),
		Coordinates: regexp.MustCompile(coordinatesPattern),
	}
	dayRegexp      = regexp.MustCompile(dayPattern)
	languageRegexp = regexp.MustCompile(languagePattern)
)

// accounts are the fields of which at least one must be filled.
var accounts = []string{
	"what.seen", "what.heard", "what.suspected", "what.behaviour", "what.why", "online.url",
}

// Validate returns nil, or a *ValidationError that names every problem.
// Language and Received may be empty. Form NFC is not demanded, because
// another program's tables may be of another version of Unicode.
func (r *Report) Validate() error {
	var problems []Problem
	add := func(field string, kind ProblemKind, limit int) {
		problems = append(problems, Problem{field, kind, limit})
	}
	if r.Version != 0 && r.Version != Version {
		add("version", BadFormat, 0)
	}
	if len(r.Language) > maxLanguage {
		add("language", TooLong, maxLanguage)
	} else if r.Language != "" && !languageRegexp.MatchString(r.Language) {
		add("language", BadFormat, 0)
	}
	if r.Received != "" && !(dayRegexp.MatchString(r.Received) && inCalendar(r.Received)) {
		add("received", BadFormat, 0)
	}
	if !r.hasAccount() {
		add(accounts[0], Missing, 0)
	}
	for i := range table {
		f := &table[i]
		if kind := f.problem(r); kind == TooLong {
			add(f.Name, kind, f.Max)
		} else if kind != "" {
			add(f.Name, kind, 0)
		}
	}
	if problems == nil {
		return nil
	}
	return &ValidationError{problems}
}

func (r *Report) hasAccount() bool {
	return slices.ContainsFunc(accounts, func(name string) bool {
		return strings.TrimSpace(*byName[name].text(r)) != ""
	})
}

// problem returns what is wrong with the field in r, or "".
func (f *Field) problem(r *Report) ProblemKind {
	if f.list != nil {
		seen := make(map[string]bool)
		for _, v := range *f.list(r) {
			if !slices.Contains(f.Choices, v) {
				return NotAChoice
			}
			if seen[v] {
				return BadFormat
			}
			seen[v] = true
		}
		return ""
	}
	v := *f.text(r)
	switch {
	case v == "":
		return ""
	case f.Kind == Choice:
		if !slices.Contains(f.Choices, v) {
			return NotAChoice
		}
		return ""
	case utf8.RuneCountInString(v) > f.Max:
		return TooLong
	case !utf8.ValidString(v) || strings.ContainsFunc(v, forbidden):
		return BadFormat
	case f.Kind == Line && strings.ContainsAny(v, "\n\t"):
		return BadFormat
	case f.Format != "" && !formatPatterns[f.Format].MatchString(v):
		return BadFormat
	case f.Format == Date && !inCalendar(v):
		return BadFormat
	}
	return ""
}

// inCalendar says whether a date of datePattern exists.
func inCalendar(date string) bool {
	_, err := time.Parse(time.DateOnly[:len(date)], date)
	return err == nil
}
