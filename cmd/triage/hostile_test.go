package main

import (
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"
)

// sendHostile sends a report for each text of the corpus that would act on a
// terminal, with that text wherever one can stand; a file of that name is in
// each, and an addition says it again. The IDs go into the file: hostile FILE.
func sendHostile(ts *testscript.TestScript, _ bool, args []string) {
	corpus, err := os.ReadFile("../../triage/view/testdata/hostile.txt")
	check(ts, err)
	var ids strings.Builder
	for line := range strings.Lines(string(corpus)) {
		name, quoted, found := strings.Cut(strings.TrimSpace(line), " ")
		if !found || name == "#" {
			continue
		}
		text, err := strconv.Unquote(quoted)
		check(ts, err)
		text = strings.ToValidUTF8(text, "?") // as the form takes no other
		short := string([]rune(text)[:min(150, len([]rune(text)))])
		sendReport(ts, false, []string{
			"what.seen=" + text, "where.city=" + short, "where.place=" + short, "suspect.name=" + short, "where.country=TH", "danger.now=yes",
		})
		sendAddition(ts, false, []string{text})
		ids.WriteString(ts.Getenv("CASE") + "\n")
	}
	check(ts, os.WriteFile(ts.MkAbs(args[0]), []byte(ids.String()), 0o600))
}

// harmless holds that files hold nothing that acts on a terminal or hides:
// harmless FILE….
func harmless(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := ts.ReadFile(name)
		if !strings.Contains(text, "MARK") {
			ts.Fatalf("%s holds no text of a report", name)
		}
		for _, r := range text {
			if r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp, unicode.Variation_Selector) {
				ts.Fatalf("%s holds %U", name, r)
			}
		}
	}
}
