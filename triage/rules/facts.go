package rules

import (
	"slices"
	"strings"

	"tocsin/report"
)

// What stands for the value of a field that holds the witness's own words,
// which a proposal never repeats.
const (
	Told    = "told"
	NotTold = "not told"
)

// homeName is the name by which conditions know the organisation's country.
const homeName = "home"

// An Answer is what the witness said to one question of the form.
type Answer struct {
	Field string `json:"field"` // a name of report.Fields
	// Value is the code of a choice, or several with ", " between them; Told
	// or NotTold for a text; "unknown" if that was the answer; "" if there was
	// none.
	Value string `json:"value"`
}

// A FactKind is what a fact is in a condition.
type FactKind string

const (
	FactYesNo FactKind = "bool"         // true for yes, false for no
	FactText  FactKind = "string"       // the code of a choice
	FactList  FactKind = "list(string)" // codes of choices
	FactTold  FactKind = "told"         // a bool: true if something was told, never false
)

// A Fact is what a condition can speak of.
type Fact struct {
	Name    string // of a field, or of one of the two facts made from several
	Kind    FactKind
	Choices []string // of a text or list, without "unknown"
}

// Facts returns all facts, in the order of the form, and last the two that are
// made from several fields: online.only, that something online and no place
// was told of; and what.doubt, that something is only suspected and nothing
// was seen or heard.
//
// What identifies the witness is no fact.
func Facts() []Fact {
	var list []Fact
	for _, f := range facts {
		list = append(list, Fact{f.name, f.kind, slices.Clone(f.choices)})
	}
	return list
}

// A fact reads itself from a report.
type fact struct {
	name    string
	kind    FactKind
	format  report.Format
	choices []string
	// read returns the value, or nil if it is unknown, and the answers that
	// it comes from or, if it is unknown, those that are missing.
	read func(*report.Report) (value any, answers []Answer)
}

var (
	placeKind    = fieldFact(field("where.place_kind"))
	factsCountry = fieldFact(field("where.country"))

	facts      = makeFacts()
	factByName = func() map[string]*fact {
		m := make(map[string]*fact)
		for i := range facts {
			m[facts[i].name] = &facts[i]
		}
		return m
	}()
	countries = factsCountry.choices
)

func field(name string) report.Field {
	fields := report.Fields()
	return fields[slices.IndexFunc(fields, func(f report.Field) bool { return f.Name == name })]
}

func makeFacts() []fact {
	var list []fact
	for _, f := range report.Fields() {
		// What report.Withhold keeps back without consent: decisions are
		// handed over with the case.
		if f.Section == "witness" || f.Name == "others.witnesses" {
			continue
		}
		list = append(list, fieldFact(f))
	}
	return append(list,
		fact{name: "online.only", kind: FactYesNo, read: onlineOnly},
		fact{name: "what.doubt", kind: FactYesNo, read: doubt},
	)
}

// fieldFact makes a fact of one field. A choice that this program does not
// know was written by a newer one, or by a hostile one: it is unknown.
func fieldFact(f report.Field) fact {
	choices := slices.DeleteFunc(f.Choices, func(c string) bool { return c == report.Unknown })
	v := fact{name: f.Name, format: f.Format, choices: choices}
	known := func(r *report.Report) []string {
		return slices.DeleteFunc(r.Get(f.Name), func(c string) bool { return !slices.Contains(choices, c) })
	}
	missing := func(r *report.Report) []Answer {
		if slices.Contains(r.Get(f.Name), report.Unknown) {
			return []Answer{{f.Name, report.Unknown}}
		}
		return []Answer{{f.Name, ""}}
	}
	switch {
	case f.Name == "consent":
		v.kind = FactText
		v.read = func(r *report.Report) (any, []Answer) {
			// Not answering is an answer: the strictest tier.
			if c := known(r); len(c) > 0 {
				return c[0], []Answer{{f.Name, c[0]}}
			}
			return string(report.ConsentNone), []Answer{{f.Name, ""}}
		}
	case f.Kind == report.Choices:
		v.kind = FactList
		v.read = func(r *report.Report) (any, []Answer) {
			c := known(r)
			if len(c) == 0 {
				return nil, missing(r)
			}
			return c, []Answer{{f.Name, strings.Join(c, ", ")}}
		}
	case f.Kind == report.Choice:
		yesNo := slices.Equal(choices, []string{report.Yes, report.No})
		v.kind = FactText
		if yesNo {
			v.kind, v.choices = FactYesNo, nil
		}
		v.read = func(r *report.Report) (any, []Answer) {
			c := known(r)
			if len(c) == 0 {
				return nil, missing(r)
			}
			if yesNo {
				return c[0] == report.Yes, []Answer{{f.Name, c[0]}}
			}
			return c[0], []Answer{{f.Name, c[0]}}
		}
	default:
		v.kind = FactTold
		v.read = func(r *report.Report) (any, []Answer) {
			if len(r.Get(f.Name)) == 0 {
				return nil, []Answer{{f.Name, ""}}
			}
			return true, []Answer{{f.Name, Told}}
		}
	}
	return v
}

// told returns an answer for each field that something was told in.
func told(r *report.Report, fields ...string) []Answer {
	var list []Answer
	for _, f := range fields {
		if len(r.Get(f)) > 0 {
			list = append(list, Answer{f, Told})
		}
	}
	return list
}

// onlineOnly is whether all that was told lies online. A country alone is no
// place: who streams a child's abuse sits in one too.
func onlineOnly(r *report.Report) (any, []Answer) {
	online := told(r, "online.url", "online.platform", "online.handle")
	place := told(r, "where.city", "where.place", "where.address", "where.coordinates", "where.suspect_now", "where.child_now")
	switch k := placeKind.choice(r); {
	case k == "online":
		online = append(online, Answer{"where.place_kind", k})
	case k != "":
		place = append(place, Answer{"where.place_kind", k})
	}
	switch {
	case len(place) > 0:
		return false, place
	case len(online) > 0:
		return true, append(online, Answer{"where.place", NotTold})
	}
	if c := factsCountry.choice(r); c != "" {
		return false, []Answer{{"where.country", c}, {"online.url", NotTold}}
	}
	return nil, []Answer{{"where.country", ""}, {"online.url", ""}}
}

// choice returns the known code that was chosen, or "".
func (f *fact) choice(r *report.Report) string {
	for _, c := range r.Get(f.name) {
		if slices.Contains(f.choices, c) {
			return c
		}
	}
	return ""
}

// doubt is whether something is only suspected. Behaviour and gestures are
// something seen.
func doubt(r *report.Report) (any, []Answer) {
	observed := []string{"what.seen", "what.heard", "what.behaviour"}
	if a := told(r, observed...); len(a) > 0 {
		return false, a
	}
	suspected := told(r, "what.suspected", "what.why")
	if len(suspected) == 0 {
		return nil, []Answer{{"what.seen", ""}, {"what.heard", ""}, {"what.suspected", ""}}
	}
	for _, f := range observed {
		suspected = append(suspected, Answer{f, NotTold})
	}
	return true, suspected
}
