package intake

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

// everyPage returns each page of the site in a language, by the name of its
// title.
func (w *world) everyPage(l *Language, codename, gone string) map[string][]answer {
	w.t.Helper()
	at := "/" + l.Code + "/"
	c := entry{name: "codename", value: codename}
	form := []entry{c, {name: "once", value: strings.Repeat("ab", 32)}, {name: "text", value: "more"}}
	return map[string][]answer{
		"home":      {w.get(at)},
		"danger":    {w.get(at + "danger"), w.post(at+"danger", entry{name: "country", value: "TH"})},
		"intervene": {w.get(at + "intervene"), w.post(at+"intervene", entry{name: "country", value: "BE"})},
		"support":   {w.get(at + "support")},
		"relay":     {w.get(at + "relay")},
		"form": {w.get(at + "report"), w.get(at + "testify"), w.post(at+"report/again", entry{name: "danger.now", value: "yes"}),
			w.post(at+"report", entry{name: "codename", value: w.newCodename("en")})},
		"received": {w.post(at+"received", c), w.post(at+"report", c, entry{name: "what.seen", value: "x"})},
		"return":   {w.get(at + "return"), w.post(at+"return", entry{name: "codename", value: "zoom"})},
		"replies": {w.post(at+"return", c), w.post(at+"add", form...),
			w.post(at+"add", append(form, entry{name: "files", file: "a", value: strings.Repeat("x", 100_001)})...)},
		"proof":     {w.post(at+"proof", c), w.post(at+"proof", entry{name: "codename", value: w.sent()})},
		"withdrawn": {w.post(at+"return", entry{name: "codename", value: gone})},
		"refusal":   {w.get(at + "nothing"), w.post(at + "report"), w.post(at+"report", entry{name: "colour", value: "x"})},
	}
}

// newEveryWorld has a case with all that a page can show, and one that was
// destroyed.
func newEveryWorld(t *testing.T) (w *world, codename, gone string) {
	t.Helper()
	w = newWorld(t, setup{
		policy: func(p *roster.Policy) { small(p); mayWithdraw(p) },
		config: func(c *Config) { c.Address = "https://tips.example.org" },
		server: func(s *Server) { s.Announce(onionAddress) },
	})
	codename, gone = w.sent(), w.sent()
	w.destroy("en", gone)
	w.event(codename, ledger.EventRead)
	w.event(codename, ledger.EventHandedOver)
	w.tell(codename, "Which room?", "police")
	w.midnight()
	return w, codename, gone
}

// On every page, in every language: its title is that of the catalogue and
// nothing more, it says in what language and direction it is written, and it
// offers all others.
func TestEveryPage(t *testing.T) {
	w, codename, gone := newEveryWorld(t)
	for _, l := range w.server.languages.all {
		pages := w.everyPage(l, codename, gone)
		if len(pages) != len(pageNames)-1 { // "add" is a part of "replies"
			t.Fatalf("%d pages of %d", len(pages), len(pageNames)-1)
		}
		for name, list := range pages {
			for i, p := range list {
				d := p.document(t)
				if got, want := d.only("title"), l.T(name+".title")+" · Tocsin"; got != want {
					t.Errorf("%s: %s %d has the title %q, want %q", l.Code, name, i, got, want)
				}
				root := d.all("html")[0]
				if attribute(root, "lang") != l.Tag || attribute(root, "dir") != l.Dir || p.header.Get("Content-Language") != l.Tag {
					t.Errorf("%s: %s %d is in %q, %q", l.Code, name, i, attribute(root, "lang"), attribute(root, "dir"))
				}
				var want, got []string
				for _, other := range w.server.languages.all {
					if other != l {
						want = append(want, other.Code)
					}
				}
				turns := d.turns()
				for _, u := range turns {
					got = append(got, u.code)
					if u.form != turns[0].form || strings.TrimPrefix(u.path, "/"+u.code) != strings.TrimPrefix(turns[0].path, "/"+turns[0].code) {
						t.Errorf("%s: %s %d: languages lead to different pages: %q and %q", l.Code, name, i, u.path, turns[0].path)
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: %s %d offers %q", l.Code, name, i, got)
				}
				if strings.Contains(p.body, "%!") || strings.Contains(p.body, "ZgotmplZ") {
					t.Errorf("%s: something on %s %d was not filled in", l.Code, name, i)
				}
			}
		}
	}
	for code, want := range map[string]string{"ar": "rtl", "ur": "rtl", "pa": "ltr", "en": "ltr", "ru": "ltr"} {
		if got := w.server.languages.ByCode(code).Dir; got != want {
			t.Errorf("%s is written %s", code, got)
		}
	}
}

// From every page, each language leads to the same page again; from a refusal,
// which is no page of its own, to the beginning.
func TestLanguagesLeadToTheSamePage(t *testing.T) {
	w, codename, gone := newEveryWorld(t)
	ls := w.server.languages.all
	for i, l := range ls {
		to := ls[(i+1)%len(ls)]
		for name, list := range w.everyPage(l, codename, gone) {
			for j, p := range list {
				want := name
				if name == "refusal" || name == "withdrawn" {
					want = "home"
				}
				next := w.turn(p, to.Code, nil)
				if got := next.document(t).only("title"); next.status != 200 || got != to.T(want+".title")+" · Tocsin" {
					t.Errorf("from %s %d in %s to %s: status %d, title %q", name, j, l.Code, to.Code, next.status, got)
				}
				if attribute(next.document(t).all("html")[0], "lang") != to.Tag {
					t.Errorf("from %s %d in %s: not in %s", name, j, l.Code, to.Code)
				}
			}
		}
	}
}

// ours are the paths below a language.
var ours = regexp.MustCompile(`^/[a-z]+/(danger|intervene|support|relay|return(/again)?|received|add|proof(/file)?|withdraw|(report|testify)(/again)?)?$`)

// What stands in a history says nothing: no address on a page has a query, or in
// it anything but the words of the table, and each form sends by POST.
func TestAddressesSayNothing(t *testing.T) {
	w, codename, gone := newEveryWorld(t)
	for _, l := range w.server.languages.all {
		for name, list := range w.everyPage(l, codename, gone) {
			for _, p := range list {
				d := p.document(t)
				for _, f := range d.all("form") {
					if attribute(f, "method") != "post" || attribute(f, "enctype") != "multipart/form-data" {
						t.Errorf("%s: %s has a form %v", l.Code, name, f.Attr)
					}
				}
				for _, n := range d.all("a", "form", "button") {
					for _, key := range []string{"href", "action", "formaction"} {
						to, err := url.Parse(attribute(n, key))
						if err != nil || !has(n, key) || to.Host != "" || to.Scheme == "tel" {
							continue
						}
						if to.RawQuery != "" || to.Path != "" && !ours.MatchString(to.Path) || strings.Contains(to.Fragment, "=") {
							t.Errorf("%s: %s leads to %q", l.Code, name, to)
						}
					}
				}
			}
		}
	}
}

// Titles stay in the history of a browser and on the screen of whoever looks over
// a shoulder. In the languages that we read they hold none of these.
func TestTitlesAreNeutral(t *testing.T) {
	telling := regexp.MustCompile(`(?i)child|kind|enfant|abus|exploit|report|meld|signal|danger|gevaar|gefahr|police|polizei|politie|` +
		`victim|opfer|slachtoffer|crime|sex|anonym|witness|zeug|getuig|témoin|testif|withdraw|destroy`)
	for code, l := range locales(t) {
		for key, raw := range l.Messages {
			if !strings.HasSuffix(key, ".title") {
				continue
			}
			for _, text := range texts(t, raw) {
				if telling.MatchString(text) || len([]rune(text)) > 24 {
					t.Errorf("%s: %s is %q", code, key, text)
				}
			}
		}
	}
}
