package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
	"tocsin/seal/agefile"
)

// A Finding is one thing that is not as it must be.
type Finding struct {
	ID    string `json:"id"`    // stable: what kind of thing it is
	Where string `json:"where"` // the case, message, leaf, page or file that was hit
	What  string `json:"what"`  // what was found, and what was expected
}

// String returns the finding on one line.
func (f Finding) String() string { return f.ID + ": " + f.Where + ": " + f.What }

// A Visitor is told what a check goes through, for checks of its own that
// need keys or memory. Calls come in this order: rosters, leaves, checkpoint,
// cosigned, published, envelopes, messages. Each func must be set.
type Visitor struct {
	// Live is set for the directory of a store that took reports until it
	// stopped or was killed, rather than for a snapshot: other files may lie
	// beside the store, and what transactions left behind in free pages and
	// after the last page.
	Live bool
	// Resume remembers the blobs that an interrupted check has hashed. It may
	// be nil.
	Resume *Resume

	Roster func(index int64, leaf *ledger.Leaf, note []byte)
	// Leaf is called from several goroutines, so that it may take its time
	// over a signature; what it returns is called as all others are.
	Leaf       func(index int64, leaf *ledger.Leaf) (tell func())
	Checkpoint func(signed []byte, hashes ledger.Hashes, size int64)
	// Cosigned and Published are the two checkpoints that went outside, where
	// there are such: see Published. size is that of the ledger.
	Cosigned, Published func(p *Published, hashes ledger.Hashes, size int64)
	// Envelope is the one in force of the case opened by leaf index; sealed
	// is the index of the leaf that it was sealed with: the same or a rekey.
	Envelope func(index, sealed int64, id ledger.CaseID, info *agefile.Info)
	Message  func(index int64, leaf *ledger.Leaf, info *agefile.Info)
	Found    func(Finding)
	// Progress says how many bytes of the store were read. It is called from
	// several goroutines, one at a time. All but it and Leaf are called from
	// that of Check.
	Progress func(done, total int64)
}

// Counts says how much a check went through.
type Counts struct {
	Leaves   int64 `json:"leaves"`
	Cases    int64 `json:"cases"`
	Messages int64 `json:"messages"`
	Bytes    int64 `json:"bytes"`
	Resumed  int64 `json:"resumed,omitempty"` // messages that an interrupted check had hashed
}

// Check holds a store against every invariant of this package: each byte of
// the snapshot is accounted for; the schema is closed; each record is what its
// leaf says; the tree's hashes are those of the leaves; every index leads where
// it must. It trusts nothing that it reads, and goes on past what is broken. It
// returns an error only when it could not check: the context ended or the
// source did.
//
// The store must not be written to meanwhile: hand it a snapshot.
func Check(ctx context.Context, src Source, visit Visitor) (*Counts, error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	db, size := src.DB()
	c := &checker{
		ctx: ctx, end: end, src: src, visit: visit, workers: startWorkers(), total: size + src.BlobBytes(),
		envelopes: map[int64]int64{}, ids: map[ledger.CaseID]int64{}, retired: map[int64]int64{},
		tags: map[[32]byte]int64{}, blobs: map[blobName]int64{}, signatures: map[[32]byte]int64{},
		additions: map[[32]byte]int64{},
	}
	defer c.workers.stop()
	c.pages = &pages{r: &countingReaderAt{c, db}, found: c.found, exact: !visit.Live, ended: c.ended, size: size}
	if !visit.Live {
		c.unknownFiles()
	}
	if c.pages.open() {
		c.run()
	}
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("checking the store: %w", err)
	}
	c.counts.Bytes = c.total
	return &c.counts, nil
}

// A checker goes through a store once. What it keeps in memory is a few
// hundred bytes a leaf. All of it belongs to the goroutine of Check, but for
// what workers call: ended, broke and advance.
type checker struct {
	ctx     context.Context
	end     context.CancelCauseFunc
	src     Source
	visit   Visitor
	pages   *pages
	trees   map[string]tree
	counts  Counts
	workers *workers

	progress    sync.Mutex // of done, and of calls of visit.Progress
	done, total int64      // bytes

	order      ledger.Order
	roster     uint64         // number of the one in force at the leaf under way
	leaves     []*ledger.Leaf // nil where unreadable
	hashes     ledger.Hashes
	envelopes  map[int64]int64 // case leaf → the leaf its envelope is of
	ids        map[ledger.CaseID]int64
	retired    map[int64]int64 // case leaf → the leaf with which its envelope was destroyed
	tags       map[[32]byte]int64
	blobs      map[blobName]int64
	signatures map[[32]byte]int64
	additions  map[[32]byte]int64
}

func (c *checker) found(id, where, what string) {
	c.workers.say(func() { c.visit.Found(Finding{id, where, what}) })
}

// findings are those of one piece of work, for which its turn has not come.
type findings []Finding

func (f *findings) found(id, where, what string) { *f = append(*f, Finding{id, where, what}) }

// ended reports whether no more is to be read.
func (c *checker) ended() bool { return c.ctx.Err() != nil }

// broke ends the check with an error after which it can't go on, and reports
// whether it is one.
func (c *checker) broke(err error) bool {
	if errors.Is(err, ErrSource) {
		c.end(err)
	}
	return c.ended()
}

func (c *checker) advance(n int64) {
	c.progress.Lock()
	defer c.progress.Unlock()
	c.done += n
	c.visit.Progress(min(c.done, c.total), c.total)
}

func (c *checker) run() {
	c.trees = c.pages.buckets()
	known := map[string]bool{}
	for _, name := range buckets {
		known[name] = true
		if _, ok := c.trees[name]; !ok {
			c.found("schema-bucket", "bucket "+name, "it is missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.trees)) {
		if !known[name] {
			c.found("schema-bucket", "bucket "+printable(name), "it is not part of the schema")
			c.pages.walk(c.trees[name], func(uint32, []byte, []byte) {})
		}
	}
	for _, step := range []func(){
		c.version, c.readLeaves, c.storedHashes, c.rosters, c.tellLeaves, c.head,
		c.cases, c.envelopesInForce, c.messages, c.indexes, c.pages.account, c.strayFiles,
	} {
		if c.ended() {
			return
		}
		step()
		c.workers.wait()
	}
}

// each walks a bucket, refusing buckets within it.
func (c *checker) each(bucket string, fn func(key, value []byte)) {
	t, ok := c.trees[bucket]
	if !ok {
		return
	}
	c.pages.walk(t, func(kind uint32, key, value []byte) {
		if c.ended() {
			return
		}
		if kind != 0 {
			c.found("schema-key", "bucket "+bucket, fmt.Sprintf("key %s is a bucket", printable(key)))
			return
		}
		fn(key, value)
	})
}

func (c *checker) unknownKey(bucket string, key []byte) {
	c.found("schema-key", "bucket "+bucket, fmt.Sprintf("key %s does not belong there", printable(key)))
}

// single checks a bucket that holds one known key.
func (c *checker) single(bucket string, key []byte, fn func(value []byte)) {
	seen := false
	c.each(bucket, func(k, v []byte) {
		if !bytes.Equal(k, key) {
			c.unknownKey(bucket, k)
			return
		}
		seen = true
		fn(v)
	})
	if !seen {
		c.found("schema-key", "bucket "+bucket, fmt.Sprintf("%q is missing", key))
	}
}

func (c *checker) version() {
	c.single(bucketVault, keyVersion, func(v []byte) {
		if string(v) != schemaVersion {
			c.found("store-version", "bucket "+bucketVault, fmt.Sprintf("version %s, this program knows %s", printable(v), schemaVersion))
		}
	})
}

// maxMissing bounds the leaves that may be missing between others: each costs
// memory, and a key far off must not cost more than the file that it is in.
const maxMissing = 1 << 16

// readLeaves reads all leaves and recomputes the tree.
func (c *checker) readLeaves() {
	missing, next := int64(0), int64(0)
	c.each(bucketLeaves, func(k, v []byte) {
		index, ok := parseIndex(k)
		// One that comes too late must not count against those that are missing.
		if !ok || index < next || index-next > maxMissing-missing {
			c.unknownKey(bucketLeaves, k)
			return
		}
		switch missing += index - next; {
		case index == next+1:
			c.found("leaf-missing", fmt.Sprintf("leaf %d", next), "it is not in the store")
		case index > next:
			c.found("leaf-missing", fmt.Sprintf("leaves %d to %d", next, index-1), "they are not in the store")
		}
		next = index + 1
		c.workers.do(v, func(v []byte) func() {
			l, err := ledger.ParseLeaf(v)
			return func() {
				for int64(len(c.leaves)) < index { // dropped: keep the indexes of the others
					c.add(nil, nil)
				}
				if err != nil {
					c.found("leaf-malformed", fmt.Sprintf("leaf %d", index), err.Error())
				}
				c.add(l, v)
			}
		})
	})
	c.workers.wait()
	c.counts.Leaves = int64(len(c.leaves))
}

func (c *checker) add(l *ledger.Leaf, encoded []byte) {
	index := int64(len(c.leaves))
	if err := c.hashes.Append(index, encoded); err != nil {
		c.end(err) // all leaves before it were added, so it can't be
	}
	c.leaves = append(c.leaves, l)
	if l == nil {
		return
	}
	where := func() string { return fmt.Sprintf("leaf %d", index) }
	switch err := c.order.Add(l); {
	case err == nil:
	case l.Event == ledger.EventWithdrawn:
		c.found("withdrawn-order", where(), err.Error())
	default:
		c.found("leaf-order", where(), err.Error())
	}
	if l.IsSigned() {
		key := sha256.Sum256(l.Signature)
		if other, ok := c.signatures[key]; ok {
			c.found("leaf-twice", where(), fmt.Sprintf("it bears the same signature as leaf %d", other))
		}
		c.signatures[key] = index
	}
	if l.Event == ledger.EventRoster {
		c.roster = l.Number
		return
	}
	at, known := c.ids[l.Case]
	switch {
	case l.Event == ledger.EventCase && !known:
		c.ids[l.Case] = index
		c.envelopes[index] = index
	case !known: // its order was reported
	case l.Event == ledger.EventRekey:
		if l.Number != c.roster {
			c.found("rekey-roster", where(), fmt.Sprintf("it was sealed for roster %d, and roster %d was in force", l.Number, c.roster))
		}
		c.envelopes[at] = index
	case l.Retires():
		c.retired[at] = index
	case l.Event == ledger.EventMessage && l.Kind == ledger.KindAddition:
		if other, ok := c.additions[l.Once]; ok {
			c.found("leaf-twice", where(), fmt.Sprintf("it was sent from the same form as leaf %d", other))
		}
		c.additions[l.Once] = index
	}
}

// storedHashes compares the tree in the store with the one recomputed.
func (c *checker) storedHashes() {
	seen := make([]bool, len(c.hashes))
	c.each(bucketHashes, func(k, v []byte) {
		i, ok := parseIndex(k)
		if !ok || i >= int64(len(c.hashes)) || len(v) != tlog.HashSize {
			c.unknownKey(bucketHashes, k)
			return
		}
		seen[i] = true
		if tlog.Hash(v) != c.hashes[i] {
			level, n := tlog.SplitStoredHashIndex(i)
			c.found("tree-hash", fmt.Sprintf("tree hash %d at level %d", n, level), "it is not the hash of the leaves below it")
		}
	})
	c.missing(bucketHashes, seen, func(i int) string { return fmt.Sprintf("stored hash %d", i) })
}

func (c *checker) missing(bucket string, seen []bool, name func(int) string) {
	for i, ok := range seen {
		if !ok {
			c.found("record-missing", name(i), "it is not in "+bucket)
		}
	}
}

func (c *checker) tellLeaves() {
	for i, l := range c.leaves {
		if l != nil {
			c.workers.do(nil, func([]byte) func() { return c.visit.Leaf(int64(i), l) })
		}
	}
}

func (c *checker) head() {
	size := int64(len(c.leaves))
	published := func(key, v []byte, tell func(*Published, ledger.Hashes, int64)) {
		p, err := parsePublished(v)
		if err != nil {
			c.found("published-malformed", string(key)+" checkpoint", err.Error())
			return
		}
		tell(p, c.hashes, size)
	}
	seen := false
	c.each(bucketHead, func(k, v []byte) {
		switch {
		case bytes.Equal(k, keyCheckpoint):
			seen = true
			c.visit.Checkpoint(bytes.Clone(v), c.hashes, size)
		case bytes.Equal(k, keyCosigned):
			published(k, v, c.visit.Cosigned)
		case bytes.Equal(k, keyPublished):
			published(k, v, c.visit.Published)
		default:
			c.unknownKey(bucketHead, k)
		}
	})
	if !seen {
		c.found("schema-key", "bucket "+bucketHead, fmt.Sprintf("%q is missing", keyCheckpoint))
	}
}

// printable shows a key or name that came from the store without letting it
// speak to a terminal, and not more of it than tells it from others.
func printable[T ~string | ~[]byte](key T) string {
	const most = 64
	s, rest := string(key), ""
	if n := len(s); n > most {
		s, rest = s[:most], fmt.Sprintf("… (%d bytes)", n)
	}
	for _, r := range s {
		if r < ' ' || r > '~' {
			return "0x" + hex.EncodeToString([]byte(s)) + rest
		}
	}
	return fmt.Sprintf("%q", s) + rest
}
