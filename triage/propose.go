package triage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal/roster"
	"tocsin/triage/rules"
)

// ErrReason means that a case is to go where the rules don't propose it, and
// that nobody said why.
var ErrReason = errors.New("not what the rules propose")

// Proposed is what the rules propose for a case, and who of the roster that
// is. It holds no word of the witness.
type Proposed struct {
	ID           string            `json:"case"`
	Rules        string            `json:"rules"` // their version
	Destinations []ProposedTo      `json:"destinations"`
	Notes        []rules.Reason    `json:"notes"`
	Undecided    []rules.Undecided `json:"undecided"`

	proposals *rules.Proposals
	roster    *roster.Signed
}

// ProposedTo is one of the destinations.
type ProposedTo struct {
	rules.Proposal
	To []string `json:"to"` // names in the roster; none if it has nobody of the kind
}

// Rules returns the rules in force here: the home's own file, or else those
// that are shipped.
func (h *Home) Rules() (*rules.Rules, error) {
	text, err := readRules(h.path("rules"))
	if errors.Is(err, fs.ErrNotExist) {
		return rules.Default(), nil
	}
	if err != nil {
		return nil, err
	}
	s, err := rules.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.path("rules"), err)
	}
	return s, nil
}

// TestRules tries the rules in force on the worked cases in a file, and
// returns how many there are and those that differ.
func (h *Home) TestRules(file string) (s *rules.Rules, n int, differ []rules.Difference, err error) {
	if s, err = h.Rules(); err != nil {
		return nil, 0, nil, err
	}
	text, err := readRules(file)
	if err != nil {
		return nil, 0, nil, err
	}
	table, err := rules.ParseTable(text)
	if err != nil {
		return nil, 0, nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, table.Len(), table.Check(s), nil
}

// readRules reads a file of rules or cases, or so much of it that it is
// refused as too long.
func readRules(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, rules.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return text, nil
}

// Propose opens a case and tries the rules in force on its report. What the
// witness added later is text, which no rule reads.
func (h *Home) Propose(c *Case) (*Proposed, error) {
	s, err := h.Rules()
	if err != nil {
		return nil, err
	}
	o, err := h.openCase(c)
	if err != nil {
		return nil, err
	}
	told, err := h.reportOf(o)
	if err != nil {
		return nil, fmt.Errorf("case %s: %w", c.ID, err)
	}
	all := s.Propose(told)
	p := &Proposed{
		ID: c.ID.String(), Rules: all.Rules, Destinations: []ProposedTo{}, Notes: all.Notes, Undecided: all.Undecided,
		proposals: all, roster: o.roster,
	}
	for _, d := range all.Destinations {
		p.Destinations = append(p.Destinations, ProposedTo{d, served(o.roster, &d)})
	}
	return p, nil
}

// reportOf reads a case's report without its attachments. There is exactly
// one, see oneReport.
func (h *Home) reportOf(o *opened) (*report.Report, error) {
	i := slices.IndexFunc(o.Messages, func(e Entry) bool { return e.Leaf.Kind == ledger.KindReport })
	msg, err := h.read(o, o.Messages[i], nil)
	if err != nil {
		return nil, err
	}
	return parseReport(msg)
}

// served returns the roster's destinations that are what is proposed.
func served(r *roster.Signed, p *rules.Proposal) []string {
	names := []string{}
	for _, d := range r.Destinations {
		if p.Matches(kindOf(&d), d.Country) {
			names = append(names, d.Name)
		}
	}
	return names
}

func kindOf(d *roster.Destination) string {
	if d.Kind == "" {
		return "other"
	}
	return d.Kind
}

// Decide returns the decision to hand the case over to some destinations of
// the roster. Where that is what the rules propose, and where the roster does
// not say what kind of authority a destination is, it needs no reason;
// anywhere else it does, and without one the error wraps ErrReason. Leaving out
// what was proposed needs none either: another decision may follow.
//
// A name that the roster does not have is left to Route to refuse.
func (p *Proposed) Decide(to []string, reason string) (*Decision, error) {
	said := ""
	if reason != "" {
		// As every text that leaves: normalised, and of a length that a note
		// takes.
		m, err := report.NewMessage("", "", reason)
		if err != nil && !errors.Is(err, report.ErrEmpty) {
			return nil, fmt.Errorf("the reason: %w", err)
		}
		if err == nil {
			said = m.Text
		}
	}
	for _, name := range to {
		d := p.roster.Destination(name)
		if d == nil || d.Kind == "" || said != "" || p.proposals.Confirms(d.Kind, d.Country) {
			continue
		}
		return nil, fmt.Errorf("%s, %s, is %w; to hand case %s over there all the same, say why: --reason TEXT",
			name, who(kindOf(d), d.Country), ErrReason, p.ID)
	}
	proposed, err := json.Marshal(p.proposals.Destinations)
	if err != nil {
		return nil, fmt.Errorf("writing the decision: %w", err)
	}
	return &Decision{Rules: p.Rules, Proposed: proposed, To: slices.Clone(to), Reason: said}, nil
}

// who names an authority: "the police, Belgium (BE)".
func who(kind, country string) string {
	if country == "" {
		return authorityLabel(kind)
	}
	return authorityLabel(kind) + ", " + countryLabel(country)
}

// Write lays the proposals out for a terminal of 80 columns.
func (p *Proposed) Write(w io.Writer) error {
	l := &layout{}
	l.line("case %s", p.ID)
	name, digest, _ := strings.Cut(p.Rules, " ")
	l.line("rules %s", name)
	l.line("  %s", digest)
	if len(p.Destinations) == 0 {
		l.title("No rule proposes anybody.")
	}
	for _, d := range p.Destinations {
		urgent := ""
		if d.Urgent {
			urgent = "URGENT: "
		}
		l.title(urgent + who(d.Kind, d.Country))
		if len(d.To) > 0 {
			l.text("in the roster: "+strings.Join(d.To, ", "), "  ")
		} else {
			l.text("nobody of this kind is in the roster", "  ")
		}
		for _, r := range d.Reasons {
			l.reason(r.Rule, r.Why, r.Answers)
		}
	}
	if len(p.Notes) > 0 {
		l.title("For this case")
	}
	for _, n := range p.Notes {
		l.reason(n.Rule, n.Why, n.Answers)
	}
	if len(p.Undecided) > 0 {
		l.title("Not to be decided for want of an answer")
	}
	for _, u := range p.Undecided {
		l.reason(u.Rule, u.Why, u.Missing)
		if u.Problem != "" {
			l.text("can't be tried: "+u.Problem, "      ")
		}
	}
	if names := kindless(p.roster); len(names) > 0 {
		l.title("Of no known kind in the roster, so that no rule can propose them")
		l.text(strings.Join(names, ", "), "  ")
		l.text("The organisation says what they are: triage org set-destination NAME --kind KIND", "  ")
	}
	_, err := io.WriteString(w, l.b.String())
	return err
}

// reason writes a rule, its sentence and the answers.
func (p *layout) reason(rule, why string, answers []rules.Answer) {
	p.text(rule+": "+why, "  ")
	for _, a := range answers {
		p.text(answerLabel(a), "      - ")
	}
}

// answerLabel says an answer in words: "Suspected person, nationality:
// Thailand (TH)".
func answerLabel(a rules.Answer) string {
	f := report.Field{Name: a.Field}
	for _, known := range report.Fields() {
		if known.Name == a.Field {
			f = known
		}
	}
	var values []string
	for v := range strings.SplitSeq(a.Value, ", ") {
		switch {
		case v == "" && f.Name != "consent":
			v = "not answered"
		case v == rules.Told, v == rules.NotTold:
		default:
			v = valueLabel(f, v)
		}
		values = append(values, v)
	}
	label := fieldLabels[f.Name]
	if f.Section != f.Name {
		label = sectionTitles[f.Section] + ", " + strings.ToLower(label[:1]) + label[1:]
	}
	return label + ": " + strings.Join(values, "; ")
}

func kindless(r *roster.Signed) []string {
	var names []string
	for _, d := range r.Destinations {
		if d.Kind == "" {
			names = append(names, d.Name)
		}
	}
	return names
}
