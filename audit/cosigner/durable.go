package cosigner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// tempPrefix begins the name of a directory that is still being made.
const tempPrefix = ".new-"

// newDir makes a directory, for its owner only, with empty directories and
// files in it, whole or not at all. It returns fs.ErrExist if there is one.
func newDir(path string, dirs []string, files map[string][]byte) error {
	path = filepath.Clean(path)
	temp, err := os.MkdirTemp(filepath.Dir(path), tempPrefix+"*") // 0700
	if err != nil {
		return fmt.Errorf("making %s: %w", path, err)
	}
	defer os.RemoveAll(temp) // nothing is there once it was renamed
	for _, name := range dirs {
		if err := os.Mkdir(filepath.Join(temp, name), 0o700); err != nil {
			return fmt.Errorf("making %s: %w", path, err)
		}
	}
	for name, b := range files {
		if err := writeSynced(filepath.Join(temp, name), b); err != nil {
			return fmt.Errorf("making %s: %w", path, err)
		}
	}
	if err := syncDir(temp); err != nil {
		return err
	}
	// Commit point: before it there is nothing but rubbish under another name,
	// after it the whole directory. One that holds something is never replaced.
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("making %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

// writeSynced writes a file for its owner only, and has it on disk when it
// returns nil; its name may not be yet.
func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	return nil
}
