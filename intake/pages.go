package intake

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"tocsin/report"
	"tocsin/seal"
)

//go:embed pages/*.html
var pageFiles embed.FS

// pageNames are the pages; each is laid out by pages/layout.html, and the
// catalogue holds its title as <name>.title. Titles say nothing of what the
// site is about: they stay in a browser's history.
var pageNames = []string{"home", "relay", "form", "received", "return", "replies", "refusal"}

type pageTemplate = template.Template

func loadPages() (map[string]*pageTemplate, error) {
	pages := make(map[string]*pageTemplate)
	for _, name := range pageNames {
		t, err := template.New(name).Funcs(template.FuncMap{"filling": filling}).
			ParseFS(pageFiles, "pages/layout.html", "pages/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("reading the page %s: %w", name, err)
		}
		pages[name] = t
	}
	return pages, nil
}

// filling is white space that makes up for short words: pages show a codename
// at most twice, and how many letters it has must not show in their length.
func filling(words []string) string {
	const longest = 9 // letters, of the list's words
	return strings.Repeat(" ", 2*max(0, longest*len(words)-len(strings.Join(words, ""))))
}

// A view is what every page needs; pages embed it.
type view struct {
	Name           string
	L              *Language
	Languages      []*Language
	Path           string // of this page below the language, for the other languages
	Style          string
	Emergency      Number
	EmergencyStale bool
}

// T is here so that templates read {{.T "key"}}.
func (v view) T(key string, args ...any) string { return v.L.T(key, args...) }

func (s *Server) view(l *Language, name, path string) view {
	n := s.numbers["emergency"]
	return view{
		Name: name, L: l, Languages: s.languages.all, Path: path, Style: s.style.path,
		Emergency: n, EmergencyStale: n.StaleAt(time.Now(), s.config.NumbersMaxAgeDays),
	}
}

// render fills a page in. A template that fails is a mistake in this package,
// told to the witness like any other.
func (s *Server) render(name string, data any) *bytes.Buffer {
	var b bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&b, "layout", data); err != nil {
		panic(fmt.Sprintf("intake: page %s does not render", name))
	}
	// A page that shows much text waits for its reader, and what the buffer
	// grew beyond it would wait as well.
	if b.Cap()-b.Len() > smallText {
		return bytes.NewBuffer(append(make([]byte, 0, b.Len()), b.Bytes()...))
	}
	return &b
}

// A notice says on a page why the request was not done.
type notice struct {
	Kind string
	Args any
}

// What is the sentence that says what happened.
func (n notice) What(l *Language) string {
	if n.Args == nil {
		return l.T("refusal." + n.Kind + ".what")
	}
	return l.T("refusal."+n.Kind+".what", n.Args)
}

func (s *Server) home(x *exchange) error {
	x.answer(http.StatusOK, s.render("home", s.view(x.lang, "home", "")))
	return nil
}

// relay is for those who pass the address on.
func (s *Server) relay(x *exchange) error {
	x.answer(http.StatusOK, s.render("relay", struct {
		view
		Onion string
	}{s.view(x.lang, "relay", "relay"), s.onion}))
	return nil
}

// form shows an empty form under a codename of its own.
func (s *Server) form(x *exchange) error {
	c, err := seal.NewCodename()
	if err != nil {
		return err
	}
	blank, err := s.blank(x.lang)
	if err != nil {
		return err
	}
	page, encoding := blank.page([]byte(c.String()), s.words(c), acceptsGzip(x.r.Header.Get("Accept-Encoding")))
	x.w.Header().Add("Vary", "Accept-Encoding")
	if encoding != "" {
		x.w.Header().Set("Content-Encoding", encoding)
	}
	x.answer(http.StatusOK, page)
	return nil
}

// formPage is the form with what the draft holds filled in, and a notice above
// it if there is one.
func (s *Server) formPage(l *Language, d *draft, n *notice) *bytes.Buffer {
	policy := s.vault.Roster().Policy
	data := struct {
		view
		Codename    string
		Words       []string
		Groups      []group
		Wrong       []control
		Countries   []string
		Notice      *notice
		Attachments bool
		MaxFiles    int
		MaxFile     string
		MaxReport   string
	}{
		view:        s.view(l, "form", "report"),
		Codename:    d.codename.String(),
		Words:       d.codename.Words(),
		Groups:      s.groups(l, &d.report, d.problems),
		Countries:   s.gazetteer.lists[l],
		Notice:      n,
		Attachments: policy.Attachments,
		MaxFiles:    policy.MaxFiles,
		MaxFile:     sizeText(l, policy.MaxFile),
		MaxReport:   sizeText(l, policy.MaxReport),
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

func (s *Server) receivedPage(l *Language, c seal.Codename, again bool) *bytes.Buffer {
	return s.render("received", struct {
		view
		Words    []string
		Again    bool
		Deadline int
	}{s.view(l, "received", ""), c.Words(), again, s.vault.Roster().Policy.DeadlineHours})
}

// returnPage asks for the codename; problem is a key below return.problem, or
// "".
func (s *Server) returnPage(l *Language, problem string) *bytes.Buffer {
	return s.render("return", struct {
		view
		Problem string
	}{s.view(l, "return", "return"), problem})
}

func (s *Server) repliesPage(l *Language, t thread) *bytes.Buffer {
	return s.render("replies", struct {
		view
		thread
		Deadline int
	}{s.view(l, "replies", "return"), t, s.vault.Roster().Policy.DeadlineHours})
}

func (s *Server) refusalPage(l *Language, n *notice) *bytes.Buffer {
	return s.render("refusal", struct {
		view
		Notice *notice
	}{s.view(l, "refusal", ""), n})
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
	codename seal.Codename
	report   report.Report
	problems []report.Problem
}

// worthShowing says whether there is a form to show again: one that came with
// a codename of ours.
func (d *draft) worthShowing() bool { return d.codename.Words() != nil }

// set puts a field into the draft. What can't be kept is a problem of that
// field, so that the rest of the form is still read.
func (s *Server) set(d *draft, field, value string) error {
	if isCountry[field] {
		value = s.gazetteer.code(value)
	}
	err := d.report.Set(field, value)
	if err != nil && strings.ToValidUTF8(value, "") != value {
		d.problems = append(d.problems, report.Problem{Field: field, Kind: report.BadFormat})
		return nil
	}
	return err
}

// isCountry tells the fields that hold a country.
var isCountry = func() map[string]bool {
	m := make(map[string]bool)
	for _, f := range report.Fields() {
		m[f.Name] = f.Format == report.Country
	}
	return m
}()
