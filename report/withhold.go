package report

import (
	"maps"
	"slices"
)

// Reasons why a field stays behind.
const (
	ReasonConsent = "the witness has not consented to be identified or contacted by the recipient"
	ReasonUnknown = "not known to this program, so it cannot be told whether it identifies the witness"
)

// Withheld names a field that stays behind, and why. It holds nothing of what
// the witness wrote, but the name of a field that only a newer program knows.
type Withheld struct {
	Field  string // "witness.contact"
	Reason string
}

// identifying are the fields that say who the witness is, by themselves or,
// like those who were with them or the trade they work in, together with the
// place.
var identifying = []string{
	"others.witnesses", "witness.role", "witness.present", "witness.testify",
	"witness.country", "witness.contact",
}

// Withhold returns what may leave the organisation, as a report of its own
// that shares nothing with r, and what stays behind. Only under ConsentDirect
// is that nothing. Otherwise it is every field about the witness, and every
// field that this program does not know.
//
// An account in the witness's own words is passed on whole: whether it gives
// the witness away is for a case worker to read. So is the language of the
// page, which the account shows anyway.
func (r *Report) Withhold() (*Report, []Withheld) {
	out := r.clone()
	if r.Consent == ConsentDirect {
		return out, nil
	}
	var held []Withheld
	for _, name := range identifying {
		if at := byName[name].text(out); *at != "" {
			*at = ""
			held = append(held, Withheld{name, ReasonConsent})
		}
	}
	for _, s := range sections {
		held = append(held, s.unknown(out).withhold(s.name+".")...)
	}
	held = append(held, out.unknown.withhold("")...)
	return out, held
}

func (u *unknown) withhold(prefix string) []Withheld {
	var held []Withheld
	for _, name := range slices.Sorted(maps.Keys(*u)) {
		held = append(held, Withheld{prefix + name, ReasonUnknown})
	}
	*u = nil
	return held
}

func (r *Report) clone() *Report {
	out := new(Report)
	*out = *r
	for i := range table {
		if at := table[i].list; at != nil {
			*at(out) = slices.Clone(*at(r))
		}
	}
	for _, s := range sections {
		*s.unknown(out) = s.unknown(r).clone()
	}
	out.unknown = r.unknown.clone()
	return out
}

func (u unknown) clone() unknown {
	c := maps.Clone(u)
	for name, value := range c {
		c[name] = slices.Clone(value)
	}
	return c
}
