package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"tocsin/audit"
)

// kept says what became of the memory.
type kept int

const (
	keptNone   kept = iota // there is none
	keptNew                // the audit is remembered
	keptOld                // it is not, because of what it found
	keptFailed             // it could not be written
)

// printText prints a line for each finding, the worst first, below those of one
// kind how it must be and what to do, and at the end what was checked and the
// count.
func printText(w io.Writer, r *audit.Result, memory string, k kept) error {
	var b strings.Builder
	count := map[audit.Severity]int{}
	for i, f := range r.Findings {
		fmt.Fprintln(&b, audit.Printable(f.String()))
		count[f.Severity]++
		if i+1 < len(r.Findings) && r.Findings[i+1].ID == f.ID {
			continue
		}
		if n := r.More[f.ID]; n > 0 {
			fmt.Fprintf(&b, "%s: and %d more\n", audit.Printable(f.ID), n)
			count[f.Severity] += n
		}
		fmt.Fprintf(&b, "    %s; expected: %s\n    what to do: %s\n", f.Severity, audit.Printable(f.Expected), audit.Printable(f.Advice))
	}
	n := r.Counts
	fmt.Fprintf(&b, "checked %d leaves, %d cases, %d messages, %d bytes, roster %d\n", n.Leaves, n.Cases, n.Messages, n.Bytes, r.Roster)
	if n.Resumed > 0 {
		fmt.Fprintf(&b, "%d of the messages were read by the audit that was interrupted\n", n.Resumed)
	}
	notices := ""
	if n := count[audit.Notice]; n > 0 {
		notices = "; " + several(n, "notice")
	}
	critical, serious := count[audit.Critical], count[audit.Serious]
	verdict := "whole; 0 findings"
	if !r.Whole {
		verdict = fmt.Sprintf("%s: %d critical, %d serious", several(critical+serious, "finding"), critical, serious)
	}
	fmt.Fprintf(&b, "%s%s; %s\n", verdict, notices, history(r.History, audit.Printable(memory), k))
	_, err := io.WriteString(w, b.String())
	return err
}

// several counts what has a plural in s.
func several(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// history says what a store was held against, and by what the next audit will
// know it.
func history(h, memory string, k kept) string {
	said := map[string]string{
		audit.HistoryUnchecked: "nothing was remembered to hold its history against",
		audit.HistoryFirst:     "first audit",
		audit.HistoryGrew:      "history only grew",
		audit.HistoryBroken:    "history is broken",
	}[h]
	switch k {
	case keptNone:
		return said + ", and the next audit can't tell either (see --memory)"
	case keptNew:
		return said + "; remembered in " + memory
	case keptOld:
		return said + "; not remembered, " + memory + " is as before"
	}
	return said + "; not remembered"
}

func printJSON(w io.Writer, r *audit.Result) error {
	type checkpoint struct {
		Origin string `json:"origin"`
		Size   int64  `json:"size"`
		Root   string `json:"root"`
	}
	out := struct {
		*audit.Result
		Checkpoint *checkpoint `json:"checkpoint"` // null if it did not verify
	}{Result: r}
	if cp := r.Checkpoint; cp != nil {
		out.Checkpoint = &checkpoint{cp.Origin, cp.Size, cp.Root.String()}
	}
	return writeJSON(w, out)
}

// writeJSON prints a value as a JSON object, safe for a terminal.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	// What isn't printable is within strings, where the escapes say the same.
	var lines strings.Builder
	for line := range strings.Lines(b.String()) {
		lines.WriteString(audit.Printable(strings.TrimSuffix(line, "\n")) + "\n")
	}
	_, err := io.WriteString(w, lines.String())
	return err
}
