package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// The terminal's rules: questions go to /dev/tty and their answers come from
// there, so that neither can be redirected into a file, a pipe, an argument or
// the environment; results go to stdout; everything else to stderr, without a
// full stop, and progress only if stderr is a terminal.

// askPassphrase asks for a passphrase without showing it.
func askPassphrase(prompt string) (string, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", errors.New("a passphrase is needed and there is no terminal to ask for it")
	}
	defer tty.Close()
	fmt.Fprintf(tty, "%s: ", prompt)
	secret, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(tty)
	if err != nil {
		return "", fmt.Errorf("reading the passphrase: %w", err)
	}
	defer clear(secret)
	if len(secret) == 0 {
		return "", errors.New("no passphrase was typed")
	}
	return string(secret), nil
}

// newPassphrase asks for a new passphrase twice.
func newPassphrase() (string, error) {
	first, err := askPassphrase("new passphrase")
	if err != nil {
		return "", err
	}
	again, err := askPassphrase("the same again")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the two passphrases differ; nothing was made")
	}
	return first, nil
}

// progress returns what shows a pull's progress on a terminal, and what wipes
// it away again. Where stderr is none, nothing is shown.
func progress(w io.Writer) (update func(objects, of int, bytes, ofBytes int64), wipe func()) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(int, int, int64, int64) {}, func() {}
	}
	start := time.Now()
	var last time.Time
	update = func(objects, of int, bytes, ofBytes int64) {
		now := time.Now()
		if now.Sub(last) < 200*time.Millisecond && objects < of {
			return
		}
		last = now
		left := time.Duration(float64(now.Sub(start)) * float64(of-objects) / float64(objects)).Round(time.Second)
		fmt.Fprintf(f, "\r\x1b[K%d of %d objects, %d of %d MiB, about %v left", objects, of, bytes>>20, ofBytes>>20, left)
	}
	return update, func() {
		if !last.IsZero() {
			fmt.Fprint(f, "\r\x1b[K")
		}
	}
}
