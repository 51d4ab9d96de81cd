package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// An Image is vault.db as of one read transaction, in the form that a snapshot
// has: what the store has freed is zeros, and is not even read, because
// destroyed envelopes may lie there, and whatever was written since. Only what
// is on stable storage is in it, so that an auditor keeps no checkpoint that a
// power cut takes back.
//
// It holds nothing up, but what is freed meanwhile can't be used again before
// it is closed: callers should bound the time.
type Image struct {
	Size   int64 // bytes that Read gives in all
	Leaves int64 // in its ledger

	dir   string
	tx    *bolt.Tx
	file  *os.File
	metas []byte   // the first two pages
	free  []uint64 // free pages from at on, in order
	at    int64
}

// Image opens the store as it is now. The caller must Close it.
func (v *Vault) Image() (*Image, error) {
	tx, err := v.durableTx()
	if err != nil {
		return nil, fmt.Errorf("reading the store as it is now: %w", err)
	}
	i := &Image{Size: tx.Size(), Leaves: newReader(tx).size(), dir: v.dir, tx: tx}
	if err := i.open(); err != nil {
		return nil, fmt.Errorf("reading the store as it is now: %w", errors.Join(err, i.Close()))
	}
	return i, nil
}

// open reads all that Read must know of before the first page passes. The
// transaction keeps its freelist, as any of its pages, from being written over.
func (i *Image) open() (err error) {
	var head firstPages
	if _, err := i.tx.WriteTo(&head); len(head.b) < 2*pageSize {
		return err
	}
	i.metas = head.b
	if i.file, _, err = openRegular(filepath.Join(i.dir, DBName)); err != nil {
		return err
	}
	p := ownPages(asOf{i.metas, i.file}, i.Size, &err)
	if p.open() {
		p.freelist(func(id uint64) { i.free = append(i.free, id) })
	}
	return err
}

// ownPages examines a file that this package wrote: what is amiss is an error.
func ownPages(r io.ReaderAt, size int64, err *error) *pages {
	return &pages{
		r: r, size: size, ended: func() bool { return *err != nil },
		found: func(_, where, what string) { *err = fmt.Errorf("%w: %s: %s", ErrMalformed, where, what) },
	}
}

// firstPages takes the two meta pages that bbolt makes for a copy, both of
// which say that they are of this transaction, and ends the copy there.
type firstPages struct{ b []byte }

func (f *firstPages) Write(p []byte) (int, error) {
	if f.b == nil {
		f.b = make([]byte, 0, 2*pageSize)
	}
	n := min(len(p), cap(f.b)-len(f.b))
	f.b = append(f.b, p[:n]...)
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

// asOf is the store's file with the meta pages of a transaction in front.
type asOf struct {
	metas []byte
	file  io.ReaderAt
}

func (r asOf) ReadAt(p []byte, off int64) (int, error) {
	if off < int64(len(r.metas)) {
		return bytes.NewReader(r.metas).ReadAt(p, off)
	}
	return r.file.ReadAt(p, off)
}

// Read implements io.Reader.
func (i *Image) Read(p []byte) (n int, err error) {
	end := i.Size
	for len(i.free) > 0 && int64(i.free[0]+1)*pageSize <= i.at {
		i.free = i.free[1:]
	}
	free := false
	if i.at < int64(len(i.metas)) {
		end = int64(len(i.metas)) // no page below is ever free
	} else if len(i.free) > 0 {
		start := int64(i.free[0]) * pageSize
		if free = start <= i.at; free {
			end = start + pageSize
		} else {
			end = start
		}
	}
	p = p[:min(int64(len(p)), end-i.at)]
	switch {
	case i.at == i.Size:
		return 0, io.EOF
	case free:
		clear(p)
		n = len(p)
	default:
		n, err = asOf{i.metas, i.file}.ReadAt(p, i.at)
		if err == io.EOF { // the file was cut under the store
			err = io.ErrUnexpectedEOF
		}
	}
	i.at += int64(n)
	return n, err
}

// BlobBytes is the sum of the sizes of the blobs that belong to it, as far as
// they are there.
func (i *Image) BlobBytes() (sum int64) {
	c := i.tx.Bucket([]byte(bucketBlobs)).Cursor()
	for k, _ := c.First(); len(k) == len(blobName{}); k, _ = c.Next() {
		if st, err := os.Lstat(blobPath(i.dir, blobName(k))); err == nil {
			sum += st.Size()
		}
	}
	return sum
}

// Close ends the transaction.
func (i *Image) Close() error {
	err := i.tx.Rollback()
	if i.file != nil {
		err = errors.Join(err, i.file.Close())
	}
	return err
}
