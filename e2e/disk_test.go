package e2e

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What a witness reads in French.
const (
	gotIt  = "Votre signalement a été reçu"
	noRoom = "Il n'y a plus de place"
)

// startWith starts intake serve with that configuration.
func startWith(t *testing.T, dir, config string) *server {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(name, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return startServer(t, dir, t.TempDir(), []string{filepath.Join(bin, "intake"), "serve", "--config", name,
		"--data", filepath.Join(dir, "intake"), "--listen", "127.0.0.1:0", "--desk", "127.0.0.1:0"})
}

// sendFrench sends a report on the French page, with a photo if size is not 0.
func sendFrench(t *testing.T, s *server, account string, size int) (codename string, p page) {
	t.Helper()
	codename, err := form(http.DefaultClient, s.web)
	if err != nil {
		t.Fatal(err)
	}
	return codename, sendWhole(t, s, "fr", codename, account, size)
}

// TestTooLittleFreeDisk sets the floor above what any disk has free: reports
// are refused in the witness's language, with what was typed kept in the form,
// and nothing of them is stored.
func TestTooLittleFreeDisk(t *testing.T) {
	dir := setUp(t)
	store := openStore(t, dir)
	s := startWith(t, dir, `{"free_disk_bytes": 1125899906842624}`) // 1 PiB
	for _, size := range []int{0, 100_000, 2 << 20} {
		_, p := sendFrench(t, s, "mon récit", size)
		if err := p.is(http.StatusInsufficientStorage, "fr", noRoom, "mon récit"); err != nil {
			t.Errorf("a report with a file of %d bytes: %v", size, err)
		}
	}
	if left := blobs(t, s.data); len(left) > 0 {
		t.Errorf("refused reports left %v", left)
	}
	s.stop(t)
	if !strings.Contains(s.logged(), "the disk is full") {
		t.Errorf("the operator is not told: %s", s.logged())
	}
	none := 0
	store.check(t, nil, &none)
}

// A smallDisk is a tmpfs that holds the data directory of a demonstration.
type smallDisk struct{ data, filler string }

// mountSmallDisk moves the data directory onto a tmpfs of that size. It returns
// nil where this process may not mount one.
func mountSmallDisk(t *testing.T, dir, size string) *smallDisk {
	t.Helper()
	data := filepath.Join(dir, "intake")
	aside := data + ".aside"
	if err := os.Rename(data, aside); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	err := unix.Mount("tmpfs", data, "tmpfs", 0, "mode=0700,size="+size)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return nil
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(data, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	// Holes stay holes: what the database has never written takes no space.
	if out, err := exec.Command("cp", "-a", "--sparse=always", aside+"/.", data).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return &smallDisk{data, filepath.Join(data, "filler")}
}

func (d *smallDisk) free(t *testing.T) int64 {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(d.data, &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Bavail) * st.Bsize
}

// take takes so many bytes away, or all there are if n is negative.
func (d *smallDisk) take(t *testing.T, n int64) {
	t.Helper()
	f, err := os.OpenFile(d.filler, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n >= 0 {
		if err := unix.Fallocate(int(f.Fd()), 0, 0, n); err != nil {
			t.Fatal(err)
		}
		return
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
}

func (d *smallDisk) give(t *testing.T) {
	t.Helper()
	if err := os.Remove(d.filler); err != nil {
		t.Fatal(err)
	}
}

// TestDiskRunsFull fills the disk while uploads that were let in come in, once
// so that the blob has no room and once so that only the commit has none.
func TestDiskRunsFull(t *testing.T) {
	const size = 3 << 20
	dir := setUp(t)
	store := openStore(t, dir)
	disk := mountSmallDisk(t, dir, "32m")
	if disk == nil {
		t.Log("no tmpfs may be mounted here: only TestFileSizeRunsOut shows what a write that fails does")
		return
	}
	s := startWith(t, dir, `{"free_disk_bytes": 0}`)
	received := map[string]string{}
	keep := func(account string, size int) {
		t.Helper()
		codename, p := sendFrench(t, s, account, size)
		if err := p.is(http.StatusOK, "fr", gotIt); err != nil {
			t.Error(err)
		}
		received[codename] = account
	}
	refused := func(p page, account string) {
		t.Helper()
		if err := p.is(http.StatusInsufficientStorage, "fr", noRoom, account); err != nil {
			t.Error(err)
		}
	}
	before := disk.free(t)
	keep("before", size)
	first := blobs(t, s.data)
	info, err := os.Stat(filepath.Join(s.data, "blobs", first[0]))
	if err != nil {
		t.Fatal(err)
	}
	sealed := (info.Size() + 4095) / 4096 * 4096 // of every report of that size
	if before-disk.free(t) <= sealed {
		t.Fatalf("a report of %d bytes took %d: the commit took nothing", sealed, before-disk.free(t))
	}

	inBlob := hold(t, s, "fr", "no room for the blob", photo(size))
	disk.take(t, -1)
	refused(inBlob.finish(t), inBlob.account)
	disk.give(t)

	before = disk.free(t)
	inCommit := hold(t, s, "fr", "no room for the commit", photo(size))
	disk.take(t, before-sealed)
	refused(inCommit.finish(t), inCommit.account)
	disk.give(t)

	if left := blobs(t, s.data); len(left) != 1 {
		t.Errorf("blobs %v, want that of the report that was received", left)
	}
	for _, h := range []*held{inBlob, inCommit} {
		if err := h.sendAgain(t, s, "fr", size).is(http.StatusOK, "fr", gotIt); err != nil {
			t.Errorf("with room again: %v", err)
		}
		received[h.codename] = h.account
	}
	keep("after", 0)
	s.stop(t)
	all := len(received)
	store.check(t, received, &all)
}

// TestFileSizeRunsOut makes writes fail where nothing may be mounted: the
// process may make no file larger than it is. That is no full disk, so the
// page is the one for trouble of ours; a commit that fails so leaves the store
// in doubt, and the server stops rather than go on.
func TestFileSizeRunsOut(t *testing.T) {
	const size = 3 << 20
	dir := setUp(t)
	store := openStore(t, dir)
	s := startWith(t, dir, `{"free_disk_bytes": 0}`)
	limit := func(n uint64) {
		t.Helper()
		old := unix.Rlimit{}
		if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &old); err != nil {
			t.Fatal(err)
		}
		old.Cur = min(n, old.Max)
		if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, &old, nil); err != nil {
			t.Fatal(err)
		}
	}
	broken := func(p page) {
		t.Helper()
		if err := p.is(http.StatusInternalServerError, "fr"); err != nil {
			t.Error(err)
		}
	}
	received := map[string]string{}
	inBlob := hold(t, s, "fr", "no room for the blob", photo(size))
	limit(1 << 20)
	broken(inBlob.finish(t))
	if left := blobs(t, s.data); len(left) > 0 {
		t.Errorf("the report that was not received left %v", left)
	}
	limit(unix.RLIM_INFINITY)
	if err := inBlob.sendAgain(t, s, "fr", size).is(http.StatusOK, "fr", gotIt); err != nil {
		t.Errorf("with room again: %v", err)
	}
	received[inBlob.codename] = inBlob.account

	limit(0)
	_, p := sendFrench(t, s, "no room for the commit", 0)
	broken(p)
	select {
	case err := <-s.done:
		close(s.done)
		if exitCode(err) != 1 {
			t.Errorf("the server that can't write ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the server goes on over a store in doubt")
	}
	if !strings.Contains(s.logged(), "nothing that was accepted is lost") {
		t.Errorf("the operator is not told: %s", s.logged())
	}
	all := len(received)
	store.check(t, received, &all)

	s = startWith(t, dir, `{"free_disk_bytes": 0}`)
	codename, p := sendFrench(t, s, "after", size)
	if err := p.is(http.StatusOK, "fr", gotIt); err != nil {
		t.Error(err)
	}
	received[codename] = "after"
	s.stop(t)
	all = len(received)
	store.check(t, received, &all)
}
