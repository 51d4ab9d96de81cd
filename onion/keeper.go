package onion

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Spec is what a keeper is to do.
type Spec struct {
	Services []*Service
	// Dir is the directory of our own tor, Tor the program, Torrc a file of
	// more lines for its configuration (bridges, for one), or "".
	Dir, Tor, Torrc string
	// Attach is the control port of a tor that somebody else runs; the three
	// above are not used then.
	Attach *Control
}

// An order is what the server tells its keeper later: a line of JSON each.
type order struct {
	Service string
	Clients []string
}

const (
	// restartFirst and restartMost bound the pause before tor is started
	// again: twice as long each time, from the start when it ran steadily.
	restartFirst = time.Second
	restartMost  = time.Minute
	steady       = time.Minute
	// endTime is how long tor may take to end when asked to.
	endTime = 5 * time.Second
	// statusBeat is how often the keeper looks whether its status changed.
	statusBeat = 250 * time.Millisecond
)

// Keep is the whole work of the process behind a [Process]: it reads a Spec and
// then orders from in, a line of JSON each, runs tor if it is to be ours, keeps
// the services published, and writes its status to out whenever that changes.
// It returns when in ends, with tor ended.
//
// It must be called from the main goroutine of its process: tor gets SIGKILL
// from the kernel when the thread that started it ends.
func Keep(in io.Reader, out io.Writer, log *slog.Logger) error {
	orders := json.NewDecoder(in)
	var spec Spec
	if err := orders.Decode(&spec); err != nil {
		return fmt.Errorf("reading what to keep: %w", err)
	}
	control := Control{Addr: controlSocket(spec.Dir)}
	if spec.Attach != nil {
		control = *spec.Attach
	}
	s, err := newSupervisor(control, spec.Services, log)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer cancel() // the server closed our input, or died
		for {
			var o order
			if orders.Decode(&o) != nil {
				return
			}
			s.setClients(o.Service, o.Clients)
		}
	}()
	go s.tell(ctx, out)
	if spec.Attach != nil {
		s.run(ctx)
		return nil
	}
	torrc, err := writeTorrc(spec.Dir, spec.Torrc)
	if err != nil {
		return err
	}
	t := &ownTor{program: spec.Tor, torrc: torrc, supervisor: s}
	s.socks, s.killTor = socksSocket(spec.Dir), t.kill
	var running sync.WaitGroup
	running.Go(func() { s.run(ctx) })
	defer running.Wait()
	t.keep(ctx)
	return nil
}

// tell writes the status whenever it is another than before. A server that
// does not read any more is about to close our input.
func (s *supervisor) tell(ctx context.Context, out io.Writer) {
	ticker := time.NewTicker(statusBeat)
	defer ticker.Stop()
	said := ""
	for {
		line, err := json.Marshal(s.status())
		if err == nil && string(line) != said {
			said = string(line)
			if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// ownTor is a tor of our own.
type ownTor struct {
	program, torrc string
	supervisor     *supervisor

	mu      sync.Mutex
	process *os.Process // guarded by mu; nil while none runs
}

// keep runs tor until ctx is done, and starts it again whenever it ends.
func (t *ownTor) keep(ctx context.Context) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for pause := restartFirst; ; pause = min(2*pause, restartMost) {
		began := time.Now()
		t.run(ctx)
		if time.Since(began) > steady {
			pause = restartFirst
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// run is one life of tor.
func (t *ownTor) run(ctx context.Context) {
	// No system torrc: what holds is what we wrote.
	cmd := exec.CommandContext(ctx, t.program, "--defaults-torrc", "/dev/null", "-f", t.torrc)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endTime
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, syscall.ENOENT) {
			t.supervisor.trouble(&troubleMissing)
		} else {
			trouble := troubleEnded("it did not start: " + err.Error())
			t.supervisor.trouble(&trouble)
		}
		return
	}
	t.set(cmd.Process)
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			t.supervisor.heard(lines.Text())
		}
		// A line too long for the scanner: the rest is thrown away, but taken.
		_, _ = io.Copy(io.Discard, r)
	}()
	err := cmd.Wait()
	t.set(nil)
	w.Close()
	<-read
	if ctx.Err() == nil {
		why := "without an error"
		if err != nil {
			why = err.Error()
		}
		trouble := troubleEnded(why)
		t.supervisor.trouble(&trouble)
	}
}

func (t *ownTor) set(p *os.Process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.process = p
}

// kill ends a tor that hangs; keep starts another.
func (t *ownTor) kill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.process != nil {
		_ = t.process.Kill() // unless it just ended by itself
	}
}

// heard takes in a line that tor wrote.
func (s *supervisor) heard(line string) {
	severity, text := clean(line)
	switch severity {
	case "warn":
		s.log.Warn("tor: " + text)
	case "err":
		s.log.Error("tor: " + text)
	case "notice":
		s.log.Info("tor: " + text)
	}
	if severity == "warn" && strings.Contains(text, "certificate expired") {
		s.trouble(&troubleClockAhead)
	}
}

// clean reads a line of tor's log, and returns its severity and what of it may
// be logged: warnings and errors without addresses, and how far the start is.
// Nothing else: notices may tell when somebody did something.
func clean(line string) (severity, text string) {
	// "Nov 24 16:00:00.000 [notice] text"
	before, rest, ok := strings.Cut(line, " [")
	severity, text, found := strings.Cut(rest, "] ")
	if !ok || !found || len(before) > len("Nov 24 16:00:00.000") {
		return "", ""
	}
	switch {
	case severity == "warn" || severity == "err":
		return severity, redacted.ReplaceAllString(text, "[scrubbed]")
	case severity == "notice" && strings.HasPrefix(text, "Bootstrapped "):
		return severity, text
	}
	return "", ""
}

// controlSocket and socksSocket lie beside the data directory of our own tor.
func controlSocket(dir string) string { return filepath.Join(dir, "control") }
func socksSocket(dir string) string   { return filepath.Join(dir, "socks") }
