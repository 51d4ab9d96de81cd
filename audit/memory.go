package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"tocsin/seal/roster"
	"tocsin/vault"
)

// The files of a memory. Each is text, and public; what matters is that nobody
// but the auditor changes it.
const (
	memoryKey        = "org.pub"
	memoryRoster     = "roster"
	memoryCheckpoint = "checkpoint"
	memoryLock       = "lock"
)

var (
	// ErrForgotten is returned when a roster or the organisation's key is
	// neither given nor remembered.
	ErrForgotten = errors.New("nothing is remembered yet: give the roster and the organisation's key this time (--roster, --org-key)")
	// ErrStore is returned for a memory that would lie in a store.
	ErrStore = errors.New("this is a store, and no memory: nothing is written into it; name another directory")
	// ErrBusy is returned for a memory that another audit uses.
	ErrBusy = errors.New("another audit uses this memory: wait until it has ended")
)

// A Memory is what an auditor keeps in a directory from one audit to the next:
// the organisation's key, as it was first given; the newest roster seen; and
// the checkpoint of the last audit. No store that is older, or whose history is
// another, passes before it, and neither does an older roster or another one
// under the same number.
//
// Earlier checkpoints are not kept: each was held against the one before, so
// that the last stands for all.
type Memory struct {
	OrgKey     string // "" in a new memory
	Roster     []byte // signed; nil in a new memory
	Checkpoint []byte // signed; nil before the first audit

	dir  string
	lock *os.File
}

// ReadMemory reads the memory in dir, to hold something against it.
func ReadMemory(dir string) (*Memory, error) {
	m := &Memory{dir: dir}
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("reading the memory: %w", err)
	}
	var key []byte
	for name, to := range map[string]*[]byte{memoryKey: &key, memoryRoster: &m.Roster, memoryCheckpoint: &m.Checkpoint} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the memory: %w", err)
		}
		*to = b
	}
	m.OrgKey = strings.TrimSpace(string(key))
	return m, nil
}

// OpenMemory makes the memory in dir this process's to change until Close, and
// begins an empty one if there is none. It returns ErrBusy at once if it is
// another's, and ErrStore, with nothing written, if a store lies there.
func OpenMemory(dir string) (*Memory, error) {
	// Whoever mixes the two directories up must not change what is evidence.
	if _, err := os.Lstat(filepath.Join(dir, vault.DBName)); err == nil {
		return nil, fmt.Errorf("%s: %w", dir, ErrStore)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("beginning a memory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, memoryLock), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the memory: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrBusy
		}
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	m, err := ReadMemory(dir)
	if err != nil {
		lock.Close()
		return nil, err
	}
	m.lock = lock
	// What a writer left that died.
	left, _ := filepath.Glob(filepath.Join(dir, newFile+"*")) // the pattern is well-formed
	for _, name := range left {
		os.Remove(name) // it is in nobody's way
	}
	return m, nil
}

// Close lets others have the memory.
func (m *Memory) Close() error { return m.lock.Close() }

// Hold takes the organisation's key and a roster that were given to an audit,
// either of which may be missing, and sets OrgKey and Roster to those that it
// is to be made with: the key that is remembered, and the newer of the two
// rosters. It returns ErrForgotten if one is neither given nor remembered,
// another error if the two keys are not the same or the two rosters can't both
// be the organisation's, and those of [roster.Open]. It writes nothing.
func (m *Memory) Hold(orgKey string, given []byte) error {
	if m.OrgKey == "" {
		m.OrgKey = orgKey
	}
	switch {
	case m.OrgKey == "" || m.Roster == nil && given == nil:
		return fmt.Errorf("%s: %w", m.dir, ErrForgotten)
	case orgKey != "" && orgKey != m.OrgKey:
		return fmt.Errorf("%s remembers another key of the organisation: if it changed, begin a new memory", m.dir)
	case given == nil:
		return nil
	}
	r, err := roster.Open(given, m.OrgKey)
	if err != nil {
		return fmt.Errorf("the roster given: %w", err)
	}
	if m.Roster == nil {
		m.Roster = given
		return nil
	}
	known, err := roster.Open(m.Roster, m.OrgKey)
	if err != nil {
		return fmt.Errorf("the roster remembered in %s: %w", m.dir, err)
	}
	if err := r.Follows(known); err == nil {
		m.Roster = given
	} else if known.Follows(r) != nil {
		return fmt.Errorf("the roster given is not the one remembered in %s: %w", m.dir, err)
	}
	return nil
}

// Keep remembers an audit that was made with this memory, if it may be
// remembered: the store is whole, or at least its history contains what is
// remembered, so that a loss that was once found does not make the auditor
// blind. It reports whether it did, and sets the result's History.
//
// Each file takes the place of the one before only once it is on disk, and each
// is held against the next store by itself. So the commit point is the rename
// of the checkpoint: killed before it, the memory is the old one, perhaps with
// the key pinned or with a newer roster, which any later store must have too;
// after it, the new one.
func (m *Memory) Keep(r *Result) (bool, error) {
	if r.Signed == nil || !r.Whole && r.History != HistoryGrew {
		return false, nil
	}
	for _, f := range []struct {
		name    string
		content []byte
	}{
		{memoryKey, []byte(m.OrgKey + "\n")}, {memoryRoster, r.Newest}, {memoryCheckpoint, r.Signed},
	} {
		if err := WriteFile(filepath.Join(m.dir, f.name), f.content); err != nil {
			return false, fmt.Errorf("remembering the %s: %w", f.name, err)
		}
	}
	if m.Checkpoint == nil {
		r.History = HistoryFirst
	}
	m.Roster, m.Checkpoint = r.Newest, r.Signed
	return true, nil
}
