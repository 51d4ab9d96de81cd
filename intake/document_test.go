package intake

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// A document is a page as a browser reads it.
type document struct {
	t    testing.TB
	root *html.Node
}

func (p answer) document(t testing.TB) document {
	t.Helper()
	root, err := html.Parse(strings.NewReader(p.body))
	must(t, err)
	return document{t, root}
}

// attribute returns what an element says, or "".
func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// all returns the elements of those names, in the order of the page.
func (d document) all(names ...string) []*html.Node {
	var found []*html.Node
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && slices.Contains(names, n.Data) {
			found = append(found, n)
		}
	}
	return found
}

// text is what stands in an element.
func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// only returns the text of the one element of that name.
func (d document) only(name string) string {
	d.t.Helper()
	found := d.all(name)
	if len(found) != 1 {
		d.t.Fatalf("%d elements <%s>", len(found), name)
	}
	return text(found[0])
}

// owner is the form that a control belongs to: by its form attribute, or what it
// stands in.
func (d document) owner(n *html.Node) *html.Node {
	id := attribute(n, "form")
	for _, f := range d.all("form") {
		if id != "" && attribute(f, "id") == id {
			return f
		}
	}
	if id != "" {
		return nil
	}
	for p := range n.Ancestors() {
		if p.Data == "form" {
			return p
		}
	}
	return nil
}

// entries are what a browser sends of a form (HTML, "constructing the entry
// list"), but for the button.
func (d document) entries(form *html.Node) []entry {
	var all []entry
	add := func(n *html.Node, value string) {
		value = strings.ReplaceAll(strings.ReplaceAll(value, "\r\n", "\n"), "\n", "\r\n")
		all = append(all, entry{name: attribute(n, "name"), value: value})
	}
	for _, n := range d.all("input", "textarea", "select") {
		if d.owner(n) != form || attribute(n, "name") == "" || has(n, "disabled") {
			continue
		}
		switch kind := attribute(n, "type"); {
		case n.Data == "textarea":
			add(n, text(n))
		case n.Data == "select":
			add(n, chosenOption(n))
		case kind == "file":
			all = append(all, entry{name: attribute(n, "name"), noFile: true})
		case kind != "radio" && kind != "checkbox" || has(n, "checked"):
			add(n, attribute(n, "value"))
		}
	}
	return all
}

// chosenOption is the value that a <select> shows.
func chosenOption(n *html.Node) string {
	options := document{root: n}.all("option")
	for _, o := range options {
		if has(o, "selected") {
			return attribute(o, "value")
		}
	}
	return attribute(options[0], "value")
}

// A turn is what leads to the page in another language.
type turn struct {
	code string // as the path has it
	path string
	form *html.Node // sent along, or nil where a link does
}

// turns are those of the page's list of languages.
func (d document) turns() []turn {
	d.t.Helper()
	var all []turn
	for _, n := range d.all("a", "button") {
		if !slices.ContainsFunc(slices.Collect(n.Ancestors()), func(p *html.Node) bool { return attribute(p, "class") == "langs" }) {
			continue
		}
		if has(n, "disabled") {
			continue // it only catches Enter
		}
		u := turn{path: attribute(n, "href")}
		if n.Data == "button" {
			u.path, u.form = attribute(n, "formaction"), d.owner(n)
			if u.form == nil {
				d.t.Fatalf("a language's button belongs to no form: %v", n.Attr)
			}
			if attribute(u.form, "method") != "post" || attribute(u.form, "enctype") != "multipart/form-data" || !has(n, "formnovalidate") {
				d.t.Errorf("a language's button does not send its form as it is: %v", u.form.Attr)
			}
		}
		u.code, _, _ = strings.Cut(strings.TrimPrefix(u.path, "/"), "/")
		all = append(all, u)
	}
	return all
}

// turn changes the language of a page as a browser does, with change made to
// what its form holds.
func (w *world) turn(p answer, to string, change func([]entry) []entry) answer {
	w.t.Helper()
	d := p.document(w.t)
	for _, u := range d.turns() {
		if u.code != to {
			continue
		}
		if u.form == nil {
			return w.get(u.path)
		}
		entries := d.entries(u.form)
		if change != nil {
			entries = change(entries)
		}
		return w.post(u.path, entries...)
	}
	w.t.Fatalf("the page does not offer %s:\n%s", to, p.body)
	return answer{}
}

// submit sends the form of that id as it stands, with more behind it.
func (w *world) submit(p answer, id string, more ...entry) answer {
	w.t.Helper()
	d := p.document(w.t)
	for _, f := range d.all("form") {
		if attribute(f, "id") == id {
			path, _, _ := strings.Cut(attribute(f, "action"), "#")
			return w.post(path, append(d.entries(f), more...)...)
		}
	}
	w.t.Fatalf("the page has no form %q:\n%s", id, p.body)
	return answer{}
}
