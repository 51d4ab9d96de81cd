package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"tocsin/triage"
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

// errNoTerminal means that something is to be asked and nobody can be.
var errNoTerminal = errors.New("an answer is needed and there is no terminal to ask on")

// askLine asks for a line and shows what is typed.
func askLine(prompt string) (string, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", errNoTerminal
	}
	defer tty.Close()
	fmt.Fprintf(tty, "%s ", prompt)
	line, err := bufio.NewReader(io.LimitReader(tty, 1<<10)).ReadString('\n')
	if err != nil && line == "" {
		return "", fmt.Errorf("reading the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
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
	show, wipe := gauge(w)
	return func(objects, of int, bytes, ofBytes int64) {
		show(objects, of, func() string {
			return fmt.Sprintf("%d of %d objects, %d of %d MiB", objects, of, bytes>>20, ofBytes>>20)
		})
	}, wipe
}

// meter is the same for what is counted alone.
func meter(w io.Writer, what string) (update func(done, of int), wipe func()) {
	show, wipe := gauge(w)
	return func(done, of int) {
		show(done, of, func() string { return fmt.Sprintf("%d of %d %s", done, of, what) })
	}, wipe
}

// reading is the same for cases that are opened. It stops when ctx ends.
func reading(ctx context.Context, w io.Writer) triage.Reading {
	show, wipe := gauge(w)
	return func(cases, of int) error {
		show(cases, of, func() string { return fmt.Sprintf("reading %d of %d", cases, of) })
		if cases == of || ctx.Err() != nil {
			wipe()
		}
		return ctx.Err()
	}
}

// gauge shows a text that says how much is done, with an estimate of the time
// that is left, five times a second at most: what is done at once is not shown.
// Where w is no terminal, nothing is.
func gauge(w io.Writer) (show func(done, of int, text func() string), wipe func()) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(int, int, func() string) {}, func() {}
	}
	var start, last time.Time
	show = func(done, of int, text func() string) {
		now := time.Now()
		if start.IsZero() {
			start, last = now, now
		}
		if now.Sub(last) < 200*time.Millisecond || done == 0 {
			return
		}
		last = now
		left := time.Duration(float64(now.Sub(start)) * float64(of-done) / float64(done)).Round(time.Second)
		fmt.Fprintf(f, "\r\x1b[K%s, about %v left", text(), left)
	}
	return show, func() {
		if last != start {
			fmt.Fprint(f, "\r\x1b[K")
		}
	}
}
