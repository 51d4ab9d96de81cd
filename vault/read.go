package vault

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
)

// A reader is one transaction, seen as the schema.
type reader struct {
	tx *bolt.Tx
	n  int64 // leaves
}

func newReader(tx *bolt.Tx) *reader {
	r := &reader{tx: tx}
	if k, _ := tx.Bucket([]byte(bucketLeaves)).Cursor().Last(); k != nil {
		last, _ := parseIndex(k)
		r.n = last + 1
	}
	return r
}

// size is the number of leaves.
func (r *reader) size() int64 { return r.n }

// get returns a value, or nil. It is valid until the transaction ends.
func (r *reader) get(bucket string, key []byte) []byte {
	return r.tx.Bucket([]byte(bucket)).Get(key)
}

// ReadHashes implements tlog.HashReader.
func (r *reader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		v := r.get(bucketHashes, indexKey(x))
		if len(v) != tlog.HashSize {
			return nil, fmt.Errorf("stored hash %d: %w", x, ErrNotFound)
		}
		copy(out[i][:], v)
	}
	return out, nil
}

func (r *reader) leaf(index int64) (*ledger.Leaf, error) {
	b := r.get(bucketLeaves, indexKey(index))
	if b == nil {
		return nil, fmt.Errorf("leaf %d: %w", index, ErrNotFound)
	}
	return ledger.ParseLeaf(b)
}

func (v *Vault) view(fn func(*reader) error) error {
	return v.db.View(func(tx *bolt.Tx) error { return fn(newReader(tx)) })
}

// FindTag returns the case that a codename's tag leads to, or ErrNotFound.
func (v *Vault) FindTag(tag [32]byte) (*Case, error) {
	var c *Case
	err := v.view(func(r *reader) (err error) {
		at := r.get(bucketTags, tag[:])
		if at == nil {
			return fmt.Errorf("tag: %w", ErrNotFound)
		}
		c, err = ParseCase(r.get(bucketCases, at))
		return err
	})
	return c, err
}

// FindCase returns the record of a case, or ErrNotFound.
func (v *Vault) FindCase(id ledger.CaseID) (*Case, error) {
	var c *Case
	err := v.view(func(r *reader) (err error) {
		at := r.get(bucketIDs, id[:])
		if at == nil {
			return fmt.Errorf("case %s: %w", id, ErrNotFound)
		}
		c, err = ParseCase(r.get(bucketCases, at))
		return err
	})
	return c, err
}

// An Entry is a leaf with its place in the ledger.
type Entry struct {
	Index int64
	Leaf  *ledger.Leaf
}

// History returns every leaf of a case in the order of the ledger, beginning
// with the one that opened it, or ErrNotFound.
func (v *Vault) History(id ledger.CaseID) ([]Entry, error) {
	var out []Entry
	err := v.view(func(r *reader) error {
		at := r.get(bucketIDs, id[:])
		if at == nil {
			return fmt.Errorf("case %s: %w", id, ErrNotFound)
		}
		index, ok := parseIndex(at)
		if !ok {
			return fmt.Errorf("case %s: %w", id, ErrMalformed)
		}
		opened, err := r.leaf(index)
		if err != nil {
			return err
		}
		out = []Entry{{index, opened}}
		_, err = r.thread(at, func(index int64, l *ledger.Leaf) { out = append(out, Entry{index, l}) })
		return err
	})
	return out, err
}

// Messages returns the messages of a case in the order they came, or
// ErrNotFound.
func (v *Vault) Messages(id ledger.CaseID) ([]Entry, error) {
	all, err := v.History(id)
	return slices.DeleteFunc(all, func(e Entry) bool { return e.Leaf.Event != ledger.EventMessage }), err
}

// thread calls fn with each leaf of the case whose leaf's key is at, but for
// that one, and returns the last.
func (r *reader) thread(at []byte, fn func(int64, *ledger.Leaf)) (last *ledger.Leaf, err error) {
	c := r.tx.Bucket([]byte(bucketThreads)).Cursor()
	for k, _ := c.Seek(at); bytes.HasPrefix(k, at); k, _ = c.Next() {
		index, ok := parseIndex(k[len(at):])
		if !ok {
			return nil, fmt.Errorf("thread of leaf %x: %w", at, ErrMalformed)
		}
		if last, err = r.leaf(index); err != nil {
			return nil, err
		}
		fn(index, last)
	}
	if last == nil { // there is a report at least
		return nil, fmt.Errorf("thread of leaf %x: %w: it is empty", at, ErrMalformed)
	}
	return last, nil
}

// open returns the key of the leaf that opened a case, if the case takes more:
// nothing follows the leaf that retired one, so that only the last tells.
func (r *reader) open(id ledger.CaseID) (at []byte, err error) {
	if at = r.get(bucketIDs, id[:]); at == nil {
		return nil, fmt.Errorf("case %s: %w", id, ErrNotFound)
	}
	first, ok := parseIndex(at)
	if !ok {
		return nil, fmt.Errorf("case %s: %w", id, ErrMalformed)
	}
	c := r.tx.Bucket([]byte(bucketThreads)).Cursor()
	k, _ := c.Seek(indexKey(first + 1))
	if k == nil {
		k, _ = c.Last()
	} else {
		k, _ = c.Prev()
	}
	if !bytes.HasPrefix(k, at) {
		return nil, fmt.Errorf("thread of case %s: %w: it is empty", id, ErrMalformed)
	}
	index, _ := parseIndex(k[len(at):])
	last, err := r.leaf(index)
	if err != nil {
		return nil, err
	}
	if last.Retires() {
		return nil, fmt.Errorf("case %s: %w", id, ErrRetired)
	}
	return at, nil
}

// Ciphertext is a stored object, read at random: an age file, or a public
// text. The caller must Close it.
type Ciphertext struct {
	io.ReaderAt
	size  int64
	close func() error
}

// Size returns the number of bytes.
func (c *Ciphertext) Size() int64 { return c.size }

// Close releases what the object holds.
func (c *Ciphertext) Close() error {
	if c.close == nil {
		return nil
	}
	return c.close()
}

func inMemory(b []byte) *Ciphertext {
	return &Ciphertext{ReaderAt: bytes.NewReader(bytes.Clone(b)), size: int64(len(b))}
}

// OpenMessage opens the ciphertext of the message with that leaf, or returns
// ErrNotFound.
func (v *Vault) OpenMessage(index int64) (*Ciphertext, error) {
	var out *Ciphertext
	err := v.view(func(r *reader) (err error) {
		out, err = r.message(v.dir, index)
		return err
	})
	return out, err
}

func (r *reader) message(dir string, index int64) (*Ciphertext, error) {
	value := r.get(bucketMessages, indexKey(index))
	if value == nil {
		return nil, fmt.Errorf("message %d: %w", index, ErrNotFound)
	}
	inline, blob, err := parseBody(value)
	if err != nil {
		return nil, fmt.Errorf("message %d: %w", index, err)
	}
	if inline != nil {
		return inMemory(inline), nil
	}
	return openBlob(dir, blob)
}

// NextBlob opens the large ciphertext of the first message from leaf from on,
// below leaf to, that lies beside vault.db. It returns ErrNotFound if there is
// none, and with an error that wraps fs.ErrNotExist the leaf whose blob is
// missing. The caller must Close what it opens.
func (v *Vault) NextBlob(from, to int64) (index int64, blob *Ciphertext, err error) {
	err = v.view(func(r *reader) error {
		c := r.tx.Bucket([]byte(bucketMessages)).Cursor()
		for k, body := c.Seek(indexKey(from)); k != nil; k, body = c.Next() {
			var ok bool
			if index, ok = parseIndex(k); !ok {
				return fmt.Errorf("message %x: %w", k, ErrMalformed)
			}
			if index >= to {
				break
			}
			inline, name, err := parseBody(body)
			if err != nil {
				return fmt.Errorf("message %d: %w", index, err)
			}
			if inline == nil {
				blob, err = openBlob(v.dir, name)
				return err
			}
		}
		return fmt.Errorf("a blob from leaf %d on: %w", from, ErrNotFound)
	})
	return index, blob, err
}

func openBlob(dir string, name blobName) (*Ciphertext, error) {
	f, size, err := openRegular(blobPath(dir, name))
	if err != nil {
		return nil, fmt.Errorf("opening a blob: %w", err)
	}
	return &Ciphertext{ReaderAt: f, size: size, close: f.Close}, nil
}

func blobPath(dir string, name blobName) string {
	return filepath.Join(dir, BlobsDir, hex.EncodeToString(name[:]))
}

// An Object is one thing that a leaf's digest speaks of.
type Object struct {
	Name string // "roster", "record", "envelope" or "message"
	*Ciphertext
}

// Objects opens what the leaf of that index speaks of, as far as the store
// holds it: a roster's note; a case's record and its envelope in force (which,
// after a rekey, is that of a later leaf); a message's ciphertext. It returns
// none for other events, ErrNotFound for an index beyond the ledger. A case
// whose envelope was destroyed has none. The caller must Close each.
func (v *Vault) Objects(index int64) ([]Object, error) {
	var out []Object
	err := v.view(func(r *reader) error {
		l, err := r.leaf(index)
		if err != nil {
			return err
		}
		key := indexKey(index)
		switch l.Event {
		case ledger.EventRoster:
			out = []Object{{"roster", inMemory(r.get(bucketRosters, key))}}
		case ledger.EventCase:
			out = []Object{{"record", inMemory(r.get(bucketCases, key))}}
			if envelope := r.get(bucketEnvelopes, key); envelope != nil {
				out = append(out, Object{"envelope", inMemory(envelope)})
			}
		case ledger.EventMessage:
			c, err := r.message(v.dir, index)
			if err != nil {
				return err
			}
			out = []Object{{"message", c}}
		}
		return nil
	})
	return out, err
}

// Leaves calls fn with each encoded leaf from the index from up to, not
// including, to. The slice is valid during the call. An end beyond the ledger
// is cut to it; an error of fn ends the walk and is returned.
func (v *Vault) Leaves(from, to int64, fn func(index int64, leaf []byte) error) error {
	if from < 0 || to < from {
		return fmt.Errorf("leaves %d to %d: %w", from, to, ErrNotFound)
	}
	return v.view(func(r *reader) error {
		for i := from; i < min(to, r.size()); i++ {
			b := r.get(bucketLeaves, indexKey(i))
			if b == nil {
				return fmt.Errorf("leaf %d: %w", i, ErrNotFound)
			}
			if err := fn(i, b); err != nil {
				return err
			}
		}
		return nil
	})
}
