package e2e

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/testtor"
)

// hireAuditor makes carol's keys, and puts her into the roster in force.
func hireAuditor(t *testing.T, dir, data string) {
	t.Helper()
	card := filepath.Join(dir, "carol.card")
	if err := os.WriteFile(card, []byte(command(t, "audit", "setup", filepath.Join(dir, "carol"), "--name", "carol")), 0o600); err != nil {
		t.Fatal(err)
	}
	org := filepath.Join(dir, "organisation")
	command(t, "triage", "--home", org, "org", "add-auditor", card)
	command(t, "triage", "--home", org, "org", "sign")
	command(t, "intake", "update-roster", "--data", data, "--roster", filepath.Join(org, "org", "roster"))
}

// TestAuditorOverTheDesk walks an auditor's way with the real programs: from
// the keys to a store that is checked over the network of a server that is
// confined, with the same result as a snapshot of it.
func TestAuditorOverTheDesk(t *testing.T) {
	dir := setUp(t)
	s := startIntake(t, dir, t.TempDir())
	for _, size := range []int{0, 400 << 10} {
		codename, err := form(http.DefaultClient, s.web)
		if err != nil {
			t.Fatal(err)
		}
		photo := attachment{"photo.jpg", bytes.NewReader(bytes.Repeat([]byte{7}, size))}
		if err := send(http.DefaultClient, s.web, "", codename, [][2]string{{"what.seen", "a man at the pool"}}, photo); err != nil {
			t.Fatal(err)
		}
	}
	hireAuditor(t, dir, s.data)
	verify := func(memory string, from ...string) string {
		t.Helper()
		return command(t, "audit", append([]string{"verify", "--json", "--memory", filepath.Join(dir, memory),
			"--roster", filepath.Join(dir, "organisation", "org", "roster"), "--org-key", filepath.Join(dir, "org.pub")}, from...)...)
	}
	over := verify("carol", "--desk", s.desk)
	snapshot := filepath.Join(dir, "snapshot")
	command(t, "intake", "snapshot", "--data", s.data, "--to", snapshot)
	if in := verify("another", snapshot); over != in {
		t.Errorf("over the desk\n%s\nin a snapshot\n%s", over, in)
	}
	if !strings.Contains(over, `"whole": true`) || !strings.Contains(over, `"cases": 2`) {
		t.Errorf("over the desk\n%s", over)
	}
	if log := s.logged(); !strings.Contains(log, "desk sent the store to an auditor") || !strings.Contains(log, "auditor=carol") {
		t.Errorf("the log does not say who got the store:\n%s", log)
	}
	s.stop(t)
}

// auditor checks the store through the desk's onion service, which she finds
// once she is on the roster.
func auditor(t *testing.T, dir string, s *server, carol *testtor.Client) {
	desk := strings.TrimSpace(command(t, "intake", "onion", "address", "--desk", "--data", s.data))
	hireAuditor(t, dir, s.data)
	// The service is published anew with her key on it.
	eventually(t, time.Minute, "an auditor checks the store", func() bool {
		out, err := exec.Command(filepath.Join(bin, "audit"), "verify", "--memory", filepath.Join(dir, "carol"), "--desk", desk,
			"--roster", filepath.Join(dir, "organisation", "org", "roster"), "--org-key", filepath.Join(dir, "org.pub"),
			"--socks", carol.SOCKS, "--tor-control", carol.Control).Output()
		return err == nil && strings.Contains(string(out), "whole; 0 findings")
	})
}
