package triage

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the machine may have none

	"tocsin/report"
)

// zonesText is the tz database's list of the time zones of countries.
//
//go:embed zones.tab
var zonesText string

var zones = loadZones()

func loadZones() map[string][]string {
	m := make(map[string][]string)
	for line := range strings.Lines(zonesText) {
		if country, zone, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && !strings.HasPrefix(line, "#") {
			m[country] = append(m[country], zone)
		}
	}
	return m
}

// localTime is how a report gives date and time of the facts, see
// report.Date and report.Time. A partial date has no instant.
const localTime = "2006-01-02 15:04"

// zonesOf returns the zones that a place may lie in: that of a city which a
// zone is named after, or else all of the country's.
func zonesOf(country, city string) []string {
	list := zones[country]
	for _, z := range list {
		name := strings.ReplaceAll(z[strings.LastIndex(z, "/")+1:], "_", " ")
		if strings.EqualFold(name, strings.TrimSpace(city)) {
			return []string{z}
		}
	}
	return list
}

// An instant is a moment that a local time stands for.
type instant struct {
	Local string `json:"local"` // as the witness gave it
	UTC   string `json:"utc"`   // RFC 3339
	Zone  string `json:"zone"`  // that it was read in, of the tz database

	at time.Time
}

// instantOf returns the moment that a local time at a place stands for, or nil
// unless there is exactly one: every zone that the place may lie in has the
// same, and the clock was not turned over or back across it.
func instantOf(local, country, city string) *instant {
	wall, err := time.Parse(localTime, local)
	if err != nil {
		return nil
	}
	var found *instant
	for _, name := range zonesOf(country, city) {
		zone, err := time.LoadLocation(name)
		if err != nil {
			return nil
		}
		moments := readIn(wall, zone)
		if len(moments) != 1 || found != nil && !found.at.Equal(moments[0]) {
			return nil
		}
		if found == nil {
			found = &instant{Local: local, UTC: moments[0].Format(time.RFC3339), Zone: name, at: moments[0]}
		}
	}
	return found
}

// readIn returns the moments at which a clock in that zone shows wall: none
// where it is turned forward over it, two where it is turned back.
func readIn(wall time.Time, zone *time.Location) []time.Time {
	var moments []time.Time
	for _, around := range []time.Duration{-24 * time.Hour, 0, 24 * time.Hour} {
		_, offset := wall.Add(around).In(zone).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if at.In(zone).Format(localTime) == wall.Format(localTime) && !slices.ContainsFunc(moments, at.Equal) {
			moments = append(moments, at)
		}
	}
	return moments
}

// zoneAt returns the one offset that a country's clocks have at a moment.
func zoneAt(country string, at time.Time) *time.Location {
	var found *time.Location
	for _, name := range zones[country] {
		zone, err := time.LoadLocation(name)
		if err != nil {
			return nil
		}
		if found != nil && at.In(zone).Format(localTime) != at.In(found).Format(localTime) {
			return nil
		}
		if found == nil {
			found = zone
		}
	}
	return found
}

// whenOf returns the moment of the facts, or nil if it can't be told for certain.
func whenOf(r *report.Report) *instant {
	return instantOf(r.When.Date+" "+r.When.Time, r.Where.Country, r.Where.City)
}

// Moment says what the local time of the facts is elsewhere, or that this
// can't be told; "" if no time was given.
func (d *pageData) Moment() string {
	if d.Report.When.Time == "" {
		return ""
	}
	i := whenOf(d.Report)
	if i == nil {
		return d.say("time.local")
	}
	there, _ := time.LoadLocation(i.Zone) // instantOf did
	said := d.say("time.utc", i.at.UTC().Format(localTime), fmt.Sprintf("UTC%s, %s", i.at.In(there).Format("-07:00"), i.Zone))
	if home := d.Destination.Country; home != "" && home != d.Report.Where.Country {
		if zone := zoneAt(home, i.at); zone != nil {
			said += "\n" + d.say("time.home", i.at.In(zone).Format(localTime), d.country(home), "UTC"+i.at.In(zone).Format("-07:00"))
		}
	}
	return said
}
