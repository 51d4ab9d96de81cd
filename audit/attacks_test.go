package audit_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"tocsin/audit"
)

// TestAttacks makes each attack on a copy of a good store, which is clean, and
// wants what catches it found, and nothing else. Where one thing can't be had
// without others that follow from it, they come after it. With -v it prints
// what an auditor sees.
func TestAttacks(t *testing.T) {
	good := newForgery(t)
	good.finds(good.Audit(t, good.dir, good.last), "")
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			for _, a := range s.attacks {
				t.Run(a.name, func(t *testing.T) {
					f := good.copy(t)
					a.forge(f)
					if strings.HasPrefix(a.want, "history-") {
						f.finds(f.Audit(t, f.dir, nil), "")
					} else {
						f.last = nil
					}
					f.finds(f.Audit(t, f.dir, f.last), a.want)
					for _, m := range a.means {
						m.shows(good, f)
					}
				})
			}
		})
	}
}

// finds wants these findings of an audit, and no others.
func (f *forgery) finds(r *audit.Result, want string) {
	f.Helper()
	found, worst := map[string]bool{}, audit.Notice
	for i, x := range r.Findings {
		f.Log(x)
		found[x.ID] = true
		if i == 0 {
			worst = x.Severity
		}
		if strings.ContainsFunc(x.String(), func(r rune) bool { return r < ' ' || r > '~' && r != '…' }) {
			f.Errorf("the finding is not printable: %q", x)
		}
	}
	ids := strings.Fields(want)
	slices.Sort(ids)
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, ids) {
		f.Errorf("found %v, want %v", got, ids)
	}
	if r.Whole != (worst == audit.Notice) {
		f.Errorf("whole is %v, and the worst finding is %s", r.Whole, worst)
	}
}

// docs/attacks.md is what TestAttacks does.
func TestAttacksPage(t *testing.T) {
	const file = "../docs/attacks.md"
	var b strings.Builder
	b.WriteString(attacksIntro)
	for _, s := range subjects {
		fmt.Fprintf(&b, "\n## %s\n\n", s.name)
		if s.name == unseen {
			b.WriteString(packageSays(t, unseen+": ") + "\n\n")
		}
		b.WriteString("| attack | the attacker holds | caught by |\n|---|---|---|\n")
		for _, a := range s.attacks {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", a.name, a.holds, a.caughtBy())
		}
	}
	b.WriteString("\n[findings]: audit.md#findings\n")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != b.String() {
		t.Errorf("%s is not what TestAttacks does, error %v: go test ./audit -run TestAttacks -update", file, err)
	}
}

// caughtBy says what catches an attack: the findings in the store, and what
// shows it from outside.
func (a *attack) caughtBy() string {
	var said []string
	for _, id := range strings.Fields(a.want) {
		said = append(said, "[`"+id+"`][findings]")
	}
	if strings.HasPrefix(a.want, "history-") {
		said[0] += ", with a memory"
	}
	all := []string{strings.Join(said, ", ")}
	if a.want == "" {
		all = []string{"no finding"}
	}
	for _, m := range a.means {
		all = append(all, m.by)
	}
	return strings.Join(all, "; ")
}

// packageSays returns the paragraph of the package's comment that begins so,
// without the beginning.
func packageSays(t *testing.T, beginning string) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "audit.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	for p := range strings.SplitSeq(file.Doc.Text(), "\n\n") {
		if said, ok := strings.CutPrefix(strings.Join(strings.Fields(p), " "), beginning); ok {
			return strings.ToUpper(said[:1]) + said[1:]
		}
	}
	t.Fatalf("the package's comment has no paragraph %q", beginning)
	return ""
}

const attacksIntro = `# Attacks on a store

Each is a small program that works on a copy of a good store, which has no finding. What
catches it is found, and nothing else. Generated from these programs, which are in
audit/forgeries*_test.go: ` + "`go test ./audit -run TestAttacks -update`" + `. This makes one, and
prints what an auditor sees:

    go test ./audit -v -run 'TestAttacks/Ledger/a leaf dropped'

Who attacks can write to the store; what else it takes is in the second column.
The ledger's key is on the intake: who took over the server has it, or its operator.
*With a memory* means that the auditor audited before, and kept the checkpoint.

What is found in a directory is found over the desk as well, but for files that no record
names: TestForgeriesAreNamedOverTheDesk. That each single byte matters, wherever it lies,
is tried in vault/flip_test.go.
`
