package vault_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"tocsin/testorg"
	"tocsin/vault"
)

func TestConcurrentReportsShareCommits(t *testing.T) {
	o := testorg.New(t, 1)
	dir := o.Create(t)
	v := o.Open(t, dir)
	const n = 64
	release, err := v.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before, err := v.Transaction()
	if err != nil {
		t.Fatal(err)
	}
	r := o.NewReport(t, "account", 0)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			again := r.Again()
			if err := again.Add(context.Background(), v); err != nil {
				t.Error(err)
			}
			// Acknowledged means visible.
			if _, err := v.FindTag(again.Case.Tag); err != nil {
				t.Errorf("after the acknowledgement: %v", err)
			}
		})
	}
	for v.Waiting() < n {
		runtime.Gosched()
	}
	release()
	wg.Wait()
	after, err := v.Transaction()
	if err != nil {
		t.Fatal(err)
	}
	if after-before != 1 {
		t.Errorf("%d reports that waited together took %d transactions, want 1", n, after-before)
	}
	v.Close()
	if got := o.MustBeWhole(t, dir).Counts; got.Cases != n || got.Leaves != 1+2*n {
		t.Errorf("%+v, want %d cases and %d leaves", got, n, 1+2*n)
	}
}

// TestSnapshotWaitsForTheCommitUnderWay: until the committer is done, what a
// transaction shows may not be on disk.
func TestSnapshotWaitsForTheCommitUnderWay(t *testing.T) {
	o := testorg.New(t, 1)
	v := o.Open(t, o.Create(t))
	release, err := v.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var released, early, wrote atomic.Bool
	snapshot := make(chan error, 1)
	go func() {
		snapshot <- v.WriteSnapshot(io.Discard, func(int64) {
			early.Store(!released.Load())
			wrote.Store(true)
		})
	}()
	for v.Waiting() == 0 && !wrote.Load() {
		runtime.Gosched()
	}
	released.Store(true)
	release()
	if err := <-snapshot; err != nil {
		t.Fatal(err)
	}
	if early.Load() {
		t.Error("a snapshot was begun while a commit was under way")
	}
}

// TestNothingIsSaidAfterAFailedCommit: what readers see may not be on disk.
func TestNothingIsSaidAfterAFailedCommit(t *testing.T) {
	o := testorg.New(t, 1)
	dir := o.Create(t)
	v := o.Open(t, dir)
	if err := v.Durable(t.Context()); err != nil {
		t.Errorf("before: %v", err)
	}
	r := o.NewReport(t, "account", 0)
	if err := v.Fail(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := v.Durable(t.Context()); !errors.Is(err, vault.ErrFailed) {
		t.Errorf("Durable: %v, want ErrFailed", err)
	}
	if err := v.WriteSnapshot(io.Discard, func(int64) { t.Error("a snapshot was begun") }); !errors.Is(err, vault.ErrFailed) {
		t.Errorf("WriteSnapshot: %v, want ErrFailed", err)
	}
	if err := r.Add(t.Context(), v); !errors.Is(err, vault.ErrFailed) {
		t.Errorf("AddCase: %v, want ErrFailed", err)
	}
	v.Close()
	v = o.Open(t, dir)
	if err := r.Add(t.Context(), v); err != nil {
		t.Errorf("after reopening: %v", err)
	}
}

func TestWhenACommitGaveUp(t *testing.T) {
	for _, c := range []struct {
		err  error
		now  int
		want bool
	}{
		{&os.PathError{Err: syscall.ENOSPC}, 7, true},
		{syscall.EDQUOT, 7, true},
		{syscall.ENOSPC, 8, false}, // the meta page's sync failed
		{syscall.ENOSPC, -1, false},
		{syscall.EIO, 7, false},
	} {
		if got := vault.GaveUp(c.err, 7, c.now); got != c.want {
			t.Errorf("%v, transaction 7 before and %d now: %v, want %v", c.err, c.now, got, c.want)
		}
	}
}

// TestFailedCommit runs into the kernel's limit on the size of a file while
// reports come in: what was acknowledged is there afterwards, nothing of what
// was refused is, and the store is whole.
func TestFailedCommit(t *testing.T) {
	o := testorg.New(t, 1)
	dir := o.Create(t)
	v := o.Open(t, dir)
	r := o.NewReport(t, "account", 100<<10)
	var kept, refused []*testorg.Report
	limitFileSize(t, 18<<20, func() {
		for len(refused) == 0 {
			reports := []*testorg.Report{r.Again(), r.Again(), r.Again()}
			errs := make([]error, len(reports))
			var wg sync.WaitGroup
			for i, r := range reports {
				wg.Go(func() { errs[i] = r.Add(context.Background(), v) })
			}
			wg.Wait()
			for i, r := range reports {
				if errs[i] == nil {
					kept = append(kept, r)
				} else {
					refused = append(refused, r)
				}
			}
		}
	})
	if len(kept) == 0 {
		t.Fatal("no report was taken before the limit: the test shows nothing")
	}
	if err := v.Durable(t.Context()); !errors.Is(err, vault.ErrFailed) {
		t.Errorf("after a commit failed: %v, want ErrFailed", err)
	}
	for _, when := range []string{"before reopening", "after reopening"} {
		if when == "after reopening" {
			v.Close()
			v = o.Open(t, dir)
		}
		for _, r := range kept {
			if _, err := v.FindTag(r.Case.Tag); err != nil {
				t.Errorf("%s: an acknowledged report: %v", when, err)
			}
		}
		for _, r := range refused {
			if _, err := v.FindTag(r.Case.Tag); !errors.Is(err, vault.ErrNotFound) {
				t.Errorf("%s: a report that was refused: %v, want ErrNotFound", when, err)
			}
		}
	}
	if err := refused[0].Add(t.Context(), v); err != nil {
		t.Errorf("with room again: %v", err)
	}
	v.Close()
	if n := o.MustBeWhole(t, dir).Counts.Cases; n != int64(len(kept)+1) {
		t.Errorf("%d cases, want %d", n, len(kept)+1)
	}
}

// limitFileSize runs fn while no file of this process can grow beyond size.
func limitFileSize(t *testing.T, size uint64, fn func()) {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	limit := old
	limit.Cur = size
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old)
	fn()
}
