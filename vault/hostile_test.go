package vault_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"tocsin/audit"
	"tocsin/testorg"
	"tocsin/vault"
)

// frugal audits a store, which must end soon and take little memory whatever
// the store claims, and returns what was found, by ID.
func frugal(t *testing.T, o *testorg.Org, dir string) (map[string]int, error) {
	t.Helper()
	const most = 64 << 20
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	type outcome struct {
		r   *audit.Result
		err error
	}
	ended := make(chan outcome, 1)
	go func() {
		r, err := audit.Verify(ctx, audit.Options{Store: dir, Roster: o.Signed, OrgKey: o.Key})
		ended <- outcome{r, err}
	}()
	var got outcome
	select {
	case got = <-ended:
	case <-time.After(2 * time.Minute):
		t.Fatal("the audit does not end, not even with its context")
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > most {
		t.Errorf("the audit took %d MiB of memory, want at most %d", n>>20, most>>20)
	}
	if got.err != nil {
		return nil, got.err
	}
	ids := map[string]int{}
	for _, f := range aboveNotice(got.r) {
		ids[f.ID]++
	}
	return ids, nil
}

// aboveNotice are the findings that keep a store from being whole.
func aboveNotice(r *audit.Result) []audit.Finding {
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f audit.Finding) bool { return f.Severity == audit.Notice })
}

func TestWhatIsNoFileIsNotWaitedFor(t *testing.T) {
	o, dir := goodStore(t)
	for name, replace := range map[string]func(path string) error{
		"a pipe":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"a link to a device": func(path string) error {
			return os.Symlink("/dev/zero", path)
		},
		"a link to a file": func(path string) error {
			return os.Symlink(os.Args[0], path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			blob := copyStore(t, dir)
			path := blobFiles(t, blob)[0]
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := replace(path); err != nil {
				t.Fatal(err)
			}
			if found, err := frugal(t, o, blob); err != nil || len(found) != 1 || found["blob-unreadable"] != 1 {
				t.Errorf("as a blob: found %v, error %v; want blob-unreadable alone", found, err)
			}
			db := copyStore(t, dir)
			path = filepath.Join(db, vault.DBName)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := replace(path); err != nil {
				t.Fatal(err)
			}
			if found, err := frugal(t, o, db); err == nil {
				t.Errorf("as %s: found %v, want an error", vault.DBName, found)
			}
		})
	}
}

func TestClaimsCostNothing(t *testing.T) {
	o, dir := goodStore(t)
	const huge = 1 << 40
	for _, c := range []struct {
		name  string
		claim func(t *testing.T, dir string)
		want  string // the one ID that is found, or "" for whichever
	}{
		{"a blob of a tebibyte without content", func(t *testing.T, dir string) {
			if err := os.Truncate(blobFiles(t, dir)[0], huge); err != nil {
				t.Fatal(err)
			}
		}, "message-size"},
		{"a file of a tebibyte without content", func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, vault.DBName), huge); err != nil {
				t.Fatal(err)
			}
		}, "file-tail"},
		{"pages without content", func(t *testing.T, dir string) {
			testorg.EditDB(t, dir, func(b []byte) []byte {
				for n := range 2 {
					le.PutUint64(b[n*pageSize+56:], huge/pageSize)
					testorg.SumMeta(b[n*pageSize : (n+1)*pageSize])
				}
				return b
			})
			if err := os.Truncate(filepath.Join(dir, vault.DBName), huge); err != nil {
				t.Fatal(err)
			}
		}, "page-lost"},
		{"a page that overflows into many others", func(t *testing.T, dir string) {
			testorg.EditDB(t, dir, func(b []byte) []byte {
				for n := range 2 {
					le.PutUint64(b[n*pageSize+56:], huge/pageSize)
					testorg.SumMeta(b[n*pageSize : (n+1)*pageSize])
				}
				le.PutUint32(b[le.Uint64(b[32:])*pageSize+12:], 1<<15)
				return b
			})
			if err := os.Truncate(filepath.Join(dir, vault.DBName), huge); err != nil {
				t.Fatal(err)
			}
		}, ""},
		{"leaves far apart", func(t *testing.T, dir string) {
			edit(t, dir, func(tx *bolt.Tx) error {
				for i := range int64(64) {
					if err := tx.Bucket([]byte("leaves")).Put(key((i+1)<<20), []byte("x")); err != nil {
						return err
					}
				}
				return nil
			})
		}, ""},
		{"leaves far apart, but less far", func(t *testing.T, dir string) {
			edit(t, dir, func(tx *bolt.Tx) error {
				for i := range int64(64) {
					if err := tx.Bucket([]byte("leaves")).Put(key((i+1)<<15), []byte("x")); err != nil {
						return err
					}
				}
				return nil
			})
		}, ""},
		{"a leaf far off, after many that come too late", func(t *testing.T, dir string) {
			const far, late, mark = 1 << 21, 64, int64(1) << 61
			edit(t, dir, func(tx *bolt.Tx) error {
				b := tx.Bucket([]byte("leaves"))
				err := b.Put(key(60_000), []byte("x"))
				for i := range int64(late + 1) {
					err = errors.Join(err, b.Put(key(mark+i), []byte("x")))
				}
				return err
			})
			testorg.EditDB(t, dir, func(b []byte) []byte {
				for i := range int64(late) {
					b = bytes.ReplaceAll(b, key(mark+i), key(0))
				}
				return bytes.ReplaceAll(b, key(mark+late), key(far))
			})
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			forged := copyStore(t, dir)
			c.claim(t, forged)
			found, err := frugal(t, o, forged)
			if err != nil || len(found) == 0 {
				t.Fatalf("found %v, error %v", found, err)
			}
			if c.want != "" && (len(found) != 1 || found[c.want] != 1) {
				t.Errorf("found %v, want %s alone", found, c.want)
			}
			for id, n := range found {
				if n > audit.MaxFindings {
					t.Errorf("%d findings %s", n, id)
				}
			}
		})
	}
}

func TestAGapIsOneFinding(t *testing.T) {
	o, dir := goodStore(t)
	edit(t, dir, func(tx *bolt.Tx) error {
		for _, i := range []int64{3, 6, 7, 8} {
			if err := tx.Bucket([]byte("leaves")).Delete(key(i)); err != nil {
				return err
			}
		}
		return nil
	})
	var gaps []string
	for _, f := range o.Audit(t, dir, nil).Findings {
		if f.ID == "leaf-missing" {
			gaps = append(gaps, f.Where)
		}
	}
	if want := []string{"leaf 3", "leaves 6 to 8"}; !slices.Equal(gaps, want) {
		t.Errorf("missing: %q, want %q", gaps, want)
	}
}

// TestFindingsAreBounded: a store that is broken throughout gives a list that
// a person can read, and the number of those left out.
func TestFindingsAreBounded(t *testing.T) {
	o, dir := manyCases(t, 140)
	edit(t, dir, func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte("hashes"))
		for i := range int64(300) {
			if err := b.Put(key(i), make([]byte, 32)); err != nil {
				return err
			}
		}
		return nil
	})
	r := o.Audit(t, dir, nil)
	if len(r.Findings) != audit.MaxFindings || r.More["tree-hash"] != 300-audit.MaxFindings || r.Whole {
		t.Errorf("%d findings and %v more, want %d and %d tree-hash", len(r.Findings), r.More, audit.MaxFindings, 300-audit.MaxFindings)
	}
}
