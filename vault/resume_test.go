package vault_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tocsin/vault"
)

// A metered source counts what is read of the blobs of a directory.
type metered struct {
	*vault.Dir
	bytes, closed atomic.Int64
	onClose       func(closed int64)
}

func openMetered(t testing.TB, dir string) *metered {
	t.Helper()
	d, err := vault.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	d.SetClock(time.Now().Add(time.Hour)) // all that is there changed long ago
	t.Cleanup(func() { d.Close() })
	return &metered{Dir: d, onClose: func(int64) {}}
}

func (m *metered) Blob(ctx context.Context, index int64, name string) (*vault.Blob, error) {
	b, err := m.Dir.Blob(ctx, index, name)
	if err == nil {
		b.ReadCloser = meteredBlob{b.ReadCloser, m}
	}
	return b, err
}

type meteredBlob struct {
	io.ReadCloser
	m *metered
}

func (b meteredBlob) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.m.bytes.Add(int64(n))
	return n, err
}

func (b meteredBlob) Close() error {
	b.m.onClose(b.m.closed.Add(1))
	return b.ReadCloser.Close()
}

// checkResumed checks a store with that file to resume from, and leaves it.
func checkResumed(t testing.TB, src vault.Source, file string) (*vault.Counts, []string, error) {
	t.Helper()
	resume, err := vault.OpenResume(file)
	if err != nil {
		t.Fatal(err)
	}
	defer resume.Close()
	var found []string
	visit := silent(t)
	visit.Resume = resume
	visit.Found = func(f vault.Finding) { found = append(found, f.String()) }
	counts, err := vault.Check(t.Context(), src, visit)
	return counts, found, err
}

// changed returns the ctime of a file.
func changed(t testing.TB, path string) syscall.Timespec {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ctim
}

const (
	resumeBlobs = 12
	resumeAfter = 5 // blobs that are closed before the process is killed
)

// TestKilledCheckResumes kills a process with SIGKILL in the middle of a check.
// The next one reads the less, and finds the same as one that began anew.
func TestKilledCheckResumes(t *testing.T) {
	if dir := os.Getenv("TOCSIN_TEST_CHECK"); dir != "" {
		src := openMetered(t, dir)
		src.onClose = func(closed int64) {
			if closed == resumeAfter {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		}
		checkResumed(t, src, os.Getenv("TOCSIN_TEST_RESUME"))
		t.Fatal("the check was not killed")
	}
	_, dir := storeOf(t, resumeBlobs, 300<<10)
	blobs := blobFiles(t, dir)
	flip(t, blobs[3], 200<<10)
	if err := os.Remove(blobs[7]); err != nil {
		t.Fatal(err)
	}
	anew := openMetered(t, dir)
	_, want, err := checkResumed(t, anew, filepath.Join(t.TempDir(), "other"))
	if err != nil || len(want) != 2 {
		t.Fatalf("found %q, error %v", want, err)
	}

	file := filepath.Join(t.TempDir(), "resume")
	child := exec.Command(os.Args[0], "-test.run", "^TestKilledCheckResumes$")
	child.Env = append(os.Environ(), "TOCSIN_TEST_CHECK="+dir, "TOCSIN_TEST_RESUME="+file)
	out, err := child.CombinedOutput()
	if killed := (*exec.ExitError)(nil); !errors.As(err, &killed) || killed.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the process ended with %v\n%s", err, out)
	}

	src := openMetered(t, dir)
	counts, found, err := checkResumed(t, src, file)
	if err != nil || !slices.Equal(found, want) {
		t.Errorf("found %q, error %v; want %q", found, err, want)
	}
	if counts.Resumed < resumeAfter-1 { // of those closed, one may be the damaged blob
		t.Errorf("%d blobs were known, want %d at least", counts.Resumed, resumeAfter-1)
	}
	if got, all := src.bytes.Load(), anew.bytes.Load(); got > all-counts.Resumed*(230<<10) {
		t.Errorf("%d bytes were read, of %d, with %d blobs known", got, all, counts.Resumed)
	}
}

// TestResumeReadsWhatChanged changes a blob in each way that leaves its size
// and its time as they were.
func TestResumeReadsWhatChanged(t *testing.T) {
	_, dir := storeOf(t, 3, 300<<10)
	file := filepath.Join(t.TempDir(), "resume")
	known := func(want int64) (found []string) {
		t.Helper()
		counts, found, err := checkResumed(t, openMetered(t, dir), file)
		if err != nil || counts.Resumed != want {
			t.Errorf("%+v, error %v; want %d resumed", counts, err, want)
		}
		return found
	}
	damaged := func(found []string) {
		t.Helper()
		if len(found) != 1 || !strings.HasPrefix(found[0], "message-digest: ") {
			t.Errorf("found %q, want a message-digest", found)
		}
	}
	whole := func(found []string) {
		t.Helper()
		if len(found) != 0 {
			t.Errorf("found %q", found)
		}
	}
	whole(known(0))
	whole(known(3))

	blob := blobFiles(t, dir)[1]
	st, err := os.Stat(blob)
	if err != nil {
		t.Fatal(err)
	}
	// The kernel's clock must have ticked since, or nobody could tell; a real
	// check does not count on a file that changed this recently.
	keepTime := func() {
		for before := changed(t, blob); changed(t, blob) == before; {
			if err := os.Chtimes(blob, st.ModTime(), st.ModTime()); err != nil {
				t.Fatal(err)
			}
		}
	}
	restore := flip(t, blob, 200<<10)
	keepTime()
	damaged(known(2))
	damaged(known(2)) // what was wrong is read again, too
	restore()
	keepTime()
	whole(known(2))
	whole(known(3))

	other, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	other[200<<10] ^= 1
	if err := os.WriteFile(blob+".other", other, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(blob+".other", blob); err != nil {
		t.Fatal(err)
	}
	keepTime()
	damaged(known(2))
}

// TestResumeTrustsNoDigest: what the file says of a blob counts only where it
// is what the leaf says, and a torn end counts for nothing.
func TestResumeTrustsNoDigest(t *testing.T) {
	_, dir := storeOf(t, 2, 300<<10)
	file := filepath.Join(t.TempDir(), "resume")
	if _, found, err := checkResumed(t, openMetered(t, dir), file); err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")
	first, last := lines[len(lines)-2], lines[len(lines)-1]
	forged := first[:len(first)-9] + "00000000\n" + last[:len(last)-9] + strings.Repeat("\x00", 4096)
	if err := os.WriteFile(file, []byte(lines[0]+forged), 0o600); err != nil {
		t.Fatal(err)
	}
	counts, found, err := checkResumed(t, openMetered(t, dir), file)
	if err != nil || len(found) > 0 || counts.Resumed != 0 {
		t.Errorf("found %q, %+v, error %v; want both blobs read", found, counts, err)
	}
}

// TestResumeForgetsWhatChangedNow: the time of a change tells it from the next
// only when it is past.
func TestResumeForgetsWhatChangedNow(t *testing.T) {
	now := time.Now()
	_, dir := storeOf(t, 2, 300<<10)
	file := filepath.Join(t.TempDir(), "resume")
	for range 2 {
		src, err := vault.OpenDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		src.SetClock(now)
		counts, _, err := checkResumed(t, src, file)
		if err != nil || counts.Resumed != 0 {
			t.Errorf("%+v, error %v; want none resumed", counts, err)
		}
		src.Close()
	}
}

func TestResumeRefusesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	other, link := filepath.Join(dir, "roster"), filepath.Join(dir, "link")
	if err := os.WriteFile(other, []byte("not what it is taken for\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{other, link, dir, filepath.Join(dir, "none", "resume")} {
		if r, err := vault.OpenResume(path); err == nil {
			r.Close()
			t.Errorf("%s was taken to resume from", path)
		}
	}
	if b, err := os.ReadFile(other); err != nil || string(b) != "not what it is taken for\n" {
		t.Errorf("it now says %q, %v", b, err)
	}
}
