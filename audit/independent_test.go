package audit_test

import (
	"bufio"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/testorg"
)

// python is what runs independent/verify.py, once for each line of arguments.
const python = `
import json, sys
sys.path.insert(0, "independent")
import verify
for line in sys.stdin:
	sys.argv[1:] = json.loads(line)
	print(verify.main(), flush=True)
`

// A stranger is the verifier that was written from docs/formats.md alone, in
// one process for all stores of a test.
type stranger struct {
	in  io.Writer
	out *bufio.Scanner
	dir string // of what the auditor brings
}

// A verdict is what the two verifiers must agree on.
type verdict struct {
	Error    string
	Whole    bool
	History  string
	Findings []struct{ ID string }
}

func newStranger(t *testing.T) *stranger {
	t.Helper()
	readIndependent(t)
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("python3 is missing: apt-get install python3")
	}
	cmd := exec.CommandContext(t.Context(), path, "-B", "-c", python)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait() // an error has shown as an answer that did not come
	})
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	return &stranger{in: in, out: scanner, dir: t.TempDir()}
}

// readIndependent lets go test know the files that python3 reads, so that no
// result from before they changed is taken for this one.
func readIndependent(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("independent/*.py")
	if err != nil || len(files) == 0 {
		t.Fatal("no verifier in audit/independent")
	}
	for _, name := range append(files, "../docs/formats.md") {
		if _, err := os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
}

// verify returns its verdict and its exit code.
func (s *stranger) verify(t *testing.T, o *testorg.Org, store string, last []byte, more ...string) (v verdict, code int) {
	t.Helper()
	roster, checkpoint := filepath.Join(s.dir, "roster"), filepath.Join(s.dir, "checkpoint")
	args := []string{"--json", "--org-key", o.Key, "--roster", roster, "--today", string(ledger.DayOf(o.Day))}
	if err := os.WriteFile(roster, o.Signed, 0o600); err != nil {
		t.Fatal(err)
	}
	if last != nil {
		if err := os.WriteFile(checkpoint, last, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--last", checkpoint)
	}
	if err := json.NewEncoder(s.in).Encode(append(append(args, more...), store)); err != nil {
		t.Fatal(err)
	}
	for _, to := range []any{&v, &code} {
		if !s.out.Scan() {
			t.Fatalf("python3 did not answer: %v", s.out.Err())
		}
		if err := json.Unmarshal(s.out.Bytes(), to); err != nil {
			t.Fatalf("python3 answered %q: %v", s.out.Text(), err)
		}
	}
	return v, code
}

// agrees wants of the stranger what the audit says.
func (s *stranger) agrees(t *testing.T, o *testorg.Org, store string, last []byte, more ...string) {
	t.Helper()
	want := o.Audit(t, store, last)
	got, code := s.verify(t, o, store, last, more...)
	wantIDs, gotIDs := map[string]bool{}, map[string]bool{}
	for _, f := range want.Findings {
		wantIDs[f.ID] = true
	}
	for _, f := range got.Findings {
		gotIDs[f.ID] = true
	}
	wantCode := 3
	if want.Whole {
		wantCode = 0
	}
	if got.Error != "" || got.Whole != want.Whole || got.History != want.History || code != wantCode || !maps.Equal(gotIDs, wantIDs) {
		t.Errorf("python says: %q, whole %v, %s, exit code %d, %v\naudit says: whole %v, %s, %v", got.Error, got.Whole, got.History, code,
			slices.Sorted(maps.Keys(gotIDs)), want.Whole, want.History, want.Findings)
	}
}

// TestFormatsSuffice wants of a verifier in another language, which knows
// docs/formats.md and nothing else, the same verdict on each store.
func TestFormatsSuffice(t *testing.T) {
	s, good := newStranger(t), newForgery(t)
	s.agrees(t, good.Org, good.dir, nil)
	for _, c := range forgeries {
		t.Run(c.want+", "+c.name, func(t *testing.T) {
			f := good.copy(t)
			c.forge(f)
			last := f.last
			if !strings.HasPrefix(c.want, "history-") {
				last = nil
			}
			s.agrees(t, f.Org, f.dir, last)
		})
	}
	t.Run("history", func(t *testing.T) {
		f := good.copy(t)
		for _, last := range [][]byte{
			f.last, f.sign(3, f.root(3)), f.sign(leafCount+2, [32]byte{}), f.sign(leafCount, [32]byte{}),
		} {
			s.agrees(t, f.Org, f.dir, last)
		}
	})
	t.Run("what can't be checked", func(t *testing.T) {
		for store, last := range map[string][]byte{good.dir: testorg.New(t, 1).Signed, t.TempDir(): nil} {
			v, code := s.verify(t, good.Org, store, last)
			_, err := audit.Verify(t.Context(), audit.Options{Store: store, Roster: good.Signed, OrgKey: good.Key, Last: last})
			if v.Error == "" || code != 1 || err == nil {
				t.Errorf("python says %+v, exit code %d; audit says: %v", v, code, err)
			}
		}
	})
	t.Run("live", func(t *testing.T) {
		dir := good.Create(t)
		v := good.Open(t, dir)
		if err := good.NewReport(t, "account", 0).Add(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		v.Close()
		s.agrees(t, good.Org, dir, nil, "--live")
	})
}

// Two verifiers must also agree on what nobody thought of: pages whose bytes were
// changed, as often in what the file is held together by as elsewhere, and the
// sums of the meta pages after that.
func TestFormatsSufficeForBrokenPages(t *testing.T) {
	s, good := newStranger(t), newForgery(t)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			f := good.copy(t)
			f.raw(func(b []byte) []byte { return breakPages(r, b) })
			for _, found := range f.Audit(t, f.dir, f.last).Findings {
				if found.ID == "page-order" && strings.Contains(found.String(), `("leaves")`) {
					t.Skip("what else is found then is not fixed")
				}
			}
			s.agrees(t, f.Org, f.dir, f.last)
		})
	}
}

func breakPages(r *rand.Rand, b []byte) []byte {
	pages := len(b) / pageSize
	page := func() []byte { return b[r.IntN(pages)*pageSize:][:pageSize] }
	for range 1 + r.IntN(2) {
		p, at := page(), r.IntN([]int{16, 80, 400, pageSize}[r.IntN(4)]) // within the header, the first elements, or anywhere
		switch r.IntN(5) {
		case 0:
			p[at] ^= 1 << r.IntN(8)
		case 1:
			p[at] += byte(1 - 2*r.IntN(2))
		case 2:
			p[at] = byte(r.IntN(pages))
		case 3:
			copy(p[at:], page()[at:at+r.IntN(pageSize-at)])
		case 4:
			copy(p, page())
		}
	}
	for n := range 2 {
		testorg.SumMeta(b[n*pageSize : (n+1)*pageSize])
	}
	return b
}

// The vectors of the page are those of the verifier that was written from it.
func TestFormatsVectors(t *testing.T) {
	readIndependent(t)
	out, err := exec.CommandContext(t.Context(), "python3", "independent/vectors.py", "../docs/formats.md").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
