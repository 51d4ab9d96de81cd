package triage

import (
	"testing"
	"time"

	"tocsin/report"
)

// A local time is an instant only where that can't be mistaken.
func TestAnInstantIsTheOnlyOneThereIs(t *testing.T) {
	for _, c := range []struct{ local, country, city, utc string }{
		{"2026-02-28 21:40", "TH", "", "2026-02-28T14:40:00Z"},
		{"2026-07-01 21:40", "BE", "Liège", "2026-07-01T19:40:00Z"},
		{"2026-01-01 00:30", "TH", "Pattaya", "2025-12-31T17:30:00Z"},
		// Two zones, one time: Germany's, Malaysia's.
		{"2026-02-28 21:40", "DE", "", "2026-02-28T20:40:00Z"},
		{"2026-02-28 21:40", "MY", "Kuching", "2026-02-28T13:40:00Z"},
		// Several, and a city that names one.
		{"2026-02-28 21:40", "ID", "", ""},
		{"2026-02-28 21:40", "ID", "Denpasar", ""},
		{"2026-02-28 21:40", "ID", " jakarta", "2026-02-28T14:40:00Z"},
		{"2026-02-28 21:40", "US", "New York", "2026-03-01T02:40:00Z"},
		{"2026-02-28 21:40", "BR", "Fortaleza", "2026-03-01T00:40:00Z"},
		{"2026-02-28 21:40", "BR", "", ""},
		// The clock is turned over it, and back across it.
		{"2026-03-29 02:30", "BE", "", ""},
		{"2026-10-25 02:30", "BE", "", ""},
		{"2026-10-25 03:30", "BE", "", "2026-10-25T02:30:00Z"},
		// No instant at all.
		{"2026-02 21:40", "TH", "", ""},
		{"2026 21:40", "TH", "", ""},
		{"2026-02-28 ", "TH", "", ""},
		{" 21:40", "TH", "", ""},
		{"2026-02-28 21:40", "XK", "", ""},
		{"2026-02-28 21:40", "unknown", "", ""},
		{"2026-02-28 21:40", "", "", ""},
	} {
		got := ""
		if i := instantOf(c.local, c.country, c.city); i != nil {
			got = i.UTC
		}
		if got != c.utc {
			t.Errorf("%s in %s %s is %q, not %q", c.local, c.country, c.city, got, c.utc)
		}
	}
}

func TestEveryZoneIsKnown(t *testing.T) {
	n := 0
	for country, list := range zones {
		for _, name := range list {
			n++
			if _, err := time.LoadLocation(name); err != nil || !report.IsCountry(country) {
				t.Errorf("%s: %s: %v", country, name, err)
			}
		}
	}
	if n < 400 || len(zones) < 240 {
		t.Errorf("%d zones of %d countries", n, len(zones))
	}
}

// The page shows the time as it was given, and beside it what that is in UTC
// and where the destination is.
func TestThePageShowsTheMoment(t *testing.T) {
	moment := func(country, date string) string {
		d := fullPage(t, "fr")
		d.catalogue = catalogues["fr"]
		d.Report.Where.Country, d.Report.Where.City, d.Report.When.Date = country, "", date
		return d.Moment()
	}
	if got := moment("TH", "2026-02-28"); got != "2026-02-28 14:40 en UTC (sur place : UTC+07:00, Asia/Bangkok)\n2026-02-28 15:40 en Belgique (BE) (UTC+01:00)" {
		t.Errorf("in Thailand: %q", got)
	}
	if got := moment("BE", "2026-02-28"); got != "2026-02-28 20:40 en UTC (sur place : UTC+01:00, Europe/Brussels)" {
		t.Errorf("in Belgium: %q", got)
	}
	for _, c := range [][2]string{{"ID", "2026-02-28"}, {"TH", "2026-02"}} {
		if got := moment(c[0], c[1]); got != catalogues["fr"].Messages["time.local"] {
			t.Errorf("%v: %q", c, got)
		}
	}
}
