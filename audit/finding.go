package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tocsin/vault"
)

// Severity says how much a finding matters.
type Severity string

// From the worst on.
const (
	// Critical: something was lost, altered or slipped in, can be read by
	// somebody who should not, or history is broken.
	Critical Severity = "critical"
	// Serious: nothing is known to be lost, but it is not as the organisation's
	// roster or this store's format demand.
	Serious Severity = "serious"
	// Notice: nothing is wrong with the store, but somebody should act. A store
	// with notices alone is whole.
	Notice Severity = "notice"
)

// Severities returns all severities, the worst first.
func Severities() []Severity { return []Severity{Critical, Serious, Notice} }

// A Finding is one thing that is not as it must be, or that waits for somebody.
// Expected and advice are those of its kind, see [Catalogue].
type Finding struct {
	ID       string   `json:"id"` // stable: what kind of thing it is
	Severity Severity `json:"severity"`
	Where    string   `json:"where"` // the case, message, leaf, page or file that was hit
	Expected string   `json:"expected"`
	Found    string   `json:"found"`
	Advice   string   `json:"advice"` // what to do
}

// String returns on one line what was found and where.
func (f Finding) String() string { return f.ID + ": " + f.Where + ": " + f.Found }

// MaxFindings is how many findings of one ID a result lists; a store that is
// broken throughout would give one for each page and leaf.
const MaxFindings = 100

// maxText bounds a part of a finding, in bytes. It may quote the store.
const maxText = 500

// findings gathers what an audit finds.
type findings struct {
	list   []Finding
	counts map[string]int // by ID
}

func (f *findings) found(id, where, format string, args ...any) {
	f.add(vault.Finding{ID: id, Where: where, What: fmt.Sprintf(format, args...)})
}

func (f *findings) add(v vault.Finding) {
	if f.counts[v.ID]++; f.counts[v.ID] > MaxFindings {
		return
	}
	k := kindOf(v.ID)
	f.list = append(f.list, Finding{v.ID, k.Severity, clip(v.Where), k.Expected, clip(v.What), k.Advice})
}

// tell writes what was found into a result, the worst first, then by ID, those
// of one ID as they were come upon.
func (f *findings) tell(r *Result) {
	rank := func(s Severity) int { return slices.Index(Severities(), s) }
	slices.SortStableFunc(f.list, func(a, b Finding) int {
		return cmp.Or(rank(a.Severity)-rank(b.Severity), strings.Compare(a.ID, b.ID))
	})
	r.Findings, r.More, r.Whole = append([]Finding{}, f.list...), map[string]int{}, true
	for id, n := range f.counts {
		if n > MaxFindings {
			r.More[id] = n - MaxFindings
		}
		r.Whole = r.Whole && kindOf(id).Severity == Notice
	}
}

// clip shortens a text and makes it valid UTF-8.
func clip(s string) string {
	if len(s) > maxText {
		s = s[:maxText] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
