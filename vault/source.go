package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A Source is where a check reads a store from: a directory, see OpenDir, or
// a server elsewhere. Nothing that it gives is trusted. Its methods are called
// from one goroutine at a time.
//
// What it can't read is a finding and the check goes on, but for an error that
// wraps ErrSource, which ends the check.
type Source interface {
	// DB returns vault.db and its size in bytes. It is read at random.
	DB() (io.ReaderAt, int64)

	// Blob opens the large ciphertext that the message of leaf index consists
	// of, by its name: 32 hexadecimal digits, and returns an error that wraps
	// fs.ErrNotExist if there is none. ctx is the check's, and ends reading it,
	// too. It is called once for each such message in the order of the leaves,
	// unless vault.db is broken, and each blob is read once, from its beginning,
	// or closed unread if its size is wrong.
	//
	// A few blobs are open and read at the same time, for as many processors.
	// A source that has only one stream may let Blob, or a Read, wait until
	// those opened before are closed, which does not depend on it.
	Blob(ctx context.Context, index int64, name string) (*Blob, error)

	// BlobBytes is the sum of the sizes of all blobs as far as it is known,
	// for progress.
	BlobBytes() int64
	// Files lists the names of all files among the blobs, and Others those of
	// all that lies beside vault.db and the directory of blobs, so that no file
	// is left that no record names. Both are empty where there are no files.
	Files() ([]string, error)
	Others() ([]string, error)
}

// ErrSource is wrapped by an error of a Source that is no fault of the store:
// the connection to it broke.
var ErrSource = errors.New("the store can't be read to its end")

// A Blob is a large ciphertext on its way to a check.
type Blob struct {
	io.ReadCloser
	Size int64 // bytes

	// Identity is called before it is read and after, and says what it is: the
	// same, in this run or another, only where the content is the same. It
	// returns "" for one that can't be told from another. It may be nil.
	Identity func() string
}

func (b *Blob) identity() string {
	if b.Identity == nil {
		return ""
	}
	return b.Identity()
}

// A Dir is the Source of a store in a directory. It reads files only.
type Dir struct {
	path string
	db   *os.File
	size int64
	now  func() time.Time
}

// OpenDir opens the store in a directory for a check, or returns ErrNotExist.
// The caller must Close it.
func OpenDir(path string) (*Dir, error) {
	f, size, err := openRegular(filepath.Join(path, DBName))
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("checking %s: %w", path, err)
	}
	return &Dir{path, f, size, time.Now}, nil
}

// Close closes vault.db.
func (d *Dir) Close() error { return d.db.Close() }

// DB implements Source.
func (d *Dir) DB() (io.ReaderAt, int64) { return d.db, d.size }

// Blob implements Source.
func (d *Dir) Blob(_ context.Context, _ int64, name string) (*Blob, error) {
	f, size, err := openRegular(filepath.Join(d.path, BlobsDir, name))
	if err != nil {
		return nil, fmt.Errorf("opening a blob: %w", err)
	}
	return &Blob{f, size, func() string { return d.identity(f, name) }}, nil
}

// BlobBytes implements Source.
func (d *Dir) BlobBytes() int64 {
	entries, _ := os.ReadDir(filepath.Join(d.path, BlobsDir)) // Files returns the error
	var n int64
	for _, e := range entries {
		// One of a size beyond all disks would only spoil the sum.
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.Size() < 1<<50 {
			n += info.Size()
		}
	}
	return n
}

// Files implements Source.
func (d *Dir) Files() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(d.path, BlobsDir))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// Others implements Source.
func (d *Dir) Others() ([]string, error) {
	entries, err := os.ReadDir(d.path)
	var names []string
	for _, e := range entries {
		if e.Name() != DBName && (e.Name() != BlobsDir || !e.IsDir()) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// A countingReaderAt tells its checker how many bytes went through it, and
// ends with it: a file can claim to be longer than anyone would wait.
type countingReaderAt struct {
	c *checker
	r io.ReaderAt
}

func (r *countingReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if err := r.c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.ReadAt(p, off)
	r.c.broke(err)
	r.c.advance(int64(n))
	return n, err
}

// A countingReader is the same for a blob.
type countingReader struct {
	c *checker
	r io.Reader
	n int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	if err := r.c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	r.n += int64(n)
	r.c.broke(err)
	r.c.advance(int64(n))
	return n, err
}
