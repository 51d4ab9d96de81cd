package e2e

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/vault"
)

var kills = flag.Int("kills", 50, "how often TestKillLosesNothing kills the server")

// TestKillLosesNothing kills the server without warning at random instants
// while witnesses send, starts it again, and holds the store to its promise:
// every report that was acknowledged opens, none is there twice, and the
// checker of all invariants is silent. A witness whose connection died sends
// again, with the same codename, until the report is received.
func TestKillLosesNothing(t *testing.T) {
	const witnesses = 8
	dir, tmp := setUp(t), t.TempDir()
	store := openStore(t, dir)
	type sent struct {
		codename, account string
		photo             int64
	}
	unsure := make(chan sent, 10*witnesses) // sent, but the answer never came
	var mu sync.Mutex
	received := map[string]string{} // codename → account, guarded by mu
	started, acknowledged := 0, 0

	for round := range *kills {
		s := startIntake(t, dir, tmp)
		client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: witnesses}}
		ctx, cancel := context.WithCancel(context.Background())
		begun, heard := make(chan struct{}), make(chan struct{})
		var once, onceHeard sync.Once
		var wg sync.WaitGroup
		for range witnesses {
			wg.Go(func() {
				for ctx.Err() == nil {
					var r sent
					select {
					case r = <-unsure:
						once.Do(func() { close(begun) })
					default:
						codename, err := form(client, s.web)
						if err != nil {
							if errors.Is(err, errNotTheForm) {
								t.Error(err)
							}
							once.Do(func() { close(begun) })
							return // killed before anything was sent
						}
						once.Do(func() { close(begun) })
						r = sent{codename, "account " + rand.Text(), mathrand.Int64N(3) * 400_000}
						mu.Lock()
						started++
						mu.Unlock()
					}
					var files []attachment
					if r.photo > 0 {
						files = append(files, attachment{"photo.jpg", io.LimitReader(rand.Reader, r.photo)})
					}
					if err := send(client, s.web, "test", r.codename, [][2]string{{"what.seen", r.account}}, files...); err != nil {
						unsure <- r
						continue
					}
					mu.Lock()
					received[r.codename] = r.account
					acknowledged++
					mu.Unlock()
					onceHeard.Do(func() { close(heard) })
				}
			})
		}
		<-begun
		// The instant is random; nothing is asserted about it. In half of the
		// rounds it lies after the first acknowledgement, so that on a slow
		// machine there is something to lose.
		if round%2 == 1 {
			select {
			case <-heard:
			case <-time.After(20 * time.Second):
			}
		}
		<-time.After(time.Duration(mathrand.Int64N(int64(250 * time.Millisecond))))
		s.kill()
		cancel()
		wg.Wait()
		client.CloseIdleConnections()
		store.check(t, received, nil)
		if t.Failed() {
			t.FailNow()
		}
	}
	// The unsure come back once more.
	s := startIntake(t, dir, tmp)
	for len(unsure) > 0 {
		r := <-unsure
		if err := send(http.DefaultClient, s.web, "test", r.codename, [][2]string{{"what.seen", r.account}}); err != nil {
			t.Fatal(err)
		}
		received[r.codename] = r.account
	}
	s.stop(t)
	all := len(received)
	store.check(t, received, &all)
	t.Logf("%d kills, %d reports begun, %d acknowledged at once, %d kept in the end", *kills, started, acknowledged, all)
	if acknowledged < *kills/5 {
		t.Errorf("only %d reports were acknowledged in %d rounds: the kills came too early to show anything", acknowledged, *kills)
	}
}

// A store is the demonstration's, opened between two lives of the server.
type store struct {
	dir, orgKey string
	roster      []byte
	signer      note.Signer
	worker      age.Identity
	opened      map[string]bool // codenames whose report was opened already
}

func openStore(t *testing.T, dir string) *store {
	t.Helper()
	s := &store{dir: filepath.Join(dir, "intake"), opened: map[string]bool{}}
	read := func(path ...string) []byte {
		b, err := os.ReadFile(filepath.Join(append([]string{dir}, path...)...))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	s.orgKey = strings.TrimSpace(string(read("org.pub")))
	s.roster = read("roster")
	var err error
	if s.signer, err = note.NewSigner(strings.TrimSpace(string(read("intake", "ledger.key")))); err != nil {
		t.Fatal(err)
	}
	ids, err := age.ParseIdentities(strings.NewReader(string(read("alice", "worker.key"))))
	if err != nil {
		t.Fatal(err)
	}
	s.worker = ids[0]
	return s
}

// check opens the store as the server does at its start, which sweeps what
// died, and looks for each report that was received. cases, if given, is how
// many there must be in all.
func (s *store) check(t *testing.T, received map[string]string, cases *int) {
	t.Helper()
	v, err := vault.Open(s.dir, s.orgKey, vault.Options{Signer: s.signer})
	if err != nil {
		t.Fatalf("the store does not open after a kill: %v", err)
	}
	for codename, account := range received {
		if s.opened[codename] {
			continue
		}
		if err := s.open(v, codename, account); err != nil {
			t.Errorf("an acknowledged report: %v", err)
		}
		s.opened[codename] = true
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	r, err := audit.Verify(context.Background(), audit.Options{Store: s.dir, Live: true, Roster: s.roster, OrgKey: s.orgKey})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		t.Errorf("finding: %s", f)
	}
	if r.Counts.Cases != r.Counts.Messages {
		t.Errorf("%d cases with %d reports", r.Counts.Cases, r.Counts.Messages)
	}
	if cases != nil && r.Counts.Cases != int64(*cases) {
		t.Errorf("%d cases in the store, %d were received", r.Counts.Cases, *cases)
	}
}

// open finds a report by its codename and opens it with a case worker's key.
func (s *store) open(v *vault.Vault, codename, account string) error {
	name, err := seal.ParseCodename(codename)
	if err != nil {
		return err
	}
	credential, err := name.Derive(v.Roster().Instance())
	if err != nil {
		return err
	}
	c, err := v.FindTag(credential.Tag)
	if err != nil {
		return err
	}
	messages, err := v.Messages(c.ID)
	if err != nil || len(messages) != 1 {
		return fmt.Errorf("case %s: %d messages, error %v", c.ID, len(messages), err)
	}
	objects, err := v.Objects(messages[0].Index - 1)
	if err != nil {
		return err
	}
	envelope, err := io.ReadAll(io.NewSectionReader(objects[1], 0, objects[1].Size()))
	if err != nil {
		return err
	}
	key, err := seal.OpenEnvelope(envelope, s.worker)
	if err != nil {
		return err
	}
	sealed, err := v.OpenMessage(messages[0].Index)
	if err != nil {
		return err
	}
	defer sealed.Close()
	m, err := seal.ReadMessage(sealed, sealed.Size(), key.Identity(),
		seal.Context{Instance: v.Roster().Instance().String(), Case: c.ID.String(), Kind: ledger.KindReport},
		func(_ seal.File, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
	if err != nil {
		return err
	}
	told, err := report.Parse(m.Body)
	if err != nil {
		return err
	}
	if told.What.Seen != account {
		return fmt.Errorf("case %s tells another account", c.ID)
	}
	return nil
}
