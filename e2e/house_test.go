// Package e2e holds what is true of Tocsin as a whole: the order of its
// packages, and what its real programs do together.
package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A pkg is what go list says of a package.
type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func goList(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps"}, args...)...)
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// house is the order of the packages: each may import only lower ones.
var house = []string{"report", "seal", "ledger", "vault", "onion", "desk", "audit", "triage", "intake", "cmd"}

// floor returns the height of one of our packages in the house, or -1.
func floor(path string) int {
	path, ours := strings.CutPrefix(path, "tocsin/")
	if !ours {
		return -1
	}
	top, _, _ := strings.Cut(path, "/")
	return slices.Index(house, top)
}

func TestPackagesImportOnlyLowerOnes(t *testing.T) {
	for _, p := range goList(t, "./...") {
		switch p.ImportPath {
		case "tocsin/deploy", "tocsin/e2e", "tocsin/testorg", "tocsin/testtor": // for tests; no program imports them
			continue
		}
		at := floor(p.ImportPath)
		if at < 0 {
			t.Errorf("%s has no place in the house", p.ImportPath)
		}
		for _, i := range p.Imports {
			if !strings.HasPrefix(i, "tocsin/") {
				continue
			}
			below := floor(i)
			sameRoom := below == at && house[at] != "cmd"
			if below < 0 || below > at || below == at && !sameRoom {
				t.Errorf("%s imports %s, which is not below it", p.ImportPath, i)
			}
			if (house[at] == "report" || house[at] == "onion") && !sameRoom {
				t.Errorf("%s imports %s, but may import nothing of ours", p.ImportPath, i)
			}
		}
	}
}

func TestOnlyOnePackageKnowsEachLibrary(t *testing.T) {
	owners := map[string]string{
		"go.etcd.io/bbolt":       "vault",
		"github.com/cretz/bine":  "onion",
		"github.com/gorilla/mux": "intake",
	}
	for _, p := range goList(t, "./...") {
		for _, i := range p.Imports {
			for library, owner := range owners {
				if i != library && !strings.HasPrefix(i, library+"/") {
					continue
				}
				if at := floor(p.ImportPath); at < 0 || house[at] != owner {
					t.Errorf("%s imports %s, which only %s may know", p.ImportPath, i, owner)
				}
			}
		}
	}
}

// TestAuditCannotOpenAnything holds the auditor's promise where it can't be
// broken by accident: the program has no code that opens a sealed thing.
func TestAuditCannotOpenAnything(t *testing.T) {
	for _, p := range goList(t, "./audit", "./cmd/audit") {
		for _, d := range p.Deps {
			if d == "tocsin/seal" || d == "filippo.io/age" || strings.HasPrefix(d, "filippo.io/age/") || strings.HasPrefix(d, "filippo.io/hpke") {
				t.Errorf("%s links %s", p.ImportPath, d)
			}
		}
	}
}

// TestFewDependencies holds the number of modules that go into the programs.
func TestFewDependencies(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Indirect}}{{.Path}}{{end}}{{end}}", "./cmd/...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	direct := slices.Compact(slices.Sorted(strings.FieldsSeq(string(out))))
	// tocsin itself, at most a dozen, and four that each do one thing: rsc.io/qr
	// draws codes for posters, cel-go reads the conditions of rules, bubbletea
	// drives the terminal, x/ansi, which it draws with, measures text for it.
	if len(direct) > 1+16 {
		t.Errorf("%d direct modules in the programs: %v", len(direct)-1, direct)
	}
}
