package intake

import (
	"bytes"
	"net/http"
	"slices"
	"time"

	"tocsin/ledger"
)

// A numberLine is one entry of the directory as the pages show it.
type numberLine struct {
	What  string // the catalogue holds numbers.<What>
	About string // who answers, in their own language, or ""
	Dial  string // what to call, or ""
	URL   string // where to write, or ""
	Label string // what URL is called
	dated
}

// dated says how old an entry is.
type dated struct {
	Source     string // where it comes from: an address
	SourceName string
	Verified   ledger.Day
	Stale      bool
}

// dated shows the day on which what an entry was compared with was seen: of a
// copy, that of the copy.
func (s *Server) dated(c Check) dated {
	seen := c.Verified
	if c.AsOf != "" && c.AsOf != unknownDate {
		seen = c.AsOf
	}
	return dated{c.Source, s.directory.sourceName(c.Source), ledger.Day(seen), c.StaleAt(time.Now(), s.config.NumbersMaxAgeDays)}
}

// countryNumbers are the entries of one country.
type countryNumbers struct {
	Name  string
	Lines []numberLine
}

// A call is a number that pages show without a country being chosen.
type call struct {
	Dial string
	dated
}

// europeanCall is the European Union's number, with where that is said.
func (s *Server) europeanCall() call {
	for _, n := range s.directory.country("BE").Emergency {
		if n.Dial == "112" {
			return call{n.Dial, s.dated(n.Check)}
		}
	}
	return s.mobileCall()
}

// mobileCall is what a mobile telephone anywhere puts through.
func (s *Server) mobileCall() call {
	n := s.directory.Fallback[0]
	return call{n.Dial, s.dated(n.Check)}
}

// numbersFor lists the numbers of a country for somebody in danger, and with
// all set whatever else the directory has for it. It returns nil for what is
// not a country's code.
func (s *Server) numbersFor(l *Language, code string, all bool) *countryNumbers {
	if !s.gazetteer.isCode(code) {
		return nil
	}
	n := &countryNumbers{Name: s.gazetteer.name(l, code)}
	if emergency, known := s.directory.emergency(code); known {
		for _, m := range emergency {
			n.Lines = append(n.Lines, numberLine{What: m.For, Dial: m.Dial, dated: s.dated(m.Check)})
		}
	}
	e := s.directory.country(code)
	if e == nil {
		e = new(countryEntry)
	}
	if !all {
		return n
	}
	for _, list := range []struct {
		what  string
		lines []Line
	}{{"child_helpline", e.ChildHelpline}, {"missing_children", e.MissingChildren}} {
		for _, m := range list.lines {
			n.Lines = append(n.Lines, numberLine{What: list.what, About: m.Name, Dial: m.Dial, dated: s.dated(m.Check)})
		}
	}
	for _, list := range []struct {
		what  string
		pages []Page
		none  []Page // shown where the country has none of its own
	}{{"reporting", e.Reporting, s.directory.International.Reporting}, {"hotline", e.Hotline, s.directory.International.Hotline}} {
		if len(list.pages) == 0 {
			list.pages = list.none
		}
		for _, p := range inLanguage(list.pages, l.Code) {
			n.Lines = append(n.Lines, numberLine{What: list.what, Dial: p.Dial, URL: p.URL, Label: p.Name, dated: s.dated(p.Check)})
		}
	}
	return n
}

// inLanguage leaves out pages that the same service has in the language.
func inLanguage(pages []Page, code string) []Page {
	spoken := slices.ContainsFunc(pages, func(p Page) bool { return p.Lang == code })
	return slices.DeleteFunc(slices.Clone(pages), func(p Page) bool {
		return spoken && p.Lang != "" && p.Lang != code
	})
}

// A choosing page lets the witness choose a country and shows its numbers.
type choosing struct {
	view
	Here      string // its path below the language
	Countries []place
	Country   string          // the code chosen, or ""
	Numbers   *countryNumbers // for it, or nil
	Mobile    *call
}

// choosingPage makes the page of that name (danger, intervene) for a country.
func (s *Server) choosingPage(l *Language, name, country string) *bytes.Buffer {
	mobile := s.mobileCall()
	c := choosing{
		view: s.view(l, name, name), Here: name, Mobile: &mobile,
		Countries: s.gazetteer.places[l],
		Numbers:   s.numbersFor(l, country, name != "danger"),
	}
	c.Sends = true
	if c.Numbers != nil {
		c.Country = country
		c.Carry = "choose" // the language changes, the country stays
	}
	return s.render(name, c)
}

// choose shows the page without a country.
func (s *Server) choose(name string) step {
	return func(x *exchange) error {
		return s.fixed(x, name, func() (*bytes.Buffer, error) { return s.choosingPage(x.lang, name, ""), nil })
	}
}

// chosen shows the page for the country that was sent. It came in the body, so
// that it stands in no history and no log; it is not kept.
func (s *Server) chosen(name string) step {
	return func(x *exchange) error {
		fields, err := readFields(x, "country")
		if err != nil {
			return err
		}
		x.answer(http.StatusOK, s.choosingPage(x.lang, name, fields["country"]))
		return nil
	}
}

// support lists who helps exploited children: those who help the children
// themselves come first.
func (s *Server) support(x *exchange) error {
	type link struct {
		URL, Name string
		dated
	}
	type kind struct {
		Kind  string
		Links []link
	}
	return s.fixed(x, "support", func() (*bytes.Buffer, error) {
		var kinds []kind
		for _, o := range s.directory.International.Support {
			if len(kinds) == 0 || kinds[len(kinds)-1].Kind != o.Kind {
				kinds = append(kinds, kind{Kind: o.Kind})
			}
			k := &kinds[len(kinds)-1]
			k.Links = append(k.Links, link{o.URL, o.Name, s.dated(o.Check)})
		}
		return s.render("support", struct {
			view
			Support []kind
		}{s.view(x.lang, "support", "support"), kinds}), nil
	})
}
