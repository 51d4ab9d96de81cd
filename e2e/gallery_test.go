package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestEveryPage looks at every page in every language: in a narrow window,
// without colours, and with the rules of accessibility that a program can check.
func TestEveryPage(t *testing.T) {
	rules := axeCore(t)
	g := newGallery(t)
	b := newBrowser(t)
	t.Run("looks", func(t *testing.T) {
		g.each(t, b, func(b *browser) { b.inject(rules) }, func(b *browser, lang, name string) {
			b.picture("phone/" + lang + "/" + name)
			b.narrow(name)
			b.accessible(lang, name)
			b.forcedColours(name) // last, because Chromium keeps some of them
		})
	})
	if b.shots != "" {
		t.Run("pictures", func(t *testing.T) { g.pictures(t, b) })
	}
}

// A gallery serves every page that a witness can come to as the server sent
// it, each at /<language>/<name>: what leads to a page need not be done again
// for each look at it.
type gallery struct {
	web   string
	langs []string
	names []string // of the pages

	mu    sync.Mutex
	pages map[string]recorded // by path; guarded by mu
}

// A recorded page is what the server answered.
type recorded struct {
	header http.Header
	body   []byte
}

// each loads every page of the gallery in every language, two languages at a
// time, each in a tab of its own that set prepares.
func (g *gallery) each(t *testing.T, of *browser, set func(b *browser), look func(b *browser, lang, name string)) {
	for _, lang := range g.langs {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			b := tab(t, of.tabs)
			set(b)
			for _, name := range g.names {
				b.leave(chromedp.Navigate(g.web + "/" + lang + "/" + name))
				look(b, lang, name)
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, c := range b.complaints {
				t.Errorf("the browser complains: %s", c)
			}
		})
	}
}

// newGallery sets an organisation up that lets witnesses withdraw, makes the
// cases whose pages are shown, and records all pages.
func newGallery(t *testing.T) *gallery {
	t.Helper()
	dir := setUp(t)
	org := filepath.Join(dir, "organisation")
	command(t, "triage", "--home", org, "org", "set-policy", "--withdraw")
	command(t, "triage", "--home", org, "org", "sign")
	answered := yesterday(t, dir, "answered") // so that there is a receipt
	data := filepath.Join(dir, "intake")
	config := filepath.Join(dir, "config.json")
	if err := os.WriteFile(config, []byte(`{"address": "https://tips.example.org"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, dir, t.TempDir(), []string{filepath.Join(bin, "intake"), "serve", "--data", data,
		"--listen", "127.0.0.1:0", "--desk", "127.0.0.1:0", "--config", config})
	g := &gallery{langs: languages(t), pages: make(map[string]recorded)}
	withdrawn := g.cases(t, dir, s)
	var all sync.WaitGroup
	for _, lang := range g.langs {
		all.Go(func() {
			if err := g.record(s.web, lang, answered, withdrawn); err != nil {
				t.Errorf("recording the pages in %s: %v", lang, err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for path := range g.pages {
		if name, ok := strings.CutPrefix(path, "/en/"); ok {
			g.names = append(g.names, name)
		}
	}
	slices.Sort(g.names)
	shown := httptest.NewServer(g)
	t.Cleanup(shown.Close)
	g.web = shown.URL
	return g
}

func (g *gallery) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	p, ok := g.pages[r.URL.Path]
	g.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	maps.Copy(w.Header(), p.header)
	_, _ = w.Write(p.body) // a browser may go on to the next page
}

// cases answers the one report that is there and hands it over, and makes one
// that was withdrawn, whose codename it returns.
func (g *gallery) cases(t *testing.T, dir string, s *server) (withdrawn string) {
	t.Helper()
	mustTriage(t, dir, "alice", nil, "pull", "--desk", s.desk)
	withdrawn, err := form(http.DefaultClient, s.web)
	if err == nil {
		err = send(http.DefaultClient, s.web, "test", withdrawn, [][2]string{{"what.seen", "withdrawn"}})
	}
	if err != nil {
		t.Fatal(err)
	}
	id := caseIDs(t, mustTriage(t, dir, "alice", nil, "list", "--json"))[0]
	reply := filepath.Join(t.TempDir(), "reply.txt")
	text := "Thank you.\n\nDid you see this page: https://example.org/" + strings.Repeat("a-long-address/", 12) + " ?"
	if err := os.WriteFile(reply, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	mustTriage(t, dir, "alice", nil, "show", id)
	mustTriage(t, dir, "alice", nil, "reply", id, reply)
	mustTriage(t, dir, "alice", nil, "route", id, "--to", "police", "--reason", "it names no country", "--tell", "police", "--tell", "child-protection")
	mustTriage(t, dir, "alice", nil, "push", "--desk", s.desk)
	if _, err := g.ask(s.web+"/en/withdraw", "codename", withdrawn, "sure", "yes"); err != nil {
		t.Fatal(err)
	}
	return withdrawn
}

// record asks for all pages in a language. Of each it must know something that
// only this page has: that nothing else is looked at in its stead.
func (g *gallery) record(web, lang, answered, withdrawn string) error {
	fresh, err := form(http.DefaultClient, web)
	if err != nil {
		return err
	}
	long := strings.Repeat("unbrokenword", 12)
	for _, p := range []struct {
		name, path, holds string
		fields            []string // names and values of a form, or none
	}{
		{"home", "", `class="five"`, nil},
		{"danger", "danger", `class="choose"`, nil},
		{"danger-country", "danger", `<a class="call" href="tel:112"`, []string{"country", "BE"}},
		{"intervene", "intervene", `class="pair"`, nil},
		{"intervene-country", "intervene", `<a class="call"`, []string{"country", "BE"}},
		{"support", "support", `class="links"`, nil},
		{"relay", "relay", `class="poster"`, nil},
		{"form", "report", `id="form"`, nil},
		{"form-again", "report/again", long, []string{"codename", fresh, "what.seen", long, "where.country", "BE", "online.url", "https://example.org/" + long}},
		{"form-problems", "report", `id="where-country-wrong"`, []string{"codename", fresh, "where.country", "Atlantis", "where.coordinates", "north", "when.date", "1"}},
		{"testify", "testify", `<details open>`, nil},
		{"received", "report", `class="numbers"`, []string{"codename", fresh, "danger.now", "yes", "where.country", "BE", "what.seen", "x"}},
		{"received-right", "received", `class="right"`, []string{"codename", fresh, "typed", fresh}},
		{"received-wrong", "received", `id="typed-wrong"`, []string{"codename", fresh, "typed", "not these"}},
		{"return", "return", `id="codename-help"`, nil},
		{"return-problem", "return", `id="codename-wrong"`, []string{"codename", "seven words are too few for this"}},
		{"replies-none", "return", `action="/` + lang + `/withdraw"`, []string{"codename", fresh}},
		{"replies", "return", `class="reply"`, []string{"codename", answered}},
		{"replies-unsure", "withdraw", `id="sure-wrong"`, []string{"codename", fresh}},
		{"add-problem", "add", `id="text-wrong"`, []string{"codename", answered, "once", strings.Repeat("0", 64), "text", ""}},
		{"add-refused", "add", `id="notice"`, []string{"codename", answered, "once", strings.Repeat("0", 64), "text", "x", "files", "x", "text", "too late"}},
		{"proof", "proof", `class="proof"`, []string{"codename", answered}},
		{"proof-later", "proof", `id="later"`, []string{"codename", fresh}},
		{"withdrawn", "return", `class="button quiet"`, []string{"codename", withdrawn}},
		{"refusal", "return", `class="notice"`, []string{"codename", fresh, "unknown", "x"}},
		{"not-found", "nothing", `class="notice"`, nil},
	} {
		page, err := g.ask(web+"/"+lang+"/"+p.path, p.fields...)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if !bytes.Contains(page.body, []byte(p.holds)) {
			return fmt.Errorf("%s does not hold %q:\n%s", p.name, p.holds, page.body)
		}
		style := regexp.MustCompile(`/style-[0-9a-f]+\.css`).Find(page.body)
		if style == nil {
			return fmt.Errorf("%s has no stylesheet", p.name)
		}
		g.keep("/"+lang+"/"+p.name, page)
		if p.name == "home" {
			css, err := g.ask(web + string(style))
			if err != nil {
				return err
			}
			g.keep(string(style), css)
		}
	}
	return nil
}

func (g *gallery) keep(path string, p recorded) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pages[path] = p
}

// ask asks for a page, or sends a form with those names and values to it.
func (g *gallery) ask(url string, fields ...string) (recorded, error) {
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		var w io.Writer
		var err error
		if fields[i] == "files" {
			w, err = m.CreateFormFile("files", "x.jpg")
		} else {
			w, err = m.CreateFormField(fields[i])
		}
		if err == nil {
			_, err = io.WriteString(w, fields[i+1])
		}
		if err != nil {
			return recorded{}, err
		}
	}
	var r *http.Response
	err := m.Close()
	if err == nil && fields == nil {
		r, err = http.Get(url)
	} else if err == nil {
		r, err = http.Post(url, m.FormDataContentType(), &body)
	}
	if err != nil {
		return recorded{}, err
	}
	defer r.Body.Close()
	page, err := io.ReadAll(r.Body)
	if r.StatusCode >= 500 {
		err = errors.Join(err, errors.New(r.Status))
	}
	r.Header.Del("Content-Length") // of what came compressed
	return recorded{r.Header, page}, err
}
