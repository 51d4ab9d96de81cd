package audit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/testorg"
)

var about = audit.About{Day: "2026-04-01", Program: "audit test", Command: "audit verify --roster roster --org-key org.pub snapshot"}

// htmlOf returns the page of a result, which it holds against what is always so:
// it loads and runs nothing, and what is not printable is not in it.
func htmlOf(t *testing.T, r *audit.Result, about audit.About) string {
	t.Helper()
	var b strings.Builder
	if err := r.WriteHTML(&b, about); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, c := range page {
		if c != '\n' && !unicode.IsPrint(c) {
			t.Errorf("%q is in the page", c)
		}
	}
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	attrs := map[string]bool{}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if strings.Contains(" script link img image iframe object embed form a base audio video ", " "+n.Data+" ") {
			t.Errorf("there is a <%s> in the page", n.Data)
		}
		for _, a := range n.Attr {
			attrs[a.Key] = true
		}
	}
	for a := range attrs {
		if strings.HasPrefix(a, "on") || a == "src" || a == "href" || a == "style" {
			t.Errorf("an element has the attribute %s", a)
		}
	}
	if regexp.MustCompile(`url\(|@import`).MatchString(page) || !strings.Contains(page, `content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"`) {
		t.Error("the page could load something")
	}
	return page
}

// says fails for each text that a reader of the page does not see.
func says(t *testing.T, page string, want ...string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			text.WriteString(n.Data + " ")
		}
	}
	seen := strings.Join(strings.Fields(text.String()), " ")
	for _, w := range want {
		if !strings.Contains(seen, w) {
			t.Errorf("the page does not say %q:\n%s", w, seen)
		}
	}
}

func TestThePageOfAWholeStore(t *testing.T) {
	f := newForgery(t)
	r := f.Audit(t, f.dir, f.last)
	page := htmlOf(t, r, about)
	cp, err := ledger.OpenCheckpoint(f.last, f.Roster.Intake.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	says(t, page,
		"Audit of the store of Test organisation", "Made on 2026-04-01 with audit test",
		"The store is whole: nothing that was accepted is missing or altered", "contains all that the last audit saw",
		testorg.Origin, f.Key, fmt.Sprintf("number 1, signed on 2026-03-01, SHA-256 %s", testorg.Digest(f.Signed)), f.Instance().String(), "11 leaves, root "+cp.Root.String(),
		"Cosigned by nobody", "Findings None.",
		"Reports per week (ISO 8601)", "2026-W11", "police", "The deadline is 48 hours.", about.Command, "not to be published",
	)
	if strings.Contains(page, "The store is not whole") || strings.Count(page, "<svg") != 2 {
		t.Errorf("the page of a whole store:\n%s", page)
	}
	cosigners := f.addCosigners(2)
	f.publish("cosigned", "2026-03-15", f.Ledger, leafCount+1, f.root(leafCount+1), cosigners...)
	page = htmlOf(t, f.Audit(t, f.dir, nil), about)
	says(t, page, "Cosigned by cosigner-1 (2026-03-15), cosigner-2 (2026-03-15), for the first 12 leaves")
	says(t, page, "The store is whole, but nothing was remembered of it", "It was held against nothing that was remembered.")
}

func TestThePageOfABrokenStore(t *testing.T) {
	f := newForgery(t)
	writeFile(f, "letter.txt")
	f.must(os.Remove(filepath.Join(f.dir, "vault.db")))
	f.must(os.WriteFile(filepath.Join(f.dir, "vault.db"), make([]byte, 8*pageSize), 0o600))
	says(t, htmlOf(t, f.Audit(t, f.dir, nil), about), "Audit of a store", "The store is not whole:", "unknown: no roster in the store", "Checkpoint none that verifies",
		"these numbers are those of what could be read", "it is not known which deadline holds")

	f = newForgery(t)
	writeFile(f, "letter.txt")
	r := f.Audit(t, f.dir, f.sign(leafCount+2, [32]byte{}))
	r.More["file-unknown"] = 7
	says(t, htmlOf(t, r, about), "file-unknown", "Severity: critical. Expected: ", "What to do: ", "letter.txt", "And 7 more, which are not listed.", "It does not contain the history")
}

// hostile holds what could speak to a browser or to who reads the page: elements,
// the end of an attribute, an escape sequence, writing from right to left, a tag
// character.
const hostile = `</td><script>alert(1)</script>"'><img src=x onerror=alert(1)>{{.}}` + "\x1b[2J\u009b2J\n\u202ewhole\u2066\U000e0041 é 夜"

func TestTheStoreDoesNotSpeakOnThePage(t *testing.T) {
	f := newForgery(t)
	r := f.Audit(t, f.dir, nil)
	r.Whole = false
	for _, s := range audit.Severities() {
		r.Findings = append(r.Findings, audit.Finding{ID: hostile, Severity: s, Where: hostile, Expected: hostile, Found: hostile, Advice: hostile})
	}
	r.InForce.Organisation, r.InForce.Origin, r.InForce.OrgKey, r.InForce.Day = hostile, hostile, hostile, hostile
	r.Cosigned = &audit.Cosigned{By: []audit.Cosigner{{Name: hostile}}}
	s := r.Statistics
	s.All.Destinations = append(s.All.Destinations, audit.Destination{Name: hostile, Reports: 1})
	s.All.Purged = append(s.All.Purged, audit.Purge{Rule: hostile, Reports: 1})
	says(t, htmlOf(t, r, audit.About{Day: "2026-04-01", Program: hostile, Command: hostile}),
		`</td><script>alert(1)</script>"'><img src=x onerror=alert(1)>{{.}}\u001b[2J\u009b2J\u000a\u202ewhole\u2066\udb40\udc41 é 夜`)

	// As a store has it: names that a finding quotes.
	f = newForgery(t)
	writeFile(f, "<script>alert(1)<\x1b\u202e")
	found := f.Audit(t, f.dir, nil)
	if len(found.Findings) != 1 {
		t.Fatalf("found %v", found.Findings)
	}
	says(t, htmlOf(t, found, about), "The store is not whole: 1 finding, of which 1 critical.", "file-unknown")
}

// A store of many years, and one that lies about its days, still have a page
// that can be read.
func TestThePageStaysShort(t *testing.T) {
	tally := new(audit.Tally)
	opened(tally, "0000-01-01")
	opened(tally, "9999-12-31")
	for i := range 3000 {
		day := ledger.DayOf(ledger.Day("1900-01-01").Time().AddDate(0, 0, 9*i))
		opened(tally, day).add(day, ledger.Leaf{Event: ledger.EventHandedOver, Destination: "d" + strings.ReplaceAll(string(day), "-", "")})
	}
	r := &audit.Result{Whole: true, Statistics: tally.Statistics()}
	page := htmlOf(t, r, about)
	if len(page) > 200<<10 {
		t.Errorf("it has %d bytes", len(page))
	}
	says(t, page, "rows are left out; audit stats prints all.")
}
