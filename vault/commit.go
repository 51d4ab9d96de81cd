package vault

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"syscall"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

// maxGroup bounds how many waiting changes share one transaction, and with
// them the memory that their inline ciphertext takes.
const maxGroup = 256

// A committer is the one goroutine that writes. It takes all changes that
// wait, applies them in one transaction and answers them together, so that
// a sync to disk is shared by all who wait for one; it never waits for more.
type committer struct {
	jobs chan *job
	done chan struct{} // closed when the goroutine has ended

	mu     sync.RWMutex // held for reading while a job is handed in
	closed bool         // guarded by mu

	failed error // owned by the goroutine
}

// A job is one change. apply looks before it writes: when it returns an error
// it must not have changed anything, since the rest of the group goes on.
type job struct {
	apply  func(*writer) error
	result chan error // buffered: the committer never waits for a caller
}

func (c *committer) start(v *Vault) {
	c.jobs = make(chan *job, maxGroup)
	c.done = make(chan struct{})
	go c.run(v)
}

// stop refuses new changes and waits for those handed in.
func (c *committer) stop() {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if first {
		close(c.jobs)
	}
	<-c.done
}

// commit hands a change in and waits until it is on stable storage. ctx
// bounds only the wait to be taken in: once the committer has the change, its
// end is waited for, so that the caller knows what became of it and may
// delete a blob that no transaction names.
func (c *committer) commit(ctx context.Context, apply func(*writer) error) error {
	j := &job{apply: apply, result: make(chan error, 1)}
	if err := c.hand(ctx, j); err != nil {
		return err
	}
	return <-j.result
}

// Durable waits until everything that a read has shown so far is on stable
// storage: bbolt shows a transaction to readers when its meta page is written,
// which is before that page is synced, and shows it also when the sync failed.
// It returns ErrFailed if that is so.
func (v *Vault) Durable(ctx context.Context) error {
	return v.commit(ctx, func(*writer) error { return nil })
}

func (c *committer) hand(ctx context.Context, j *job) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return ErrClosed
	}
	select {
	case c.jobs <- j:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the commit: %w", ctx.Err())
	}
}

func (c *committer) run(v *Vault) {
	defer close(c.done)
	for first := range c.jobs {
		group := []*job{first}
	gather:
		for len(group) < maxGroup {
			select {
			case j, ok := <-c.jobs:
				if !ok {
					break gather
				}
				group = append(group, j)
			default:
				break gather
			}
		}
		c.commitGroup(v, group)
	}
}

// commitGroup applies a group of changes in one transaction.
//
// Commit point: tx.Commit writes the changed pages and syncs them, then
// writes the meta page and syncs that. A crash before the meta page is on
// disk leaves the store as it was, with the changes unacknowledged; after it
// they are there whole, acknowledged or not. No one is answered before
// Commit has returned.
func (c *committer) commitGroup(v *Vault, group []*job) {
	errs := make([]error, len(group))
	err := c.failed
	if err == nil {
		err = c.transact(v, group, errs)
	}
	for i, j := range group {
		if err != nil {
			j.result <- err
		} else {
			j.result <- errs[i]
		}
	}
}

func (c *committer) transact(v *Vault, group []*job, errs []error) error {
	tx, err := v.db.Begin(true)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer tx.Rollback() // does nothing after Commit
	w := v.newWriter(tx)
	for i, j := range group {
		errs[i] = j.apply(w)
		if w.broken != nil {
			return w.broken
		}
	}
	if !w.wrote {
		return nil
	}
	if err := w.finish(); err != nil {
		return err
	}
	id := tx.ID()
	if err := tx.Commit(); err != nil {
		now := -1
		v.view(func(r *reader) error { now = r.tx.ID(); return nil })
		if gaveUp(err, id-1, now) {
			return fmt.Errorf("committing: %w", ErrNoSpace)
		}
		// Whether the meta page reached the disk is unknown. To go on could
		// build on what a crash takes away, so nothing more is written.
		c.failed = fmt.Errorf("%w: %v", ErrFailed, err)
		v.log.Error("the store failed to write and takes nothing more until it is reopened", "error", err)
		return c.failed
	}
	if w.roster != nil {
		v.roster.Store(w.roster)
	}
	if w.head != nil {
		v.head.Store(&w.head)
	}
	return nil
}

// gaveUp reports whether a commit that failed is certain to have left the
// store as it was: the disk was full, and readers see the same transaction as
// before. When the sync of the meta page fails, also for want of space, they
// see the one that failed, which may then be on disk or not.
func gaveUp(err error, before, now int) bool {
	return now == before && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT))
}

// A writer is one transaction of the committer.
type writer struct {
	reader
	v      *Vault
	day    ledger.Day     // today, and no earlier than that of what was done before
	roster *roster.Signed // set when the transaction brings a new one
	head   []byte         // set by finish when there are new leaves
	added  int            // leaves appended
	wrote  bool           // anything at all
	broken error          // set when a change failed half-way: all is rolled back
}

func (v *Vault) newWriter(tx *bolt.Tx) *writer {
	w := &writer{reader: *newReader(tx), v: v, day: ledger.DayOf(v.opts.Now())}
	// A clock that was set back, be it by a second over midnight, must not write
	// a leaf of an earlier day than the last one's, nor of one that is published
	// as over: case workers and auditors would take no ledger in which it stands,
	// ever after. What can't be read here they find.
	if last, err := w.leaf(w.n - 1); err == nil {
		w.day = max(w.day, last.Day)
	}
	if p, err := w.published(keyPublished); err == nil && p != nil {
		w.day = max(w.day, p.Day)
	}
	return w
}

// rosterInForce is the roster as of this point of the transaction.
func (w *writer) rosterInForce() *roster.Signed {
	if w.roster != nil {
		return w.roster
	}
	return w.v.Roster()
}

// put writes one pair. A failure is remembered, so that the transaction is
// given up whole and no caller has to undo anything.
func (w *writer) put(bucket string, key, value []byte) {
	w.wrote = true
	b := w.tx.Bucket([]byte(bucket))
	switch bucket {
	case bucketLeaves, bucketHashes, bucketCases, bucketEnvelopes, bucketMessages:
		b.FillPercent = 1 // keys only ascend: leave no room for later ones
	}
	if err := b.Put(key, value); err != nil && w.broken == nil {
		w.broken = fmt.Errorf("writing to %s: %w", bucket, err)
	}
}

// delete removes one pair; see put.
func (w *writer) delete(bucket string, key []byte) {
	w.wrote = true
	if err := w.tx.Bucket([]byte(bucket)).Delete(key); err != nil && w.broken == nil {
		w.broken = fmt.Errorf("deleting from %s: %w", bucket, err)
	}
}

// append adds a leaf to the ledger, and to the thread of its case if it opened
// none, and returns its index. A leaf that cannot be written breaks the
// transaction.
func (w *writer) append(l *ledger.Leaf) int64 {
	l.Day = w.day
	index := w.size()
	b, err := l.Marshal()
	if err != nil {
		w.broken = err
		return index
	}
	hashes, err := tlog.StoredHashes(index, b, &w.reader)
	if err != nil {
		w.broken = err
		return index
	}
	w.put(bucketLeaves, indexKey(index), b)
	for i, h := range hashes {
		w.put(bucketHashes, indexKey(tlog.StoredHashIndex(0, index)+int64(i)), h[:])
	}
	if l.IsSigned() {
		w.put(bucketSignatures, signatureKey(l), indexKey(index))
	}
	if at := w.get(bucketIDs, l.Case[:]); at != nil && l.Event != ledger.EventRoster {
		caseIndex, _ := parseIndex(at)
		w.put(bucketThreads, threadKey(caseIndex, index), nil)
	}
	w.n++
	w.added++
	return index
}

func signatureKey(l *ledger.Leaf) []byte {
	d := sha256.Sum256(l.Signature)
	return d[:]
}

func (w *writer) addRoster(r *roster.Signed) error {
	i := w.append(&ledger.Leaf{Event: ledger.EventRoster, Number: r.Number, Digest: r.Digest})
	w.put(bucketRosters, indexKey(i), r.Note)
	w.roster = r
	return w.broken
}

// finish signs the checkpoint over all leaves, once for a transaction that
// brings some.
func (w *writer) finish() error {
	if w.broken != nil || w.added == 0 {
		return w.broken
	}
	var err error
	if w.head, err = w.sign(w.size()); err != nil {
		return err
	}
	w.put(bucketHead, keyCheckpoint, w.head)
	return w.broken
}

// sign returns the signed checkpoint over the first size leaves.
func (w *writer) sign(size int64) ([]byte, error) {
	root, err := tlog.TreeHash(size, &w.reader)
	if err != nil {
		return nil, fmt.Errorf("computing the root of %d leaves: %w", size, err)
	}
	cp := ledger.Checkpoint{Origin: w.rosterInForce().Origin, Size: size, Root: root}
	return cp.Sign(w.v.opts.Signer)
}
