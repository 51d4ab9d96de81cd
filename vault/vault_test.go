package vault_test

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/testorg"
	"tocsin/vault"
)

func TestCreateAndOpen(t *testing.T) {
	o := testorg.New(t, 2)
	empty := t.TempDir()
	if _, err := vault.Open(empty, o.Key, o.Options()); !errors.Is(err, vault.ErrNotExist) {
		t.Errorf("opening a directory without a store: %v, want ErrNotExist", err)
	}
	if entries, _ := os.ReadDir(empty); len(entries) != 0 {
		t.Errorf("opening what is not there made %v", entries)
	}
	dir := o.Create(t)
	if err := vault.Create(dir, o.Signed, o.Key, o.Options()); !errors.Is(err, vault.ErrExist) {
		t.Errorf("creating a store over another: %v, want ErrExist", err)
	}
	v := o.Open(t, dir)
	if _, err := vault.Open(dir, o.Key, o.Options()); !errors.Is(err, vault.ErrLocked) {
		t.Errorf("opening a store twice: %v, want ErrLocked", err)
	}
	v.Close()
	o.MustBeWhole(t, dir)

	other := testorg.New(t, 1)
	if _, err := vault.Open(dir, other.Key, o.Options()); !errors.Is(err, roster.ErrSignature) {
		t.Errorf("opening with another organisation's key: %v, want ErrSignature", err)
	}
	if _, err := vault.Open(dir, o.Key, other.Options()); !errors.Is(err, vault.ErrRefused) {
		t.Errorf("opening with another ledger key: %v, want ErrRefused", err)
	}
	for _, name := range []string{vault.DBName, vault.BlobsDir} {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil || st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v, error %v: others must have no access", name, st.Mode(), err)
		}
	}
}

func TestReportIsThereAfterReopening(t *testing.T) {
	o := testorg.New(t, 3)
	dir := o.Create(t)
	v := o.Open(t, dir)
	small := o.NewReport(t, "a child alone with a man at the pool", 0)
	large := o.NewReport(t, "a photograph of the number plate", 3<<20)
	for _, r := range []*testorg.Report{small, large} {
		if err := r.Add(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	v.Close()
	o.MustBeWhole(t, dir)
	v = o.Open(t, dir)
	for _, r := range []*testorg.Report{small, large} {
		got := mustOpen(t, o, v, r)
		if !strings.Contains(string(got.Body), `"seen"`) {
			t.Errorf("the body is not the report: %s", got.Body)
		}
	}
	if blobs := blobFiles(t, dir); len(blobs) != 1 {
		t.Errorf("%d blobs, want 1: the large report alone", len(blobs))
	}
}

// mustOpen opens a report from the vault as its case worker would: the tag
// leads to the case, the envelope to the case key, that to the message.
func mustOpen(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) *seal.Message {
	t.Helper()
	c, err := v.FindTag(r.Case.Tag)
	if err != nil {
		t.Fatal(err)
	}
	if *c != r.Case {
		t.Fatalf("record %+v, want %+v", c, r.Case)
	}
	messages, err := v.Messages(c.ID)
	if err != nil || len(messages) == 0 {
		t.Fatalf("messages %v, error %v", messages, err)
	}
	objects, err := v.Objects(messages[0].Index - 1)
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := io.ReadAll(io.NewSectionReader(objects[1], 0, objects[1].Size()))
	if err != nil {
		t.Fatal(err)
	}
	last := o.Workers[len(o.Workers)-1]
	key, err := seal.OpenEnvelope(envelope, last.Identity)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := v.OpenMessage(messages[0].Index)
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	m, err := seal.ReadMessage(sealed, sealed.Size(), key.Identity(), o.Context(r.ID, seal.KindReport), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSameCodenameIsOneCase(t *testing.T) {
	o := testorg.New(t, 1)
	dir := o.Create(t)
	v := o.Open(t, dir)
	r := o.NewReport(t, "once", 300<<10)
	const senders = 8
	results := make(chan error, senders)
	for i := range senders {
		again := *r
		if i > 0 {
			again.ID = ledger.NewCaseID() // the server makes a fresh case each time
			again.Case.ID = again.ID
		}
		go func() { results <- again.Add(context.Background(), v) }()
	}
	kept := 0
	for range senders {
		switch err := <-results; {
		case err == nil:
			kept++
		case !errors.Is(err, vault.ErrTagExists):
			t.Errorf("sending again: %v, want ErrTagExists", err)
		}
	}
	if kept != 1 {
		t.Errorf("%d of %d were kept as new, want 1", kept, senders)
	}
	if blobs := blobFiles(t, dir); len(blobs) != 1 {
		t.Errorf("%d blobs remain, want 1", len(blobs))
	}
	v.Close()
	if n := o.MustBeWhole(t, dir).Counts.Cases; n != 1 {
		t.Errorf("%d cases, want 1", n)
	}
}

func TestDeadUploadIsInvisibleAndSwept(t *testing.T) {
	o := testorg.New(t, 1)
	dir := o.Create(t)
	v := o.Open(t, dir)
	r := o.NewReport(t, "cut off", 1<<20)
	u, err := testorg.Upload(v, r.Message)
	if err != nil {
		t.Fatal(err)
	}
	discarded, err := testorg.Upload(v, r.Message)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(blobFiles(t, dir)); n != 2 {
		t.Fatalf("%d blobs while two uploads are under way, want 2", n)
	}
	discarded.Discard()
	discarded.Discard()
	if n := len(blobFiles(t, dir)); n != 1 {
		t.Errorf("%d blobs after one was discarded, want 1", n)
	}
	if _, err := v.FindTag(r.Case.Tag); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("an upload without a case is visible: %v", err)
	}
	o.MustBeWhole(t, testorg.Snapshot(t, v))
	v.Close() // and u is never discarded, as in a crash
	_ = u
	v = o.Open(t, dir)
	if n := len(blobFiles(t, dir)); n != 0 {
		t.Errorf("%d blobs after reopening, want 0: the dead upload is swept", n)
	}
	v.Close()
	o.MustBeWhole(t, dir)
}

func TestSpaceIsReservedBeforeAnUploadIsLetIn(t *testing.T) {
	o := testorg.New(t, 1)
	dir := o.Create(t)
	v := o.Open(t, dir)
	if _, err := v.NewUpload(math.MaxInt64 / 2); !errors.Is(err, vault.ErrNoSpace) {
		t.Errorf("more than any disk: %v, want ErrNoSpace", err)
	}
	u, err := v.NewUpload(1000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write(make([]byte, 1001)); !errors.Is(err, vault.ErrTooLarge) {
		t.Errorf("beyond what was reserved: %v, want ErrTooLarge", err)
	}
	u.Discard()
	v.Close()

	// Two uploads that each fit, but not together.
	full := o.Options()
	full.FreeFloor = freeBytes(t, dir) - 64<<20
	v, err = vault.Open(dir, o.Key, full)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	first, err := v.NewUpload(48 << 20)
	if err != nil {
		t.Fatalf("48 of 64 MiB: %v", err)
	}
	if _, err := v.NewUpload(48 << 20); !errors.Is(err, vault.ErrNoSpace) {
		t.Errorf("the second upload: %v, want ErrNoSpace", err)
	}
	first.Discard()
	if u, err := v.NewUpload(48 << 20); err != nil {
		t.Errorf("after the first gave its space back: %v", err)
	} else {
		u.Discard()
	}
}

func TestSignedLeaves(t *testing.T) {
	o := testorg.New(t, 2)
	dir := o.Create(t)
	v := o.Open(t, dir)
	r := o.NewReport(t, "account", 0)
	if err := r.Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	handed := o.HandOver(o.Workers[0], r.ID, "police")
	first, err := v.AddEvent(t.Context(), handed)
	if err != nil {
		t.Fatal(err)
	}
	o.Day = o.Day.AddDate(0, 0, 1) // pushed again on another day
	again, err := v.AddEvent(t.Context(), handed)
	if err != nil || again != first {
		t.Errorf("the same event again: leaf %d, error %v; want leaf %d", again, err, first)
	}
	leaf, body := o.Reply(t, o.Workers[1], r, "thank you; is the car still there?")
	addMessage := func(l *ledger.Leaf, body []byte) (int64, error) {
		u, err := testorg.Upload(v, body)
		if err != nil {
			t.Fatal(err)
		}
		return v.AddMessage(t.Context(), l, u)
	}
	first, err = addMessage(leaf, body)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := addMessage(leaf, body); err != nil || again != first {
		t.Errorf("the same reply again: leaf %d, error %v; want leaf %d", again, err, first)
	}
	note, noteBody := o.Note(t, o.Workers[0], r, "{}")
	noted, err := addMessage(note, noteBody)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := addMessage(note, noteBody); err != nil || again != noted {
		t.Errorf("the same note again: leaf %d, error %v; want leaf %d", again, err, noted)
	}
	messages, err := v.Messages(r.ID)
	if err != nil || len(messages) != 3 || messages[1].Index != first || messages[2].Index != noted {
		t.Errorf("messages %v, error %v; want the report, the reply and the note", messages, err)
	}
	for _, kind := range []string{ledger.KindReport, ledger.KindAddition} {
		witness := *note
		witness.Kind = kind
		witness.Sign(o.Instance(), o.Workers[0].Name, o.Workers[0].Desk)
		if _, err := addMessage(&witness, noteBody); !errors.Is(err, vault.ErrRefused) {
			t.Errorf("a worker's %s: %v, want ErrRefused", kind, err)
		}
	}

	stranger := testorg.New(t, 1)
	outsider := stranger.Workers[0]
	outsider.Name = "worker-1"
	unknownCase := o.HandOver(o.Workers[0], ledger.NewCaseID(), "police")
	nowhere := o.HandOver(o.Workers[0], r.ID, "elsewhere")
	forged := *handed
	forged.Destination = "foreign-affairs"
	for _, c := range []struct {
		name string
		leaf *ledger.Leaf
		want error
	}{
		{"another key under a worker's name", o.HandOver(outsider, r.ID, "police"), ledger.ErrSignature},
		{"a statement for another instance", stranger.HandOver(o.Workers[0], r.ID, "police"), ledger.ErrSignature},
		{"an altered statement", &forged, ledger.ErrSignature},
		{"an unknown case", unknownCase, vault.ErrNotFound},
		{"an unknown destination", nowhere, vault.ErrRefused},
		{"a purge that nobody proposed", o.Purge(o.Workers[0], r.ID, ledger.RuleRequest, last(t, v, r.ID)), vault.ErrRefused},
		{"a rekey without its envelope", &ledger.Leaf{Event: ledger.EventRekey, Case: r.ID}, vault.ErrRefused},
	} {
		if _, err := v.AddEvent(t.Context(), c.leaf); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	other, otherBody := o.Reply(t, o.Workers[0], r, "another")
	_ = otherBody
	if _, err := addMessage(other, body); !errors.Is(err, vault.ErrRefused) {
		t.Errorf("a body that was not signed: %v, want ErrRefused", err)
	}
	v.Close()
	if n := o.MustBeWhole(t, dir).Counts.Leaves; n != 6 {
		t.Errorf("%d leaves, want 6: what was refused left none", n)
	}
}

func TestRosterUpdate(t *testing.T) {
	o := testorg.New(t, 2)
	dir := o.Create(t)
	v := o.Open(t, dir)
	before := o.NewReport(t, "sealed to two", 0)
	if err := before.Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	old := o.Signed
	o.Roster.Number = 2
	o.Roster.Workers = append(o.Roster.Workers[1:], o.NewWorker(t, "worker-3"), o.NewWorker(t, "worker-4"))
	o.Sign(t)
	for range 2 { // the second time changes nothing
		if err := v.UpdateRoster(t.Context(), o.Signed); err != nil {
			t.Fatal(err)
		}
	}
	late := o.NewReport(t, "sealed while the roster changed", 300<<10)
	u, err := testorg.Upload(v, late.Message)
	if err != nil {
		t.Fatal(err)
	}
	stale := vault.Envelope{Roster: 1, Sealed: before.Envelope.Sealed}
	if err := v.AddCase(t.Context(), late.Case, stale, u); !errors.Is(err, vault.ErrRosterChanged) {
		t.Errorf("an envelope of the old roster: %v, want ErrRosterChanged", err)
	}
	if err := v.AddCase(t.Context(), late.Case, late.Envelope, u); err != nil {
		t.Errorf("the same upload with a new envelope: %v", err)
	}
	if err := v.UpdateRoster(t.Context(), old); !errors.Is(err, roster.ErrRollback) {
		t.Errorf("the old roster again: %v, want ErrRollback", err)
	}
	if err := v.UpdateRoster(t.Context(), testorg.New(t, 1).Signed); !errors.Is(err, roster.ErrSignature) {
		t.Errorf("another organisation's roster: %v, want ErrSignature", err)
	}
	after := o.NewReport(t, "sealed to three", 0)
	if err := after.Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if _, err := v.AddEvent(t.Context(), o.HandOver(o.Workers[0], after.ID, "police")); !errors.Is(err, ledger.ErrSignature) {
		t.Errorf("an event by a worker who was removed: %v, want ErrSignature", err)
	}
	if _, err := v.AddEvent(t.Context(), o.HandOver(o.Workers[3], after.ID, "police")); err != nil {
		t.Errorf("an event by a new worker: %v", err)
	}
	v.Close()
	o.MustBeWhole(t, dir)
	if got := o.Open(t, dir).Roster().Number; got != 2 {
		t.Errorf("roster %d is in force after reopening, want 2", got)
	}
}

func TestClosedVaultRefuses(t *testing.T) {
	o := testorg.New(t, 1)
	v := o.Open(t, o.Create(t))
	r := o.NewReport(t, "late", 0)
	u, err := testorg.Upload(v, r.Message)
	if err != nil {
		t.Fatal(err)
	}
	v.Close()
	if err := v.AddCase(t.Context(), r.Case, r.Envelope, u); !errors.Is(err, vault.ErrClosed) {
		t.Errorf("adding to a closed vault: %v, want ErrClosed", err)
	}
}

func blobFiles(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, vault.BlobsDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}
