package vault_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"tocsin/ledger"
	"tocsin/testorg"
	"tocsin/vault"
)

// TestImage: an image is what bbolt copies of its transaction with zeros for
// the free pages, whatever the store does while it is read and however little
// is read at once.
func TestImage(t *testing.T) {
	o := testorg.New(t, 1)
	v := o.Open(t, o.Create(t))
	r := o.NewReport(t, "account", 0)
	add := func(n int) {
		t.Helper()
		for range n {
			if err := r.Again().Add(t.Context(), v); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(20)
	i, err := v.Image()
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	if i.Leaves != 41 {
		t.Errorf("it has %d leaves, want 41", i.Leaves)
	}
	want, err := i.Raw()
	if err != nil {
		t.Fatal(err)
	}
	list := pageOf(want, le.Uint64(want[48:]))
	used := 0
	for n := range list.count() {
		page := want[le.Uint64(list[16+8*n:])*pageSize:][:pageSize]
		if !bytes.Equal(page, make([]byte, pageSize)) {
			used++
		}
		clear(page)
	}
	if used == 0 {
		t.Fatal("no free page holds anything: the test shows nothing")
	}
	// The first pages pass before the store writes over the free ones, the rest
	// after.
	var got bytes.Buffer
	if _, err := io.CopyN(&got, i, 3*pageSize+1); err != nil {
		t.Fatal(err)
	}
	add(40)
	if _, err := io.Copy(&got, iotest.HalfReader(i)); err != nil {
		t.Fatal(err)
	}
	if int64(got.Len()) != i.Size || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d bytes that are not the %d of the transaction, blanked", got.Len(), i.Size)
	}
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, vault.BlobsDir), 0o700),
		os.WriteFile(filepath.Join(dir, vault.DBName), got.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	o.MustBeWhole(t, dir)
}

// TestImageForgetsWhatWasDestroyed: the store's file still holds the envelope
// of a case that was purged, and an image does not.
func TestImageForgetsWhatWasDestroyed(t *testing.T) {
	o, v, r := purgeable(t)
	sign(t, v, o.ProposePurge(o.Workers[0], r.ID, ledger.RuleRequest, last(t, v, r.ID)))
	sign(t, v, o.Purge(o.Workers[1], r.ID, ledger.RuleRequest, last(t, v, r.ID)))
	live, err := os.ReadFile(filepath.Join(v.Dir(), vault.DBName))
	if err != nil {
		t.Fatal(err)
	}
	middle := r.Envelope.Sealed[len(r.Envelope.Sealed)/2:][:64]
	if !bytes.Contains(live, middle) {
		t.Fatal("the store's file does not hold the envelope any more: the test shows nothing")
	}
	i, err := v.Image()
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	got, err := io.ReadAll(i)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(got, middle) {
		t.Error("the image holds the envelope that was destroyed")
	}
}
