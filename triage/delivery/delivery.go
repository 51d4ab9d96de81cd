// Package delivery brings a sealed bag to its destination: by mail, or through
// a command of the case worker's own. The third way, the outbox, is a file that
// a person takes; there is nothing to do for it.
//
// What it guarantees:
//
//   - No mail leaves but under TLS 1.2 or newer with a certificate that was
//     verified for the server's name, and no password before that.
//   - A mail says nothing of a case but the bag's file name, which is the case's
//     ID as it stands in the ledger.
//   - A bag is read as a stream: its size costs no memory.
//   - It is at least once. A mail that the server took and whose answer was lost
//     is sent again, under the same Message-ID, by which the other side can tell
//     that it is the same; a command may likewise run again for the same bag.
//
// What callers must do: check the bag against its digest first, deliver one bag
// at a time, and show answers and errors through package screen: they quote
// what strangers sent.
package delivery

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"tocsin/triage/screen"
)

// A Bag is a sealed bag in a file.
type Bag struct {
	File   *os.File // at its beginning
	Name   string   // the file's name, as the destination gets it
	Size   int64
	Digest [sha256.Size]byte
}

// ErrChanged means that a file does not hold the bag that was handed over.
var ErrChanged = errors.New("the file is not the bag that was sealed")

// Open opens the bag at path and reads it once, to check that it is the one with
// that digest. The caller closes its file.
func Open(path, name string, digest [sha256.Size]byte) (*Bag, error) {
	if name == "" || name != screen.FileName(name) {
		return nil, fmt.Errorf("%q can't be the name of a bag", name)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the bag: %w", err)
	}
	sum := sha256.New()
	size, err := io.Copy(sum, f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	switch {
	case err != nil:
		err = fmt.Errorf("reading the bag: %w", err)
	case [sha256.Size]byte(sum.Sum(nil)) != digest:
		err = fmt.Errorf("%s: %w", path, ErrChanged)
	default:
		return &Bag{File: f, Name: name, Size: size, Digest: digest}, nil
	}
	f.Close()
	return nil, err
}

// permanent marks an error after which the same attempt would end the same.
type permanent struct{ error }

// Unwrap returns the error that is marked.
func (p permanent) Unwrap() error { return p.error }

// IsPermanent reports whether err, which a delivery returned, says that trying
// again as it is would be of no use.
func IsPermanent(err error) bool {
	_, ok := errors.AsType[permanent](err)
	return ok
}
