// Package vault keeps sealed cases and their ledger on disk. It never sees
// anything but ciphertext, public keys and digests, and it can't tell what a
// report says.
//
// A store is one directory: vault.db, a bbolt file, holds everything but
// large ciphertext; a message of more than [InlineMax] bytes lies in a
// write-once file under blobs/. Nothing above this package sees a bbolt type.
//
// What the vault guarantees:
//
//   - A call that adds something returns nil only after it is on stable
//     storage. Case, envelope, lookup tag, message and leaves become visible
//     together, in one transaction, or not at all.
//   - The ledger grows in the same transaction as what it speaks of, and the
//     signed checkpoint in the store always covers all leaves.
//   - A blob is synced, with its directory entry, before the transaction that
//     names it. A blob that no transaction names is an upload that died; it
//     is swept when the store is next opened.
//   - Adding the same thing twice adds it once: a case by its lookup tag, an
//     addition by the form it was sent from, a case worker's event or reply
//     by its signature.
//   - A case that was withdrawn has lost its envelope, in the transaction that
//     recorded it, and takes nothing more.
//   - A case has one envelope: one that was sealed again takes the place of the
//     one before, in the transaction that recorded it.
//   - What goes outside of the ledger's state goes once a day and covers the
//     days before: see [Published].
//   - Times are days.
//
// [Check] holds a store against all of this, without opening it through bbolt.
package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/mod/sumdb/note"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

// The names inside a store's directory.
const (
	DBName   = "vault.db"
	BlobsDir = "blobs"
)

var (
	// ErrNotExist is returned for a directory without a store.
	ErrNotExist = errors.New("no store here")
	// ErrExist is returned by Create for a directory that has a store.
	ErrExist = errors.New("a store is already here")
	// ErrLocked is returned while another process has the store open.
	ErrLocked = errors.New("the store is in use by another process")
	// ErrVersion is returned for a store or record of another version.
	ErrVersion = errors.New("unknown version: a newer program is needed to read it")
	// ErrMalformed is returned for what does not have the form it must have.
	ErrMalformed = errors.New("malformed")
	// ErrNotFound is returned when there is no such case, tag or message.
	ErrNotFound = errors.New("not found")
	// ErrTagExists is returned by AddCase when the codename's case is already
	// kept: the report was sent before.
	ErrTagExists = errors.New("a case with this tag is already kept")
	// ErrNoSpace is returned when the disk has no room to let an upload in.
	ErrNoSpace = errors.New("not enough free disk space")
	// ErrTooLarge is returned by Upload.Write beyond what was reserved.
	ErrTooLarge = errors.New("larger than what was reserved for it")
	// ErrRefused is returned for an event that the roster in force or the
	// state of the case does not allow.
	ErrRefused = errors.New("refused")
	// ErrRetired is returned for what is to be added to a case that was
	// withdrawn or purged.
	ErrRetired = errors.New("the case was withdrawn or purged")
	// ErrRosterChanged is returned by AddCase for an envelope that is sealed
	// to the case workers of a roster that is no longer in force.
	ErrRosterChanged = errors.New("another roster came into force")
	// ErrUnpublished is returned for what no published checkpoint covers yet.
	ErrUnpublished = errors.New("not published yet")
	// ErrFailed is returned by all writes after a commit failed in a way
	// that leaves open whether it is on disk: the store must be opened anew.
	ErrFailed = errors.New("the store failed to write and must be reopened")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("the store is closed")
)

// Options are what a vault is opened with.
type Options struct {
	Signer    note.Signer      // the ledger key; its verifier is in the roster
	Now       func() time.Time // nil means time.Now
	FreeFloor int64            // bytes of disk that uploads must leave free; small ones, half
	Log       *slog.Logger     // nil means none
}

// A Vault is an open store. It is safe for concurrent use.
type Vault struct {
	dir    string
	orgKey string
	opts   Options
	log    *slog.Logger
	db     *bolt.DB
	space  space
	roster atomic.Pointer[roster.Signed] // in force; set at open and by the committer
	head   atomic.Pointer[[]byte]        // signed checkpoint; set at open and by the committer

	committer // owns everything that writes
}

// Create makes an empty store in dir, whose ledger begins with the roster.
// The directory must exist. It returns ErrExist where a store is.
//
// The store appears under its name only when it is whole: a crash before the
// rename leaves a file that the next Create writes over.
func Create(dir string, signedRoster []byte, orgKey string, o Options) error {
	r, err := roster.Open(signedRoster, orgKey)
	if err != nil {
		return fmt.Errorf("creating the store: %w", err)
	}
	path := filepath.Join(dir, DBName)
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("creating the store in %s: %w", dir, ErrExist)
	}
	if err := os.Mkdir(filepath.Join(dir, BlobsDir), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("creating the store: %w", err)
	}
	tmp := path + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("creating the store: %w", err)
	}
	db, err := openDB(tmp)
	if err != nil {
		return fmt.Errorf("creating the store: %w", err)
	}
	v := newVault(dir, orgKey, o, db)
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		if err := tx.Bucket([]byte(bucketVault)).Put(keyVersion, []byte(schemaVersion)); err != nil {
			return err
		}
		w := v.newWriter(tx)
		if err := w.addRoster(r); err != nil {
			return err
		}
		return w.finish()
	})
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("creating the store: %w", err)
	}
	// Commit point: before the rename there is no store, after it a whole one.
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("creating the store: %w", err)
	}
	return syncDir(dir)
}

// Open opens the store in dir, sweeps what dead uploads left behind and
// starts the committer. It returns ErrNotExist, ErrLocked or ErrVersion where
// they apply. The caller must Close the vault.
func Open(dir, orgKey string, o Options) (*Vault, error) {
	path := filepath.Join(dir, DBName)
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w", dir, ErrNotExist)
		}
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	db, err := openDB(path)
	if err != nil {
		return nil, fmt.Errorf("opening the store in %s: %w", dir, err)
	}
	v := newVault(dir, orgKey, o, db)
	if err := v.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the store in %s: %w", dir, err), db.Close())
	}
	if err := v.sweep(); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the store in %s: %w", dir, err), db.Close())
	}
	// Of a server that was killed the last commit may be in memory alone:
	// what readers are shown from here on must be on disk.
	if err := db.Sync(); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the store in %s: %w", dir, err), db.Close())
	}
	v.start(v)
	return v, nil
}

func newVault(dir, orgKey string, o Options, db *bolt.DB) *Vault {
	if o.Now == nil {
		o.Now = time.Now
	}
	v := &Vault{dir: dir, orgKey: orgKey, opts: o, log: o.Log, db: db}
	if v.log == nil {
		v.log = slog.New(slog.DiscardHandler)
	}
	v.space = space{dir: dir, floor: o.FreeFloor}
	return v
}

// mapped is how much of the address space the file is mapped into: 64 GiB,
// or, where addresses have 32 bits, whatever bbolt takes. To grow its mapping
// bbolt waits for every reader and lets none begin meanwhile, so that a
// snapshot that is fetched slowly would hold up the whole store. No memory
// comes with it. A file within it grows in steps of 16 MiB, without content.
const mapped = math.MaxInt >> 27

// openDB opens the bbolt file. The freelist is synced: commits cost a little
// more, but a large store opens at once and every page is accounted for. The
// page size is fixed so that a store does not depend on where it was made.
func openDB(path string) (*bolt.DB, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout:      time.Second,
		FreelistType: bolt.FreelistMapType,
		PageSize:     pageSize,

		InitialMmapSize: mapped,
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, ErrLocked
	}
	return db, err
}

// load reads version, roster and checkpoint into memory.
func (v *Vault) load() error {
	return v.db.View(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if tx.Bucket([]byte(name)) == nil {
				return fmt.Errorf("%w: bucket %q is missing", ErrMalformed, name)
			}
		}
		if got := string(tx.Bucket([]byte(bucketVault)).Get(keyVersion)); got != schemaVersion {
			return fmt.Errorf("store version %q: %w", got, ErrVersion)
		}
		_, text := tx.Bucket([]byte(bucketRosters)).Cursor().Last()
		r, err := roster.Open(text, v.orgKey)
		if err != nil {
			return err
		}
		v.roster.Store(r)
		head := append([]byte(nil), tx.Bucket([]byte(bucketHead)).Get(keyCheckpoint)...)
		cp, err := ledger.OpenCheckpoint(head, r.Intake.Ledger)
		if err != nil {
			return err
		}
		if n := newReader(tx).size(); cp.Size != n {
			return fmt.Errorf("%w: the checkpoint covers %d leaves of %d", ErrMalformed, cp.Size, n)
		}
		v.head.Store(&head)
		if s := v.opts.Signer; s == nil || s.Name() != r.Origin || !signs(s, r.Intake.Ledger) {
			return fmt.Errorf("%w: the ledger key is not the roster's", ErrRefused)
		}
		return nil
	})
}

// signs reports whether the signer's key is that of the verifier key.
func signs(s note.Signer, vkey string) bool {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return false
	}
	probe := []byte("tocsin: is this the ledger key?\n")
	sig, err := s.Sign(probe)
	return err == nil && v.Verify(probe, sig)
}

// Close waits for the commits under way and closes the store. Uploads that
// were not committed are swept when it is next opened, or discarded now by
// those who hold them.
func (v *Vault) Close() error {
	v.stop()
	if err := v.db.Close(); err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// Roster returns the roster in force.
func (v *Vault) Roster() *roster.Signed { return v.roster.Load() }

// Checkpoint returns the signed checkpoint over all leaves.
func (v *Vault) Checkpoint() []byte { return *v.head.Load() }

// UpdateRoster puts a newer roster in force and records it in the ledger.
// The roster in force given again is accepted and changes nothing. What is
// already sealed stays sealed to those it was sealed to.
func (v *Vault) UpdateRoster(ctx context.Context, signed []byte) error {
	r, err := roster.Open(signed, v.orgKey)
	if err != nil {
		return err
	}
	if !signs(v.opts.Signer, r.Intake.Ledger) {
		return fmt.Errorf("roster %d: %w: it names another ledger key than this store signs with", r.Number, ErrRefused)
	}
	return v.commit(ctx, func(w *writer) error {
		old := v.Roster()
		if w.roster != nil {
			old = w.roster
		}
		if err := r.Follows(old); err != nil || r.Digest == old.Digest {
			return err
		}
		return w.addRoster(r)
	})
}

// Dir returns the directory of the store.
func (v *Vault) Dir() string { return v.dir }
