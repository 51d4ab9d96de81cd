package vault_test

import (
	"errors"
	"testing"

	"tocsin/testorg"
	"tocsin/vault"
)

// openWithRoom opens a store whose floor leaves that many bytes for uploads.
func openWithRoom(t *testing.T, room int64) *vault.Vault {
	t.Helper()
	o := testorg.New(t, 1)
	dir := o.Create(t)
	options := o.Options()
	options.FreeFloor = freeBytes(t, dir) - room
	v, err := vault.Open(dir, o.Key, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// What a client announces and does not send holds a part of the disk only,
// and a flood of such clients leaves room for small uploads.
func TestAnnouncedUploadsDoNotHoldTheDisk(t *testing.T) {
	const room = 256 << 20
	v := openWithRoom(t, room)
	if _, err := v.NewUpload(2 * room); !errors.Is(err, vault.ErrNoSpace) {
		t.Errorf("more than fits: %v, want ErrNoSpace", err)
	}
	var first *vault.Upload
	silent := 0
	for size := int64(room / 2); size > vault.InlineMax; {
		u, err := v.NewUpload(size)
		if err != nil {
			size /= 2
			continue
		}
		if first == nil {
			first = u
		}
		t.Cleanup(u.Discard)
		silent++
	}
	if silent < 4 {
		t.Errorf("%d silent uploads of %d bytes and less hold %d", silent, room/2, room)
	}
	if _, err := v.NewUpload(room / 4); !errors.Is(err, vault.ErrNoSpace) {
		t.Errorf("a large upload beside them: %v, want ErrNoSpace", err)
	}
	for range 400 {
		small, err := v.NewUpload(vault.InlineMax)
		if err != nil {
			t.Fatalf("a small upload beside them: %v", err)
		}
		t.Cleanup(small.Discard)
	}
	// What is in the first step was promised; beyond it the disk is full.
	block := make([]byte, 1<<20)
	for i := range 65 {
		_, err := first.Write(block)
		if want := i == 64; errors.Is(err, vault.ErrNoSpace) != want || !want && err != nil {
			t.Errorf("MiB %d: %v", i+1, err)
		}
	}
}

// An upload that grows takes more as it comes, and gives all of it back.
func TestReservationGrowsAndIsGivenBack(t *testing.T) {
	const room = 256 << 20
	v := openWithRoom(t, room)
	block := make([]byte, 1<<20)
	for round := range 3 {
		u, err := v.NewUpload(room * 3 / 4)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for range 66 {
			if _, err := u.Write(block); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		u.Discard()
	}
	if _, err := v.NewUpload(room + 64<<20); !errors.Is(err, vault.ErrNoSpace) {
		t.Errorf("more than fits, afterwards: %v, want ErrNoSpace", err)
	}
}
