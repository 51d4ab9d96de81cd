package intake

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
)

//go:embed pages/*.html
var pageFiles embed.FS

// pageNames are the pages; each is laid out by pages/layout.html.
var pageNames = []string{
	"home", "danger", "intervene", "support", "relay", "form", "received", "return",
	"replies", "add", "proof", "withdrawn", "refusal",
}

type pageTemplate = template.Template

func loadPages() (map[string]*pageTemplate, error) {
	pages := make(map[string]*pageTemplate)
	for _, name := range pageNames {
		files := []string{"pages/layout.html", "pages/" + name + ".html"}
		if name == "add" { // whose form is a part of the other
			files = slices.Insert(files, 1, "pages/replies.html")
		}
		t, err := template.New(name).Funcs(template.FuncMap{"filling": filling}).ParseFS(pageFiles, files...)
		if err != nil {
			return nil, fmt.Errorf("reading the page %s: %w", name, err)
		}
		pages[name] = t
	}
	return pages, nil
}

// filling is white space that makes up for short words. It stands behind each
// place where a page shows a codename, so that how many letters it has does not
// show in the page's length.
func filling(words []string) string {
	const longest = 9 // letters, of the list's words
	return strings.Repeat(" ", max(0, longest*len(words)-len(strings.Join(words, ""))))
}

// A view is what every page needs; pages embed it.
type view struct {
	// Name is that of the title, <Name>.title in the catalogue. Titles say
	// nothing of what the site is about: they stay in a browser's history.
	Name      string
	L         *Language
	Languages []*Language
	Style     string
	// Path is where the same page is in other languages, below the language.
	Path string
	// Carry is the form that goes along to another language, so that nothing
	// typed is lost; "" where a plain link does.
	Carry string
	// Sends is set on pages with a form.
	Sends bool
}

// T is here so that templates read {{.T "key"}}.
func (v view) T(key string, args ...any) string { return v.L.T(key, args...) }

func (s *Server) view(l *Language, name, path string) view {
	return view{Name: name, L: l, Languages: s.languages.all, Path: path, Style: s.style.path}
}

// carrying is the view of a page whose form goes along to path in another
// language.
func (s *Server) carrying(l *Language, name, path, form string) view {
	v := s.view(l, name, path)
	v.Carry, v.Sends = form, true
	return v
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

// A finger is one of the five actions, as the hand shows it.
type finger struct {
	N     int
	Path  string // of its page; the catalogue holds home.<Path>
	Shape string // of the finger, a line as thick as a finger
	X, Y  int    // of the number on it
}

// fingers are those of a raised right hand, from the thumb.
var fingers = []finger{
	{1, "report", "M34 136 92 204", 38, 145},
	{2, "intervene", "M80 160V66", 80, 74},
	{3, "testify", "M113 160V40", 113, 48},
	{4, "support", "M146 160V52", 146, 60},
	{5, "relay", "M178 160V88", 178, 96},
}

func (s *Server) home(x *exchange) error {
	return s.fixed(x, "home", func() (*bytes.Buffer, error) {
		return s.render("home", struct {
			view
			Fingers []finger
		}{s.view(x.lang, "home", ""), fingers}), nil
	})
}

func (s *Server) refusalPage(l *Language, n *notice) *bytes.Buffer {
	return s.render("refusal", struct {
		view
		Notice *notice
	}{s.view(l, "refusal", ""), n})
}
