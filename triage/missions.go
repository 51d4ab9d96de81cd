package triage

import (
	_ "embed"
	"encoding/json"
	"time"

	"tocsin/ledger"
	"tocsin/report"
)

// missions.json says which embassy or consulate of a state is responsible for
// a country, as far as that could be sourced; docs/missions.md says how it was,
// and how an entry is checked again. What no source says is left out.
//
//go:embed missions.json
var missionsText []byte

type missionTable struct {
	States   []missionState `json:"states"`
	Missions []mission      `json:"missions"`
}

// A missionState is one whose missions the table has, not all of them.
type missionState struct {
	State string `json:"state"` // ISO 3166-1 alpha-2
	See   string `json:"see"`   // where its ministry says the rest
}

// A mission is responsible for the country of the facts.
type mission struct {
	State    string `json:"state"`
	Country  string `json:"country"` // that it is responsible for
	Kind     string `json:"kind"`    // embassy or consulate-general
	City     string `json:"city"`
	In       string `json:"in"` // the country of that city
	Phone    string `json:"phone,omitempty"`
	Email    string `json:"email,omitempty"`
	URL      string `json:"url,omitempty"`
	Source   string `json:"source"`
	AsOf     string `json:"as_of,omitempty"` // of the copy of the source that was read: a day, month, year, or unknown
	Verified string `json:"verified"`        // the day on which somebody compared the entry with that
}

var missions = loadMissions()

func loadMissions() *missionTable {
	t := new(missionTable)
	if err := json.Unmarshal(missionsText, t); err != nil {
		panic("triage: missions.json: " + err.Error())
	}
	return t
}

// missionMaxAge is how old what was read of an entry may be before the page
// says that it may be out of date: a year, as for the numbers that a witness
// is shown.
const missionMaxAge = 365 * 24 * time.Hour

// stale reports whether an entry may be out of date on a day. It is as old as
// what was read: an unknown day always is.
func (m *mission) stale(on ledger.Day) bool {
	read := m.Verified
	if m.AsOf != "" {
		read = m.AsOf
	}
	for _, form := range []string{"2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(form, read); err == nil {
			return on.Time().Sub(t) > missionMaxAge
		}
	}
	return true
}

func (t *missionTable) find(state, country string) *mission {
	for i, m := range t.Missions {
		if m.State == state && m.Country == country {
			return &t.Missions[i]
		}
	}
	return nil
}

// A pageMission is what the page says of the mission responsible.
type pageMission struct{ Label, Name, Contact, Checked string }

// Mission returns the embassy or consulate of the destination's state for the
// country of the facts, or nil if there is nothing to say: facts at home, in a
// country that is not known, or a state that the table does not have.
func (d *pageData) Mission() *pageMission {
	state, country := d.Destination.Country, d.Report.Where.Country
	if country == "" || country == report.Unknown || country == state {
		return nil
	}
	see := ""
	for _, s := range missions.States {
		if s.State == state {
			see = s.See
		}
	}
	if see == "" {
		return nil
	}
	p := &pageMission{Label: d.say("mission.label", d.country(country))}
	m := missions.find(state, country)
	if m == nil {
		p.Name = d.say("mission.none", see)
		return p
	}
	kind := "mission.embassy"
	if m.Kind == "consulate-general" {
		kind = "mission.consulate-general"
	}
	p.Name = d.say(kind, d.country(state), m.City, d.country(m.In))
	for _, c := range []string{m.Phone, m.Email, m.URL} {
		if c != "" && p.Contact != "" {
			p.Contact += ", "
		}
		p.Contact += c
	}
	asOf := m.AsOf
	if asOf == "" {
		asOf = m.Verified
	}
	p.Checked = d.say("mission.source", m.Source, d.of(asOf, "value."+asOf))
	if m.stale(ledger.Day(d.Provenance.Routed)) {
		p.Checked += " " + d.say("mission.stale", see)
	}
	return p
}
