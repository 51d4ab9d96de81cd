package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestBuildsAreReproducible builds the programs from two directories and
// compares them byte for byte.
func TestBuildsAreReproducible(t *testing.T) {
	build := func() string {
		dir := t.TempDir()
		copySource(t, dir)
		cmd := exec.Command("make", "build", "VERSION=test")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("make build: %v\n%s", err, out)
		}
		return dir
	}
	one, two := build(), build()
	for _, name := range []string{"intake", "triage", "audit"} {
		a, err := os.ReadFile(filepath.Join(one, "bin", name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(two, "bin", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("bin/%s depends on where it was built", name)
		}
		if bytes.Contains(a, []byte(one)) {
			t.Errorf("bin/%s names the directory it was built in", name)
		}
		if said, err := exec.Command(filepath.Join(one, "bin", name), "version").Output(); err != nil || string(said) != name+" test\n" {
			t.Errorf("%s version prints %q, error %v", name, said, err)
		}
	}
}
