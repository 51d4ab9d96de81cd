package audit_test

import (
	"bytes"
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tocsin/audit"
	"tocsin/testorg"
)

// TestEveryFindingIsForged reads from the source which findings there are.
func TestEveryFindingIsForged(t *testing.T) {
	forged := map[string]bool{}
	for _, c := range forgeries {
		id, _, _ := strings.Cut(c.want, " ")
		forged[id] = id != ""
	}
	delete(forged, "")
	ids := findingIDs(t, ".", "../vault")
	if len(ids) < 40 {
		t.Fatalf("only %d findings in the source: %v", len(ids), ids)
	}
	for _, id := range ids {
		if !forged[id] {
			t.Errorf("no forgery for %s", id)
		}
		delete(forged, id)
	}
	for id := range forged {
		t.Errorf("no finding %s in the source", id)
	}
}

// findingIDs lists the first arguments of all calls of a func named found.
func findingIDs(t *testing.T, dirs ...string) []string {
	t.Helper()
	ids := map[string]bool{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				fn, ok := call.Fun.(*ast.SelectorExpr)
				if !ok || fn.Sel.Name != "found" {
					return true
				}
				if id, ok := call.Args[0].(*ast.BasicLit); ok {
					s, err := strconv.Unquote(id.Value)
					if err != nil {
						t.Fatal(err)
					}
					ids[s] = true
				} else if x, ok := call.Args[0].(*ast.Ident); !ok || x.Name != "id" {
					t.Errorf("%s: the ID of a finding is not written out", name)
				}
				return true
			})
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

func TestHistory(t *testing.T) {
	f := newForgery(t)
	says := func(name string, last []byte, want string) {
		t.Helper()
		r := f.Audit(t, f.dir, last)
		if r.History != want || (r.Signed == nil) != (want == audit.HistoryBroken) {
			t.Errorf("%s: history is %q, want %q; the checkpoint to be kept is %q", name, r.History, want, r.Signed)
		}
	}
	says("nothing remembered", nil, audit.HistoryUnchecked)
	says("the same state remembered", f.last, audit.HistoryGrew)
	says("a part remembered", f.sign(3, f.root(3)), audit.HistoryGrew)
	says("more remembered", f.sign(leafCount+2, [32]byte{}), audit.HistoryBroken)
	says("another state remembered", f.sign(leafCount, [32]byte{}), audit.HistoryBroken)

	_, err := audit.Verify(t.Context(), audit.Options{Store: f.dir, Roster: f.Signed, OrgKey: f.Key, Last: testorg.New(t, 1).Signed})
	if err == nil {
		t.Error("a checkpoint that the intake did not sign was taken as remembered")
	}
	_, err = audit.Verify(t.Context(), audit.Options{Store: t.TempDir(), Roster: f.Signed, OrgKey: f.Key})
	if err == nil {
		t.Error("a directory without a store was checked")
	}
}

// TestResumeFileGoes: an audit that was interrupted leaves the file to resume
// from, and the next one, which ends, takes it away.
func TestResumeFileGoes(t *testing.T) {
	f := newForgery(t)
	resume := filepath.Join(t.TempDir(), "resume")
	ctx, stop := context.WithCancel(t.Context())
	o := audit.Options{
		Store: f.dir, Roster: f.Signed, OrgKey: f.Key, Resume: resume,
		Progress: func(int64, int64) { stop() },
	}
	if r, err := audit.Verify(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %+v, error %v", r, err)
	}
	if _, err := os.Stat(resume); err != nil {
		t.Error(err)
	}
	if r, err := audit.Verify(t.Context(), o); err != nil || !r.Whole {
		t.Errorf("resumed: %+v, error %v", r, err)
	}
	if _, err := os.Stat(resume); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file to resume from: %v, want none", err)
	}
}

// A withdrawal is judged by the roster of its day, whatever came after.
func TestWithdrawnUnderTheRosterOfItsDay(t *testing.T) {
	o := testorg.New(t, 1)
	v := o.Open(t, o.Create(t))
	put := func(withdraw bool) {
		t.Helper()
		o.Roster.Number++
		o.Roster.Policy.Withdraw = withdraw
		o.Sign(t)
		if err := v.UpdateRoster(t.Context(), o.Signed); err != nil {
			t.Fatal(err)
		}
	}
	r := o.NewReport(t, "account", 0)
	if err := r.Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	put(true)
	if err := v.Withdraw(t.Context(), r.ID, r.Credential.Withdrawal); err != nil {
		t.Fatal(err)
	}
	put(false)
	o.MustBeWhole(t, testorg.Snapshot(t, v))
}

// TestLongTextsAreCut: a finding may quote the store, which may be hostile.
func TestLongTextsAreCut(t *testing.T) {
	f := newForgery(t)
	f.envelope(append([]byte("age-encryption.org/v1\n-> "+strings.Repeat("x", 1<<20)+"\n\n--- "+strings.Repeat("A", 43)+"\n"), random(16+16+78)...))
	for _, x := range f.Audit(t, f.dir, nil).Findings {
		if len(x.String()) > 2000 {
			t.Errorf("a finding of %d bytes", len(x.String()))
		}
	}
}

func overwrite(f *forgery, at int, with []byte) {
	f.raw(func(b []byte) []byte {
		copy(b[at:], with)
		return b
	})
}

func writeFile(f *forgery, name string) {
	f.must(os.WriteFile(filepath.Join(f.dir, name), []byte("the witness is in room 12"), 0o600))
}

func replaceKey(leaves [][]byte, i int, old, new string) [][]byte {
	leaves[i] = bytes.Replace(leaves[i], []byte(old), []byte(new), 1)
	return leaves
}
