package delivery

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// script makes a command.
func script(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "portal")
	ok(t, os.Chmod(filepath.Dir(path), 0o700))
	ok(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700))
	return path
}

func TestCommand(t *testing.T) {
	b, data := aBag(t, 300_000)
	t.Setenv("SECRET", "of this process")
	out := filepath.Join(t.TempDir(), "out")
	printed, err := Run(t.Context(), script(t, `cat > "`+out+`"; echo "$# $1 $2"; env | sort >&2`), "police", b)
	ok(t, err)
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes came, %v", len(got), err)
	}
	if !strings.HasPrefix(printed, "2 "+bagName+" police\n") {
		t.Errorf("printed: %s", printed)
	}
	for line := range strings.Lines(printed) {
		name, _, isVariable := strings.Cut(line, "=")
		if isVariable && !strings.Contains(" PATH HOME LANG PWD SHLVL _ OLDPWD ", " "+name+" ") {
			t.Errorf("the command got %s", line)
		}
	}
}

func TestCommandsThatFail(t *testing.T) {
	b, _ := aBag(t, 10)
	for text, permanent := range map[string]bool{
		"echo busy; exit 75": false, "echo never; exit 1": true, "exit 255": true, "kill -9 $$": true,
	} {
		printed, err := Run(t.Context(), script(t, text), "police", b)
		if err == nil || IsPermanent(err) != permanent || !strings.Contains(err.Error(), strings.TrimSpace(printed)) {
			t.Errorf("%s: %v, permanent %t", text, err, IsPermanent(err))
		}
	}
	printed, err := Run(t.Context(), script(t, "yes | head -c 1000000"), "police", b)
	if err != nil || len(printed) != maxOutput {
		t.Errorf("%d bytes of output are kept, %v", len(printed), err)
	}
}

// A command that is interrupted ends with all that it started: each of them
// holds the pipe open.
func TestCommandInterrupted(t *testing.T) {
	b, _ := aBag(t, 10)
	fifo := filepath.Join(t.TempDir(), "fifo")
	ok(t, syscall.Mkfifo(fifo, 0o600))
	path := script(t, `exec 3> "`+fifo+`"; sleep 1000 & echo started >&3; sleep 1000`)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		defer close(ended)
		f, err := os.Open(fifo)
		if err != nil {
			ended <- err
			return
		}
		defer f.Close()
		if _, err := f.Read(make([]byte, 1)); err != nil {
			ended <- err
			return
		}
		cancel()
		_, err = io.Copy(io.Discard, f)
		ended <- err
	}()
	if _, err := Run(ctx, path, "police", b); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	ok(t, <-ended)
}

func TestCommandsThatAreNotRun(t *testing.T) {
	b, _ := aBag(t, 10)
	ran := filepath.Join(t.TempDir(), "ran")
	for what, change := range map[string]func(path string) string{
		"not there":              func(path string) string { return path + "x" },
		"not executable":         func(path string) string { ok(t, os.Chmod(path, 0o600)); return path },
		"writable by the group":  func(path string) string { ok(t, os.Chmod(path, 0o720)); return path },
		"writable by all":        func(path string) string { ok(t, os.Chmod(path, 0o702)); return path },
		"in a directory of all":  func(path string) string { ok(t, os.Chmod(filepath.Dir(path), 0o777)); return path },
		"a directory":            func(path string) string { return filepath.Dir(path) },
		"a link":                 func(path string) string { ok(t, os.Symlink(path, path+"l")); return path + "l" },
		"another user's":         func(path string) string { ok(t, os.Chown(path, 65534, 65534)); return path },
		"in another's directory": func(path string) string { ok(t, os.Chown(filepath.Dir(path), 65534, 65534)); return path },
	} {
		if strings.Contains(what, "another") && os.Geteuid() != 0 {
			continue // only root can give a file away
		}
		path := change(script(t, `touch "`+ran+`"`))
		if _, err := Run(t.Context(), path, "police", b); !errors.Is(err, ErrUnsafe) || !IsPermanent(err) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := os.Stat(ran); err == nil {
			t.Fatalf("%s: it ran", what)
		}
	}
}
