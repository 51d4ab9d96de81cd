package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/seal/agefile"
	"tocsin/testorg"
	"tocsin/vault"
)

// A stream is a store that comes over one connection: no files, and one blob
// after the other.
type stream struct {
	t     testing.TB
	dir   string
	turn  sync.Mutex // held by the blob on its way
	last  int64      // leaf of the blob before
	fails error      // what reading a blob ends with, if not nil
}

func (s *stream) DB() (io.ReaderAt, int64) {
	b, err := os.ReadFile(filepath.Join(s.dir, vault.DBName))
	if err != nil {
		s.t.Fatal(err)
	}
	return bytes.NewReader(b), int64(len(b))
}

func (s *stream) Blob(_ context.Context, index int64, name string) (*vault.Blob, error) {
	if index <= s.last {
		s.t.Errorf("the blob of leaf %d was asked for after that of leaf %d", index, s.last)
	}
	s.last = index
	s.turn.Lock()
	b, err := os.ReadFile(filepath.Join(s.dir, vault.BlobsDir, name))
	if err != nil {
		s.turn.Unlock()
		return nil, err
	}
	content := io.Reader(bytes.NewReader(b))
	if s.fails != nil {
		content = io.MultiReader(bytes.NewReader(b[:len(b)/2]), iotest.ErrReader(s.fails))
	}
	return &vault.Blob{ReadCloser: turn{content, s.turn.Unlock}, Size: int64(len(b))}, nil
}

type turn struct {
	io.Reader
	end func()
}

func (t turn) Close() error {
	t.end()
	return nil
}

func (s *stream) BlobBytes() int64          { return 0 }
func (s *stream) Files() ([]string, error)  { return nil, nil }
func (s *stream) Others() ([]string, error) { return nil, nil }

func auditStream(s *stream, o *testorg.Org) (*audit.Result, error) {
	return audit.Verify(s.t.Context(), audit.Options{Source: s, Roster: o.Signed, OrgKey: o.Key})
}

// TestStream: whether a store lies in a directory or comes over a connection,
// the same is found, in the same order.
func TestStream(t *testing.T) {
	o, dir := goodStore(t)
	if r, err := auditStream(&stream{t: t, dir: dir}, o); err != nil || !r.Whole {
		t.Fatalf("a good store: %+v, %v", r, err)
	}
	blobs := blobFiles(t, dir)
	for _, blob := range blobs[1:] {
		flip(t, blob, 100<<10)
	}
	if err := os.Remove(blobs[0]); err != nil {
		t.Fatal(err)
	}
	want := aboveNotice(o.Audit(t, dir, nil))
	r, err := auditStream(&stream{t: t, dir: dir}, o)
	if err != nil {
		t.Fatal(err)
	}
	got := aboveNotice(r)
	if !slices.Equal(got, want) || len(want) != len(blobs) {
		t.Errorf("found %v; in the directory %v", got, want)
	}
	src, err := vault.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	last, visit := 0, silent(t)
	visit.Found = func(f vault.Finding) {
		var leaf int
		if _, err := fmt.Sscanf(f.Where[strings.LastIndexByte(f.Where, '('):], "(leaf %d)", &leaf); err != nil || leaf <= last {
			t.Errorf("%s comes after that of leaf %d", f, last)
		}
		last = leaf
	}
	if _, err := vault.Check(t.Context(), src, visit); err != nil {
		t.Error(err)
	}
}

// TestBrokenStream: a connection that breaks says nothing about the store.
func TestBrokenStream(t *testing.T) {
	o, dir := goodStore(t)
	broke := fmt.Errorf("connection lost: %w", vault.ErrSource)
	if r, err := auditStream(&stream{t: t, dir: dir, fails: broke}, o); !errors.Is(err, vault.ErrSource) {
		t.Errorf("found %+v, error %v; want an error alone", r, err)
	}
	r, err := auditStream(&stream{t: t, dir: dir, fails: errors.New("bad sector")}, o)
	if err != nil || r.Whole || r.Findings[0].ID != "blob-unreadable" {
		t.Errorf("a blob that can't be read: %+v, error %v", r, err)
	}
}

// silent is a visitor for whom a finding is an error, and all else nothing.
func silent(t testing.TB) vault.Visitor {
	return vault.Visitor{
		Roster:     func(int64, *ledger.Leaf, []byte) {},
		Leaf:       func(int64, *ledger.Leaf) func() { return func() {} },
		Checkpoint: func([]byte, ledger.Hashes, int64) {},
		Cosigned:   func(*vault.Published, ledger.Hashes, int64) {},
		Published:  func(*vault.Published, ledger.Hashes, int64) {},
		Envelope:   func(int64, int64, ledger.CaseID, *agefile.Info) {},
		Message:    func(int64, *ledger.Leaf, *agefile.Info) {},
		Found:      func(f vault.Finding) { t.Errorf("finding: %s", f) },
		Progress:   func(int64, int64) {},
	}
}
