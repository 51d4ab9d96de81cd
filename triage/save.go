package triage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/triage/screen"
)

// Save decrypts the attachments of a case into a new directory for it under
// dir and returns their paths. This is the one place where triage writes
// something decrypted to a disk, and it happens only when asked for.
//
// Files are for their owner only and never executable; their names are cleaned
// and numbered. The directory has its name only when every file in it was
// checked to its end; nothing that is there is written over. The caller holds
// the lock.
func (h *Home) Save(c *Case, dir string) ([]string, error) {
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	o, err := h.open(c, r)
	if err != nil {
		return nil, err
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	target := filepath.Join(dir, c.ID.String())
	if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("saving files: %s is there already; remove it or choose another directory", target)
	}
	// What a save that was killed left decrypted lies under this name.
	temp := filepath.Join(dir, ".saving-"+c.ID.String())
	if err := os.RemoveAll(temp); err != nil {
		return nil, fmt.Errorf("saving files: %w", err)
	}
	if err := os.Mkdir(temp, 0o700); err != nil {
		return nil, fmt.Errorf("saving files: %w", err)
	}
	defer os.RemoveAll(temp)
	var names []string
	for _, e := range c.Messages {
		if e.Leaf.IsSigned() { // by a case worker, rather than from the witness
			continue
		}
		before := len(names)
		_, err := h.read(o, e, func(f seal.File, content io.Reader) error {
			name := numberedName(len(names)+1, f.Name, true)
			names = append(names, name)
			return saveFile(filepath.Join(temp, name), content)
		})
		if err != nil && e.Leaf.Kind == ledger.KindAddition && h.intact(e) {
			// It keeps nobody from the rest; nothing of it stays.
			for _, name := range names[before:] {
				if err := os.Remove(filepath.Join(temp, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return nil, fmt.Errorf("saving files: %w", err)
				}
			}
			names = names[:before]
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	if err := syncDir(temp); err != nil {
		return nil, err
	}
	// Commit point: all messages were verified to their ends.
	if err := os.Rename(temp, target); err != nil {
		return nil, fmt.Errorf("saving files: %w", err)
	}
	for i := range names {
		names[i] = filepath.Join(target, names[i])
	}
	return names, syncDir(dir)
}

func saveFile(path string, content io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("saving files: %w", err)
	}
	_, err = io.Copy(f, content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("saving %s: %w", filepath.Base(path), err)
	}
	return nil
}

// numberedName makes a safe name that no other file of the case has. Without
// full, only the ending is left of what the witness's device called it: a
// name can name its owner.
func numberedName(n int, name string, full bool) string {
	name = screen.FileName(name)
	if !full {
		name = filepath.Ext(name)
		if len(name) > 8 {
			name = ""
		}
		return fmt.Sprintf("%03d%s", n, name)
	}
	if name == "" {
		return fmt.Sprintf("%03d", n)
	}
	return fmt.Sprintf("%03d-%s", n, name)
}

// AllFiles lists the attachments that the witness sent, in the order and by the
// numbers that Save gives them.
func (s *Shown) AllFiles() []seal.File {
	all := append([]seal.File(nil), s.Files...)
	for _, m := range s.Messages {
		if m.Kind != ledger.KindReply {
			all = append(all, m.Files...)
		}
	}
	return all
}
