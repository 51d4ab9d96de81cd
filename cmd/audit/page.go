package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"tocsin/audit"
	"tocsin/ledger"
)

// typed are the arguments as they were typed.
type typed []string

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// String returns the command, to be typed again in a shell.
func (args typed) String() string {
	words := []string{"audit"}
	for _, a := range args {
		if !plainWord.MatchString(a) {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}

// pageApart refuses to write the page over what the audit reads.
func (c *verifyCmd) pageApart() error {
	if c.HTML == "" {
		return nil
	}
	for _, read := range []string{c.Roster, c.OrgKey} {
		if read != "" && sameFile(c.HTML, read) {
			return fmt.Errorf("--html would write over %s; name another file", read)
		}
	}
	for _, dir := range []string{c.Store, c.Memory} {
		if dir != "" && within(c.HTML, dir) {
			return fmt.Errorf("--html would write into %s; name a file outside of it", dir)
		}
	}
	return nil
}

// writePage writes the result as a page.
func writePage(path string, r *audit.Result, args typed) error {
	var b bytes.Buffer
	err := r.WriteHTML(&b, audit.About{Day: ledger.DayOf(now()), Program: "audit " + version(), Command: args.String()})
	if err != nil {
		return err
	}
	return audit.WriteFile(path, b.Bytes())
}

// sameFile reports whether two paths lead to one place, which need not exist.
func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	y, err2 := os.Stat(b)
	if err == nil && err2 == nil {
		return os.SameFile(x, y)
	}
	a, err = filepath.Abs(a)
	b, err2 = filepath.Abs(b)
	return err == nil && err2 == nil && a == b
}

// within reports whether a path lies in a directory or below.
func within(path, dir string) bool {
	path, err := filepath.Abs(path)
	if err != nil {
		return false // and it can't be written either
	}
	for path != filepath.Dir(path) {
		path = filepath.Dir(path)
		if sameFile(path, dir) {
			return true
		}
	}
	return false
}
