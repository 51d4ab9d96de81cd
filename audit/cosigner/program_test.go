package cosigner_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// audit is the real program, built for these tests.
var audit string

func TestMain(m *testing.M) {
	os.Exit(build(m))
}

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cosigner-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	audit = filepath.Join(dir, "audit")
	if out, err := exec.Command("go", "build", "-o", audit, "tocsin/cmd/audit").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// A running is a program that serves.
type running struct {
	cmd    *exec.Cmd
	prefix string
}

// start runs a command that serves, and returns when it listens.
func start(t testing.TB, args ...string) *running {
	t.Helper()
	r := &running{cmd: exec.Command(args[0], args[1:]...)}
	out, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // strace is its parent, if it is traced
	must(t, r.cmd.Start())
	t.Cleanup(func() {
		if r.cmd.ProcessState == nil {
			r.signal(t, syscall.SIGKILL)
			r.cmd.Wait()
		}
	})
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("it does not listen: %v", err)
		}
		if prefix, ok := strings.CutPrefix(line, "listening on "); ok {
			r.prefix = strings.TrimSpace(prefix)
			go io.Copy(io.Discard, lines)
			return r
		}
	}
}

// signal reaches the program itself.
func (r *running) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	must(t, syscall.Kill(-r.cmd.Process.Pid, s))
}

// TestKilledAtRandom kills the real program without warning, again and again,
// while two histories of one log are sent to it in a race. Whatever was signed
// in all its lives is one history, and is never ahead of what lies on disk.
func TestKilledAtRandom(t *testing.T) {
	const parts, end = 5, 200
	log := newForeign(t, origin).grow(t, parts, "a")
	fork := log.fork().grow(t, end, "b")
	log.grow(t, end, "a")
	branches := []*foreign{log, fork}
	dir := newDir(t, log)

	type signature struct {
		checkpoint []byte
		lines      string
		size       int64
	}
	var mu sync.Mutex
	var signatures []signature
	// submit sends one branch's growth until the server is gone, and tells
	// of each signature.
	submit := func(prefix string, branch *foreign, step int64, granted func()) {
		client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		old := int64(0)
		for {
			size := min(old+step, end)
			r, err := client.Post(prefix+"/add-checkpoint", "", bytes.NewReader(branch.request(t, old, size)))
			if err != nil {
				return
			}
			text, err := io.ReadAll(r.Body)
			r.Body.Close()
			if err != nil {
				return
			}
			switch r.StatusCode {
			case http.StatusOK:
				granted()
				mu.Lock()
				signatures = append(signatures, signature{branch.checkpoint(t, size), string(text), size})
				mu.Unlock()
				old = size
			case http.StatusConflict:
				if r.Header.Get("Content-Type") == "text/x.tlog.size" {
					if _, err := fmt.Sscan(string(text), &old); err != nil {
						t.Errorf("conflict %q", text)
						return
					}
				} else {
					return // of two trees of one size the other was taken
				}
			case http.StatusUnprocessableEntity:
				return // this branch has lost
			default:
				t.Errorf("status %d: %s", r.StatusCode, text)
				return
			}
		}
	}

	const lives = 12
	for range lives {
		r := start(t, audit, "witness", "serve", dir, "--listen", "127.0.0.1:0")
		// At a random signature; three more requests are then somewhere on their way.
		var left atomic.Int64
		left.Store(1 + rand.Int64N(4))
		granted := func() {
			if left.Add(-1) == 0 {
				r.signal(t, syscall.SIGKILL)
			}
		}
		var all sync.WaitGroup
		for _, branch := range branches {
			for _, step := range []int64{1, 2} {
				all.Go(func() { submit(r.prefix, branch, step, granted) })
			}
		}
		all.Wait()
		r.cmd.Process.Kill() // if all were refused, which is an error already
		r.cmd.Wait()

		now := recorded(t, dir)
		for _, s := range signatures {
			if s.size > now.Size {
				t.Fatalf("size %d was signed, %d is on disk", s.size, now.Size)
			}
		}
	}
	now := recorded(t, dir)
	if len(signatures) < lives || now.Size <= parts {
		t.Errorf("only %d signatures, up to size %d: nothing was tried", len(signatures), now.Size)
	}
	history := log
	if now.Root != log.root(t, now.Size) {
		history = fork
	}
	for _, s := range signatures {
		if c := cosigned(t, key(t, dir), s.checkpoint, s.lines); c.N != s.size || c.Hash != history.root(t, s.size) {
			t.Errorf("of size %d a tree was signed that is not in the history of size %d", s.size, now.Size)
		}
	}
	t.Logf("%d signatures in %d lives, up to size %d", len(signatures), lives, now.Size)
}

// TestStopsCleanly: SIGTERM ends it with 0, and what it knew is there.
func TestStopsCleanly(t *testing.T) {
	log := newForeign(t, origin).grow(t, 5, "a")
	dir := newDir(t, log)
	r := start(t, audit, "witness", "serve", dir, "--listen", "127.0.0.1:0")
	if a, err := post(r.prefix, log.request(t, 0, 5)); err != nil || a.status != http.StatusOK {
		t.Fatalf("%v, %v", a, err)
	}
	r.signal(t, syscall.SIGTERM)
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	if got := recorded(t, dir); got.Size != 5 {
		t.Errorf("recorded %d", got.Size)
	}
}

// TestSignedMeansOnDisk traces the program and holds the order of what it asks
// of the kernel: written, synced, renamed, the directory synced, answered.
func TestSignedMeansOnDisk(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal("strace is missing: apt-get install strace")
	}
	args := []string{strace}
	if os.Getuid() != 0 {
		args = []string{"unshare", "--map-root-user", strace}
	}
	log := newForeign(t, origin).grow(t, 5, "a")
	dir, trace := newDir(t, log), filepath.Join(t.TempDir(), "trace")
	args = append(args, "-f", "-qq", "-y", "-s", "64", "-o", trace, "-e", "signal=none", "-e", "trace=write,fsync,fdatasync,rename,renameat,renameat2",
		audit, "witness", "serve", dir, "--listen", "127.0.0.1:0")
	r := start(t, args...)
	for _, size := range []int64{2, 5} {
		if a, err := post(r.prefix, log.request(t, recorded(t, dir).Size, size)); err != nil || a.status != http.StatusOK {
			t.Fatalf("%v, %v", a, err)
		}
	}
	r.signal(t, syscall.SIGTERM)
	if err := r.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(trace)
	must(t, err)
	state := filepath.Dir(last(t, dir))
	want := []*regexp.Regexp{
		regexp.MustCompile(`^write\(\d+<` + state + `/last\.new>, "cosigned `),
		regexp.MustCompile(`^fsync\(\d+<` + state + `/last\.new>`),
		regexp.MustCompile(`^rename\w*\(.*"` + state + `/last\.new".*"` + state + `/last"`),
		regexp.MustCompile(`^fsync\(\d+<` + state + `>`),
		regexp.MustCompile(`^write\(.*"HTTP/1.1 200 OK`),
	}
	var seen []int
	for _, text := range ended(string(b)) {
		for i, re := range want {
			if re.MatchString(text) {
				seen = append(seen, i)
			}
		}
	}
	if fmt.Sprint(seen) != "[0 1 2 3 4 0 1 2 3 4]" {
		t.Errorf("order of the calls: %v\n%s", seen, b)
	}
}

// ended returns the system calls of a trace in the order in which they ended,
// but answers where they began.
func ended(trace string) []string {
	var calls []string
	begun := map[string]string{} // thread → the call that it is in
	for line := range strings.Lines(trace) {
		thread, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		text = strings.TrimSpace(text)
		if first, unfinished := strings.CutSuffix(text, "<unfinished ...>"); unfinished {
			begun[thread] = first
			if strings.Contains(first, `"HTTP/`) {
				calls = append(calls, first)
			}
			continue
		}
		if strings.HasPrefix(text, "<... ") {
			if strings.Contains(begun[thread], `"HTTP/`) {
				continue
			}
			_, rest, _ := strings.Cut(text, "resumed>")
			text = begun[thread] + rest
		}
		calls = append(calls, text)
	}
	return calls
}
