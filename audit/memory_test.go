package audit_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tocsin/audit"
	"tocsin/seal/roster"
	"tocsin/testorg"
)

// remembering audits the store in dir with the memory in another, as a program
// does.
func remembering(t *testing.T, memory, dir, orgKey string, roster []byte) *audit.Result {
	t.Helper()
	m := openMemory(t, memory)
	defer m.Close()
	if err := m.Hold(orgKey, roster); err != nil {
		t.Fatal(err)
	}
	r, err := audit.Verify(t.Context(), audit.Options{Store: dir, OrgKey: m.OrgKey, Roster: m.Roster, Last: m.Checkpoint})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Keep(r); err != nil {
		t.Fatal(err)
	}
	return r
}

func openMemory(t *testing.T, dir string) *audit.Memory {
	t.Helper()
	m, err := audit.OpenMemory(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A memory can be read by its owner alone, holds nothing beside its files, and
// is one process's at a time.
func TestMemoryFiles(t *testing.T) {
	f := newForgery(t)
	dir := filepath.Join(t.TempDir(), "memory")
	if r := remembering(t, dir, f.dir, f.Key, f.Signed); r.History != audit.HistoryFirst {
		t.Errorf("the first audit says %q", r.History)
	}
	if err := os.WriteFile(filepath.Join(dir, ".new-1"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := openMemory(t, dir)
	if _, err := audit.OpenMemory(dir); !errors.Is(err, audit.ErrBusy) {
		t.Errorf("a second audit: %v, want ErrBusy", err)
	}
	if !bytes.Equal(m.Roster, f.Signed) || m.OrgKey != f.Key || !bytes.Equal(m.Checkpoint, f.last) {
		t.Error("it does not hold what was audited")
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has the mode %v, %v", e.Name(), info.Mode(), err)
		}
		names = append(names, e.Name())
	}
	if len(names) != 4 {
		t.Errorf("it holds %v", names)
	}
}

// What is held against a memory: the key that was first given, and the newer of
// the two rosters.
func TestHold(t *testing.T) {
	o := testorg.New(t, 1)
	first := o.Signed
	o.Roster.Number = 2
	o.Sign(t)
	second := o.Signed
	o.Roster.Organisation = "Other organisation"
	o.Sign(t)
	other := o.Signed
	stranger := testorg.New(t, 1)
	for _, c := range []struct {
		name            string
		key             string
		roster, given   []byte
		givenKey        string
		want            []byte
		err             error
		anythingBesides bool // some error
	}{
		{name: "nothing", err: audit.ErrForgotten},
		{name: "no roster", givenKey: o.Key, err: audit.ErrForgotten},
		{name: "no key", given: first, err: audit.ErrForgotten},
		{name: "the first time", givenKey: o.Key, given: first, want: first},
		{name: "nothing given", key: o.Key, roster: first, want: first},
		{name: "a newer roster", key: o.Key, roster: first, given: second, want: second},
		{name: "an older roster", key: o.Key, roster: second, given: first, want: second},
		{name: "the same", key: o.Key, roster: second, givenKey: o.Key, given: second, want: second},
		{name: "another of that number", key: o.Key, roster: second, given: other, err: roster.ErrRollback},
		{name: "a stranger's roster", key: o.Key, roster: second, given: stranger.Signed, err: roster.ErrSignature},
		{name: "a stranger's key", key: o.Key, roster: second, givenKey: stranger.Key, anythingBesides: true},
		{name: "text for a roster", key: o.Key, given: []byte("x"), err: roster.ErrMalformed},
	} {
		m := &audit.Memory{OrgKey: c.key, Roster: c.roster}
		err := m.Hold(c.givenKey, c.given)
		if c.anythingBesides && err != nil {
			continue
		}
		if !errors.Is(err, c.err) || err == nil && (!bytes.Equal(m.Roster, c.want) || m.OrgKey != o.Key) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
	}
}

// Killed between two files, the memory is of two audits; the next one goes on
// from there.
func TestMemoryOfTwoAudits(t *testing.T) {
	f := newForgery(t)
	dir := filepath.Join(t.TempDir(), "memory")
	remembering(t, dir, f.dir, f.Key, f.Signed)
	f.addRoster(func() {})
	if err := os.WriteFile(filepath.Join(dir, "roster"), f.Signed, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := remembering(t, dir, f.dir, "", nil); !r.Whole || r.History != audit.HistoryGrew {
		t.Errorf("whole is %v, history %q: %v", r.Whole, r.History, r.Findings)
	}
}

// A store whose checkpoint is not that of its leaves is not remembered, though
// its history grew.
func TestWrongCheckpointIsNotRemembered(t *testing.T) {
	f := newForgery(t)
	dir := filepath.Join(t.TempDir(), "memory")
	remembering(t, dir, f.dir, f.Key, f.Signed)
	f.addRoster(func() {})
	f.put("head", []byte("checkpoint"), f.sign(leafCount+1, [32]byte(random(32))))
	remembering(t, dir, f.dir, "", nil)
	m := openMemory(t, dir)
	defer m.Close()
	if !bytes.Equal(m.Checkpoint, f.last) {
		t.Error("a checkpoint of other leaves is remembered")
	}
}
