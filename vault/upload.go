package vault

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	bolt "go.etcd.io/bbolt"

	"tocsin/ledger"
)

const (
	// InlineMax is the most bytes of ciphertext that lie in vault.db itself.
	// Larger values make bbolt several times slower than a plain file.
	InlineMax = 256 << 10

	// syncEvery is how many bytes of a blob are written before they are
	// pushed to disk in the background, so that the last sync, which a
	// witness waits for, has little left to do.
	syncEvery = 8 << 20

	// reserveAhead is how many bytes of disk an upload holds before they
	// come. What a client announces costs it nothing: were all of it held at
	// once, a few silent connections would hold the whole disk.
	reserveAhead = 64 << 20
)

// An Upload takes in the ciphertext of one message. Up to InlineMax bytes
// stay in memory; beyond that they stream into a blob, and memory stays the
// same. Nothing of it is visible until a transaction names it. An Upload is
// for one goroutine, and must be discarded or handed to AddCase or AddMessage.
type Upload struct {
	v       *Vault
	reserve int64 // bytes reserved and not written yet
	granted int64 // bytes reserved so far, written or not
	size    int64
	limit   int64
	sum     hash.Hash

	buf  []byte // the ciphertext while it is small
	name blobName
	file *os.File // nil while the ciphertext is in buf

	unsynced int64
	syncing  chan error // the background sync under way, or nil

	body body // once finished
	kept bool // a transaction names the blob, or may
	done bool
}

// NewUpload opens an upload that takes at most limit bytes. It returns
// ErrNoSpace when so much is not free beside what other uploads have reserved
// and the floor that must stay free. Of a large upload it reserves only the
// next reserveAhead bytes, and more as they come.
func (v *Vault) NewUpload(limit int64) (*Upload, error) {
	first := min(limit, reserveAhead)
	if err := v.space.take(first, limit, limit); err != nil {
		return nil, err
	}
	return &Upload{v: v, reserve: first, granted: first, limit: limit, sum: sha256.New()}, nil
}

// Write implements io.Writer. It returns ErrTooLarge beyond the limit, and
// ErrNoSpace if the disk filled up while the upload came in.
func (u *Upload) Write(p []byte) (int, error) {
	if u.done || u.body.value != nil {
		return 0, fmt.Errorf("writing to an upload: %w", ErrClosed)
	}
	end := u.size + int64(len(p))
	if end > u.limit {
		return 0, ErrTooLarge
	}
	if end > u.granted {
		more := min(max(reserveAhead, end-u.granted), u.limit-u.granted)
		if err := u.v.space.take(more, more, u.limit); err != nil {
			return 0, err
		}
		u.granted += more
		u.reserve += more
	}
	u.sum.Write(p)
	u.size += int64(len(p))
	if u.file == nil {
		if len(u.buf)+len(p) <= InlineMax {
			u.buf = append(u.buf, p...)
			return len(p), nil
		}
		if err := u.spill(); err != nil {
			return 0, err
		}
	}
	if err := u.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// spill moves what was buffered into a blob.
func (u *Upload) spill() error {
	rand.Read(u.name[:])
	f, err := os.OpenFile(blobPath(u.v.dir, u.name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("creating a blob: %w", noSpace(err))
	}
	u.file = f
	buffered := u.buf
	u.buf = nil
	return u.write(buffered)
}

func (u *Upload) write(p []byte) error {
	if _, err := u.file.Write(p); err != nil {
		return fmt.Errorf("writing a blob: %w", noSpace(err))
	}
	// What is written no longer needs to be reserved: statfs counts it.
	written := min(int64(len(p)), u.reserve)
	u.reserve -= written
	u.v.space.give(written)
	u.unsynced += int64(len(p))
	if u.unsynced < syncEvery {
		return nil
	}
	if err := u.awaitSync(); err != nil {
		return err
	}
	u.unsynced = 0
	u.syncing = make(chan error, 1)
	go func() { u.syncing <- syscall.Fdatasync(int(u.file.Fd())) }()
	return nil
}

func (u *Upload) awaitSync() error {
	if u.syncing == nil {
		return nil
	}
	err := <-u.syncing
	u.syncing = nil
	if err != nil {
		return fmt.Errorf("syncing a blob: %w", noSpace(err))
	}
	return nil
}

// A body is a finished upload: what a transaction needs of it.
type body struct {
	size   int64
	digest ledger.Digest
	value  []byte // for bucketMessages
}

// finish makes the blob durable, entry in its directory included, so that a
// transaction may name it. A crash after this and before the transaction
// leaves a file that no record names, which sweep removes. Doing it again
// gives the same body.
func (u *Upload) finish() (body, error) {
	if u.done {
		return body{}, ErrClosed
	}
	if u.body.value != nil {
		return u.body, nil
	}
	if u.size == 0 {
		return body{}, fmt.Errorf("upload: %w: empty", ErrMalformed)
	}
	b := body{size: u.size, digest: ledger.Digest(u.sum.Sum(nil))}
	if u.file == nil {
		b.value = append([]byte{bodyInline}, u.buf...)
		u.body = b
		return b, nil
	}
	b.value = append([]byte{bodyBlob}, u.name[:]...)
	if err := u.awaitSync(); err != nil {
		return body{}, err
	}
	if err := blur(u.file.Name(), u.v.opts.Now()); err != nil {
		return body{}, err
	}
	if err := u.file.Sync(); err != nil {
		return body{}, fmt.Errorf("syncing a blob: %w", noSpace(err))
	}
	blobs := filepath.Join(u.v.dir, BlobsDir)
	if err := blur(blobs, u.v.opts.Now()); err != nil {
		return body{}, err
	}
	if err := syncDir(blobs); err != nil {
		return body{}, err
	}
	u.body = b
	return b, nil
}

// settle notes how the transaction ended. After ErrFailed it may be on disk
// all the same, so the blob is left to the sweep of the next open, which
// knows.
func (u *Upload) settle(err error) { u.kept = err == nil || errors.Is(err, ErrFailed) }

// Discard gives back what the upload holds and deletes its blob, unless a
// transaction names it. It may be called more than once.
func (u *Upload) Discard() {
	if u.done {
		return
	}
	u.done = true
	u.v.space.give(u.reserve)
	u.buf = nil
	if u.file == nil {
		return
	}
	u.awaitSync() // the file must not be closed under it
	u.file.Close()
	if !u.kept {
		// When this fails, the next open sweeps it.
		os.Remove(u.file.Name())
		blur(filepath.Dir(u.file.Name()), u.v.opts.Now())
	}
}

// sweep removes the blobs of uploads that died. The store is locked and no
// upload has begun, so a file that no record names is one.
func (v *Vault) sweep() error {
	dir := filepath.Join(v.dir, BlobsDir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("sweeping: %w", err)
	}
	swept := 0
	err = v.db.View(func(tx *bolt.Tx) error {
		named := tx.Bucket([]byte(bucketBlobs))
		for _, e := range entries {
			name, err := hex.DecodeString(e.Name())
			if err != nil || len(name) != len(blobName{}) || named.Get(name) != nil {
				continue // not ours to delete: the checker names strangers
			}
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("sweeping: %w", err)
			}
			swept++
		}
		return nil
	})
	if err != nil || swept == 0 {
		return err
	}
	v.log.Info("swept what dead uploads left behind", "files", swept)
	return syncDir(dir)
}

// space hands out the free disk, so that uploads let in together do not write
// into the floor. Half of the floor stays for small uploads (InlineMax): a
// flood of files that fills all the rest does not keep a text out.
type space struct {
	dir   string
	floor int64

	mu       sync.Mutex
	reserved int64 // guarded by mu
}

// take reserves n bytes, if need bytes are free, for an upload of at most
// limit.
func (s *space) take(n, need, limit int64) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(s.dir, &st); err != nil {
		return fmt.Errorf("reading the free disk space: %w", err)
	}
	free := int64(st.Bavail) * st.Bsize
	floor := s.floor
	if limit <= InlineMax {
		floor /= 2
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n < 0 || free-s.reserved-floor < need {
		return ErrNoSpace
	}
	s.reserved += n
	return nil
}

func (s *space) give(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reserved -= n
}

// noSpace turns a full disk's error into the sentinel that callers know.
func noSpace(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %v", ErrNoSpace, err)
	}
	return err
}
