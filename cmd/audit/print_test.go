package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"tocsin/audit"
	"tocsin/testorg"
)

// hostile holds what could speak to a terminal, or to who reads it: the end of
// a line, erasing the screen (ESC and its one-character form), a bell, writing
// from right to left, a tag character.
const hostile = "leaf\n\x1b[2J\u009b2J\x07 \u202ewhole\u2066 \U000e0041 é 夜"

func TestFindingsDoNotSpeakToTheTerminal(t *testing.T) {
	r := &audit.Result{
		Findings: []audit.Finding{{ID: "tree-hash", Severity: audit.Critical, Where: hostile, Found: hostile, Expected: "order", Advice: "look"}},
		History:  audit.HistoryBroken,
		More:     map[string]int{"tree-hash": 7},
	}
	silent := func(what, s string) {
		t.Helper()
		for _, c := range s {
			if c != '\n' && !unicode.IsPrint(c) {
				t.Errorf("%s: %q goes to the terminal: %q", what, c, s)
			}
		}
	}
	var text bytes.Buffer
	if err := printText(&text, r, hostile, keptNone); err != nil {
		t.Fatal(err)
	}
	silent("text", text.String())
	if n := strings.Count(text.String(), "\n"); n != 6 {
		t.Errorf("%d lines, want the finding, how many more, what was expected, what to do, what was checked, and the count: %q", n, text.String())
	}
	if !strings.HasSuffix(text.String(), "\n8 findings: 8 critical, 0 serious; history is broken, and the next audit can't tell either (see --memory)\n") || !strings.Contains(text.String(), "tree-hash: and 7 more\n") {
		t.Errorf("the count is not of all findings: %q", text.String())
	}
	if !strings.Contains(text.String(), "é 夜") {
		t.Errorf("letters were not left alone: %q", text.String())
	}
	text.Reset()
	if err := printJSON(&text, r); err != nil {
		t.Fatal(err)
	}
	silent("JSON", text.String())
	var got audit.Result
	if err := json.Unmarshal(text.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Findings) != 1 || got.Findings[0].Found != hostile {
		t.Errorf("JSON says another thing: %q", got.Findings)
	}
	text.Reset()
	whole := &audit.Result{Whole: true, History: audit.HistoryGrew}
	if err := printText(&text, whole, hostile, keptNew); err != nil {
		t.Fatal(err)
	}
	silent("the memory's name", text.String())

	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"verify", "--roster", hostile, "--org-key", "x", "store"}, &stdout, &stderr); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	silent("an error", stderr.String())
}

// TestInterrupted: what was interrupted says how to go on, where it can.
func TestInterrupted(t *testing.T) {
	o := testorg.New(t, 1)
	v := o.Open(t, o.Create(t))
	defer v.Close()
	dir := t.TempDir()
	name := func(n string) string { return filepath.Join(dir, n) }
	if err := errors.Join(v.Snapshot(t.Context(), name("store")), os.WriteFile(name("roster"), o.Signed, 0o600)); err != nil {
		t.Fatal(err)
	}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for _, resume := range []bool{false, true} {
		args := []string{"verify", "--roster", name("roster"), "--org-key", o.Key, name("store")}
		if resume {
			args = append(args, "--resume", name("progress"))
		}
		var stdout, stderr bytes.Buffer
		if code := run(interrupted, args, &stdout, &stderr); code != exitFailed {
			t.Errorf("exit code %d, want %d", code, exitFailed)
		}
		if said := stderr.String(); strings.Contains(said, "type the same again") != resume {
			t.Errorf("with --resume %v it says %q", resume, said)
		}
	}
}

// TestResumedIsSaid: who reads the result learns what it did not read itself.
func TestResumedIsSaid(t *testing.T) {
	var text strings.Builder
	r := &audit.Result{Whole: true}
	r.Counts.Resumed = 7
	if err := printText(&text, r, "", keptNone); err != nil {
		t.Fatal(err)
	}
	if want := "\n7 of the messages were read by the audit that was interrupted\n"; !strings.Contains(text.String(), want) {
		t.Errorf("the result is %q", text.String())
	}
}
