package onion

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A notice is what the keeper tells the server, a line of JSON each.
type notice struct {
	Kind string `json:"kind"`
	Text string `json:"text,omitempty"`
}

// The kinds of notices.
const (
	noticeMissing = "missing" // no such program
	noticeStarted = "started"
	noticeEnded   = "ended" // Text says how
	noticeLog     = "log"   // Text is a line that tor wrote
)

const (
	// restartFirst and restartMost bound the pause before tor is started
	// again: twice as long each time, from the start when it ran steadily.
	restartFirst = time.Second
	restartMost  = time.Minute
	steady       = time.Minute
	// endTime is how long tor may take to end when asked to.
	endTime = 5 * time.Second
)

// Keep runs tor with that torrc until ctx is done, starts it again whenever it
// ends, and writes notices to out. It is the whole work of the child process
// behind a [Keeper]: a server that has confined itself can start nothing any
// more, nor should it.
//
// It must be called from the main goroutine of its process: tor gets SIGKILL
// from the kernel when the thread that started it ends.
func Keep(ctx context.Context, tor, torrc string, out io.Writer) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	k := &keeping{out: json.NewEncoder(out)}
	for pause := restartFirst; ; pause = min(2*pause, restartMost) {
		began := time.Now()
		k.run(ctx, tor, torrc)
		if time.Since(began) > steady {
			pause = restartFirst
		}
		if k.err != nil {
			return fmt.Errorf("telling the server of tor: %w", k.err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

type keeping struct {
	mu  sync.Mutex
	out *json.Encoder // guarded by mu, as is err
	err error
}

func (k *keeping) tell(kind, text string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = errors.Join(k.err, k.out.Encode(notice{kind, text}))
}

// run is one life of tor.
func (k *keeping) run(ctx context.Context, tor, torrc string) {
	// No system torrc: what holds is what the server wrote.
	cmd := exec.CommandContext(ctx, tor, "--defaults-torrc", "/dev/null", "-f", torrc)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endTime
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, syscall.ENOENT) {
			k.tell(noticeMissing, "")
		} else {
			k.tell(noticeEnded, "it did not start: "+err.Error())
		}
		return
	}
	k.tell(noticeStarted, "")
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			k.tell(noticeLog, lines.Text())
		}
		// A line too long for the scanner: the rest is thrown away, but taken.
		_, _ = io.Copy(io.Discard, r)
	}()
	err := cmd.Wait()
	w.Close()
	<-read
	if ctx.Err() == nil {
		why := "without an error"
		if err != nil {
			why = err.Error()
		}
		k.tell(noticeEnded, why)
	}
}

// A Keeper is the child process that keeps tor running.
type Keeper struct {
	cmd    *exec.Cmd
	leash  io.Closer // the child ends when this is closed, by us or by our death
	done   chan struct{}
	err    error // how the child ended, set before done is closed
	handle func(notice)
}

// startKeeper starts cmd, which must call [Keep] and end when its standard
// input does, and hands its notices to handle from one goroutine.
func startKeeper(cmd *exec.Cmd, handle func(notice)) (*Keeper, error) {
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	// A group of its own: Ctrl-C is for the server, which lets uploads through
	// tor come to their end first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the keeper of tor: %w", err)
	}
	k := &Keeper{cmd: cmd, leash: leash, done: make(chan struct{}), handle: handle}
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var n notice
			if json.Unmarshal(lines.Bytes(), &n) == nil {
				handle(n)
			}
		}
		_, _ = io.Copy(io.Discard, out)
		k.err = cmd.Wait()
		close(k.done)
	}()
	return k, nil
}

// Close ends tor and waits for its keeper's end.
func (k *Keeper) Close() error {
	_ = k.leash.Close() // closed already if the child died
	select {
	case <-k.done:
		return nil
	case <-time.After(2 * endTime):
		// Killing it is not for us: a confined process may signal nobody. It
		// goes when we do, because then nobody reads what it tells.
		return errors.New("the process that keeps tor running does not end")
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
