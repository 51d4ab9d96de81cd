package testtor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The names inside a tor's data directory.
const (
	torrcName       = "torrc"
	logName         = "log"
	controlPortName = "control-port"
)

// pollInterval is how often a wait looks.
const pollInterval = 50 * time.Millisecond

// A tor is one running tor process.
type tor struct {
	name    string
	dataDir string
	process *os.Process
	done    chan struct{} // closed when the process has ended
	ended   error         // how, once done is closed

	mu      sync.Mutex
	control *control // guarded by mu; nil if there is none or it broke
}

// startTor starts a tor whose torrc lies in its data directory, and returns
// when its control port answers.
//
// The process does not outlive this one: the kernel kills it when the thread
// that started it ends, so that thread is kept for it alone; and tor looks for
// its owner itself.
func startTor(ctx context.Context, program, name, dataDir string) (*tor, error) {
	log, err := os.Create(filepath.Join(dataDir, logName))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	// A tor that was here before may have left its port.
	if err := os.Remove(filepath.Join(dataDir, controlPortName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	cmd := exec.Command(program, "--defaults-torrc", os.DevNull, "-f", filepath.Join(dataDir, torrcName),
		"__OwningControllerProcess", fmt.Sprint(os.Getpid()))
	cmd.Stdout, cmd.Stderr = log, log
	// A group of its own keeps the terminal's interrupt away from it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	t := &tor{name: name, dataDir: dataDir, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			t.ended = cmd.Wait()
			close(t.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting tor: %w", err)
	}
	t.process = cmd.Process
	err = t.wait(ctx, 20*time.Second, "its control port", func() (bool, error) {
		_, err := t.command(ctx, "GETINFO version")
		return err == nil, nil
	})
	if err != nil {
		t.stop()
		return nil, err
	}
	return t, nil
}

// stop kills the process and returns once it is gone. It returns an error if
// it had ended before.
func (t *tor) stop() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.control != nil {
		t.control.close()
		t.control = nil
	}
	select {
	case <-t.done:
		return t.died()
	default:
	}
	t.process.Kill()
	<-t.done
	return nil
}

// died is the error for a tor that ended by itself.
func (t *tor) died() error {
	return fmt.Errorf("tor %s ended by itself: %v; the end of its log:\n%s", t.name, t.ended, t.logTail())
}

// command sends a control command over the tor's one kept connection, which
// is made anew if it broke.
func (t *tor) command(ctx context.Context, line string) ([]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.control == nil {
		c, err := dialControl(ctx, t.dataDir)
		if err != nil {
			return nil, fmt.Errorf("reaching the control port of tor %s: %w", t.name, err)
		}
		t.control = c
	}
	lines, err := t.control.command(ctx, line)
	var refused *textproto.Error
	if err != nil && !errors.As(err, &refused) {
		t.control.close()
		t.control = nil
	}
	if err != nil {
		return nil, fmt.Errorf("tor %s: %w", t.name, err)
	}
	return lines, nil
}

// info is the value of a key that GETINFO knows.
func (t *tor) info(ctx context.Context, key string) (string, error) {
	lines, err := t.command(ctx, "GETINFO "+key)
	if err != nil {
		return "", err
	}
	value, found := strings.CutPrefix(lines[0], key+"=")
	if !found {
		return "", fmt.Errorf("tor %s: GETINFO %s: answered %q", t.name, key, lines[0])
	}
	return strings.TrimPrefix(value, "\n"), nil
}

// wait returns when ready says so. Its error holds the end of tor's log.
func (t *tor) wait(ctx context.Context, limit time.Duration, what string, ready func() (bool, error)) error {
	late := time.NewTimer(limit)
	defer late.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		ok, err := ready()
		if err != nil {
			return t.failed(what, err)
		}
		if ok {
			return nil
		}
		select {
		case <-tick.C:
		case <-t.done:
			return t.died()
		case <-ctx.Done():
			return t.failed(what, ctx.Err())
		case <-late.C:
			return t.failed(what, fmt.Errorf("not within %v", limit))
		}
	}
}

// failed says what was waited for in vain.
func (t *tor) failed(what string, err error) error {
	return fmt.Errorf("waiting for %s of tor %s: %w; the end of its log:\n%s", what, t.name, err, t.logTail())
}

// logTail is the end of what tor logged.
func (t *tor) logTail() []byte {
	b, err := os.ReadFile(filepath.Join(t.dataDir, logName))
	if err != nil {
		return []byte(err.Error())
	}
	lines := bytes.SplitAfter(b, []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-25):], nil)
}
