package triage

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/ledger"
)

// A pull that is cut after any object goes on from there, and what it fetched
// before is not fetched again.
func TestAnInterruptedPullGoesOn(t *testing.T) {
	s := newStation(t)
	const cases = 3
	for range cases {
		s.addCase(s.vault, plain)
	}
	fetched := 0
	for cut := 1; cut < 3*cases; cut++ {
		ctx, cancel := context.WithCancel(t.Context())
		ok(t, s.alice.Lock())
		_, err := s.alice.Pull(ctx, "", func(objects, of int, _, _ int64) {
			fetched++
			if of != 3*cases-fetched+objects {
				t.Errorf("%d objects are missing after %d were fetched", of, fetched)
			}
			cancel()
		})
		s.alice.Unlock()
		cancel()
		if err == nil {
			break
		}
	}
	s.pull()
	list, err := s.alice.List()
	ok(t, err)
	if len(list) != cases {
		t.Fatalf("%d cases", len(list))
	}
	for _, v := range list {
		if v.Problem != "" {
			t.Error(v.Problem)
		}
	}
}

// Killed between appending leaves and renaming the head, the home remembers
// what it did before; killed after it, the new ledger.
func TestThePullsCommitPoint(t *testing.T) {
	s := newStation(t)
	s.addCase(s.vault, plain)
	s.pull()
	before := s.memory()
	leaves := s.alice.path("ledger", "leaves")
	for name, tail := range map[string]string{
		"half a leaf":    "\x00\x00\x01\x00tocsin.leaf",
		"half a length":  "\x00",
		"a whole lie":    "\x00\x00\x00\x04lie\n",
		"a long garbage": strings.Repeat("x", 100_000),
	} {
		f, err := os.OpenFile(leaves, os.O_APPEND|os.O_WRONLY, 0)
		ok(t, err)
		f.WriteString(tail)
		f.Close()
		if m, err := s.alice.openMirror(); err != nil || m.size() != 3 {
			t.Fatalf("%s after the commit: %v", name, err)
		}
		s.pull()
		if s.memory() != before {
			t.Errorf("%s after the commit was not written over", name)
		}
	}
	s.addCase(s.vault, plain)
	s.pull()
	if m, err := s.alice.openMirror(); err != nil || m.size() != 5 {
		t.Errorf("after another pull: %v", err)
	}
}

func TestADamagedMirrorIsNoticed(t *testing.T) {
	s := newStation(t)
	s.addCase(s.vault, plain)
	s.pull()
	path := s.alice.path("ledger", "leaves")
	text, err := os.ReadFile(path)
	ok(t, err)
	for _, at := range []int{0, 10, len(text) / 2, len(text) - 2} {
		damaged := append([]byte(nil), text...)
		damaged[at] ^= 1
		ok(t, os.WriteFile(path, damaged, 0o600))
		if _, err := s.alice.Cases(); err == nil {
			t.Errorf("byte %d flipped in the leaves went unnoticed", at)
		}
	}
	ok(t, os.WriteFile(path, text[:len(text)-1], 0o600))
	if _, err := s.alice.Cases(); err == nil {
		t.Error("leaves cut short went unnoticed")
	}
}

// Killed after the desk took an event and before the queue was emptied, the
// push is repeated: the ledger holds the event once.
func TestAPushThatWasKilledIsRepeated(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	_, err := s.alice.Reply(s.find(c), "hello")
	ok(t, err)
	_, err = s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	saved := make(map[string][]byte)
	everyFile(t, s.alice.path("queue"), func(path string, data []byte) { saved[path] = data })
	_, err = s.alice.Push(t.Context(), "", nothing)
	ok(t, err)
	before := s.memory()
	for path, data := range saved {
		ok(t, os.WriteFile(path, data, 0o600))
	}
	// What waits and is in the ledger is one thing, not two.
	if found := s.find(c); len(found.Messages) != 2 || len(found.Handed) != 1 {
		t.Errorf("%d messages, %d hand-overs", len(found.Messages), len(found.Handed))
	}
	p, err := s.alice.Push(t.Context(), "", nothing)
	ok(t, err)
	if len(p.Delivered) != 2 || s.memory() != before {
		t.Errorf("%d delivered again, and the ledger changed: %t", len(p.Delivered), s.memory() != before)
	}
	if q, err := s.alice.Queue(); err != nil || len(q) != 0 {
		t.Errorf("the queue holds %d, %v", len(q), err)
	}
}

// A push that never reached the desk leaves everything queued.
func TestAPushWithoutADeskKeepsTheQueue(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	_, err := s.alice.Reply(s.find(c), "hello")
	ok(t, err)
	s.desk.stop()
	if _, err := s.alice.Push(t.Context(), "", nothing); err == nil {
		t.Error("a push without a desk succeeded")
	}
	if q, err := s.alice.Queue(); err != nil || len(q) != 1 {
		t.Errorf("the queue holds %d, %v", len(q), err)
	}
	// The reply is shown while it waits.
	shown, err := s.alice.Show(s.find(c))
	if err != nil || len(shown.Messages) != 1 || !shown.Messages[0].Queued || shown.Messages[0].Text != "hello" {
		t.Errorf("shown: %+v, %v", shown, err)
	}
}

func TestDeadWritersLeaveNothing(t *testing.T) {
	s := newStation(t)
	s.addCase(s.vault, plain)
	s.pull()
	for _, dir := range []string{"ledger", "objects", "queue", "outbox/police"} {
		ok(t, makeDir(s.alice.path(dir)))
		p, err := create(s.alice.path(dir, "dead"))
		ok(t, err)
		p.WriteString("half")
		p.Close()
	}
	ok(t, s.alice.Lock())
	s.alice.Unlock()
	everyFile(t, s.alice.Dir, func(path string, _ []byte) {
		if strings.HasPrefix(filepath.Base(path), tempPrefix) {
			t.Errorf("%s is left", path)
		}
	})
}

func TestOneAtATime(t *testing.T) {
	s := newStation(t)
	ok(t, s.alice.Lock())
	if err := newHome(s.alice.Dir).Lock(); !errors.Is(err, ErrBusy) {
		t.Errorf("a second process: %v", err)
	}
	s.alice.Unlock()
	other := newHome(s.alice.Dir)
	ok(t, other.Lock())
	other.Unlock()
}

func TestAPurgedCaseIsForgotten(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	m, err := s.alice.openMirror()
	ok(t, err)
	found := m.cases()[0]
	purged := *found
	purged.Purged = "retention"
	if _, err := s.alice.open(&purged, s.vault.Roster()); err == nil || !strings.Contains(err.Error(), "retention") {
		t.Errorf("a purged case: %v", err)
	}
	next := m.clone()
	next.leaves = append(next.leaves, &ledger.Leaf{Event: ledger.EventPurged, Case: c.id, Rule: "retention"})
	_, err = s.alice.forget(next)
	ok(t, err)
	for _, d := range []string{s.alice.objectPath(found.envelope), s.alice.objectPath(found.record), s.alice.objectPath(found.Messages[0].Leaf.Digest)} {
		if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still here", d)
		}
	}
	if len(s.alice.missing(next)) != 0 {
		t.Error("what was purged would be fetched again")
	}
}

func TestEverythingIsItsOwnersOnly(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	_, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	for _, dir := range []string{s.alice.Dir, s.org.Dir} {
		ok(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			ok(t, err)
			want := fs.FileMode(0o600)
			if d.IsDir() {
				want = 0o700
			}
			if info.Mode().Perm() != want {
				t.Errorf("%s has mode %o", path, info.Mode().Perm())
			}
			return nil
		}))
	}
}

// A lock that fails is nobody's: a process that goes on tries again.
func TestALockThatFailsIsLetGo(t *testing.T) {
	h := newHome(t.TempDir())
	ok(t, os.WriteFile(h.path("queue"), nil, 0o600))
	if err := h.Lock(); err == nil {
		t.Fatal("a home whose queue is a file was locked")
	}
	ok(t, os.Remove(h.path("queue")))
	ok(t, h.Lock())
	h.Unlock()
}
