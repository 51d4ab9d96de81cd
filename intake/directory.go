package intake

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"tocsin/report"
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
var supportKinds = []string{"victims", "prevention", "research"}

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

// loadDirectory reads and checks a directory. built is when the program was
// built: nothing in it can have been checked later than the day after, which
// has begun somewhere.
func loadDirectory(data []byte, built time.Time) (*directory, error) {
	d := &directory{countries: make(map[string]*countryEntry), sources: make(map[string]string)}
	var file struct {
		Sources []struct {
			URL  string `json:"url"`
			Name string `json:"name"`
		} `json:"sources"`
		Fallback      []EmergencyNumber `json:"fallback"`
		International json.RawMessage   `json:"international"`
		Countries     []*countryEntry   `json:"countries"`
	}
	if err := unmarshalStrict(data, &file); err != nil {
		return nil, fmt.Errorf("reading the directory: %w", err)
	}
	if err := unmarshalStrict(file.International, &d.International); err != nil {
		return nil, fmt.Errorf("reading the directory: international: %w", err)
	}
	d.Fallback = file.Fallback

	c := &checker{latest: built.Add(24 * time.Hour), known: knownCountries()}
	for _, s := range file.Sources {
		c.link("sources", s.URL)
		c.named("sources", s.Name)
		if _, ok := d.sources[s.URL]; ok {
			c.fail("sources", "%s twice", s.URL)
		}
		d.sources[s.URL] = s.Name
	}
	if len(d.Fallback) == 0 {
		c.fail("fallback", "no number")
	}
	c.emergency("fallback", d.Fallback)
	c.pages("international: reporting", d.International.Reporting)
	c.pages("international: hotline", d.International.Hotline)
	c.pages("international: missing_children", d.International.MissingChildren)
	c.pages("international: child_helpline", d.International.ChildHelpline)
	c.organisations("international: support", d.International.Support)
	for _, e := range file.Countries {
		if e == nil || !c.known[e.Code] {
			c.fail("countries", "no such country: %+v", e)
			continue
		}
		if d.countries[e.Code] != nil {
			c.fail("countries", "%s twice", e.Code)
		}
		d.countries[e.Code] = e
		c.emergency(e.Code+": emergency", e.Emergency)
		c.lines(e.Code+": child_helpline", e.ChildHelpline)
		c.lines(e.Code+": missing_children", e.MissingChildren)
		c.pages(e.Code+": hotline", e.Hotline)
		c.pages(e.Code+": reporting", e.Reporting)
	}
	if len(c.faults) > 0 {
		return nil, fmt.Errorf("reading the directory: %w", errors.Join(c.faults...))
	}
	slices.SortStableFunc(d.International.Support, func(a, b Organisation) int {
		return slices.Index(supportKinds, a.Kind) - slices.Index(supportKinds, b.Kind)
	})
	return d, nil
}

// unmarshalStrict reads one JSON value, and no field that it does not know.
func unmarshalStrict(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("text after the value")
	}
	return nil
}

// A checker collects what is wrong with a directory, so that whoever edits it
// is told everything at once.
type checker struct {
	latest time.Time
	known  map[string]bool
	faults []error
}

func (c *checker) fail(where, format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf("%s: %w", where, fmt.Errorf(format, args...)))
}

var (
	shortNumber = regexp.MustCompile(`^[0-9]{2,6}$`)
	anyNumber   = regexp.MustCompile(`^\+?[0-9]+(-[0-9]+)*$`)
	mailAddress = regexp.MustCompile(`^[^@\s<>]+@[^@\s<>]+$`)
	langCode    = regexp.MustCompile(`^[a-z]{2,3}$`)
)

func (c *checker) emergency(where string, numbers []EmergencyNumber) {
	seen := make(map[string]bool)
	for _, n := range numbers {
		at := where + ": " + n.Dial
		if !shortNumber.MatchString(n.Dial) {
			c.fail(where, "%q is no short number", n.Dial)
		}
		if n.For != "all" && n.For != "police" && n.For != "ambulance" {
			c.fail(at, "for %q", n.For)
		}
		c.once(where, seen, n.Dial)
		c.check(at, n.Check)
	}
}

func (c *checker) lines(where string, lines []Line) {
	seen := make(map[string]bool)
	for _, l := range lines {
		if !anyNumber.MatchString(l.Dial) {
			c.fail(where, "%q is no number", l.Dial)
		}
		c.once(where, seen, l.Dial)
		c.check(where+": "+l.Dial, l.Check)
	}
}

func (c *checker) pages(where string, pages []Page) {
	seen := make(map[string]bool)
	for _, p := range pages {
		at := where + ": " + p.URL
		c.link(at, p.URL)
		c.named(at, p.Name)
		if p.Dial != "" && !anyNumber.MatchString(p.Dial) {
			c.fail(at, "%q is no number", p.Dial)
		}
		if p.Mail != "" && !mailAddress.MatchString(p.Mail) {
			c.fail(at, "%q is no address", p.Mail)
		}
		if p.Lang != "" && !langCode.MatchString(p.Lang) {
			c.fail(at, "%q is no language", p.Lang)
		}
		c.once(where, seen, p.URL)
		c.check(at, p.Check)
	}
}

func (c *checker) organisations(where string, orgs []Organisation) {
	seen := make(map[string]bool)
	for _, o := range orgs {
		at := where + ": " + o.URL
		c.link(at, o.URL)
		c.named(at, o.Name)
		if !slices.Contains(supportKinds, o.Kind) {
			c.fail(at, "kind %q", o.Kind)
		}
		if o.Country != "" && !c.known[o.Country] {
			c.fail(at, "no such country: %s", o.Country)
		}
		c.once(where, seen, o.URL)
		c.check(at, o.Check)
	}
}

func (c *checker) once(where string, seen map[string]bool, what string) {
	if seen[what] {
		c.fail(where, "%s twice", what)
	}
	seen[what] = true
}

func (c *checker) named(where, name string) {
	if strings.TrimSpace(name) == "" {
		c.fail(where, "no name")
	}
}

// link refuses what the page must not send a witness to: only https, and
// nothing that a browser would take for a user name.
func (c *checker) link(where, address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.User != nil || !strings.Contains(u.Hostname(), ".") {
		c.fail(where, "%q is no https address", address)
	}
}

func (c *checker) check(where string, k Check) {
	if k.Source == "" {
		c.fail(where, "no source")
	} else {
		c.link(where+": source", k.Source)
	}
	for _, also := range k.Also {
		c.link(where+": also", also)
	}
	if k.Via != "" {
		c.link(where+": via", k.Via)
		if k.AsOf == "" {
			c.fail(where, "read by way of a copy, but not as_of when")
		}
	}
	verified, err := time.Parse(time.DateOnly, k.Verified)
	switch {
	case k.Verified == "":
		c.fail(where, "not verified")
		return
	case err != nil:
		c.fail(where, "verified: %w", err)
		return
	case verified.After(c.latest):
		c.fail(where, "verified on %s, after the program was built", k.Verified)
	}
	for _, d := range []struct{ name, date string }{{"as_of", k.AsOf}, {"revised", k.Revised}} {
		if d.date == "" || d.name == "as_of" && d.date == unknownDate {
			continue
		}
		day, err := parseDate(d.date)
		if err != nil {
			c.fail(where, "%s: %w", d.name, err)
		} else if day.After(verified) {
			c.fail(where, "%s %s, after it was verified", d.name, d.date)
		}
	}
}

// parseDate reads a day, or the first day of a month or year.
func parseDate(s string) (time.Time, error) {
	var err error
	for _, layout := range []string{time.DateOnly, "2006-01", "2006"} {
		var day time.Time
		if day, err = time.Parse(layout, s); err == nil {
			return day, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no date", s)
}

// knownCountries are the codes that a report can give for a country.
func knownCountries() map[string]bool {
	known := make(map[string]bool)
	for _, f := range report.Fields() {
		if f.Format == report.Country {
			for _, code := range f.Choices {
				known[code] = code != report.Unknown
			}
		}
	}
	return known
}

// builtAt returns when the program was built: the time of its commit, so that a
// machine with a wrong clock does not refuse its directory, or the present
// where the build does not say.
func builtAt() time.Time {
	if info, ok := debug.ReadBuildInfo(); ok {
		if t, ok := commitTime(info.Settings); ok {
			return t
		}
	}
	return time.Now()
}

// commitTime returns the time of the commit that a build was made of, if it was
// made of nothing else.
func commitTime(settings []debug.BuildSetting) (t time.Time, ok bool) {
	for _, s := range settings {
		switch {
		case s.Key == "vcs.time":
			var err error
			t, err = time.Parse(time.RFC3339, s.Value)
			ok = err == nil
		case s.Key == "vcs.modified" && s.Value == "true":
			return time.Time{}, false
		}
	}
	return t, ok
}
