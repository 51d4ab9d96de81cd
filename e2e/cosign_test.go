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
	"tocsin/testtor"
)

// TestCosigned has the three programs together: what intake publishes is signed
// by audit witness for intake cosign, in a confined server's store, and a
// witness's receipt and the auditor both tell of it.
func TestCosigned(t *testing.T) {
	dir := setUp(t)
	witness, addr := filepath.Join(dir, "cosigner"), freePorts(t, 1)[0]
	key := askForCosigner(t, dir, witness, "http://"+addr)
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
	ledgerKey := ledgerKeyOf(t, dir)
	command(t, "audit", "witness", "add-log", witness, ledgerKey)
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
	if _, by, err := ledger.OpenCosigned(proof.Checkpoint, ledgerKey, cosigners); err != nil || len(by) != 1 {
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

// askForCosigner makes a cosigner in the directory witness and puts it into a
// roster that asks for it. It returns its verifier key.
func askForCosigner(t *testing.T, dir, witness, url string) (key string) {
	t.Helper()
	key = strings.TrimSpace(command(t, "audit", "witness", "init", witness, "--name", "university.example/tocsin"))
	for _, args := range [][]string{
		{"add-cosigner", "university", "--key", key, "--url", url}, {"set-policy", "--quorum", "1"}, {"sign"},
	} {
		command(t, "triage", append([]string{"--home", filepath.Join(dir, "organisation"), "org"}, args...)...)
	}
	return key
}

// ledgerKeyOf returns the verifier key of an organisation's ledger.
func ledgerKeyOf(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "intake.card"))
	if err != nil {
		t.Fatal(err)
	}
	card, err := roster.ParseIntakeCard(text)
	if err != nil {
		t.Fatal(err)
	}
	return card.Intake.Ledger
}

// cosignedThroughTor asks a cosigner that is an onion service.
func cosignedThroughTor(t *testing.T, network *testtor.Network, client *testtor.Client) {
	dir := setUp(t)
	witness, addr := filepath.Join(dir, "cosigner"), freePorts(t, 1)[0]
	service, err := network.Service(t.Context(), "cosigner", addr)
	if err != nil {
		t.Fatal(err)
	}
	askForCosigner(t, dir, witness, "http://"+service.Address)
	yesterday(t, dir, "of yesterday")
	s := startIntake(t, dir, t.TempDir())
	command(t, "audit", "witness", "add-log", witness, ledgerKeyOf(t, dir))
	background(t, filepath.Join(bin, "audit"), "witness", "serve", witness, "--listen", addr)
	// Without Tor there is no way to it.
	if out, err := exec.Command(filepath.Join(bin, "intake"), "cosign", "--data", s.data).CombinedOutput(); exitCode(err) != 3 {
		t.Errorf("without --socks: %v\n%s", err, out)
	}
	eventually(t, 2*time.Minute, "the cosigner signs", func() bool {
		out, err := exec.Command(filepath.Join(bin, "intake"), "cosign", "--data", s.data, "--socks", client.SOCKS).CombinedOutput()
		return err == nil && strings.Contains(string(out), "quorum of 1 reached")
	})
	if said := command(t, "intake", "status", "--data", s.data); !strings.Contains(said, "3 leaves, by university\n") {
		t.Errorf("intake status says\n%s", said)
	}
	s.stop(t)
}
