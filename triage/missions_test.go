package triage

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"tocsin/ledger"
	"tocsin/report"
)

// No entry stands there without where it is from and when that was read, and
// none has a number or an address in a form that nobody could use.
func TestEveryMissionHasASourceAndADate(t *testing.T) {
	seen := make(map[string]bool)
	for _, m := range missions.Missions {
		id := m.State + "/" + m.Country
		if seen[id] {
			t.Errorf("%s stands there twice", id)
		}
		seen[id] = true
		for _, code := range []string{m.State, m.Country, m.In} {
			if !report.IsCountry(code) {
				t.Errorf("%s: %q is no country", id, code)
			}
		}
		if m.State == m.Country || m.City == "" || m.Kind != "embassy" && m.Kind != "consulate-general" {
			t.Errorf("%s: %+v", id, m)
		}
		if day, err := ledger.ParseDay(m.Verified); err != nil || day.Time().Year() < 2026 {
			t.Errorf("%s: verified %q", id, m.Verified)
		}
		if !regexp.MustCompile(`^(unknown|20\d\d(-\d\d(-\d\d)?)?)?$`).MatchString(m.AsOf) {
			t.Errorf("%s: as of %q", id, m.AsOf)
		}
		for _, link := range []string{m.Source, m.URL} {
			if u, err := url.Parse(link); link != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
				t.Errorf("%s: %q is not the address of a page", id, link)
			}
		}
		if m.Source == "" || m.Phone != "" && !regexp.MustCompile(`^\+[1-9][0-9 ]{6,18}$`).MatchString(m.Phone) ||
			m.Email != "" && !strings.HasSuffix(m.Email, "@diplobel.fed.be") {
			t.Errorf("%s: source %q, %q, %q", id, m.Source, m.Phone, m.Email)
		}
	}
	for _, s := range missions.States {
		if !report.IsCountry(s.State) || !strings.HasPrefix(s.See, "https://") {
			t.Errorf("%+v", s)
		}
	}
}

func TestAnEntryAges(t *testing.T) {
	for _, c := range []struct {
		asOf, on string
		stale    bool
	}{
		{"2026-03-02", "2027-03-02", false},
		{"2026-03-02", "2027-03-03", true},
		{"2026-03", "2027-03-01", false},
		{"2026-03", "2027-03-02", true},
		{"2020", "2026-03-04", true},
		{"unknown", "2026-03-04", true},
		{"", "2027-11-25", true},
		{"", "2026-11-25", false},
	} {
		m := &mission{AsOf: c.asOf, Verified: "2026-11-24"}
		if m.stale(ledger.Day(c.on)) != c.stale {
			t.Errorf("as of %q is stale on %s: %v", c.asOf, c.on, !c.stale)
		}
	}
}

func TestTheMissionForTheCountryOfTheFacts(t *testing.T) {
	at := func(state, country, routed string) *pageMission {
		d := fullPage(t, "en")
		d.catalogue = english
		d.Destination.Country, d.Report.Where.Country, d.Provenance.Routed = state, country, routed
		return d.Mission()
	}
	if m := at("BE", "KH", "2026-01-01"); m == nil || m.Name != "embassy of Belgium (BE) in Bangkok, Thailand (TH)" ||
		m.Label != "Mission responsible for Cambodia (KH)" || m.Contact != "https://thailand.diplomatie.belgium.be/en" ||
		!strings.Contains(m.Checked, "as of: 2025-11.") || strings.Contains(m.Checked, "out of date") {
		t.Errorf("Cambodia: %+v", m)
	}
	if m := at("BE", "TH", "2026-01-01"); m == nil || !strings.HasPrefix(m.Contact, "+66 2 108 1800, ") || !strings.Contains(m.Checked, "may be out of date") {
		t.Errorf("Thailand: %+v", m)
	}
	// What no source said is said to be unknown.
	if m := at("BE", "VN", "2026-01-01"); m == nil || m.Contact != "" || m.Name != "not in the table of this program: see https://diplomatie.belgium.be/en" {
		t.Errorf("Viet Nam: %+v", m)
	}
	for _, c := range [][2]string{{"BE", "BE"}, {"BE", ""}, {"BE", "unknown"}, {"", "TH"}, {"CH", "TH"}} {
		if m := at(c[0], c[1], "2026-01-01"); m != nil {
			t.Errorf("for %v: %+v", c, m)
		}
	}
}
