package vault_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"tocsin/testorg"
	"tocsin/vault"
)

func TestSnapshotWhileReportsComeIn(t *testing.T) {
	o := testorg.New(t, 1)
	dir := o.Create(t)
	v := o.Open(t, dir)
	ctx, cancel := context.WithCancel(context.Background())
	first := o.NewReport(t, "before", 1<<20)
	if err := first.Add(ctx, v); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			if err := o.NewReport(t, "meanwhile", 0).Add(context.Background(), v); err != nil {
				t.Error(err)
				return
			}
		}
	})
	var last []byte
	for range 3 {
		snapshot := testorg.Snapshot(t, v)
		o.MustBeWhole(t, snapshot)
		r := o.Audit(t, snapshot, last)
		if !r.Whole {
			t.Errorf("against the snapshot before: %v", r.Findings)
		}
		last = r.Signed
		copied := o.Open(t, snapshot)
		mustOpen(t, o, copied, first)
		if err := v.Snapshot(context.Background(), snapshot); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a snapshot over another: %v, want ErrExist", err)
		}
	}
	cancel()
	wg.Wait()
}

// A stalledWriter takes nothing until it is let go, and then fails.
type stalledWriter struct {
	begun chan struct{} // closed at the first write
	gone  chan struct{}
}

func (w stalledWriter) Write(p []byte) (int, error) {
	close(w.begun)
	<-w.gone
	return 0, errors.New("gone")
}

// TestStalledSnapshotHoldsNothingUp adds so much while a snapshot's reader
// takes nothing that bbolt would have to map the file anew several times, for
// which it would wait for that reader, and all others for it.
func TestStalledSnapshotHoldsNothingUp(t *testing.T) {
	o := testorg.New(t, 1)
	dir := o.Create(t)
	v := o.Open(t, dir)
	r := o.NewReport(t, "account", 100<<10)
	w := stalledWriter{make(chan struct{}), make(chan struct{})}
	snapshot := make(chan error, 1)
	go func() { snapshot <- v.WriteSnapshot(w, func(int64) {}) }()
	<-w.begun
	added := make(chan error, 1)
	go func() {
		for range 200 {
			again := r.Again()
			if err := again.Add(context.Background(), v); err != nil {
				added <- err
				return
			}
			if _, err := v.FindTag(again.Case.Tag); err != nil {
				added <- err
				return
			}
		}
		added <- nil
	}()
	select {
	case err := <-added:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("reports wait for the reader of a snapshot")
	}
	close(w.gone)
	if err := <-snapshot; err == nil {
		t.Error("a snapshot that no one took was written")
	}
	if t.Failed() {
		return
	}
	v.Close()
	if n := o.MustBeWhole(t, dir).Counts.Cases; n != 200 {
		t.Errorf("%d cases, want 200", n)
	}
}

// TestTimesAreDays holds every time that a file system shows of a store and
// of its snapshots, and that can be set, to the beginning of a day.
func TestTimesAreDays(t *testing.T) {
	o := testorg.New(t, 1)
	dir := o.Create(t)
	v := o.Open(t, dir)
	large := o.NewReport(t, "account", 400<<10)
	if err := large.Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 3, 14, 0, 0, 0, 0, time.UTC)
	isDay := func(path string, day time.Time) {
		t.Helper()
		var st syscall.Stat_t
		if err := syscall.Stat(path, &st); err != nil {
			t.Fatal(err)
		}
		for name, ts := range map[string]syscall.Timespec{"modified": st.Mtim, "read": st.Atim} {
			if got := time.Unix(ts.Unix()).UTC(); !got.Equal(day) {
				t.Errorf("%s was %s at %v, want %v", path, name, got, day)
			}
		}
	}
	// Directories are read by whoever looks at them: only the other time.
	dirIsDay := func(path string, day time.Time) {
		t.Helper()
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := st.ModTime().UTC(); !got.Equal(day) {
			t.Errorf("%s was modified at %v, want %v", path, got, day)
		}
	}
	dirIsDay(filepath.Join(dir, vault.BlobsDir), day)
	gone, err := testorg.Upload(v, large.Message)
	if err != nil {
		t.Fatal(err)
	}
	gone.Discard()
	mustOpen(t, o, v, large) // reading must leave no time behind either
	dirIsDay(filepath.Join(dir, vault.BlobsDir), day)
	blobs := blobFiles(t, dir)
	if len(blobs) != 1 {
		t.Fatalf("%d blobs, want 1", len(blobs))
	}
	isDay(blobs[0], day)

	// A blob of a store that older programs wrote.
	exact := time.Date(2026, 3, 10, 15, 9, 26, 535897932, time.UTC)
	if err := os.Chtimes(blobs[0], exact, exact); err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	snapshot := testorg.Snapshot(t, v)
	today := before.UTC().Truncate(24 * time.Hour)
	if after := time.Now().UTC().Truncate(24 * time.Hour); !after.Equal(today) {
		t.Fatal("midnight passed during the test")
	}
	isDay(blobs[0], exact.Truncate(24*time.Hour))
	isDay(filepath.Join(snapshot, vault.DBName), today)
	isDay(blobFiles(t, snapshot)[0], exact.Truncate(24*time.Hour))
	dirIsDay(filepath.Join(snapshot, vault.BlobsDir), today)
	dirIsDay(snapshot, today)
}

// TestSnapshotHoldsNothingBeside puts into each place of a snapshot that no
// record vouches for what an auditor must be told of.
func TestSnapshotHoldsNothingBeside(t *testing.T) {
	o, dir := goodStore(t)
	text := []byte("the witness is in room 12")
	find := func(name, dir, id string) {
		t.Helper()
		if got := faults(t, o, dir); !slices.Equal(got, []string{id}) {
			t.Errorf("%s: found %v, want %s alone", name, got, id)
		}
	}
	write := func(path string) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	beside := copyStore(t, dir)
	write(filepath.Join(beside, "notes.txt"))
	find("a file beside the store", beside, "file-unknown")

	after := copyStore(t, dir)
	testorg.EditDB(t, after, func(b []byte) []byte { return append(b, text...) })
	find("bytes after the last page", after, "file-tail")

	free := copyStore(t, dir)
	testorg.EditDB(t, free, func(b []byte) []byte {
		list := pageOf(b, le.Uint64(b[48:]))
		if list.count() == 0 {
			t.Fatal("the store has no free page")
		}
		copy(b[le.Uint64(list[16:])*pageSize+100:], text)
		return b
	})
	find("text in a free page", free, "page-free")

	old := copyStore(t, dir)
	testorg.EditDB(t, old, func(b []byte) []byte {
		root := b[pageSize+32:] // that of another transaction may be any page but this
		le.PutUint64(root, le.Uint64(root)+1)
		testorg.SumMeta(b[pageSize : 2*pageSize])
		return b
	})
	find("an older state in the second meta page", old, "page-header")
}

// TestSnapshotForgetsWhatWasFreed: a snapshot must not hand on what the store
// let go of.
func TestSnapshotForgetsWhatWasFreed(t *testing.T) {
	o := testorg.New(t, 1)
	dir := o.Create(t)
	v := o.Open(t, dir)
	for range 20 {
		if err := o.NewReport(t, "account", 0).Again().Add(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	// Each commit freed the checkpoint before it.
	checkpoint := bytes.SplitAfter(v.Checkpoint(), []byte("\n"))[0]
	count := func(dir string) int {
		b, err := os.ReadFile(filepath.Join(dir, vault.DBName))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(b, append(checkpoint, '4', '1', '\n')) + bytes.Count(b, append(checkpoint, '3', '9', '\n'))
	}
	snapshot := testorg.Snapshot(t, v)
	v.Close()
	if n := count(dir); n != 2 {
		t.Fatalf("the store holds %d of its last two checkpoints, want both: the test shows nothing", n)
	}
	if n := count(snapshot); n != 1 {
		t.Errorf("the snapshot holds %d of the last two checkpoints, want the last alone", n)
	}
}
