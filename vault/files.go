package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// openRegular opens a file for reading and returns its size. Anything but a
// regular file is refused, without following a link to it and without waiting
// for the other end of a pipe: a store that comes from elsewhere may hold
// either. The owner leaves no time of reading behind.
func openRegular(path string) (*os.File, int64, error) {
	const flags = os.O_RDONLY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	f, err := os.OpenFile(path, flags|syscall.O_NOATIME, 0)
	if errors.Is(err, fs.ErrPermission) { // not the owner
		f, err = os.OpenFile(path, flags, 0)
	}
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w: not a regular file", path, ErrMalformed)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, st.Size(), nil
}

// blur sets the times of a file or directory to the beginning of the day in
// UTC. A file system keeps them to the nanosecond, which of a blob is the
// moment when a witness sent it.
func blur(path string, t time.Time) error {
	day := t.UTC().Truncate(24 * time.Hour)
	if err := os.Chtimes(path, day, day); err != nil {
		return fmt.Errorf("setting the times of a file to the day: %w", err)
	}
	return nil
}

// syncDir makes the entries of a directory durable.
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
