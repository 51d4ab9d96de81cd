package e2e

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

// TestCosigned has the three programs together: what intake publishes is signed
// by audit witness for intake cosign, in a confined server's store, and a
// witness's receipt and the auditor both tell of it.
func TestCosigned(t *testing.T) {
	dir := setUp(t)
	witness, addr := filepath.Join(dir, "cosigner"), freePorts(t, 1)[0]
	key := strings.TrimSpace(command(t, "audit", "witness", "init", witness, "--name", "university.example/tocsin"))
	org := []string{"--home", filepath.Join(dir, "organisation"), "org"}
	for _, args := range [][]string{
		{"add-cosigner", "university", "--key", key, "--url", "http://" + addr}, {"set-policy", "--quorum", "1"}, {"sign"},
	} {
		command(t, "triage", append(org, args...)...)
	}
	codename := yesterday(t, dir, "of yesterday")
	s := startIntake(t, dir, t.TempDir())
	cosign := func() (int, string) {
		cmd := exec.Command(filepath.Join(bin, "intake"), "cosign", "--data", s.data)
		out, _ := cmd.CombinedOutput()
		return cmd.ProcessState.ExitCode(), string(out)
	}
	if code, said := cosign(); code != 3 || !strings.Contains(said, "university: not signed: it can't be reached") {
		t.Errorf("without a cosigner: exit code %d\n%s", code, said)
	}
	background(t, filepath.Join(bin, "audit"), "witness", "serve", witness, "--listen", addr)
	eventually(t, 20*time.Second, "the cosigner listens", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	if code, said := cosign(); code != 3 || !strings.Contains(said, "does not know this ledger") {
		t.Errorf("with one that does not know the ledger: exit code %d\n%s", code, said)
	}
	card, err := os.ReadFile(filepath.Join(dir, "intake.card"))
	if err != nil {
		t.Fatal(err)
	}
	intake, err := roster.ParseIntakeCard(card)
	if err != nil {
		t.Fatal(err)
	}
	command(t, "audit", "witness", "add-log", witness, intake.Intake.Ledger)
	for range 2 { // the second time there is nothing to do
		if code, said := cosign(); code != 0 || !strings.Contains(said, "quorum of 1 reached") {
			t.Errorf("exit code %d\n%s", code, said)
		}
	}
	if said := command(t, "intake", "status", "--data", s.data); !strings.Contains(said, "3 leaves, by university\n") {
		t.Errorf("intake status says\n%s", said)
	}

	page, err := new(gallery).ask(s.web+"/en/proof/file", "codename", codename)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := ledger.ParseProof(page.body)
	if err != nil {
		t.Fatal(err)
	}
	cosigners := []roster.Cosigner{{Name: "university", Key: key}}
	if _, by, err := ledger.OpenCosigned(proof.Checkpoint, intake.Intake.Ledger, cosigners); err != nil || len(by) != 1 {
		t.Errorf("the receipt bears the cosignatures %v, %v:\n%s", by, err, page.body)
	}

	snapshot := filepath.Join(t.TempDir(), "snapshot")
	command(t, "intake", "snapshot", "--data", s.data, "--to", snapshot)
	var result struct {
		Whole    bool
		Cosigned *struct{ Size int64 }
	}
	said := command(t, "audit", "verify", "--json", "--roster", filepath.Join(dir, "organisation", "org", "roster"),
		"--org-key", filepath.Join(dir, "org.pub"), snapshot)
	if err := json.Unmarshal([]byte(said), &result); err != nil || !result.Whole || result.Cosigned == nil || result.Cosigned.Size != 3 {
		t.Errorf("audit verify says %s (%v)", said, err)
	}
	s.stop(t)
}
