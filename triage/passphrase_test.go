package triage

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tocsin/seal"
)

func to(passphrase string) func() (string, error) {
	return func() (string, error) { return passphrase, nil }
}

// Killed at any moment of a change, the keys are all under the old passphrase
// or all under the new one, also for who reads them without the lock, and the
// next Lock leaves no trace of it.
func TestAPassphraseIsForAllKeysOrForNone(t *testing.T) {
	dir := t.TempDir()
	begin := newHome(filepath.Join(dir, "old"))
	ok(t, makeDir(begin.Dir))
	_, err := begin.Keygen("alice", "correct horse")
	ok(t, err)
	old, next := map[string][]byte{}, map[string][]byte{}
	for _, name := range keyFiles {
		old[name], err = os.ReadFile(begin.path(name))
		ok(t, err)
	}
	begin.passphrase = "correct horse"
	ok(t, begin.Lock())
	ok(t, begin.SetPassphrase(to("")))
	begin.Unlock()
	for _, name := range keyFiles {
		next[name], err = os.ReadFile(begin.path(name))
		ok(t, err)
		if seal.IsProtected(next[name]) || !seal.IsProtected(old[name]) {
			t.Fatalf("%s: the passphrase was not removed", name)
		}
	}
	card, err := os.ReadFile(begin.path("card"))
	ok(t, err)

	// Of each file: is it written beside, and was it moved?
	for _, c := range []struct {
		name             string
		written, moved   int
		renamed, emptied bool
	}{
		{"before anything", 0, 0, false, false},
		{"one written", 1, 0, false, false},
		{"all written", 3, 0, false, false},
		{"committed", 3, 0, true, false},
		{"one moved", 3, 1, true, false},
		{"two moved", 3, 2, true, false},
		{"all moved", 3, 3, true, false},
		{"all done", 3, 3, true, true},
	} {
		h := newHome(filepath.Join(dir, c.name))
		beside := keysNew
		if c.renamed {
			beside = keysNext
		}
		ok(t, makeDir(h.path(beside)))
		ok(t, os.WriteFile(h.path("card"), card, 0o600))
		for i, name := range keyFiles {
			file := old[name]
			if i < c.moved {
				file = next[name]
			}
			ok(t, os.WriteFile(h.path(name), file, 0o600))
			if i < c.written && i >= c.moved {
				ok(t, os.WriteFile(h.path(beside, name), next[name], 0o600))
			}
		}
		if c.emptied {
			ok(t, os.Remove(h.path(beside)))
		}
		want := old
		if c.renamed {
			want = next
		}
		whole := func(when string) {
			for _, name := range keyFiles {
				if file, _, err := h.keyFile(name); err != nil || string(file) != string(want[name]) {
					t.Errorf("%s, %s: %s is the wrong one, %v", c.name, when, name, err)
				}
			}
		}
		whole("before the lock")
		ok(t, h.Lock())
		h.Unlock()
		whole("after the lock")
		for _, name := range keyFiles {
			if file, err := os.ReadFile(h.path(name)); err != nil || string(file) != string(want[name]) {
				t.Errorf("%s: %s does not lie in its place, %v", c.name, name, err)
			}
		}
		for _, name := range []string{keysNew, keysNext} {
			if _, err := os.Lstat(h.path(name)); err == nil {
				t.Errorf("%s: %s is left", c.name, name)
			}
		}
	}
}

// A wrong passphrase, and a person who thinks better of it, change nothing.
func TestAPassphraseThatIsNotChanged(t *testing.T) {
	h := newHome(t.TempDir())
	_, err := h.Keygen("alice", "")
	ok(t, err)
	before := map[string]string{}
	read := func(path string, data []byte) { before[path] = string(data) }
	everyFile(t, h.Dir, read)
	never := errors.New("the two passphrases differ")
	if err := h.SetPassphrase(func() (string, error) { return "", never }); !errors.Is(err, never) {
		t.Error(err)
	}
	everyFile(t, h.Dir, func(path string, data []byte) {
		if before[path] != string(data) {
			t.Errorf("%s was changed", path)
		}
	})
}
