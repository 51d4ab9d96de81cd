package audit

import (
	"errors"
	"os"
	"path/filepath"
)

// newFile begins the name of a file that is being written.
const newFile = ".new-"

// WriteFile writes a file that only its owner may read, in the place of one that
// is there. The commit point is the rename: killed before it, the file is the old
// one, and another beside it begins with ".new-"; after it, the new one, which is
// on disk.
func WriteFile(path string, content []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, newFile+"*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it was renamed
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
