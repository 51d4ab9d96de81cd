package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

// The store's buckets. The schema is closed: a bucket, key or value that is
// not described here is a finding of the checker. Indexes are leaf indexes,
// 8 bytes big-endian, so that what comes in order lies in order.
const (
	bucketVault      = "vault"      // "version" → schemaVersion
	bucketLeaves     = "leaves"     // index → leaf
	bucketHashes     = "hashes"     // stored-hash index of tlog → 32 bytes
	bucketHead       = "head"       // "checkpoint" → signed checkpoint over all leaves; "published", "cosigned" → see Published
	bucketRosters    = "rosters"    // index of a roster leaf → signed roster
	bucketCases      = "cases"      // index of a case leaf → case record
	bucketEnvelopes  = "envelopes"  // index of a case leaf → its envelope in force
	bucketMessages   = "messages"   // index of a message leaf → body: inline ciphertext or the name of a blob
	bucketIDs        = "ids"        // case ID → index of its case leaf
	bucketTags       = "tags"       // lookup tag → index of the case leaf
	bucketThreads    = "threads"    // index of a case leaf ‖ index of a later leaf of the case → nothing
	bucketBlobs      = "blobs"      // name of a blob → index of its message leaf
	bucketSignatures = "signatures" // SHA-256 of a signature → index of the leaf that bears it
	bucketAdditions  = "additions"  // once of an addition, see onceKey → index of its message leaf
)

var buckets = []string{
	bucketVault, bucketLeaves, bucketHashes, bucketHead, bucketRosters, bucketCases, bucketEnvelopes,
	bucketMessages, bucketIDs, bucketTags, bucketThreads, bucketBlobs, bucketSignatures, bucketAdditions,
}

// pageSize is that of every store, whatever the machine.
const pageSize = 4096

const schemaVersion = "1"

var (
	keyVersion    = []byte("version")
	keyCheckpoint = []byte("checkpoint")
	keyPublished  = []byte("published") // the last one that was published
	keyCosigned   = []byte("cosigned")  // the newest of them that has the quorum of its cosigners
)

func indexKey(i int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }

func parseIndex(k []byte) (int64, bool) {
	if len(k) != 8 {
		return 0, false
	}
	i := int64(binary.BigEndian.Uint64(k))
	return i, i >= 0
}

func threadKey(caseIndex, index int64) []byte {
	return binary.BigEndian.AppendUint64(indexKey(caseIndex), uint64(index))
}

// onceKey stands for a form from which an addition is sent: the case's lookup
// tag keeps one case's forms from another's.
func onceKey(tag, once [32]byte) ledger.Digest {
	return sha256.Sum256(append(tag[:], once[:]...))
}

// The body of a message in bucketMessages: a byte that says where the
// ciphertext is, then the ciphertext or the blob's name.
const (
	bodyInline = 0
	bodyBlob   = 1
)

// blobName names a write-once file: 128 random bits.
type blobName [16]byte

func parseBody(v []byte) (inline []byte, blob blobName, err error) {
	switch {
	case len(v) > 1 && len(v) <= 1+InlineMax && v[0] == bodyInline:
		return v[1:], blob, nil
	case len(v) == 1+len(blob) && v[0] == bodyBlob:
		return nil, blobName(v[1:]), nil
	}
	return nil, blob, fmt.Errorf("%w: neither a ciphertext nor the name of a blob", ErrMalformed)
}

// A Case is what the store keeps in the clear of a case, its record: how its
// witness finds it again and to whom messages are sealed.
type Case struct {
	ID        ledger.CaseID
	Codename  int      // version of the derivation from codename to tag and witness key
	Tag       [32]byte // what the codename is looked up by
	Recipient string   // age recipient of the case key
	Witness   string   // age recipient that the codename opens

	// Withdrawal is the SHA-256 of the secret that withdraws the case. The
	// sealed report holds the digest of the record, so that nobody can put
	// another commitment in its place unnoticed.
	Withdrawal ledger.Digest
}

const caseHeader = "tocsin.case.v1"

// maxCodename is the newest version of the derivation that there is, that of
// package seal, which an auditor's program may not link.
const maxCodename = 1

// maxCase bounds a case record, in bytes; two hybrid recipients take 3,918.
const maxCase = 8 << 10

// Marshal returns the record's canonical text, whose SHA-256 stands in the
// case's leaf.
func (c *Case) Marshal() []byte {
	return []byte(caseHeader +
		"\ncase " + c.ID.String() +
		"\ncodename " + strconv.Itoa(c.Codename) +
		"\ntag " + hex.EncodeToString(c.Tag[:]) +
		"\nrecipient " + c.Recipient +
		"\nwitness " + c.Witness +
		"\nwithdrawal " + c.Withdrawal.String() + "\n")
}

// ParseCase reads a case record. It returns ErrVersion for one of another version
// and for a codename of one, and ErrMalformed for what Marshal would not write.
func ParseCase(b []byte) (*Case, error) {
	if len(b) > maxCase {
		return nil, fmt.Errorf("case record: %w: larger than %d bytes", ErrMalformed, maxCase)
	}
	lines := strings.Split(string(b), "\n")
	if lines[0] != caseHeader {
		if strings.HasPrefix(lines[0], "tocsin.case.v") {
			return nil, fmt.Errorf("case record %q: %w", lines[0], ErrVersion)
		}
		return nil, fmt.Errorf("case record: %w", ErrMalformed)
	}
	if len(lines) != 8 {
		return nil, fmt.Errorf("case record: %w: %d lines", ErrMalformed, len(lines))
	}
	c := &Case{}
	var err error
	if c.ID, err = ledger.ParseCaseID(strings.TrimPrefix(lines[1], "case ")); err != nil {
		return nil, fmt.Errorf("case record: %w: %v", ErrMalformed, err)
	}
	if c.Codename, err = strconv.Atoi(strings.TrimPrefix(lines[2], "codename ")); err != nil || c.Codename < 1 {
		return nil, fmt.Errorf("case record: %w: codename version", ErrMalformed)
	}
	if c.Codename > maxCodename {
		return nil, fmt.Errorf("case record: codename version %d: %w", c.Codename, ErrVersion)
	}
	tag, err := ledger.ParseDigest(strings.TrimPrefix(lines[3], "tag "))
	if err != nil {
		return nil, fmt.Errorf("case record: %w: tag", ErrMalformed)
	}
	c.Tag = tag
	c.Recipient = strings.TrimPrefix(lines[4], "recipient ")
	c.Witness = strings.TrimPrefix(lines[5], "witness ")
	if !roster.ValidRecipient(c.Recipient) || !roster.ValidRecipient(c.Witness) {
		return nil, fmt.Errorf("case record: %w: a recipient is not age1pq1…", ErrMalformed)
	}
	if c.Withdrawal, err = ledger.ParseDigest(strings.TrimPrefix(lines[6], "withdrawal ")); err != nil {
		return nil, fmt.Errorf("case record: %w: withdrawal", ErrMalformed)
	}
	if !bytes.Equal(c.Marshal(), b) {
		return nil, fmt.Errorf("case record: %w: not in canonical form", ErrMalformed)
	}
	return c, nil
}
