package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
)

// WriteSnapshot writes vault.db as of one read transaction, see [Image], while
// the store goes on taking reports. size is called first with the number of
// bytes that follow. The blobs that the snapshot names are written once and lie
// beside it; see ReceiveSnapshot.
//
// A slow w holds nothing up, but what is freed meanwhile can't be used again
// before it is done: callers should bound the time.
func (v *Vault) WriteSnapshot(w io.Writer, size func(int64)) error {
	image, err := v.Image()
	if err != nil {
		return fmt.Errorf("writing a snapshot: %w", err)
	}
	defer image.Close()
	size(image.Size)
	if _, err := io.Copy(w, image); err != nil {
		return fmt.Errorf("writing a snapshot: %w", err)
	}
	return nil
}

// durableTx begins a read transaction that shows only what is on stable
// storage. The committer begins it, between the commit before, which is, and
// the one that it is about to make.
func (v *Vault) durableTx() (*bolt.Tx, error) {
	begun := make(chan *bolt.Tx, 1)
	j := &job{
		apply: func(*writer) error {
			tx, err := v.db.Begin(false)
			if err == nil {
				begun <- tx
			}
			return err
		},
		result: make(chan error, 1),
	}
	if err := v.hand(context.Background(), j); err != nil {
		return nil, err
	}
	// The commit that follows is not waited for: should it have to map the
	// file anew, it would wait for the transaction in turn.
	select {
	case tx := <-begun:
		return tx, nil
	case err := <-j.result:
		select {
		case tx := <-begun:
			return tx, nil
		default:
			return nil, err
		}
	}
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
// copied where dir is on another file system. The times of its files are days.
// It returns fs.ErrExist if dir exists.
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
	var names []blobName
	err = writeFile(filepath.Join(partial, DBName), db, time.Now(), func(f *os.File) (err error) {
		names, err = blobNames(f)
		return err
	})
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
		if err := blur(d, time.Now()); err != nil {
			return err
		}
		if err := syncDir(d); err != nil {
			return err
		}
	}
	if err := os.Rename(partial, dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(filepath.Clean(dir)))
}

// blobNames returns the names of the blobs that belong to a snapshot's
// vault.db.
func blobNames(f *os.File) (names []blobName, err error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	p := ownPages(f, st.Size(), &err)
	if !p.open() {
		return nil, err
	}
	p.walk(p.buckets()[bucketBlobs], func(_ uint32, key, _ []byte) {
		if len(key) != len(blobName{}) {
			err = fmt.Errorf("%w: blob name %s", ErrMalformed, printable(key))
			return
		}
		names = append(names, blobName(key))
	})
	return names, err
}

// linkOrCopy gives the blob the day of its times where it had more than that.
func linkOrCopy(from, to string) error {
	f, _, err := openRegular(from)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	err = os.Link(from, to)
	if err == nil {
		return blur(to, st.ModTime())
	}
	if !errors.Is(err, syscall.EXDEV) && !errors.Is(err, syscall.EPERM) {
		return err
	}
	return writeFile(to, f, st.ModTime(), func(*os.File) error { return nil })
}

// writeFile writes a new file, finishes it, sets its times to that day and
// syncs it.
func writeFile(path string, r io.Reader, day time.Time, finish func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	for _, step := range []func() error{
		func() error { return finish(f) },
		func() error { return blur(path, day) },
		f.Sync,
	} {
		if err == nil {
			err = step()
		}
	}
	return errors.Join(err, f.Close())
}
