package desk_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tocsin/audit"
	"tocsin/desk"
	"tocsin/ledger"
	"tocsin/testorg"
	"tocsin/vault"
)

// audited is an organisation with two auditors, whose store has cases with and
// without blobs, of which one was purged, and its desk.
type audited struct {
	*testorg.Org
	vault       *vault.Vault
	addr        string
	log         lines
	carol, dave ed25519.PrivateKey // the auditors' keys
	purged      *testorg.Report
}

func newAudited(t *testing.T) *audited {
	t.Helper()
	a := &audited{Org: testorg.New(t, 2)}
	a.carol, a.dave = a.NewAuditor(t, "carol"), a.NewAuditor(t, "dave")
	a.Sign(t)
	a.vault = a.Open(t, a.Create(t))
	var at int64
	for _, size := range []int{0, 300 << 10, 400 << 10, 0} {
		a.purged = a.NewReport(t, "account", size)
		if err := a.purged.Add(t.Context(), a.vault); err != nil {
			t.Fatal(err)
		}
		at += 2
	}
	for _, l := range []*ledger.Leaf{
		a.ProposePurge(a.Workers[0], a.purged.ID, ledger.RuleRequest, at),
		a.Purge(a.Workers[1], a.purged.ID, ledger.RuleRequest, at),
	} {
		if _, err := a.vault.AddEvent(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	a.addr = a.Serve(t, a.vault, &a.log)
	return a
}

// narrow returns a client that holds little of what it has not read: what the
// desk's side of loopback takes is beyond 4 MiB then.
func (a *audited) narrow(t *testing.T, key ed25519.PrivateKey) *desk.Client {
	t.Helper()
	c := must(desk.NewClient(func(ctx context.Context) (net.Conn, error) {
		conn, err := desk.Direct(a.addr)(ctx)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		}
		return conn, err
	}, key, a.Roster.Intake.Desk))
	t.Cleanup(c.Close)
	return c
}

// fetch opens the store over the desk.
func fetch(t *testing.T, c *desk.Client) (*desk.Store, error) {
	t.Helper()
	s, err := c.Store(t.Context(), t.TempDir(), func(int64, int64) {})
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

func (a *audited) verify(ctx context.Context, src vault.Source) (*audit.Result, error) {
	return audit.Verify(ctx, audit.Options{Source: src, Roster: a.Signed, OrgKey: a.Key})
}

// What is found over the desk is what is found in a snapshot, and nothing is
// left behind.
func TestAStoreIsCheckedOverTheDesk(t *testing.T) {
	a := newAudited(t)
	spool := t.TempDir()
	s, err := a.Dial(t, a.addr, a.carol).Store(t.Context(), spool, func(int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if left := must(os.ReadDir(spool)); len(left) > 0 {
		t.Errorf("vault.db lies in a file with a name: %v", left)
	}
	r, err := a.verify(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	want := a.MustBeWhole(t, testorg.Snapshot(t, a.vault))
	if got, want := must(json.Marshal(r)), must(json.Marshal(want)); !bytes.Equal(got, want) {
		t.Errorf("over the desk\n%s\nin a snapshot\n%s", got, want)
	}
	if !r.Whole || !bytes.Equal(r.Signed, want.Signed) {
		t.Error("the checkpoints differ")
	}
	if !strings.Contains(a.log.String(), "desk sent the store to an auditor\" auditor=carol") {
		t.Errorf("the log does not say who got the store:\n%s", &a.log)
	}
	// A journal adds the hour, and the days in the ledger are to be the only times.
	for _, size := range []string{"leaves=", "blobs=", "bytes="} {
		if strings.Contains(a.log.String(), size) {
			t.Errorf("the log says how far the ledger had grown, %s:\n%s", size, &a.log)
		}
	}
}

// The store's file still holds the envelope that was destroyed.
func TestWhatWasDestroyedDoesNotLeave(t *testing.T) {
	a := newAudited(t)
	middle := a.purged.Envelope.Sealed[len(a.purged.Envelope.Sealed)/2:][:64]
	if live := must(os.ReadFile(filepath.Join(a.vault.Dir(), vault.DBName))); !bytes.Contains(live, middle) {
		t.Fatal("the store's file does not hold the envelope any more: the test shows nothing")
	}
	s, err := fetch(t, a.Dial(t, a.addr, a.carol))
	if err != nil {
		t.Fatal(err)
	}
	db, size := s.DB()
	if got := must(io.ReadAll(io.NewSectionReader(db, 0, size))); bytes.Contains(got, middle) {
		t.Error("the envelope was sent")
	}
}

// status is that of the desk's refusal, or 0.
func status(err error) int {
	var refusal *desk.Error
	if errors.As(err, &refusal) && refusal.Reason != "" {
		return refusal.Status
	}
	return 0
}

// Each key has what its role has.
func TestAKeyHasWhatItsRoleHas(t *testing.T) {
	a := newAudited(t)
	auditor, worker := a.Dial(t, a.addr, a.carol), a.Dial(t, a.addr, a.Workers[0].Desk)
	if _, err := auditor.Head(t.Context()); err != nil {
		t.Errorf("an auditor asks for the head: %v", err)
	}
	before := a.vault.Checkpoint()
	l := a.HandOver(a.Workers[0], a.purged.ID, "police")
	l.Day = l.Done
	leaf := must(l.Marshal())
	none := func(*desk.Frame) error { t.Error("a frame came"); return nil }
	for what, ask := range map[string]func() error{
		"objects": func() error { return auditor.Objects(t.Context(), []int64{0, 1, 2}, none) },
		"leaves": func() error {
			return auditor.Leaves(t.Context(), 0, 1, func(int64, []byte) error { t.Error("a leaf came"); return nil })
		},
		"a push":          func() error { _, err := auditor.Push(t.Context(), leaf, 0, nil); return err },
		"an envelope":     func() error { _, err := auditor.PushEnvelope(t.Context(), leaf, 1, strings.NewReader("x")); return err },
		"a worker's wish": func() error { _, err := fetch(t, worker); return err },
	} {
		if err := ask(); status(err) != http.StatusForbidden {
			t.Errorf("%s: %v, want status 403", what, err)
		}
	}
	if !bytes.Equal(before, a.vault.Checkpoint()) {
		t.Error("the ledger grew")
	}
	_, stranger, _ := ed25519.GenerateKey(nil)
	if _, err := fetch(t, a.Dial(t, a.addr, stranger)); !errors.Is(err, desk.ErrHungUp) {
		t.Errorf("a stranger: %v", err)
	}
}

// remove takes the first auditor out of the roster.
func (a *audited) remove(t *testing.T) {
	t.Helper()
	a.Roster.Number++
	a.Roster.Auditors = slices.Delete(a.Roster.Auditors, 0, 1)
	a.Sign(t)
	if err := a.vault.UpdateRoster(t.Context(), a.Signed); err != nil {
		t.Fatal(err)
	}
}

// Who is taken out of the roster gets nothing more: no answer on a connection
// that is open, and not the rest of one that has begun.
func TestARemovedAuditorGetsNothingMore(t *testing.T) {
	a := newAudited(t)
	large := a.NewReport(t, "account", 8<<20) // more than all buffers on the way hold
	if err := large.Add(t.Context(), a.vault); err != nil {
		t.Fatal(err)
	}
	c := a.narrow(t, a.carol)
	s, err := fetch(t, c)
	if err != nil {
		t.Fatal(err)
	}
	history := must(a.vault.History(large.ID))
	blob, err := s.Blob(t.Context(), history[1].Index, "")
	if err != nil {
		t.Fatal(err)
	}
	a.remove(t)
	if n, err := io.Copy(io.Discard, blob); !errors.Is(err, vault.ErrSource) || n == blob.Size {
		t.Errorf("%d of %d bytes came, %v", n, blob.Size, err)
	}
	if _, err := c.Head(t.Context()); !errors.Is(err, desk.ErrHungUp) {
		t.Errorf("the head: %v", err)
	}
	if _, err := fetch(t, c); !errors.Is(err, desk.ErrHungUp) {
		t.Errorf("the store: %v", err)
	}
	if s, err := fetch(t, a.Dial(t, a.addr, a.dave)); err != nil || s == nil {
		t.Errorf("the other auditor: %v", err)
	}
}

// As long as the store is sent to an auditor it keeps the pages that it would
// use again: each has it once at a time.
func TestTheStoreIsSentToAnAuditorOnceAtATime(t *testing.T) {
	a := newAudited(t)
	r := a.NewReport(t, "account", 200<<10)
	for range 40 { // more than all buffers on the way hold
		if err := r.Again().Add(t.Context(), a.vault); err != nil {
			t.Fatal(err)
		}
	}
	asked := false
	s, err := a.narrow(t, a.carol).Store(t.Context(), t.TempDir(), func(int64, int64) {
		if asked {
			return
		}
		asked = true
		if _, err := fetch(t, a.Dial(t, a.addr, a.carol)); status(err) != http.StatusTooManyRequests {
			t.Errorf("the same auditor meanwhile: %v, want status 429", err)
		}
		if _, err := fetch(t, a.Dial(t, a.addr, a.dave)); err != nil {
			t.Errorf("another auditor meanwhile: %v", err)
		}
	})
	if err != nil || !asked {
		t.Fatal(err)
	}
	defer s.Close()
	if r, err := a.verify(t.Context(), s); err != nil || !r.Whole {
		t.Errorf("the first: %+v, %v", r, err)
	}
	if _, err := fetch(t, a.Dial(t, a.addr, a.carol)); err != nil {
		t.Errorf("the same auditor afterwards: %v", err)
	}
}

// A blob that is not read is passed over, or the rest asked for anew, and one
// that is gone is said to be.
func TestBlobsComeAsTheyAreAskedFor(t *testing.T) {
	a := newAudited(t)
	for range 2 {
		if err := a.NewReport(t, "account", 4<<20).Add(t.Context(), a.vault); err != nil {
			t.Fatal(err)
		}
	}
	s, err := fetch(t, a.Dial(t, a.addr, a.carol))
	if err != nil {
		t.Fatal(err)
	}
	for _, unread := range []int64{4, 12} { // a small and a large one
		blob, err := s.Blob(t.Context(), unread, "")
		if err != nil {
			t.Fatal(err)
		}
		blob.Close()
	}
	blob, err := s.Blob(t.Context(), 14, "")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(blob)
	m := must(a.vault.OpenMessage(14))
	defer m.Close()
	if want := must(io.ReadAll(io.NewSectionReader(m, 0, m.Size()))); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v, want %d", len(got), err, len(want))
	}
	blob.Close()

	blobs := must(filepath.Glob(filepath.Join(a.vault.Dir(), vault.BlobsDir, "*")))
	for _, b := range blobs[1:] {
		if err := os.Remove(b); err != nil {
			t.Fatal(err)
		}
	}
	if s, err = fetch(t, a.Dial(t, a.addr, a.carol)); err != nil {
		t.Fatal(err)
	}
	r, err := a.verify(t.Context(), s)
	if err != nil || len(r.Findings) != 3 || r.Findings[0].ID != "blob-missing" {
		t.Errorf("three blobs are gone: %+v, %v", r, err)
	}
}
