package vault

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	bolt "go.etcd.io/bbolt"
)

// WriteSnapshot writes vault.db as of one read transaction while the store
// goes on taking reports. size is called first with the number of bytes that
// follow. The blobs that the snapshot names are written once and lie beside
// it; see ReceiveSnapshot.
func (v *Vault) WriteSnapshot(w io.Writer, size func(int64)) error {
	return v.db.View(func(tx *bolt.Tx) error {
		size(tx.Size())
		if _, err := tx.WriteTo(w); err != nil {
			return fmt.Errorf("writing a snapshot: %w", err)
		}
		return nil
	})
}

// Snapshot makes a snapshot of the open store in dir, which must not exist:
// a store in its own right, as backup and for the auditor.
func (v *Vault) Snapshot(ctx context.Context, dir string) error {
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(v.WriteSnapshot(pw, func(int64) {})) }()
	defer pr.Close()
	return ReceiveSnapshot(ctx, v.dir, dir, pr)
}

// ReceiveSnapshot makes the snapshot dir from a vault.db that WriteSnapshot
// wrote and the blobs in the store that it came from, which are linked, or
// copied where dir is on another file system. It returns fs.ErrExist if dir
// exists.
//
// Commit point: the snapshot is built beside dir and renamed to it when all
// of it is on disk; an interrupted one leaves dir.partial, which the next
// attempt removes.
func ReceiveSnapshot(ctx context.Context, store, dir string, db io.Reader) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("making the snapshot %s: %w", dir, err)
		}
	}()
	if _, err := os.Lstat(dir); err == nil {
		return fs.ErrExist
	}
	partial := filepath.Clean(dir) + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(partial)
		}
	}()
	blobs := filepath.Join(partial, BlobsDir)
	if err := os.MkdirAll(blobs, 0o700); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(partial, DBName), db); err != nil {
		return err
	}
	names, err := blobNames(filepath.Join(partial, DBName))
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := linkOrCopy(blobPath(store, name), blobPath(partial, name)); err != nil {
			return err
		}
	}
	for _, d := range []string{blobs, partial} {
		if err := syncDir(d); err != nil {
			return err
		}
	}
	if err := os.Rename(partial, dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(filepath.Clean(dir)))
}

// blobNames lists the blobs that a snapshot's vault.db names.
func blobNames(path string) ([]blobName, error) {
	db, err := openDB(path)
	if err != nil {
		return nil, err
	}
	var names []blobName
	err = db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucketBlobs))
		if b == nil {
			return fmt.Errorf("%w: bucket %q is missing", ErrMalformed, bucketBlobs)
		}
		return b.ForEach(func(k, _ []byte) error {
			if len(k) != len(blobName{}) {
				return fmt.Errorf("%w: blob name %s", ErrMalformed, hex.EncodeToString(k))
			}
			names = append(names, blobName(k))
			return nil
		})
	})
	return names, errors.Join(err, db.Close())
}

func linkOrCopy(from, to string) error {
	err := os.Link(from, to)
	if !errors.Is(err, syscall.EXDEV) && !errors.Is(err, syscall.EPERM) {
		return err
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return writeFile(to, f)
}

// writeFile writes a new file and syncs it.
func writeFile(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
