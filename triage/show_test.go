package triage

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"tocsin/report"
	"tocsin/seal"
	"tocsin/seal/roster"
)

func TestEveryFieldHasALabel(t *testing.T) {
	known := make(map[string]bool)
	for _, f := range report.Fields() {
		known[f.Name] = true
		if fieldLabels[f.Name] == "" {
			t.Errorf("%s has no label", f.Name)
		}
		if sectionTitles[f.Section] == "" {
			t.Errorf("section %s has no title", f.Section)
		}
		for _, c := range f.Choices {
			if l := valueLabel(f, c); l == "" || f.Format == report.Country && c != report.Unknown && l == c {
				t.Errorf("%s: choice %q is shown as %q", f.Name, c, l)
			}
		}
	}
	for name := range fieldLabels {
		if !known[name] {
			t.Errorf("%s is labelled and no field", name)
		}
	}
}

const attack = "a\x1b]0;owned\x07\x1b[2J\u202egnp.exe\u2066\u200b<script>alert(1)</script>\nsecond\rline"

// Every text field, every file's name and every message is hostile; none may
// act on the terminal or become markup on the page.
func TestAReportControlsNothing(t *testing.T) {
	r := new(report.Report)
	for _, f := range report.Fields() {
		if f.Kind == report.Line && f.Format == "" || f.Kind == report.Text {
			ok(t, r.Set(f.Name, "x"))
		}
	}
	// As another program may have written it: Set would have cleaned some.
	r.What.Seen, r.Where.City, r.Suspect.Name, r.Consent = attack, attack, attack, report.Consent(attack)
	s := &Shown{ID: "case", Day: "2026-03-04", Report: r,
		Files:    []seal.File{{Path: "files/001", Name: attack, Type: attack}},
		Messages: []ShownMessage{{Kind: "addition", Text: attack, Files: []seal.File{{Name: attack}}}}}
	var out bytes.Buffer
	ok(t, s.Write(&out))
	for _, c := range out.String() {
		if c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c)) {
			t.Fatalf("%U reached the terminal:\n%q", c, out.String())
		}
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "second") || strings.HasPrefix(line, "line") {
			t.Errorf("a report's line stands where labels do: %q", line)
		}
	}
	page, err := firstPage(&pageData{Report: r, Received: "2026-03-04", Destination: &roster.Destination{Title: attack},
		Provenance: &provenance{Organisation: attack, Consent: consentLabel(r.Consent),
			Messages: []bagMessage{{Kind: "addition", Text: attack}}, Withheld: []withheld{{attack, "reason"}}}})
	ok(t, err)
	if bytes.Contains(page, []byte("<script")) || bytes.ContainsRune(page, 0x202e) || bytes.ContainsRune(page, 0x1b) {
		t.Errorf("the page holds what the report wrote:\n%s", page)
	}
}

// The page stands alone: nothing in it makes a program ask another host.
func TestTheFirstPageStandsAlone(t *testing.T) {
	r := new(report.Report)
	ok(t, r.Set("what.seen", "seen"))
	ok(t, r.Set("online.url", "https://example.org/a"))
	page, err := firstPage(&pageData{Report: r, Provenance: &provenance{}, Destination: &roster.Destination{Name: "police"}})
	ok(t, err)
	for _, reach := range []string{"<script", "<img", "<link", "<iframe", "<object", "<a ", "src=", "href=", "url(", "@import"} {
		if bytes.Contains(bytes.ToLower(page), []byte(reach)) {
			t.Errorf("the page holds %q", reach)
		}
	}
	if !bytes.Contains(page, []byte("default-src &#39;none&#39;")) && !bytes.Contains(page, []byte("default-src 'none'")) {
		t.Error("the page has no policy")
	}
}

func TestLongLinesAreWrapped(t *testing.T) {
	r := new(report.Report)
	ok(t, r.Set("what.seen", strings.Repeat("word ", 100)))
	var out bytes.Buffer
	ok(t, (&Shown{ID: "case", Report: r}).Write(&out))
	for line := range strings.Lines(out.String()) {
		if len(line) > columns+1 {
			t.Errorf("%d columns: %q", len(line), line)
		}
	}
}

func TestFilesAreSavedOnceAndWhole(t *testing.T) {
	s := newStation(t)
	big := attachment{"../../big.sh", random(3 << 20)}
	c := s.addCase(s.vault, plain, big, attachment{"\x1b[2J", []byte("second")}, attachment{"../../big.sh", []byte("third")})
	s.pull()
	dir := filepath.Join(s.dir, "saved")
	paths, err := s.save(c, dir)
	ok(t, err)
	var names []string
	for _, p := range paths {
		names = append(names, filepath.Base(p))
		info, err := os.Stat(p)
		ok(t, err)
		if info.Mode().Perm() != 0o600 || filepath.Dir(p) != filepath.Join(dir, c.id.String()) {
			t.Errorf("%s has mode %o", p, info.Mode())
		}
	}
	if got := strings.Join(names, " "); got != "001-big.sh 002-2J 003-big.sh" {
		t.Errorf("saved as %s", got)
	}
	if got, err := os.ReadFile(paths[0]); err != nil || !bytes.Equal(got, big.data) {
		t.Errorf("the saved file differs: %v", err)
	}
	if _, err := s.save(c, dir); err == nil {
		t.Error("what was saved was written over")
	}
}

func TestOfADamagedMessageNothingIsSavedOrRouted(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain, attachment{"a", random(5 << 20)})
	s.pull()
	found := s.find(c)
	path := s.alice.objectPath(found.Messages[0].Leaf.Digest)
	data, err := os.ReadFile(path)
	ok(t, err)
	data[len(data)/2] ^= 1
	ok(t, os.WriteFile(path, data, 0o600))
	dir := filepath.Join(s.dir, "saved")
	if _, err := s.alice.Save(found, dir, SaveOptions{}); err == nil {
		t.Error("a damaged message was saved")
	}
	everyFile(t, dir, func(path string, _ []byte) { t.Errorf("%s was left", path) })
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	if _, err := s.alice.Route(found, "police", With{}); err == nil {
		t.Error("a damaged message was routed")
	}
	everyFile(t, s.alice.path("outbox"), func(path string, _ []byte) { t.Errorf("%s was left", path) })
	if q, err := s.alice.Queue(); err != nil || len(q) != 0 {
		t.Errorf("the queue holds %d, %v", len(q), err)
	}
	if _, err := s.alice.Find("zzzz"); !errors.Is(err, ErrNoCase) {
		t.Errorf("an unknown case: %v", err)
	}
}
