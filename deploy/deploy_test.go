// Package deploy holds how the intake is put on a Debian machine: the unit, and
// the package that brings it. The tests judge both with Debian's own tools.
package deploy

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// exposure is ten times what systemd 252 rates each unit at, from 0 to 100.
// README.md names that of the first.
var exposure = map[string]int{"intake.service": 11, "tocsin-cosign.service": 11}

func TestUnitsAreConfined(t *testing.T) {
	for unit, most := range exposure {
		out := run(t, "systemd-analyze", "security", "--offline=yes", "--no-pager", fmt.Sprint("--threshold=", most), unit)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		t.Log(lines[len(lines)-1])
	}
}

// TestPackage builds the package from two directories, at different times and
// under different umasks: the bytes must be the same. Then it looks inside.
func TestPackage(t *testing.T) {
	deb := makeDeb(t, "..", "022", "v1.2.3-4-gabcdef0")
	again := makeDeb(t, copySource(t), "077", "v1.2.3-4-gabcdef0")
	if !bytes.Equal(read(t, deb), read(t, again)) {
		t.Error("the package depends on where, when or under which umask it was built")
	}
	for field, want := range map[string]string{
		"Package": "tocsin-intake",
		"Version": "1.2.3+4.gabcdef0",
		"Depends": "systemd, tor (>= 0.4.9.2)",
	} {
		if got := strings.TrimSpace(run(t, "dpkg-deb", "--field", deb, field)); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	var got []string
	for line := range strings.Lines(run(t, "dpkg-deb", "--contents", deb)) {
		f := strings.Fields(line) // mode, owner, size, day, time, name
		if mode, name := f[0], f[5]; !strings.HasPrefix(mode, "d") {
			got = append(got, mode+" "+f[1]+" "+name)
		} else if mode != "drwxr-xr-x" || f[1] != "root/root" {
			t.Errorf("%s is %s of %s", name, mode, f[1])
		}
	}
	want := []string{
		"-rw-r--r-- root/root ./etc/default/intake",
		"-rw-r--r-- root/root ./lib/systemd/system/intake.service",
		"-rw-r--r-- root/root ./lib/systemd/system/tocsin-cosign.service",
		"-rw-r--r-- root/root ./lib/systemd/system/tocsin-cosign.timer",
		"-rwxr-xr-x root/root ./usr/bin/intake",
		"-rw-r--r-- root/root ./usr/lib/sysusers.d/tocsin-intake.conf",
		"-rw-r--r-- root/root ./usr/share/doc/tocsin-intake/README.md",
		"-rw-r--r-- root/root ./usr/share/doc/tocsin-intake/SECURITY.md",
		"-rw-r--r-- root/root ./usr/share/doc/tocsin-intake/copyright",
		"-rw-r--r-- root/root ./usr/share/doc/tocsin-intake/low-port.conf",
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("the package holds\n%s\nwant\n%s", g, w)
	}
	if got := run(t, "dpkg-deb", "--info", deb, "conffiles"); got != "/etc/default/intake\n" {
		t.Errorf("conffiles: %q", got)
	}
}

// TestVersionsAreOrdered holds that dpkg takes each later build for newer.
func TestVersionsAreOrdered(t *testing.T) {
	older := ""
	for _, v := range []string{"0abcdef", "v1.2.3-rc.1", "v1.2.3", "v1.2.3-4-gabcdef0", "v1.3.0"} {
		newer := strings.TrimSpace(run(t, "./version.sh", v, "1700000000"))
		if older != "" {
			run(t, "dpkg", "--compare-versions", older, "lt", newer)
		}
		older = newer
	}
	run(t, "dpkg", "--compare-versions", strings.TrimSpace(run(t, "./version.sh", "fffffff", "1700000000")),
		"lt", strings.TrimSpace(run(t, "./version.sh", "0000000-dirty", "1700000001")))
}

// makeDeb builds the package from the source in dir as make deb does, as of a
// fixed time, and returns its path.
func makeDeb(t *testing.T, dir, umask, version string) string {
	t.Helper()
	dist := t.TempDir()
	cmd := exec.Command("sh", "-c", "umask "+umask+` && exec make deb "$@"`, "sh", "DIST="+dist, "VERSION="+version)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make deb: %v\n%s", err, out)
	}
	return filepath.Join(dist, "tocsin-intake.deb")
}

// copySource copies the project without what is built or stored in it. The
// copies are as old as the copying.
func copySource(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	run(t, "sh", "-c", `tar -C .. --exclude=./.git --exclude=./bin --exclude=./data --exclude=./dist -c . | tar -x -m -C "$1"`, "sh", dir)
	return dir
}

// run runs a program, which must succeed, and returns what it printed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	start := time.Now()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v after %v\n%s", name, strings.Join(args, " "), err, time.Since(start), out)
	}
	return string(out)
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
