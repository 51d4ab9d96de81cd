package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/testorg"
)

// auditedStore makes a store in which reports came over months, and audits it
// on a day on which some are overdue, and a copy of it into which somebody put
// files.
func auditedStore(t *testing.T) (whole, broken *audit.Result) {
	t.Helper()
	o := testorg.New(t, 2)
	v := o.Open(t, o.Create(t))
	var last []byte
	first := o.NewReport(t, "account", 0)
	for i := range 60 {
		o.Day = o.Day.AddDate(0, 0, (7*i*i)%9)
		r := first.Again()
		if err := r.Add(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		var leaves []*ledger.Leaf
		if i%10 > 0 {
			leaves = append(leaves, o.Read(o.Workers[0], r.ID), o.HandOver(o.Workers[i%2], r.ID, "police"))
		}
		if i%3 == 0 {
			leaves = append(leaves, o.HandOver(o.Workers[1], r.ID, "foreign-affairs"))
		}
		for _, l := range leaves {
			if _, err := v.AddEvent(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
		if i == 40 {
			last = o.Audit(t, testorg.Snapshot(t, v), nil).Signed
		}
	}
	o.Day = o.Day.AddDate(0, 0, 10)
	whole = o.Audit(t, testorg.Snapshot(t, v), last)
	if !whole.Whole {
		t.Fatal(whole.Findings)
	}
	dir := testorg.Snapshot(t, v)
	for _, name := range []string{"letter.txt", "<script>document.title='run'</script>", "\x1b[2J\u202etxt.exe"} {
		if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, "/", "∕")), []byte("in room 12"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return whole, o.Audit(t, dir, last)
}

// TestThePageForTheMinutes looks at the auditor's page as those who get it do:
// opened from a file, where it asks for nothing else.
func TestThePageForTheMinutes(t *testing.T) {
	rules := axeCore(t)
	whole, broken := auditedStore(t)
	b := newBrowser(t)
	b.inject(rules) // and with it scripts may run, but for the page's own policy
	for _, look := range []struct {
		name string
		r    *audit.Result
	}{{"whole", whole}, {"broken", broken}} {
		name, r := look.name, look.r
		var page bytes.Buffer
		about := audit.About{Day: "2026-12-01", Program: "audit 1.0", Command: "audit verify --memory memory --html report.html snapshot"}
		if err := r.WriteHTML(&page, about); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name+".html")
		if err := os.WriteFile(path, page.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		b.requests()
		b.leave(chromedp.Navigate("file://" + path))
		if asked := b.requests(); len(asked) != 1 {
			t.Errorf("%s: it asks for %v", name, asked)
		}
		if title := get(b, chromedp.Title()); title != "Audit of the store of Test organisation, 2026-12-01" {
			t.Errorf("%s: its title is %q", name, title)
		}
		b.picture("minutes/phone-" + name)
		b.accessible("en", name)
		b.narrow(name)
		b.size(1000, 1400, 1)
		b.picture("minutes/" + name)
		b.media("", dark)
		b.picture("minutes/dark-" + name)
		b.media("")
		if b.shots != "" {
			b.keep("minutes/"+name+".pdf", get(b, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4))))
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		t.Errorf("the browser complains: %s", c)
	}
}
