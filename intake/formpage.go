package intake

import (
	"bytes"
	"net/http"
	"strings"

	"tocsin/report"
	"tocsin/seal"
)

// The form has two variants: for those who report, and for those who testify,
// which is the same report with everything opened out.

// action is the path of a variant.
func action(testify bool) string {
	if testify {
		return "testify"
	}
	return "report"
}

// form shows an empty form under a codename of its own.
func (s *Server) form(testify bool) step {
	return func(x *exchange) error {
		c, err := seal.NewCodename()
		if err != nil {
			return err
		}
		blank, err := s.blank(x.lang, testify)
		if err != nil {
			return err
		}
		page, encoding := blank.page(s.hidden(c), s.words(c), acceptsGzip(x.r.Header.Get("Accept-Encoding")))
		x.w.Header().Add("Vary", "Accept-Encoding")
		if encoding != "" {
			x.w.Header().Set("Content-Encoding", encoding)
		}
		x.answer(http.StatusOK, page)
		return nil
	}
}

// again shows what was typed so far, in the language of the path: for who
// changes the language, and for who comes from the page for a child in danger.
// Nothing is kept. Files would have to be read to their end to come along, and
// could not be shown: they have to be chosen again.
func (s *Server) again(testify bool) step {
	return func(x *exchange) error {
		parts, err := x.parts()
		if err != nil {
			return err
		}
		parts.more = x.enterLarge
		d := &draft{testify: testify}
		x.again = s.formAgain(x.lang, d)
		if _, err := s.readText(d, x, parts); err != nil {
			return err
		}
		typed := d.worthShowing()
		if !typed {
			if d.codename, err = seal.NewCodename(); err != nil {
				return err
			}
		}
		d.problems = nil // for when it is sent
		x.answer(http.StatusOK, s.formPage(x.lang, d, nil, typed))
		return nil
	}
}

// formAgain is what a refusal shows: the form as it was filled in.
func (s *Server) formAgain(l *Language, d *draft) func(*notice) *bytes.Buffer {
	return func(n *notice) *bytes.Buffer {
		if !d.worthShowing() {
			return nil
		}
		return s.formPage(l, d, n, true)
	}
}

// formPage is the form with what the draft holds filled in, and a notice above
// it if there is one. again says that the witness has seen it before.
func (s *Server) formPage(l *Language, d *draft, n *notice, again bool) *bytes.Buffer {
	data := struct {
		view
		attachments
		Codename  string
		Words     []string
		Groups    []group
		Wrong     []control
		Countries []string
		Notice    *notice
		Again     bool
		Testify   bool
		Action    string
		Trap      string
		Emergency call
	}{
		view:        s.carrying(l, "form", action(d.testify)+"/again", "form"),
		attachments: s.attachments(l),
		Codename:    d.codename.String(),
		Words:       d.codename.Words(),
		Groups:      s.groups(l, d),
		Countries:   s.gazetteer.lists[l],
		Notice:      n,
		Again:       again,
		Testify:     d.testify,
		Action:      action(d.testify),
		Trap:        d.trap,
		Emergency:   s.europeanCall(),
	}
	for _, g := range data.Groups {
		for _, list := range [][]control{g.Main, g.More} {
			for _, c := range list {
				if c.Problem != "" {
					data.Wrong = append(data.Wrong, c)
				}
			}
		}
	}
	return s.render("form", data)
}

// attachments is what a page says of files, where any are taken.
type attachments struct {
	Attachments bool
	MaxFiles    int
	MaxFile     string
	MaxReport   string
	Hotlines    []Page // for what must not be sent
}

func (s *Server) attachments(l *Language) attachments {
	p := s.vault.Roster().Policy
	return attachments{
		Attachments: p.Attachments,
		MaxFiles:    p.MaxFiles,
		MaxFile:     sizeText(l, p.MaxFile),
		MaxReport:   sizeText(l, p.MaxReport),
		Hotlines:    s.hotlines,
	}
}

// hotlinesOf are those that the form names: the organisation's country is not
// known to the program, so it is INHOPE's list of them all, and Child Focus,
// which may look at images in Belgium, where this service comes from.
func hotlinesOf(d *directory) []Page {
	list := append([]Page(nil), d.International.Hotline...)
	if be := d.country("BE"); be != nil {
		list = append(list, be.Hotline...)
	}
	return list
}

// sizeText is a number of bytes for people, in the units that telephones show
// (powers of 1024), never rounded up: a limit must not look larger than it is.
func sizeText(l *Language, n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return l.T("size.gb", n>>30)
	case n >= 1<<20:
		return l.T("size.mb", n>>20)
	}
	return l.T("size.kb", n>>10)
}

// A draft is what was read of a form so far.
type draft struct {
	testify  bool
	codename seal.Codename
	report   report.Report
	problems []report.Problem
	trap     string // what stands in the field that people do not see
}

// worthShowing says whether there is a form to show again: one that came with
// a codename of ours.
func (d *draft) worthShowing() bool { return d.codename.Words() != nil }

// set puts a field into the draft. What can't be kept is a problem of that
// field, so that the rest of the form is still read.
func (s *Server) set(l *Language, d *draft, field, value string) error {
	if isCountry[field] {
		value = s.gazetteer.code(l, value)
	}
	err := d.report.Set(field, value)
	if err != nil && strings.ToValidUTF8(value, "") != value {
		d.problems = append(d.problems, report.Problem{Field: field, Kind: report.BadFormat})
		return nil
	}
	return err
}
