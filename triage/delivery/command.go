package delivery

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	commandTime  = 30 * time.Minute // a command that takes longer is killed and tried again later
	commandGrace = 5 * time.Second  // for what it started to let go of its output
	maxOutput    = 4 << 10          // bytes of a command's output that are kept
	tempFail     = 75               // EX_TEMPFAIL of sysexits.h: to be tried again
)

// ErrUnsafe means that a command could have been put there by somebody else.
var ErrUnsafe = errors.New("not run")

// Run gives the bag to the command at path on its standard input, with the
// bag's file name and the destination's short name as arguments, and returns
// what it printed. Exit code 0 means delivered and 75 (EX_TEMPFAIL) that it is
// to be tried again; every other is a permanent error.
//
// The file must be a regular one, executable, owned by this user or root and
// writable by nobody else, and so must its directory; it is ErrUnsafe
// otherwise. It gets an environment of PATH, HOME and LANG only and half an
// hour. When it is over its time, or ctx ends, it is killed with all that it
// started.
func Run(ctx context.Context, path, destination string, b *Bag) (output string, err error) {
	if err := safeCommand(path); err != nil {
		return "", permanent{err}
	}
	limited, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := exec.CommandContext(limited, path, b.Name, destination)
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/"
	}
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + home, "LANG=C.UTF-8"}
	cmd.Dir = filepath.Dir(path)
	cmd.Stdin = b.File // the file itself: nothing copies
	out := &first{most: maxOutput}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = commandGrace
	err = cmd.Run()
	output = string(out.kept)
	said := ""
	if output != "" {
		said = ": " + output
	}
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // it left something behind, and was done itself
		return output, nil
	case ctx.Err() != nil:
		return output, ctx.Err()
	case limited.Err() != nil:
		return output, fmt.Errorf("the command %s took longer than %v%s", filepath.Base(path), commandTime, said)
	case exited && exit.ExitCode() == tempFail:
		return output, fmt.Errorf("the command %s asks to be tried again later%s", filepath.Base(path), said)
	}
	return output, permanent{fmt.Errorf("the command %s failed: %w%s", filepath.Base(path), err, said)}
}

// safeCommand reports why the file at path must not be run.
func safeCommand(path string) error {
	no := func(path, why string) error { return fmt.Errorf("%w: %s %s", ErrUnsafe, path, why) }
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return no(path, "is not there; put the program or script of that name there")
	case err != nil:
		return fmt.Errorf("looking at the command: %w", err)
	case !info.Mode().IsRegular():
		return no(path, "is not a regular file")
	case info.Mode()&0o100 == 0:
		return no(path, "is not executable; type: chmod 700 "+path)
	}
	dir, err := os.Lstat(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("looking at the command: %w", err)
	}
	for _, f := range []struct {
		path string
		info fs.FileInfo
	}{{path, info}, {filepath.Dir(path), dir}} {
		owner, ok := f.info.Sys().(*syscall.Stat_t)
		if !ok || int(owner.Uid) != os.Geteuid() && owner.Uid != 0 {
			return no(f.path, "belongs to another user")
		}
		if f.info.Mode()&0o022 != 0 {
			return no(f.path, "can be written by others; type: chmod go-w "+f.path)
		}
	}
	return nil
}

// first keeps the beginning of what is written to it, and takes the rest.
type first struct {
	kept []byte
	most int
}

// Write never fails.
func (f *first) Write(p []byte) (int, error) {
	f.kept = append(f.kept, p[:min(len(p), f.most-len(f.kept))]...)
	return len(p), nil
}
