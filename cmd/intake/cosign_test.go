package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"tocsin/ledger"
	"tocsin/onion"
	"tocsin/seal/roster"
	"tocsin/testorg"
	"tocsin/vault"
)

// serving lets a server's control socket answer for the store of an
// organisation, whose clock the test moves.
func serving(t *testing.T, o *testorg.Org) (dir string, v *vault.Vault) {
	t.Helper()
	dir = o.Create(t)
	desk, err := roster.MarshalPrivateDeskKey(o.Desk)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{ledgerKeyFile: o.LedgerSecret + "\n", deskKeyFile: string(desk), orgKeyFile: o.Key + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k, err := loadKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	v = o.Open(t, dir)
	l, err := listenUnix(filepath.Join(dir, socketFile))
	if err != nil {
		t.Fatal(err)
	}
	control := controlServer(v, k, func() *onion.Status { return nil }, func() {}, quietLog)
	done := make(chan error, 1)
	go func() { done <- control.Serve(l) }()
	t.Cleanup(func() {
		control.Close()
		if err := <-done; err != http.ErrServerClosed {
			t.Error(err)
		}
	})
	return dir, v
}

// grow adds reports and lets midnight pass.
func grow(t *testing.T, o *testorg.Org, v *vault.Vault, reports int) {
	t.Helper()
	r := o.NewReport(t, "account", 0)
	for range reports {
		if err := r.Again().Add(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	o.Day = o.Day.AddDate(0, 0, 1)
	if err := v.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// want runs a command and checks its exit code and what it says.
func want(t *testing.T, code int, says string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	got := run(t.Context(), args, &out, &errs)
	if all := out.String() + errs.String(); got != code || !strings.Contains(all, says) {
		t.Errorf("%s: exit code %d, want %d and %q:\n%s", args[0], got, code, says, all)
	}
	return out.String()
}

// A litewitness is a cosigner: the program of that name, of C2SP's tlog-witness.
type litewitness struct {
	roster.Cosigner
	db string
}

// startLitewitness starts one that knows no ledger yet. Its key is in an agent
// of the test's, as it wants it.
func startLitewitness(t *testing.T) *litewitness {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-modfile=tools/go.mod", "-o", dir+"/", "filippo.io/torchwood/cmd/litewitness")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building litewitness: %v\n%s", err, out)
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := agent.NewKeyring()
	if err := keys.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "agent")
	agents, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { agents.Close() })
	go func() {
		for {
			c, err := agents.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(keys, c) }() // until litewitness ends
		}
	}()
	const name = "litewitness.example"
	w := &litewitness{db: filepath.Join(dir, "db")}
	addr := freeAddr(t)
	w.Cosigner = roster.Cosigner{Name: "litewitness", Key: roster.CosignerKey(name, key.Public().(ed25519.PublicKey)), URL: "http://" + addr}
	cmd := exec.Command(filepath.Join(dir, "litewitness"), "-db", w.db, "-name", name, "-ssh-agent", socket,
		"-key", ssh.FingerprintSHA256(public), "-listen", addr)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for { // the test's own deadline ends it
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return w
		}
	}
}

// freeAddr returns a loopback address on which nothing listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// learn adds a ledger to those that it signs for, as witnessctl does.
func (w *litewitness) learn(t *testing.T, r *roster.Roster) {
	t.Helper()
	empty := "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" // RFC 6962: the hash of nothing
	sql := fmt.Sprintf(`INSERT INTO log VALUES ('%s', 0, '%s'); INSERT INTO key VALUES ('%[1]s', '%[3]s');`, r.Origin, empty, r.Intake.Ledger)
	if out, err := exec.Command("sqlite3", w.db, sql).CombinedOutput(); err != nil {
		t.Fatalf("sqlite3 (on Debian: apt-get install sqlite3): %v\n%s", err, out)
	}
}

// An existing cosigner signs our checkpoints, follows the ledger as it grows,
// and refuses one that was rewritten or put back.
func TestCosignWithLitewitness(t *testing.T) {
	w := startLitewitness(t)
	o := testorg.New(t, 1)
	silent := roster.Cosigner{Name: "silent", URL: "http://" + freeAddr(t),
		Key: roster.CosignerKey("silent.example", ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey))}
	o.Roster.Cosigners, o.Roster.Policy.Quorum = []roster.Cosigner{silent, w.Cosigner}, 2
	o.Sign(t)
	dir, v := serving(t, o)
	cosign := []string{"cosign", "--data", dir}
	status := []string{"status", "--data", dir}

	want(t, exitDone, "nothing is published yet", cosign...)
	want(t, exitDone, "published   nothing yet", status...)
	grow(t, o, v, 3)
	want(t, exitQuorum, "litewitness: not signed: it does not know this ledger", cosign...)
	want(t, exitDone, "cosigned    never yet", status...)

	w.learn(t, o.Roster)
	out := want(t, exitQuorum, "run it again later", append(cosign, "--json")...)
	var result cosignResult
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		t.Fatal(err)
	}
	if len(result.Cosigners) != 2 || result.Cosigners[0].Trouble == "" || result.Cosigners[1].Signed.IsZero() || result.Reached || result.Quorum != 2 ||
		result.Published.Size != 7 || len(result.Published.By) != 1 {
		t.Errorf("one of two: %+v, %+v", result, result.Published)
	}
	want(t, exitDone, "that of 2026-03-15 by 1 of 2 cosigners, quorum of 2 not reached", status...)

	// With a smaller quorum what it signed before is enough.
	o.Roster.Number, o.Roster.Policy.Quorum = 2, 1
	o.Sign(t)
	if err := v.UpdateRoster(t.Context(), o.Signed); err != nil {
		t.Fatal(err)
	}
	want(t, exitDone, "7 leaves, published 2026-03-15: signed by 1 of 2, quorum of 1 reached", cosign...)
	want(t, exitDone, "cosigned    2026-03-15, 7 leaves, by litewitness", status...)
	if _, cosigned, err := v.Published(); err != nil {
		t.Error(err)
	} else if _, by, err := ledger.OpenCosigned(cosigned.Signed, o.Roster.Intake.Ledger, o.Roster.Cosigners); err != nil || len(by) != 1 {
		t.Errorf("the store holds the cosignatures %v, %v", by, err)
	}

	// The next days: grown, and not grown.
	for _, n := range []int{5, 0, 1} {
		grow(t, o, v, n)
		want(t, exitDone, "quorum of 1 reached", cosign...)
	}

	// Another history under the same key: shorter, then longer than what it saw.
	other, rewritten := serving(t, o)
	grow(t, o, rewritten, 2)
	contradicted := func(says string) {
		t.Helper()
		want(t, exitQuorum, says, "cosign", "--data", other)
		want(t, exitQuorum, "have it audited now", "cosign", "--data", other)
		if out := want(t, exitQuorum, `"contradicts": true`, "cosign", "--data", other, "--json"); strings.Count(out, "contradicts") != 1 {
			t.Errorf("who can't be reached contradicts, too:\n%s", out)
		}
	}
	contradicted("an older state of the store was put back")
	grow(t, o, rewritten, 20)
	contradicted("history was rewritten")
	if _, cosigned, err := rewritten.Published(); err != nil || cosigned != nil {
		t.Errorf("the rewritten ledger is cosigned: %v, %v", cosigned, err)
	}
	v.Close()
	o.MustBeWhole(t, dir)
}

// A monitor learns from the exit code of status that the cosigners have been
// missing for longer than two days, also where they never signed.
func TestStatusOfMissingCosigners(t *testing.T) {
	o := testorg.New(t, 1)
	const name = "watch.example"
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	o.Roster.Cosigners = []roster.Cosigner{{Name: "watch", URL: "http://" + freeAddr(t), Key: roster.CosignerKey(name, key.Public().(ed25519.PublicKey))}}
	o.Roster.Policy.Quorum = 1
	o.Sign(t)
	dir, v := serving(t, o)
	status := []string{"status", "--data", dir}
	missing := func(first int) {
		t.Helper()
		for days := first; days <= 2; days++ {
			grow(t, o, v, 1)
			if out := want(t, exitDone, fmt.Sprintf(`"behind_days": %d`, days), append(status, "--json")...); strings.Contains(out, "trouble") {
				t.Errorf("after %d days:\n%s", days, out)
			}
		}
		grow(t, o, v, 0)
		want(t, exitFailed, "trouble     what is published has lacked its cosigners for 3 days", status...)
		want(t, exitFailed, `"behind_days": 3`, append(status, "--json")...)
	}
	want(t, exitDone, "published   nothing yet", status...)
	missing(0)

	p, _, err := v.Published()
	if err != nil {
		t.Fatal(err)
	}
	c, err := ledger.OpenCheckpoint(p.Signed, o.Roster.Intake.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := c.Sign(ledger.NewCosignatureSigner(name, key, func() time.Time { return o.Day }))
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(lines), "\n\n")
	if err := v.Cosign(t.Context(), append(p.Signed, line...)); err != nil {
		t.Fatal(err)
	}
	want(t, exitDone, `"behind_days": 0`, append(status, "--json")...)
	missing(1)

	// Who asks for none misses none.
	o.Roster.Number, o.Roster.Policy.Quorum = 2, 0
	o.Sign(t)
	if err := v.UpdateRoster(t.Context(), o.Signed); err != nil {
		t.Fatal(err)
	}
	want(t, exitDone, "published", status...)
}

func TestCosignWithoutCosigners(t *testing.T) {
	o := testorg.New(t, 1)
	dir, v := serving(t, o)
	want(t, exitDone, "the roster names no cosigners", "cosign", "--data", dir)
	grow(t, o, v, 1)
	want(t, exitDone, "the roster names no cosigners", "cosign", "--data", dir)
	want(t, exitDone, "the roster names no cosigners", "status", "--data", dir)
	want(t, exitFailed, "no server runs", "cosign", "--data", t.TempDir())
}

// The server publishes at each midnight, and not off it.
func TestPublishDaily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var at []time.Time
		go publishDaily(ctx, func() { at = append(at, time.Now().UTC()) })
		time.Sleep(15*time.Hour + 20*time.Minute) // the bubble's clock, which begins at midnight
		start := time.Now()
		time.Sleep(48 * time.Hour)
		cancel()
		synctest.Wait()
		midnights := 0
		for _, a := range at {
			if a.Equal(a.Truncate(24*time.Hour)) && a.After(start) {
				midnights++
			}
		}
		if midnights != 2 {
			t.Errorf("in two days it published at midnight %d times: %v", midnights, at)
		}
	})
}
