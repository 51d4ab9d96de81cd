package triage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tempPrefix begins the name of every file that is still being written. What
// bears it after a crash is rubbish: sweep removes it.
const tempPrefix = ".new-"

// A pending file is being written next to where it will appear.
type pending struct {
	*os.File
	path string
	done bool
}

// create begins a file that appears at path when it is committed, readable
// for its owner only.
func create(path string) (*pending, error) {
	f, err := os.CreateTemp(filepath.Dir(path), tempPrefix+"*") // O_EXCL, 0600
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	return &pending{File: f, path: path}, nil
}

// commit makes the file appear, in the place of one that is there. It is
// whole on the disk before it has its name, and its name is on the disk when
// commit returns nil.
func (p *pending) commit() error {
	if err := p.settle(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(p.path))
}

// settle is commit without waiting for the name to be on the disk, for those
// who write many files and sync their directory once.
func (p *pending) settle() error {
	err := errors.Join(p.Sync(), p.Close())
	if err == nil {
		err = os.Rename(p.Name(), p.path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", p.path, err)
	}
	p.done = true
	return nil
}

// discard removes what was written, unless it was committed.
func (p *pending) discard() {
	if !p.done {
		p.Close()
		os.Remove(p.Name())
	}
}

// writeFile puts data at path in the place of what is there.
func writeFile(path string, data []byte) error {
	p, err := create(path)
	if err != nil {
		return err
	}
	defer p.discard()
	if _, err := p.Write(data); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return p.commit()
}

// makeDir makes a directory for its owner only, and those above it.
func makeDir(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making a directory: %w", err)
	}
	return syncDir(filepath.Dir(path))
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

// sweep removes what writers that died left in a directory. The caller holds
// the home's lock, so that none of it belongs to a living one.
func sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("sweeping %s: %w", dir, err)
	}
	return nil
}
