package triage

import (
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"tocsin/report"
)

// sectionTitles and fieldLabels say in English what the form asked. A test
// holds them against report.Fields.
var sectionTitles = map[string]string{
	"danger":   "Danger",
	"what":     "What happened",
	"when":     "When",
	"where":    "Where",
	"online":   "Online",
	"suspect":  "Suspected person",
	"child":    "Child",
	"others":   "Others",
	"evidence": "Evidence",
	"witness":  "Witness",
	"consent":  "Consent",
}

var fieldLabels = map[string]string{
	"danger.now":       "A child is in danger now",
	"danger.departure": "A departure is imminent",
	"danger.details":   "Who, when, where to",

	"what.categories": "Categories",
	"what.seen":       "Seen",
	"what.heard":      "Heard",
	"what.suspected":  "Suspected",
	"what.behaviour":  "Behaviour and gestures",
	"what.why":        "Why it is suspicious",

	"when.date":    "Date",
	"when.time":    "Time (local)",
	"when.roughly": "In the witness's words",
	"when.ongoing": "Still going on",

	"where.country":     "Country",
	"where.city":        "City",
	"where.place_kind":  "Kind of place",
	"where.place":       "Place",
	"where.address":     "Address",
	"where.coordinates": "Coordinates (WGS 84)",
	"where.suspect_now": "Suspected person is now",
	"where.child_now":   "Child is now",

	"online.url":      "Addresses",
	"online.platform": "Platform",
	"online.handle":   "Handle",
	"online.date":     "Date",
	"online.time":     "Time",

	"suspect.name":         "Name",
	"suspect.description":  "Description",
	"suspect.language":     "Language",
	"suspect.nationality":  "Nationality",
	"suspect.residence":    "Residence",
	"suspect.country_now":  "Believed to be in",
	"suspect.role":         "Role",
	"suspect.vehicle":      "Vehicle",
	"suspect.plate":        "Plate",
	"suspect.flight":       "Flight",
	"suspect.airline":      "Airline",
	"suspect.tour_company": "Tour company",
	"suspect.travel_dates": "Travel dates",

	"child.description": "Description",
	"child.age":         "Apparent age",
	"child.sex":         "Sex",
	"child.language":    "Language",
	"child.missing":     "Missing",

	"others.witnesses":  "Other witnesses",
	"others.intervened": "Who has intervened",
	"others.reaction":   "What they did",

	"evidence.description": "Description",

	"witness.role":    "Role",
	"witness.present": "Was there",
	"witness.testify": "Would repeat it to the police or a judge",
	"witness.country": "Is in",
	"witness.contact": "Contact",

	"consent": "The witness allows",
}

var consentLabels = map[report.Consent]string{
	report.ConsentDirect:      "the police may contact the witness directly",
	report.ConsentCaseworkers: "only case workers may ask back, anonymously",
	report.ConsentNone:        "nobody comes back to the witness",
}

func consentLabel(c report.Consent) string {
	if l := consentLabels[c]; l != "" {
		return l
	}
	return "not answered: nobody comes back to the witness"
}

var authorityLabels = map[string]string{
	"police":           "the police",
	"foreign-affairs":  "the Ministry of Foreign Affairs",
	"child-protection": "a child protection service",
	"hotline":          "a hotline",
	"justice":          "the judiciary",
	"other":            "another authority",
}

func authorityLabel(code string) string {
	if l := authorityLabels[code]; l != "" {
		return l
	}
	return code
}

// valueLabel says in English what a choice's code stands for. A code that a
// newer program wrote is shown as it is.
func valueLabel(f report.Field, v string) string {
	switch {
	case f.Kind != report.Choice && f.Kind != report.Choices:
		return v
	case f.Name == "consent":
		return consentLabel(report.Consent(v))
	case v == report.Unknown:
		return "unknown"
	case f.Format == report.Country:
		return countryLabel(v)
	}
	for _, c := range report.Categories() {
		if f.Name == "what.categories" && c.Code == v {
			return c.Term
		}
	}
	return strings.ReplaceAll(v, "-", " ")
}

// countryLabel returns "Thailand (TH)".
func countryLabel(code string) string {
	r, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	if name := display.English.Regions().Name(r); name != "" {
		return name + " (" + code + ")"
	}
	return code
}
