package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"tocsin/ledger"
	"tocsin/seal/agefile"
)

// The checks of what leaves speak of, and of the indexes to it.

// leafOf returns the leaf that a record's key points to if it is of that
// event; otherwise it reports the record and returns nil. The index is -1 for a
// key that is that of no leaf.
func (c *checker) leafOf(bucket string, key []byte, event ledger.Event) (int64, *ledger.Leaf) {
	i, ok := parseIndex(key)
	if !ok || i >= int64(len(c.leaves)) {
		c.unknownKey(bucket, key)
		return -1, nil
	}
	l := c.leaves[i]
	if l == nil {
		return i, nil // the leaf itself was reported
	}
	if l.Event != event {
		c.unknownKey(bucket, key)
		return i, nil
	}
	return i, l
}

// expect reports the leaves of an event whose record was not seen.
func (c *checker) expect(bucket string, event ledger.Event, seen map[int64]bool, excused map[int64]int64) {
	for i, l := range c.leaves {
		if _, ok := excused[int64(i)]; l != nil && l.Event == event && !seen[int64(i)] && !ok {
			c.found("record-missing", describe(int64(i), l), "it is not in "+bucket)
		}
	}
}

func describe(i int64, l *ledger.Leaf) string {
	switch l.Event {
	case ledger.EventRoster:
		return fmt.Sprintf("roster %d (leaf %d)", l.Number, i)
	case ledger.EventMessage:
		return fmt.Sprintf("%s of case %s (leaf %d)", l.Kind, l.Case, i)
	}
	return fmt.Sprintf("case %s (leaf %d)", l.Case, i)
}

func (c *checker) rosters() {
	seen := map[int64]bool{}
	c.each(bucketRosters, func(k, v []byte) {
		i, l := c.leafOf(bucketRosters, k, ledger.EventRoster)
		seen[i] = true
		if l == nil {
			return
		}
		if sha256.Sum256(v) != l.Digest {
			c.found("record-digest", describe(i, l), "its SHA-256 is not the one in its leaf")
		}
		note := bytes.Clone(v)
		c.workers.say(func() { c.visit.Roster(i, l, note) })
	})
	c.expect(bucketRosters, ledger.EventRoster, seen, nil)
}

func (c *checker) cases() {
	seen := map[int64]bool{}
	c.each(bucketCases, func(k, v []byte) {
		i, l := c.leafOf(bucketCases, k, ledger.EventCase)
		seen[i] = true
		if l == nil {
			return
		}
		c.counts.Cases++
		c.workers.do(v, func(v []byte) func() {
			digest := sha256.Sum256(v)
			record, err := ParseCase(v)
			return func() { c.record(i, l, digest, record, err) }
		})
	})
	c.workers.wait()
	c.expect(bucketCases, ledger.EventCase, seen, nil)
}

// record checks the record of the case that leaf i opened, as it was read.
func (c *checker) record(i int64, l *ledger.Leaf, digest ledger.Digest, record *Case, err error) {
	where := func() string { return "record of " + describe(i, l) }
	if digest != l.Digest {
		c.found("record-digest", where(), "its SHA-256 is not the one in its leaf")
	}
	if err != nil {
		c.found("record-malformed", where(), err.Error())
		return
	}
	if record.ID != l.Case {
		c.found("record-case", where(), "it is the record of case "+record.ID.String())
	}
	if other, ok := c.tags[record.Tag]; ok {
		c.found("record-tag", where(), fmt.Sprintf("it has the same tag as the case of leaf %d", other))
	}
	c.tags[record.Tag] = i
	if at, ok := c.retired[i]; ok {
		if l := c.leaves[at]; l.Event == ledger.EventWithdrawn && !l.Withdraws(record.Withdrawal) {
			c.found("withdrawn-secret", fmt.Sprintf("withdrawn of case %s (leaf %d)", l.Case, at),
				"its SHA-256 is not what the record of the case names: somebody else than the witness withdrew it")
		}
	}
}

func (c *checker) envelopesInForce() {
	seen := map[int64]bool{}
	c.each(bucketEnvelopes, func(k, v []byte) {
		i, l := c.leafOf(bucketEnvelopes, k, ledger.EventCase)
		seen[i] = true
		if l == nil {
			return
		}
		where := func() string { return "envelope of " + describe(i, l) }
		if at, ok := c.retired[i]; ok {
			what := fmt.Sprintf("leaf %d says that it was destroyed", at)
			if c.leaves[at].Event == ledger.EventPurged {
				c.found("envelope-purged", where(), what)
			} else {
				c.found("envelope-withdrawn", where(), what)
			}
		}
		sealed, ok := c.envelopes[i]
		if !ok { // the leaf opens a case again, which was reported
			sealed = i
		}
		want := c.leaves[sealed].Envelope
		c.workers.do(v, func(v []byte) func() {
			digest := ledger.Digest(sha256.Sum256(v))
			info, err := agefile.Inspect(bytes.NewReader(v), int64(len(v)))
			return func() {
				if digest != want {
					c.found("record-digest", where(), "its SHA-256 is not the one in its leaf")
				}
				if err != nil {
					c.found("envelope-malformed", where(), err.Error())
					return
				}
				c.visit.Envelope(i, sealed, l.Case, info)
			}
		})
	})
	c.expect(bucketEnvelopes, ledger.EventCase, seen, c.retired)
}

// indexes checks that each index holds exactly what can be derived.
func (c *checker) indexes() {
	c.index(bucketIDs, len(c.ids), func(k []byte) (int64, bool) {
		i, ok := int64(0), false
		if len(k) == len(ledger.CaseID{}) {
			i, ok = c.ids[ledger.CaseID(k)]
		}
		return i, ok
	})
	c.index(bucketTags, len(c.tags), func(k []byte) (int64, bool) {
		i, ok := int64(0), false
		if len(k) == 32 {
			i, ok = c.tags[[32]byte(k)]
		}
		return i, ok
	})
	c.index(bucketBlobs, len(c.blobs), func(k []byte) (int64, bool) {
		i, ok := int64(0), false
		if len(k) == len(blobName{}) {
			i, ok = c.blobs[blobName(k)]
		}
		return i, ok
	})
	c.index(bucketSignatures, len(c.signatures), func(k []byte) (int64, bool) {
		i, ok := int64(0), false
		if len(k) == 32 {
			i, ok = c.signatures[[32]byte(k)]
		}
		return i, ok
	})
	c.index(bucketAdditions, len(c.additions), func(k []byte) (int64, bool) {
		i, ok := int64(0), false
		if len(k) == 32 {
			i, ok = c.additions[[32]byte(k)]
		}
		return i, ok
	})
	c.threads()
}

// index checks a bucket of "something → leaf index" against what it must hold.
func (c *checker) index(bucket string, want int, lookup func(key []byte) (int64, bool)) {
	n := 0
	c.each(bucket, func(k, v []byte) {
		i, ok := lookup(k)
		if !ok {
			c.unknownKey(bucket, k)
			return
		}
		n++
		if got, ok := parseIndex(v); !ok || got != i {
			c.found("index-wrong", fmt.Sprintf("bucket %s, key %x", bucket, k), fmt.Sprintf("it must lead to leaf %d", i))
		}
	})
	if n < want {
		c.found("index-missing", "bucket "+bucket, fmt.Sprintf("%d entries of %d", n, want))
	}
}

// threaded reports whether a leaf stands in the thread of its case. One of a
// case that was never opened, which was reported, has none.
func (c *checker) threaded(l *ledger.Leaf) bool {
	_, known := c.ids[l.Case]
	return known && l.Event != ledger.EventRoster && l.Event != ledger.EventCase
}

func (c *checker) threads() {
	want := 0
	for _, l := range c.leaves {
		if l != nil && c.threaded(l) {
			want++
		}
	}
	n := 0
	c.each(bucketThreads, func(k, v []byte) {
		if len(k) != 16 || len(v) != 0 {
			c.unknownKey(bucketThreads, k)
			return
		}
		caseIndex, ok1 := parseIndex(k[:8])
		i, ok2 := parseIndex(k[8:])
		switch {
		case !ok1 || !ok2 || i >= int64(len(c.leaves)):
			c.unknownKey(bucketThreads, k)
		case c.leaves[i] == nil: // the leaf itself was reported
		case !c.threaded(c.leaves[i]) || c.ids[c.leaves[i].Case] != caseIndex:
			c.unknownKey(bucketThreads, k)
		default:
			n++
		}
	})
	if n < want {
		c.found("index-missing", "bucket "+bucketThreads, fmt.Sprintf("%d entries of %d", n, want))
	}
}

// strayFiles reports what lies among the blobs without a record.
func (c *checker) strayFiles() {
	files, err := c.src.Files()
	if err != nil {
		c.found("blob-unreadable", BlobsDir, err.Error())
		return
	}
	for _, file := range files {
		name, err := hex.DecodeString(file)
		// Only as blobPath writes it: capitals are another file's name.
		if err == nil && len(name) == len(blobName{}) && hex.EncodeToString(name) == file {
			if _, ok := c.blobs[blobName(name)]; ok {
				continue
			}
		}
		c.found("blob-stray", filepath.Join(BlobsDir, printable(file)), "no record names it")
	}
}

// unknownFiles reports what lies in a snapshot beside its two parts.
func (c *checker) unknownFiles() {
	files, err := c.src.Others()
	if err != nil {
		c.end(err)
		return
	}
	for _, file := range files {
		c.found("file-unknown", printable(file), "it is no part of a snapshot")
	}
}
