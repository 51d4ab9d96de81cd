package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readme returns the commands under a heading of README.md.
func readme(t *testing.T, heading string) []string {
	t.Helper()
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(b), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("README.md has no heading %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var commands []string
	for _, m := range regexp.MustCompile(`(?m)^    (.+)$`).FindAllStringSubmatch(text, -1) {
		commands = append(commands, m[1])
	}
	return commands
}

// TestReadmeSetsUpAnOrganisation types what README.md says, in an empty
// directory, and takes a report in with what came of it.
func TestReadmeSetsUpAnOrganisation(t *testing.T) {
	commands := readme(t, "Setting up an organisation")
	last := len(commands) - 1
	if last < 10 || !strings.HasPrefix(commands[last], "intake serve ") {
		t.Fatalf("the last command is not the server's: %q", commands)
	}
	dir := t.TempDir()
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	for _, c := range commands[:last] {
		cmd := exec.Command("sh", "-c", "umask 077; "+c)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", c, err, out)
		}
	}
	// Its ports may be taken here, and it is started from here.
	serve := regexp.MustCompile(`:\d{4}`).ReplaceAllString(commands[last], ":0")
	serve = strings.Replace(serve, "--data intake", "--data "+filepath.Join(dir, "intake"), 1)
	s := startServer(t, dir, t.TempDir(), strings.Fields(serve))
	codename, err := form(http.DefaultClient, s.web)
	if err != nil {
		t.Fatal(err)
	}
	if err := send(http.DefaultClient, s.web, "test", codename, [][2]string{{"what.seen", "by the readme"}}); err != nil {
		t.Fatal(err)
	}
	alice := []string{"--home", filepath.Join(dir, "alice")}
	command(t, "triage", append(alice, "pull", "--desk", s.desk)...)
	ids := caseIDs(t, command(t, "triage", append(alice, "list", "--json")...))
	if len(ids) != 1 {
		t.Fatalf("%d cases, want 1", len(ids))
	}
	command(t, "triage", append(alice, "route", ids[0], "--to", "police", "--reason", "by the readme")...)
	s.stop(t)
}
