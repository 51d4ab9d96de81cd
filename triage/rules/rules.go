// Package rules proposes which authorities a report goes to, and says why.
//
// Rules are a text that an organisation can read and change; those shipped are
// for an organisation in Belgium ([Default]). A condition is an expression of
// the Common Expression Language (CEL) over what the form asked ([Facts]).
//
// What the package guarantees:
//
//   - A question that was not answered, or answered with "unknown", never counts
//     as a no: a rule that needs it is undecided, and says which answer it
//     lacks. A rule that is decided without it is decided.
//   - What is proposed holds no word of the witness and nothing that
//     identifies them: only codes of choices that this program knows, and
//     whether something was told at all. It can be shown and handed over as
//     it is.
//   - The same rules and the same report give the same proposals, in the same
//     order.
//   - A rule can't loop, fail or reach anything but the facts.
//
// A case worker decides; these are proposals.
//
// The format, one thing a line, a line that begins with a space or a tab going
// on from the one before, lines that begin with # and empty lines for people:
//
//	tocsin.rules.v1
//	name belgium-1
//	home BE
//
//	rule missing
//	when child.missing
//	propose child-protection home
//	urgent
//	why The child is missing.
//
// A name changes whenever the rules do. Home is the organisation's country.
// After propose comes one of report.Authorities and, if it matters, the
// authority's country: home, a code of ISO 3166-1 alpha-2, or a fact that is a
// country. There may be several, or none: then the rule is a note on how to go
// about the case. Urgent is left out where nothing is.
package rules

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"tocsin/report"
)

var (
	// ErrVersion means that a text has a version that this program does not
	// know.
	ErrVersion = errors.New("unknown version: a newer program is needed to read it")
	// ErrMalformed means that a text is not what its header says; the error
	// names the line.
	ErrMalformed = errors.New("malformed")
)

// Limits of a rules file.
const (
	MaxSize  = 256 << 10 // bytes, of a table of cases too
	maxRules = 100
	maxWhen  = 1000 // characters of a condition
	maxWhy   = 500  // bytes of a sentence
)

// Rules are what one file says. They can be used by several goroutines.
type Rules struct {
	Name string // of this edition
	Home string // the organisation's country, ISO 3166-1 alpha-2

	text  []byte
	rules []rule
}

// A rule is one of them.
type rule struct {
	id      string
	when    string // CEL
	propose []target
	urgent  bool
	why     string

	condition *condition
}

// A target is an authority that a rule proposes.
type target struct {
	kind    string // of report.Authorities
	country string // "", home, a code, or the name of a fact
}

//go:embed belgium.rules
var belgium []byte

var parseBelgium = sync.OnceValues(func() (*Rules, error) { return Parse(belgium) })

// Default returns the rules that are shipped, for an organisation in Belgium.
func Default() *Rules {
	s, err := parseBelgium()
	if err != nil {
		panic("the rules that are shipped: " + err.Error()) // a test parses them
	}
	return s
}

// Text returns the file as it was read.
func (s *Rules) Text() string { return string(s.text) }

// Version names these very rules: their name, and the SHA-256 of the file.
func (s *Rules) Version() string {
	sum := sha256.Sum256(s.text)
	return s.Name + " sha256:" + hex.EncodeToString(sum[:])
}

const rulesHeader = "tocsin.rules.v1"

var nameRegexp = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9]+){0,31}$`)

// Parse reads rules. The error wraps ErrVersion or ErrMalformed and says what
// to change, in which line.
func Parse(text []byte) (*Rules, error) {
	lines, err := split(text, rulesHeader)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	s := &Rules{text: slices.Clone(text)}
	for _, l := range lines {
		if err := s.take(l); err != nil {
			return nil, fmt.Errorf("rules, line %d: %w: %w", l.number, ErrMalformed, err)
		}
	}
	if err := s.finish(); err != nil {
		return nil, fmt.Errorf("rules: %w: %w", ErrMalformed, err)
	}
	return s, nil
}

// take adds one line.
func (s *Rules) take(l line) error {
	var last *rule
	if len(s.rules) > 0 {
		last = &s.rules[len(s.rules)-1]
	}
	switch {
	case l.key == "name" && last == nil && s.Name == "":
		return set(&s.Name, l.value, name)
	case l.key == "home" && last == nil && s.Home == "":
		return set(&s.Home, l.value, country)
	case l.key == "rule":
		if len(s.rules) == maxRules {
			return fmt.Errorf("there may be at most %d rules", maxRules)
		}
		if slices.ContainsFunc(s.rules, func(r rule) bool { return r.id == l.value }) {
			return fmt.Errorf("there is another rule %q", l.value)
		}
		s.rules = append(s.rules, rule{})
		return set(&s.rules[len(s.rules)-1].id, l.value, name)
	case last == nil:
		return fmt.Errorf("%q can't stand here: name and home come first, once, then the rules", l.key)
	case l.key == "when" && last.when == "":
		var err error
		last.when = l.value
		last.condition, err = compile(l.value)
		return err
	case l.key == "propose":
		t, err := parseTarget(l.value)
		if err == nil && slices.Contains(last.propose, t) {
			err = errors.New("the rule proposes that already")
		}
		last.propose = append(last.propose, t)
		return err
	case l.key == "urgent" && !last.urgent && l.value == "":
		last.urgent = true
		return nil
	case l.key == "why" && last.why == "":
		return set(&last.why, l.value, sentence)
	}
	return fmt.Errorf("%q can't stand here: a rule has when, propose, urgent and why, each once but propose", l.key)
}

// finish checks that nothing is missing.
func (s *Rules) finish() error {
	if s.Name == "" || s.Home == "" || len(s.rules) == 0 {
		return errors.New("a name, a home and at least one rule are needed")
	}
	for _, r := range s.rules {
		if r.when == "" || r.why == "" {
			return fmt.Errorf("rule %s has no when or no why", r.id)
		}
		if r.urgent && len(r.propose) == 0 {
			return fmt.Errorf("rule %s is urgent but proposes nothing", r.id)
		}
	}
	return nil
}

func set(to *string, value string, check func(string) error) error {
	*to = value
	return check(value)
}

func name(v string) error {
	if len(v) > 32 || !nameRegexp.MatchString(v) {
		return fmt.Errorf("%q: a name has at most 32 lower-case letters, digits and hyphens between them", v)
	}
	return nil
}

func country(v string) error {
	if v == report.Unknown || !slices.Contains(countries, v) {
		return fmt.Errorf("%q is no country code of ISO 3166-1 alpha-2, such as BE", v)
	}
	return nil
}

func sentence(v string) error {
	if v == "" || len(v) > maxWhy {
		return fmt.Errorf("a sentence has between 1 and %d bytes", maxWhy)
	}
	return nil
}
