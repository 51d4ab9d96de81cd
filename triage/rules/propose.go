package rules

import (
	"slices"

	"tocsin/report"
)

// Proposals are what rules say about one report.
type Proposals struct {
	Rules        string      `json:"rules"` // their Version
	Destinations []Proposal  `json:"destinations"`
	Notes        []Reason    `json:"notes"`     // rules that propose nobody but say how to go about the case
	Undecided    []Undecided `json:"undecided"` // rules that lack an answer
}

// A Proposal is an authority that at least one rule proposes.
type Proposal struct {
	Kind    string   `json:"kind"`              // of report.Authorities
	Country string   `json:"country,omitempty"` // of the authority, ISO 3166-1 alpha-2; "" if it does not matter
	Urgent  bool     `json:"urgent"`
	Reasons []Reason `json:"reasons"` // in the order of the rules
}

// A Reason is a rule that applies.
type Reason struct {
	Rule    string   `json:"rule"`
	Why     string   `json:"why"`
	Answers []Answer `json:"answers"` // that led to it
}

// An Undecided rule may apply or not.
type Undecided struct {
	Rule    string   `json:"rule"`
	Why     string   `json:"why"`
	Missing []Answer `json:"missing"` // one of them, or several together, would decide
	// Problem is why the rule could not be tried at all, which only a defect
	// of the program can cause.
	Problem string `json:"problem,omitempty"`
}

// Propose tries all rules on a report. Urgent proposals come first, then those
// of the rules that come first. The lists are never nil.
func (s *Rules) Propose(r *report.Report) *Proposals {
	p := &Proposals{Rules: s.Version(), Destinations: []Proposal{}, Notes: []Reason{}, Undecided: []Undecided{}}
	for i := range s.rules {
		s.try(&s.rules[i], r, p)
	}
	slices.SortStableFunc(p.Destinations, func(a, b Proposal) int {
		switch {
		case a.Urgent == b.Urgent:
			return 0
		case a.Urgent:
			return -1
		}
		return 1
	})
	return p
}

func (s *Rules) try(u *rule, r *report.Report, p *Proposals) {
	v, answers, err := u.condition.evaluate(r, s.Home)
	switch {
	case err != nil:
		p.Undecided = append(p.Undecided, Undecided{u.id, u.why, []Answer{}, err.Error()})
	case v == undecided:
		p.Undecided = append(p.Undecided, Undecided{u.id, u.why, answers, ""})
	case v == no:
	case len(u.propose) == 0:
		p.Notes = append(p.Notes, Reason{u.id, u.why, answers})
	default:
		var missing []Answer
		for _, t := range u.propose {
			country, lacking := s.countryOf(t, r)
			if len(lacking) > 0 {
				missing = append(missing, lacking...)
				continue
			}
			p.add(t.kind, country, u.urgent, Reason{u.id, u.why, answers})
		}
		if len(missing) > 0 {
			// It applies, but not all whom it proposes can be named.
			p.Undecided = append(p.Undecided, Undecided{u.id, u.why, missing, ""})
		}
	}
}

// countryOf returns the country of an authority, or the answers that it lacks.
func (s *Rules) countryOf(t target, r *report.Report) (string, []Answer) {
	f := factByName[t.country]
	switch {
	case t.country == homeName:
		return s.Home, nil
	case f == nil:
		return t.country, nil
	}
	v, answers := f.read(r)
	if v == nil {
		return "", answers
	}
	return v.(string), nil
}

func (p *Proposals) add(kind, country string, urgent bool, why Reason) {
	for i := range p.Destinations {
		d := &p.Destinations[i]
		if d.Kind == kind && d.Country == country {
			d.Urgent = d.Urgent || urgent
			if !slices.ContainsFunc(d.Reasons, func(r Reason) bool { return r.Rule == why.Rule }) {
				d.Reasons = append(d.Reasons, why)
			}
			return
		}
	}
	p.Destinations = append(p.Destinations, Proposal{kind, country, urgent, []Reason{why}})
}

// Matches reports whether an authority of that kind and country is one that is
// proposed here: of the same kind and, if both name one, the same country.
func (p *Proposal) Matches(kind, country string) bool {
	return p.Kind == kind && (p.Country == country || p.Country == "" || country == "")
}

// Confirms reports whether handing a case over to such an authority is what
// was proposed.
func (p *Proposals) Confirms(kind, country string) bool {
	return slices.ContainsFunc(p.Destinations, func(d Proposal) bool { return d.Matches(kind, country) })
}
