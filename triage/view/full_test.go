package view

import (
	"bytes"
	"context"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"
)

// A pty is a terminal of which the test is the person: what programs write to
// it is kept byte by byte.
type pty struct {
	t       *testing.T
	person  *os.File
	program *os.File
	stuck   bool // the program was killed, and the library's reader outlives it

	mu      sync.Mutex
	changed *sync.Cond
	written []byte
	closed  bool
}

func newPTY(t *testing.T) *pty {
	t.Helper()
	p := &pty{t: t}
	p.changed = sync.NewCond(&p.mu)
	var err error
	p.person, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	ok(t, err)
	fd := int(p.person.Fd())
	ok(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	ok(t, err)
	p.program, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|syscall.O_NOCTTY, 0)
	ok(t, err)
	ok(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, err := p.person.Read(buf)
			p.mu.Lock()
			p.written = append(p.written, buf[:n]...)
			p.closed = err != nil
			p.changed.Broadcast()
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		if p.stuck {
			return // a file is not to be closed under who reads it
		}
		p.program.Close()
		<-done // the last one who could write is gone
		p.person.Close()
	})
	return p
}

// waitFor waits until something was written.
func (p *pty) waitFor(s string) {
	p.t.Helper()
	deadline := time.AfterFunc(time.Minute, func() {
		p.mu.Lock()
		p.closed = true
		p.changed.Broadcast()
		p.mu.Unlock()
	})
	defer deadline.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for !bytes.Contains(p.written, []byte(s)) {
		if p.closed {
			p.t.Fatalf("waited in vain for %q in %q", s, p.written)
		}
		p.changed.Wait()
	}
}

func (p *pty) types(s string) {
	p.t.Helper()
	_, err := p.person.WriteString(s)
	ok(p.t, err)
}

func (p *pty) modes() unix.Termios {
	p.t.Helper()
	m, err := unix.IoctlGetTermios(int(p.program.Fd()), unix.TCGETS)
	ok(p.t, err)
	return *m
}

// mustBeRestored holds that the terminal is as it was before, and that nothing
// was written to it but text and what the library that draws writes.
func (p *pty) mustBeRestored(before unix.Termios) {
	p.t.Helper()
	if now := p.modes(); now != before {
		p.t.Errorf("modes %+v, and before %+v", now, before)
	}
	// What the program wrote last may still be on its way.
	p.waitFor("\x1b[?1049l")
	p.waitFor("\x1b[?2004l")
	p.mu.Lock()
	defer p.mu.Unlock()
	all := string(p.written)
	for _, pair := range [][2]string{{"\x1b[?1049h", "\x1b[?1049l"}, {"\x1b[?7l", "\x1b[?7h"}, {"\x1b[?25l", "\x1b[?25h"}, {"\x1b[?2004h", "\x1b[?2004l"}} {
		if on := strings.LastIndex(all, pair[0]); on >= 0 && on > strings.LastIndex(all, pair[1]) {
			p.t.Errorf("%q is not taken back in %q", pair[0], all)
		}
	}
	mustBeDrawing(p.t, all)
}

// drawing are the sequences of the library that draws, and of the modes that it
// sets, asks for and takes back.
var drawing = regexp.MustCompile(`\x1b(?:` +
	`\[\d*(?:;\d+)*[mHABCDGKJXbdPLMST@` + "`" + `rZI]` + // styles, movement, erasing, repeating, scrolling
	`|\[\?(?:7|25|1049|2004|2026|2027)[hl]` + // wrapping, cursor, alternate screen, pasting, synchronised drawing, characters
	`|\[\?(?:2026|2027)\$p` + // asks for two of them
	`|\[>4(?:;\d)?m|\[>\d+u|\[<\d+u|\[=\d+;\d+u|\[\?u` + // how keys are told
	`|\[\d+ q` + // the cursor's shape
	`|\[\?5W` + // tab stops
	`|M` + // up
	`)`)

// mustBeDrawing fails for everything else that acts on a terminal.
func mustBeDrawing(t testing.TB, written string) {
	t.Helper()
	rest := drawing.ReplaceAllString(written, "")
	rest = strings.NewReplacer("\r", "", "\b", "", "\t", "").Replace(rest)
	mustBeHarmless(t, strings.ToValidUTF8(rest, "")) // reading may have ended within a character
}

// A faulty model panics where it is told to.
type faulty struct{ at string }

const secret = "MARK-SEEN"

func (f faulty) Init() tea.Cmd {
	switch f.at {
	case "init":
		panic(secret)
	case "command":
		return func() tea.Msg { panic(secret) }
	case "batch":
		return tea.Batch(func() tea.Msg { return nil }, func() tea.Msg { panic(errors.New(secret)) })
	}
	return nil
}

func (f faulty) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if _, ok := msg.(tea.KeyPressMsg); ok && f.at == "update" {
		panic(secret)
	}
	if _, ok := msg.(endMsg); ok && f.at != "stuck" {
		return f, tea.Quit
	}
	return f, nil
}

func (f faulty) View() tea.View {
	if f.at == "view" {
		var none []int
		_ = none[len(f.at)]
	}
	v := tea.NewView("drawn " + f.at)
	v.AltScreen = true
	return v
}

// ends is where a program is when it is told to end.
var ends = []string{"nowhere", "stuck"}

func TestTheTerminalIsRestored(t *testing.T) {
	// Where the library would tell of a panic that reached it.
	stderr, err := os.Create(t.TempDir() + "/stderr")
	ok(t, err)
	defer func(was *os.File) {
		os.Stderr = was
		if told, err := os.ReadFile(stderr.Name()); err != nil || len(told) > 0 {
			t.Errorf("%v %s", err, told)
		}
	}(os.Stderr)
	os.Stderr = stderr
	for _, at := range []string{"init", "command", "batch", "update", "view"} {
		t.Run("panic in "+at, func(t *testing.T) {
			p := newPTY(t)
			before := p.modes()
			done := make(chan error, 1)
			go func() { done <- display(t.Context(), faulty{at}, p.program, p.program, func(func(tea.Msg)) {}) }()
			if at == "update" {
				p.waitFor("drawn update")
				p.types("x")
			}
			err := <-done
			if err == nil || !strings.Contains(err.Error(), "the view crashed") || !strings.Contains(err.Error(), "full_test.go") {
				t.Errorf("%v", err)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the error tells what the panic said: %v", err)
			}
			p.mustBeRestored(before)
		})
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		for _, at := range ends {
			t.Run(sig.String()+" "+at, func(t *testing.T) {
				p := newPTY(t)
				p.stuck = at == "stuck"
				before := p.modes()
				done := make(chan error, 1)
				go func() { done <- display(t.Context(), faulty{at}, p.program, p.program, func(func(tea.Msg)) {}) }()
				p.waitFor("drawn " + at)
				ok(t, syscall.Kill(os.Getpid(), sig))
				if err := <-done; !errors.Is(err, ErrEnded) {
					t.Errorf("%v", err)
				}
				p.mustBeRestored(before)
			})
			if sig != syscall.SIGTERM {
				break
			}
		}
	}
}

// TestBytesOnTheTerminal looks at every byte that the view writes to a real
// terminal while it shows hostile text.
func TestBytesOnTheTerminal(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	t.Setenv("TEA_TRACE", t.TempDir()+"/trace")
	s := newStation(t)
	texts := corpus(t)
	for _, text := range texts {
		s.tell(text, nil)
	}
	s.pull()
	p := newPTY(t)
	before := p.modes()
	done := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { done <- Full(ctx, p.program, p.program, s.options()) }()
	p.waitFor("keys")
	for range texts {
		p.types("\r")
		p.types(" \x1b[F" + "f" + "q" + "q" + "j")
	}
	p.types("/\x1b[200~\x1b]52;c;cm0=\x07\x1b[201~\r")
	p.types("?qq")
	ok(t, <-done)
	p.mustBeRestored(before)
	p.waitFor("MARK") // a case was shown
	if _, err := os.Stat(os.Getenv("TEA_TRACE")); err == nil {
		t.Error("the library wrote what was on the screen into a file")
	}
}
