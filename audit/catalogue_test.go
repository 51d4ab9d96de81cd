package audit_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"tocsin/audit"
)

var update = flag.Bool("update", false, "write docs/attacks.md, and the table of findings in docs/audit.md")

// docs/audit.md has a table of what the catalogue says.
func TestFindingsTable(t *testing.T) {
	const file, begin, end = "../docs/audit.md", "<!-- findings -->\n", "<!-- end of findings -->\n"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(page), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the table", file)
	}
	want := "| finding | severity | expected | what to do |\n|---|---|---|---|\n"
	for _, k := range audit.Catalogue() {
		want += fmt.Sprintf("| `%s` | %s | %s | %s |\n", k.ID, k.Severity, k.Expected, k.Advice)
	}
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != want {
		t.Errorf("the table in %s is not that of the catalogue: go test ./audit -run TestFindingsTable -update", file)
	}
}

// The catalogue has what the source finds, no more and no less, in order, and
// says something of each.
func TestCatalogue(t *testing.T) {
	want := findingIDs(t, ".", "../vault")
	var got []string
	for _, k := range audit.Catalogue() {
		got = append(got, k.ID)
		if !slices.Contains(audit.Severities(), k.Severity) {
			t.Errorf("%s has the severity %q", k.ID, k.Severity)
		}
		if k.Expected == "" || strings.HasSuffix(k.Expected, ".") || !strings.HasSuffix(k.Advice, ".") {
			t.Errorf("%s: %q is no clause or %q no sentence", k.ID, k.Expected, k.Advice)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the catalogue has %v, the source %v", got, want)
	}
	if !slices.IsSortedFunc(audit.Catalogue(), func(a, b audit.Kind) int {
		return cmp.Or(slices.Index(audit.Severities(), a.Severity)-slices.Index(audit.Severities(), b.Severity), strings.Compare(a.ID, b.ID))
	}) {
		t.Error("the catalogue is not sorted by severity and ID")
	}
}

// What is found comes out the worst first, and in one order each time.
func TestFindingsAreSorted(t *testing.T) {
	f := newForgery(t)
	f.message(f.seal(16<<10+1, f.a.Key.Recipient()))
	f.envelope(f.seal(79, f.workers()[0]))
	writeFile(f, "notes.txt")
	want := []string{"envelope-recipients", "envelope-size", "file-unknown", "message-padding"}
	for range 3 {
		var got []string
		for _, x := range f.Audit(t, f.dir, nil).Findings {
			got = append(got, x.ID)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("found %v, want %v", got, want)
		}
	}
}
