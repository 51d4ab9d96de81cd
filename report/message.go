package report

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxMessage is the most characters that a message's text has.
const MaxMessage = maxAccount

// MaxSeen bounds how many replies a message can say that its writer has seen.
const MaxSeen = 1_000_000

// ErrEmpty means that a message has no text, and says nothing else either.
var ErrEmpty = errors.New("message has no text")

// Message is what is said in a case after its report: an addition by the
// witness or a reply by a case worker. Its JSON form is the message.json of a
// sealed message. Version is that of reports.
type Message struct {
	Language string   // BCP 47 tag of the text as far as it is known, or empty
	Day      string   // the day it was written, UTC, as YYYY-MM-DD
	Text     string   // may be empty if HandedTo or Seen is not
	HandedTo []string // reply: to which of Authorities the case went, as far as the witness may know
	Seen     int      // addition: how many replies the witness had before them

	unknown unknown
}

// authorities are in general terms: which unit of which country has a case is
// not for a page that the wrong person may come to read.
var authorities = []string{"police", "foreign-affairs", "child-protection", "hotline", "justice", "other"}

// Authorities returns the codes of those whom a case can be handed to, as a
// witness may be told.
func Authorities() []string { return slices.Clone(authorities) }

// NewMessage returns a message whose text is normalised as a report's fields
// of several lines are; it may be empty if the case was handed to somebody. The
// error wraps ErrNotUTF8, or ErrEmpty, or is a *ValidationError.
func NewMessage(language, day, text string, handedTo ...string) (*Message, error) {
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("text: %w", ErrNotUTF8)
	}
	f := Field{Name: "text", Kind: Text}
	m := &Message{Language: language, Day: day, Text: f.normalise(text), HandedTo: slices.Clone(handedTo)}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// Validate returns nil, ErrEmpty, or a *ValidationError that names every
// problem. Language and Day may be empty.
func (m *Message) Validate() error {
	if strings.TrimSpace(m.Text) == "" && len(m.HandedTo) == 0 && m.Seen == 0 {
		return ErrEmpty
	}
	var problems []Problem
	if m.Language != "" && (len(m.Language) > maxLanguage || !languageRegexp.MatchString(m.Language)) {
		problems = append(problems, Problem{"language", BadFormat, 0})
	}
	if m.Day != "" && !(dayRegexp.MatchString(m.Day) && inCalendar(m.Day)) {
		problems = append(problems, Problem{"day", BadFormat, 0})
	}
	if utf8.RuneCountInString(m.Text) > MaxMessage {
		problems = append(problems, Problem{"text", TooLong, MaxMessage})
	} else if !utf8.ValidString(m.Text) || strings.ContainsFunc(m.Text, forbidden) {
		problems = append(problems, Problem{"text", BadFormat, 0})
	}
	if m.Seen < 0 || m.Seen > MaxSeen {
		problems = append(problems, Problem{"seen", BadFormat, 0})
	}
	for i, a := range m.HandedTo {
		kind := ProblemKind("")
		if !slices.Contains(authorities, a) {
			kind = NotAChoice
		} else if slices.Contains(m.HandedTo[:i], a) {
			kind = BadFormat
		}
		if kind != "" {
			problems = append(problems, Problem{"handed_to", kind, 0})
			break
		}
	}
	if problems != nil {
		return &ValidationError{problems}
	}
	return nil
}

// ParseMessage reads the JSON form of a message. What it does not know is kept
// for Marshal. Errors are those of Parse, and ErrEmpty.
func ParseMessage(data []byte) (*Message, error) {
	if len(data) > MaxSize {
		return nil, ErrTooLarge
	}
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: not valid UTF-8", ErrMalformed)
	}
	top, err := members(data)
	if err != nil {
		return nil, fmt.Errorf("reading a message: %w", err)
	}
	if err := new(Report).readVersion(top); err != nil {
		return nil, err
	}
	m := new(Message)
	into := map[string]*string{"language": &m.Language, "day": &m.Day, "text": &m.Text}
	for _, t := range top {
		at, err := into[t.name], error(nil)
		switch {
		case at != nil:
			err = read(t.name, t.value, at)
		case t.name == "handed_to":
			err = read(t.name, t.value, &m.HandedTo)
		case t.name == "seen":
			m.Seen, err = strconv.Atoi(string(t.value))
			if err != nil || m.Seen < 1 {
				err = fmt.Errorf("%w: seen is not a number from 1", ErrMalformed)
			}
		case t.name != "version":
			m.unknown.keep(t)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := m.Validate(); err != nil {
		if errors.Is(err, ErrEmpty) {
			return nil, err
		}
		return m, err
	}
	return m, nil
}

// Marshal returns the JSON form, always the same for the same message. The
// error wraps ErrTooLarge.
func (m *Message) Marshal() ([]byte, error) {
	top := []string{property("version", fmt.Sprint(Version))}
	for _, p := range []struct{ name, value string }{
		{"language", m.Language}, {"day", m.Day}, {"text", m.Text},
	} {
		if p.value != "" {
			top = append(top, property(p.name, quote(p.value)))
		}
	}
	if len(m.HandedTo) > 0 {
		var quoted []string
		for _, a := range m.HandedTo {
			quoted = append(quoted, quote(a))
		}
		top = append(top, property("handed_to", "["+strings.Join(quoted, ", ")+"]"))
	}
	if m.Seen > 0 {
		top = append(top, property("seen", strconv.Itoa(m.Seen)))
	}
	data := []byte(object(slices.Concat(top, m.unknown.write()), "") + "\n")
	if len(data) > MaxSize {
		return nil, ErrTooLarge
	}
	return data, nil
}
