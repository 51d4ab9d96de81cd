package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A terminal is a tmux server with one window, in which a shell runs. It is
// driven and looked at as a person would.
type terminal struct {
	ts     *testscript.TestScript
	socket string
}

// tmux runs a command of the terminal's server.
func (t *terminal) tmux(args ...string) string {
	cmd := exec.Command("tmux", append([]string{"-S", t.socket, "-f", os.DevNull}, args...)...)
	cmd.Dir = t.ts.Getenv("WORK")
	for _, name := range []string{"PATH", "HOME", "WORK", "TOCSIN_HOME", "TMPDIR", "NO_COLOR"} {
		if v := t.ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C.UTF-8", "TERM=xterm-256color")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.ts.Fatalf("tmux %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(out)
}

// newTerminal opens a terminal of a size: terminal 80x24.
func newTerminal(ts *testscript.TestScript, _ bool, args []string) {
	if _, err := exec.LookPath("tmux"); err != nil {
		ts.Fatalf("no tmux: sh demo/deps.sh")
	}
	width, height, ok := strings.Cut(args[0], "x")
	if !ok {
		ts.Fatalf("usage: terminal 80x24")
	}
	// A socket's path may not be long.
	dir, err := os.MkdirTemp("", "tmux")
	check(ts, err)
	t := &terminal{ts, filepath.Join(dir, "socket")}
	ts.Value("intake").(*intake).terminal = t
	ts.Defer(func() {
		// The server may have ended with its shell.
		_ = exec.Command("tmux", "-S", t.socket, "kill-server").Run()
		os.RemoveAll(dir)
	})
	t.tmux("new-session", "-d", "-x", width, "-y", height, "env", "PS1=$ ", "sh")
	t.waitFor(regexp.MustCompile(`(?m)^\$ $`), true)
}

func theTerminal(ts *testscript.TestScript) *terminal {
	t := ts.Value("intake").(*intake).terminal
	if t == nil {
		ts.Fatalf("open one first: terminal 80x24")
	}
	t.ts = ts
	return t
}

// pressKeys presses keys, as tmux names them; what no key is called is typed:
// keys / hotel Enter.
func pressKeys(ts *testscript.TestScript, _ bool, args []string) {
	for _, k := range args {
		theTerminal(ts).tmux("send-keys", "--", k)
	}
}

// seesText waits until the screen has text that matches, or with ! has none:
// sees REGEXP….
func seesText(ts *testscript.TestScript, neg bool, args []string) {
	for _, expr := range args {
		re, err := regexp.Compile("(?m)" + expr)
		check(ts, err)
		theTerminal(ts).waitFor(re, !neg)
	}
}

// patience is how long a program may take to show something on a machine that
// is busy with other tests.
const patience = 60 * time.Second

func (t *terminal) waitFor(re *regexp.Regexp, want bool) {
	look, late := time.NewTicker(10*time.Millisecond), time.After(patience)
	defer look.Stop()
	for {
		shown := t.tmux("capture-pane", "-p", "-N")
		if re.MatchString(shown) == want {
			return
		}
		select {
		case <-look.C:
		case <-late:
			t.ts.Fatalf("waited in vain for %q (%v); the screen is:\n%s", re, want, shown)
		}
	}
}

// captured writes what the terminal shows and has scrolled away into a file,
// and what it shows with its styles into FILE.styled, which goes also into the
// folder that TOCSIN_SCREENSHOTS names, if it does: captured FILE.
func captured(ts *testscript.TestScript, _ bool, args []string) {
	t := theTerminal(ts)
	check(ts, os.WriteFile(ts.MkAbs(args[0]), []byte(t.tmux("capture-pane", "-p", "-S", "-")), 0o600))
	styled := []byte(t.tmux("capture-pane", "-p", "-e"))
	check(ts, os.WriteFile(ts.MkAbs(args[0]+".styled"), styled, 0o600))
	if dir := os.Getenv("TOCSIN_SCREENSHOTS"); dir != "" {
		check(ts, os.MkdirAll(dir, 0o700))
		check(ts, os.WriteFile(filepath.Join(dir, args[0]), styled, 0o600))
	}
}

// closeTerminal takes the terminal away from what runs in it.
func closeTerminal(ts *testscript.TestScript, _ bool, _ []string) {
	theTerminal(ts).tmux("kill-server")
}
