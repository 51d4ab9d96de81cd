package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// careless starts a program as a careless operator's shell would: cores and
// files for everybody. Root's powers are taken away, because they look into
// every process whatever that process does; who is not root has none.
func careless(t *testing.T) []string {
	t.Helper()
	wrap := []string{"sh", "-c", `umask 0; ulimit -c unlimited || echo "cores are off already" >&2; exec "$@"`, "sh"}
	if os.Getuid() != 0 {
		return wrap
	}
	return append([]string{need(t, "setpriv", "util-linux"), "--bounding-set=-all", "--inh-caps=-all"}, wrap...)
}

// TestTheServerIsHardened looks at the running server as another process of
// the same user can: what the kernel says of it, and what it lets out.
func TestTheServerIsHardened(t *testing.T) {
	wrap := careless(t)
	dir := setUp(t)
	began := time.Now()
	s := startIntake(t, dir, t.TempDir(), wrap...)
	codename, err := form(http.DefaultClient, s.web)
	if err != nil {
		t.Fatal(err)
	}
	if err := sendWhole(t, s, "fr", codename, "an account", 1<<20).is(http.StatusOK, "fr", gotIt); err != nil {
		t.Fatal(err)
	}

	// The same without the server's precautions, to see that each check sees.
	other := exec.Command(wrap[0], append(wrap[1:], "cat")...)
	stdin, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var echo bytes.Buffer
	other.Stdout = &echo
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Wait()
	defer stdin.Close()
	eventually(t, 10*time.Second, "cat runs", func() bool { return comm(other.Process.Pid) == "cat" })

	server, cat := s.cmd.Process.Pid, other.Process.Pid
	if got := comm(server); got != "intake" {
		t.Fatalf("the process looked at is %q", got)
	}
	for _, c := range []struct{ file, line, want string }{ // of /proc/PID
		{"limits", `Max core file size +(\S+ +\S+) `, "0 0"},
		{"status", `NoNewPrivs:\t(\d+)`, "1"},
		{"status", `Seccomp:\t(\d+)`, "2"},
		{"status", `Umask:\t(\d+)`, "0077"},
	} {
		if got := procLine(t, server, c.file, c.line); got != c.want {
			t.Errorf("the server's /proc/PID/%s: %s is %q, want %q", c.file, c.line, got, c.want)
		}
		// In a container the test itself, and so cat, may have it already.
		if procLine(t, cat, c.file, c.line) == c.want && procLine(t, os.Getpid(), c.file, c.line) != c.want {
			t.Errorf("cat's /proc/PID/%s: %s is %q too: the check sees nothing", c.file, c.line, c.want)
		}
	}
	// Each thread has a filter and privileges of its own.
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", server))
	if err != nil || len(threads) < 2 {
		t.Fatalf("threads %v, error %v", threads, err)
	}
	for _, thread := range threads {
		b, err := os.ReadFile(thread)
		if err != nil {
			continue // it ended
		}
		if !bytes.Contains(b, []byte("NoNewPrivs:\t1\n")) || !bytes.Contains(b, []byte("Seccomp:\t2\n")) {
			t.Errorf("%s: not confined:\n%s", thread, b)
		}
	}

	for _, file := range []string{"environ", "maps", "auxv", "io"} {
		if out, err := peek(wrap, server, file); err == nil {
			t.Errorf("a process of the same user reads the server's /proc/PID/%s: %d bytes", file, len(out))
		}
		if out, err := peek(wrap, cat, file); err != nil {
			t.Errorf("/proc/PID/%s of cat can't be read either: the check sees nothing: %v %s", file, err, out)
		}
	}
	// Opening the memory is enough: nothing is mapped at its beginning to read.
	for pid, open := range map[int]bool{server: false, cat: true} {
		cmd := exec.Command(wrap[0], append(wrap[1:], "sh", "-c", fmt.Sprintf("exec 3< /proc/%d/mem", pid))...)
		if out, err := cmd.CombinedOutput(); (err == nil) != open {
			t.Errorf("opening the memory of %s: %v %s", comm(pid), err, out)
		}
	}

	made := 0
	err = filepath.WalkDir(s.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is for others too: %s", path, info.Mode())
		}
		// A blob bears the day's first second.
		if !d.IsDir() && (info.ModTime().After(began) || strings.Contains(path, "/blobs/")) {
			made++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if made < 2 {
		t.Errorf("%d files that the server made, want its socket and a blob", made)
	}
	s.stop(t)
}

// comm is a process's name, or "" if it is gone.
func comm(pid int) string {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	return strings.TrimSpace(string(b))
}

// procLine is what a pattern finds in a file of /proc/PID, with single spaces.
func procLine(t *testing.T, pid int, file, pattern string) string {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + file)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(pattern).FindSubmatch(b)
	if m == nil {
		t.Fatalf("/proc/%d/%s has no %s:\n%s", pid, file, pattern, b)
	}
	return strings.Join(strings.Fields(string(m[1])), " ")
}

// peek reads a file of /proc/PID from another process.
func peek(wrap []string, pid int, file string) ([]byte, error) {
	return exec.Command(wrap[0], append(wrap[1:], "cat", "/proc/"+strconv.Itoa(pid)+"/"+file)...).CombinedOutput()
}
