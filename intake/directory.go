package intake

import (
	_ "embed"
	"net/url"
	"strings"
	"time"
)

// The directory tells a witness whom to call and where to write, country by
// country: intake/directory.json, data only. A number of which nobody can say
// where it comes from and when it was last compared with that does not load.
// docs/directory.md says how an operator checks an entry again.

//go:embed directory.json
var directoryFile []byte

// unknownDate stands in [Check.AsOf] for a copy that bears no date.
const unknownDate = "unknown"

// A Check says where an entry comes from and when it was last compared with
// that. An entry has one Check, which is about all that the entry says.
type Check struct {
	// Source is the page or text that says what the entry says. A witness who
	// asks where a number comes from is shown it.
	Source string `json:"source"`
	// Also are further sources that agree. One of them may be about the number
	// alone, and not say whose it is.
	Also []string `json:"also,omitempty"`
	// Via is the copy of the source that was read where the source itself was
	// not.
	Via string `json:"via,omitempty"`
	// AsOf is set when a copy was read: the date of the copy (2006-01-02, or
	// only the month or the year), or "unknown". The source may have changed
	// since.
	AsOf string `json:"as_of,omitempty"`
	// Revised is the date that the source itself puts on its statement. A
	// source may publish today what it last looked at years ago.
	Revised string `json:"revised,omitempty"`
	// Verified is the day (2006-01-02) on which somebody compared the entry
	// with Source, or with the copy of it that AsOf dates. It says nothing of
	// having called the number.
	Verified string `json:"verified"`
}

// StaleAt says whether the page has to doubt the entry: whether what it was
// compared with was seen more than maxDays before now. For a copy that is the
// date of the copy and not of the comparison, so that an old page does not
// become fresh by being read again; a copy without a date is always doubted.
func (c Check) StaleAt(now time.Time, maxDays int) bool {
	seen := c.Verified
	if c.AsOf != "" {
		seen = c.AsOf
	}
	day, err := parseDate(seen)
	return err != nil || now.Sub(day) > time.Duration(maxDays)*24*time.Hour
}

// An EmergencyNumber is dialled when somebody is in danger now.
type EmergencyNumber struct {
	Dial string `json:"dial"`
	// For is who answers: "police", "ambulance", or "all" where one number
	// reaches every service.
	For string `json:"for"`
	Check
}

// A Line is any other telephone number.
type Line struct {
	// Dial may hold hyphens for the eye.
	Dial string `json:"dial"`
	// Name is who answers, in their own language, if that needs saying.
	Name string `json:"name,omitempty"`
	Check
}

// A Page is where something is reported on the web.
type Page struct {
	URL string `json:"url"`
	// Name is what the page or those who run it call themselves.
	Name string `json:"name"`
	// Lang is the page's language where one service has a page for each.
	Lang string `json:"lang,omitempty"`
	// Dial and Mail are other ways to the same service.
	Dial string `json:"dial,omitempty"`
	Mail string `json:"mail,omitempty"`
	Check
}

// supportKinds are the kinds of [Organisation], in the order of the page:
// those who help the children themselves come first.
var supportKinds = []string{"victims", "prevention"}

// An Organisation is one that a witness can support.
type Organisation struct {
	URL  string `json:"url"`
	Name string `json:"name"`
	// Kind is one of supportKinds.
	Kind string `json:"kind"`
	// Country is where it works, if in one country only.
	Country string `json:"country,omitempty"`
	Check
}

// A countryEntry is what the directory knows of one country. Each list is in
// the order in which a page shows it, and may be empty.
type countryEntry struct {
	Code      string            `json:"code"`
	Emergency []EmergencyNumber `json:"emergency"`
	// ChildHelpline is for a child, or for somebody who worries about one.
	ChildHelpline []Line `json:"child_helpline"`
	// MissingChildren is for a child that is gone.
	MissingChildren []Line `json:"missing_children"`
	// Hotline takes the addresses of images of sexual abuse: addresses only.
	Hotline []Page `json:"hotline"`
	// Reporting takes what was seen on a journey, from this country's
	// residents and about them.
	Reporting []Page `json:"reporting"`
}

// A directory holds what was read from directory.json. It does not change, and
// is safe for concurrent use.
type directory struct {
	// International are the services that have a page or a member in many
	// countries: to be shown where a country has none of its own.
	International struct {
		Reporting       []Page         `json:"reporting"`
		Hotline         []Page         `json:"hotline"`
		MissingChildren []Page         `json:"missing_children"`
		ChildHelpline   []Page         `json:"child_helpline"`
		Support         []Organisation `json:"support"` // victims first
	}
	// Fallback are the numbers that a mobile phone anywhere takes for
	// emergency calls, whatever the country.
	Fallback []EmergencyNumber

	countries map[string]*countryEntry
	sources   map[string]string
}

// country returns the entry of that ISO 3166-1 alpha-2 code, or nil.
func (d *directory) country(code string) *countryEntry { return d.countries[code] }

// emergency returns the numbers to show for a country. Where the directory has
// none for it, known is false and the numbers are the fallback: the page then
// has to say that they are for a mobile phone, and that somebody there should
// be asked for the local number.
func (d *directory) emergency(code string) (numbers []EmergencyNumber, known bool) {
	if e := d.country(code); e != nil && len(e.Emergency) > 0 {
		return e.Emergency, true
	}
	return d.Fallback, false
}

// sourceName returns what to call the source at that address: its name, or its
// host.
func (d *directory) sourceName(address string) string {
	if name, ok := d.sources[address]; ok {
		return name
	}
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return strings.TrimPrefix(u.Host, "www.")
}
