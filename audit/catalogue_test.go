package audit_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"tocsin/audit"
)

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
