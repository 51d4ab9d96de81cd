package triage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// keyFiles are a case worker's key files, as they lie in the home.
var keyFiles = []string{"worker.key", "desk.key", "onion.key"}

// mailFile holds the mail server's settings, protected as the keys are if there is
// a password among them.
const mailFile = "mail"

// orgKeyFile is the organisation's, in a home of its own.
const orgKeyFile = "org/org.key"

// A new passphrase is for all key files or for none. They are written whole
// into the directory keys.new, which is then renamed to keys.next: that is the
// commit point. From it on the files in keys.next are the home's keys, and what
// lies under their names in the home is outdated; each is moved over the old
// one, and the directory removed. Killed before the rename, the old files are
// the keys and the next Lock removes keys.new; killed after it, the next Lock
// moves what was not moved yet. Who reads a key without the lock finds the new
// one, in keys.next or in its place, at any instant after the commit point.
const (
	keysNew  = "keys.new"
	keysNext = "keys.next"
)

// openKeys returns the home's key files by name, open; the caller wipes them,
// also after an error.
func (h *Home) openKeys() (map[string][]byte, error) {
	if _, err := os.Lstat(h.path(pluginFile)); err == nil {
		return nil, fmt.Errorf("the keys of %s are sealed to the identity in %s: a PIN is changed with the plugin's own program", h.Dir, h.path(pluginFile))
	}
	names := append(slices.Clone(keyFiles), mailFile)
	if _, err := os.Lstat(h.path("card")); errors.Is(err, fs.ErrNotExist) {
		names = []string{orgKeyFile}
	}
	plain := make(map[string][]byte)
	for _, name := range names {
		text, err := h.readKey(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a home of before there was an onion key, or one that mails nothing
		}
		if err != nil {
			return plain, err
		}
		plain[name] = text
	}
	if len(plain) == 0 {
		return nil, fmt.Errorf("%s: %w", h.Dir, ErrNoKey)
	}
	return plain, nil
}

// SetPassphrase protects the home's key files with the passphrase that fresh
// returns, or with none if that is empty. fresh is called once the present
// keys are open, for which the present passphrase is asked for if there is one.
// In the organisation's home it is the organisation's key that is meant. The
// caller holds the lock.
//
// What a file system keeps of the old files (an SSD's spare blocks, a snapshot,
// a backup) opens with the old passphrase, or with none if there was none.
func (h *Home) SetPassphrase(fresh func() (string, error)) error {
	plain, err := h.openKeys()
	defer func() {
		for _, text := range plain {
			clear(text)
		}
	}()
	if err != nil {
		return err
	}
	passphrase, err := fresh()
	if err != nil {
		return err
	}
	if text, ok := plain[orgKeyFile]; ok {
		// One file is replaced in one step.
		if err := h.writeKey(h.path(orgKeyFile), text, passphrase); err != nil {
			return err
		}
		h.passphrase = passphrase
		return nil
	}
	if err := makeDir(h.path(keysNew)); err != nil {
		return err
	}
	for name, text := range plain {
		if err := h.writeKey(h.path(keysNew, name), text, passphrase); err != nil {
			return err
		}
	}
	// Commit point.
	if err := os.Rename(h.path(keysNew), h.path(keysNext)); err != nil {
		return fmt.Errorf("changing the passphrase: %w", err)
	}
	if err := syncDir(h.Dir); err != nil {
		return err
	}
	h.passphrase = passphrase
	return h.moveKeys()
}

// moveKeys ends what a change of the passphrase began, on either side of its
// commit point.
func (h *Home) moveKeys() error {
	if err := os.RemoveAll(h.path(keysNew)); err != nil {
		return fmt.Errorf("changing the passphrase: %w", err)
	}
	entries, err := os.ReadDir(h.path(keysNext))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("changing the passphrase: %w", err)
	}
	for _, e := range entries {
		if err := os.Rename(h.path(keysNext, e.Name()), h.path(e.Name())); err != nil {
			return fmt.Errorf("changing the passphrase: %w", err)
		}
	}
	// The names must be on the disk in the home before they are gone from here.
	if err := syncDir(h.Dir); err != nil {
		return err
	}
	if err := os.Remove(h.path(keysNext)); err != nil {
		return fmt.Errorf("changing the passphrase: %w", err)
	}
	return syncDir(h.Dir)
}

// keyFile reads a key file of the home, and says where it lies.
func (h *Home) keyFile(name string) (file []byte, path string, err error) {
	for _, path = range []string{h.path(keysNext, name), h.path(name)} {
		if file, err = os.ReadFile(path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return file, h.path(name), err
}
