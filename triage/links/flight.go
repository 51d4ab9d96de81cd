package links

import (
	_ "embed"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/unicode/norm"

	"tocsin/report"
)

// A flight's value is carrier, number, and the first and last day on which it
// may have been: "SN205 2026-03-02 2026-03-04".

const (
	// flightDays is how many days may lie between two windows. Most flights
	// go daily, so that the number alone says little; a witness on holiday
	// gives the day of what was seen, within about a week of a flight.
	flightDays = 7
	// maxWindow is the longest window, in days: a month is one, a season not.
	maxWindow = 45
)

// airlines.txt names carriers by their codes.
//
//go:embed airlines.txt
var airlinesText string

// carriers maps ICAO codes, IATA codes and folded names to IATA codes.
var carriers = sync.OnceValue(readCarriers)

func readCarriers() map[string]string {
	m := make(map[string]string)
	for line := range dataLines(airlinesText) {
		codes := strings.Fields(line)
		m[strings.ToLower(codes[0])], m[strings.ToLower(codes[1])] = codes[0], codes[0]
		for _, name := range strings.Split(strings.Join(codes[2:], " "), ",") {
			m[carrierName(name)] = codes[0]
		}
	}
	return m
}

// carrierName leaves out what is said with an airline's name or not.
func carrierName(s string) string {
	list := slices.DeleteFunc(words(fold(s)), func(w string) bool {
		return slices.Contains([]string{"airlines", "airline", "airways", "air", "lines", "flight", "vol", "vlucht", "flug"}, w)
	})
	return strings.Join(list, "")
}

var (
	flightNumber = regexp.MustCompile(`\b([A-Z]{3}|[A-Z][A-Z0-9]|[0-9][A-Z])[ -]{0,2}([0-9]{1,4})[A-Z]?\b`)
	wholeNumber  = regexp.MustCompile(`^` + flightNumber.String() + `$`)
	bareNumber   = regexp.MustCompile(`\b([0-9]{1,4})\b`)
	flightWord   = regexp.MustCompile(`(?i)\b(flight|vol|vlucht|flug|volo|vuelo|рейс|лет|number|nr|no)\b[ .:#]*`)
)

// flight adds the flights of the report. Without a day there is no key.
func (c *collector) flight(r *report.Report) {
	from, to, ok := flightWindow(r)
	if !ok {
		return
	}
	for _, f := range flightNumbers(r.Suspect.Flight, r.Suspect.Airline) {
		c.add(Flight, f+" "+from.Format(time.DateOnly)+" "+to.Format(time.DateOnly), strings.TrimSpace(r.Suspect.Flight+" "+r.Suspect.Airline), "suspect.flight")
	}
}

// flightNumbers returns carrier and number of each flight that the field
// names. A number without its carrier takes that of the airline's field.
func flightNumbers(flight, airline string) []string {
	text := norm.NFKC.String(digits(strings.ToValidUTF8(flight, "")))
	only := strings.TrimSpace(flightWord.ReplaceAllString(text, ""))
	found := wholeNumber.FindAllStringSubmatch(strings.ToUpper(only), -1)
	if found == nil {
		// Among words, capitals tell AT 960 from "at 9".
		found = flightNumber.FindAllStringSubmatch(text, -1)
	}
	var list []string
	for _, m := range found {
		code, known := carriers()[strings.ToLower(m[1])]
		if !known && (len(found) > 1 || len(m[1]) == 3 || m[0] != strings.ToUpper(only)) {
			continue // "gate B4"; an ICAO code that is not in the table is missed
		}
		if !known {
			code = m[1]
		}
		if n := flightNo(m[2]); n != "" && !slices.Contains(list, code+n) {
			list = append(list, code+n)
		}
	}
	if len(list) > 0 {
		return list
	}
	code := carriers()[carrierName(airline)]
	if code == "" {
		code = carriers()[carrierName(bareNumber.ReplaceAllString(only, " "))]
	}
	if m := bareNumber.FindString(only); m != "" && code != "" {
		if n := flightNo(m); n != "" {
			list = append(list, code+n)
		}
	}
	return list
}

// flightNo returns a flight's number without leading zeros, or "" for 0.
func flightNo(s string) string { return strings.TrimLeft(s, "0") }

// flightWindow returns the days on which the suspect may have flown: those of
// the travel dates, or else the day of what happened, or today for a departure
// that is imminent.
func flightWindow(r *report.Report) (from, to time.Time, ok bool) {
	if days := datesIn(r.Suspect.TravelDates); len(days) > 0 {
		from, to = days[0], days[0]
		for _, d := range days {
			if d.Before(from) {
				from = d
			}
			if d.After(to) {
				to = d
			}
		}
	} else if day := r.When.Date; len(day) >= len("2006-01") {
		at, err := time.Parse(time.DateOnly[:min(len(day), len(time.DateOnly))], day)
		if err != nil {
			return from, to, false
		}
		from, to = at, at
		if len(day) < len(time.DateOnly) {
			to = at.AddDate(0, 1, -1)
		}
	} else if at, err := time.Parse(time.DateOnly, r.Received); err == nil && r.Danger.Departure == report.Yes {
		from, to = at, at
	} else {
		return from, to, false
	}
	return from, to, to.Sub(from) <= maxWindow*24*time.Hour
}

var (
	isoDate    = regexp.MustCompile(`\b([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})\b`)
	dayFirst   = regexp.MustCompile(`\b([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})\b`) // as everywhere but in the United States
	monthNamed = regexp.MustCompile(`\b([0-9]{1,2})(?:st|nd|rd|th|er|e)?\.? (?:(?:of|de) )?(\pL+)\.?,? ([0-9]{4})\b`)
)

// months are the names of the months in English, French, Dutch, German and
// Russian, after folding; the first three or more letters are enough.
var months = [12][]string{
	{"jan", "yanv"}, {"feb", "fev", "fevr"}, {"mar", "maa", "mrt"}, {"apr", "avr"}, {"may", "mai", "mei", "maya"}, {"jun", "juin", "iyun"},
	{"jul", "juil", "iyul"}, {"aug", "aout", "avg"}, {"sep", "sen"}, {"oct", "okt"}, {"nov", "noy"}, {"dec", "dez", "dek"},
}

// datesIn returns the days that a text names with their year.
func datesIn(s string) []time.Time {
	s = fold(s)
	var list []time.Time
	add := func(year, month, day string) {
		y, _ := strconv.Atoi(year)
		m, _ := strconv.Atoi(month)
		d, _ := strconv.Atoi(day)
		at := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
		if y >= 1990 && y < 2100 && int(at.Month()) == m && at.Day() == d {
			list = append(list, at)
		}
	}
	for _, m := range isoDate.FindAllStringSubmatch(s, -1) {
		add(m[1], m[2], m[3])
	}
	for _, m := range dayFirst.FindAllStringSubmatch(s, -1) {
		add(m[3], m[2], m[1])
	}
	for _, m := range monthNamed.FindAllStringSubmatch(s, -1) {
		for i, names := range months {
			if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(m[2], n) }) {
				add(m[3], strconv.Itoa(i+1), m[1])
			}
		}
	}
	return list
}

// sameFlight reports whether two values with one carrier and number may be one
// flight, or the two ways of a stay.
func sameFlight(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	if len(x) != 3 || len(y) != 3 || x[0] != y[0] {
		return false
	}
	return !later(x[1], y[2]) && !later(y[1], x[2])
}

// later reports whether a window that begins on from is too late for one that
// ends on to.
func later(from, to string) bool {
	a, err1 := time.Parse(time.DateOnly, from)
	b, err2 := time.Parse(time.DateOnly, to)
	return err1 != nil || err2 != nil || a.Sub(b) > flightDays*24*time.Hour
}
