package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// loadDirectory reads and checks a directory. No entry in it may have been
// checked later than the day after now, which has begun somewhere.
func loadDirectory(data []byte, now time.Time) (*directory, error) {
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

	c := &checker{latest: now.Add(24 * time.Hour)}
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
		if e == nil || !slices.Contains(countries, e.Code) {
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
		if o.Country != "" && !slices.Contains(countries, o.Country) {
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
