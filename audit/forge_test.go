package audit_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	bolt "go.etcd.io/bbolt"

	"tocsin/ledger"
	"tocsin/testorg"
	"tocsin/vault"
)

var le = binary.LittleEndian

const pageSize = 4096

// The leaves of every forgery before it is one.
const (
	rosterLeaf = iota
	caseA
	reportA
	handOverA
	replyA
	caseB
	reportB // lies in a blob
	caseC
	reportC
	additionC
	withdrawnC
	leafCount
)

// A forgery is a snapshot of its own, and what its auditor brings.
type forgery struct {
	*testing.T
	*testorg.Org
	dir  string
	last []byte // the checkpoint that the last audit kept
	a, b *testorg.Report
	c    *testorg.Report // withdrawn

	added int // leaves appended
}

func newForgery(t *testing.T) *forgery {
	t.Helper()
	o := testorg.New(t, 2)
	o.Roster.Policy.Withdraw = true
	o.Sign(t)
	v := o.Open(t, o.Create(t))
	f := &forgery{T: t, Org: o, a: o.NewReport(t, "account", 0), b: o.NewReport(t, "account", 300<<10), c: o.NewReport(t, "account", 0)}
	leaf, body := o.Reply(t, o.Workers[1], f.a, "thank you")
	f.must(f.a.Add(t.Context(), v))
	_, err := v.AddEvent(t.Context(), o.HandOver(o.Workers[0], f.a.ID, "police"))
	f.must(err)
	u, err := testorg.Upload(v, body)
	f.must(err)
	_, err = v.AddMessage(t.Context(), leaf, u)
	f.must(err)
	f.must(f.b.Add(t.Context(), v))
	f.must(f.c.Add(t.Context(), v))
	u, err = testorg.Upload(v, o.Addition(t, f.c, "and another thing", 0))
	f.must(err)
	_, err = v.AddAddition(t.Context(), f.c.ID, [32]byte(random(32)), u)
	f.must(err)
	f.must(v.Withdraw(t.Context(), f.c.ID, f.c.Credential.Withdrawal))
	f.dir = testorg.Snapshot(t, v)
	v.Close()
	f.last = f.MustBeWhole(t, f.dir).Signed
	return f
}

// copy is the same for a test of its own; the organisation is shared, and
// stands as it did when that test has ended.
func (f *forgery) copy(t *testing.T) *forgery {
	t.Helper()
	c := *f
	c.T, c.dir = t, filepath.Join(t.TempDir(), "copy")
	c.must(os.CopyFS(c.dir, os.DirFS(f.dir)))
	old, signed, day := *f.Roster, f.Signed, f.Day
	t.Cleanup(func() { *f.Roster, f.Signed, f.Day = old, signed, day })
	return &c
}

func (f *forgery) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func key(i int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }

// edit changes the snapshot through bbolt.
func (f *forgery) edit(change func(*bolt.Tx) error) {
	f.Helper()
	db, err := bolt.Open(filepath.Join(f.dir, vault.DBName), 0o600, &bolt.Options{NoSync: true})
	f.must(err)
	f.must(errors.Join(db.Update(change), db.Close()))
	testorg.Tidy(f.T, f.dir)
}

func (f *forgery) put(bucket string, key, value []byte) {
	f.Helper()
	f.edit(func(tx *bolt.Tx) error { return tx.Bucket([]byte(bucket)).Put(key, value) })
}

func (f *forgery) del(bucket string, key []byte) {
	f.Helper()
	f.edit(func(tx *bolt.Tx) error { return tx.Bucket([]byte(bucket)).Delete(key) })
}

func (f *forgery) get(bucket string, key []byte) (value []byte) {
	f.Helper()
	f.edit(func(tx *bolt.Tx) error {
		value = bytes.Clone(tx.Bucket([]byte(bucket)).Get(key))
		return nil
	})
	return value
}

// raw changes the snapshot's bytes.
func (f *forgery) raw(change func([]byte) []byte) {
	f.Helper()
	testorg.EditDB(f.T, f.dir, change)
}

// history changes the leaves and signs tree and checkpoint again: what who
// has stolen the ledger key can do.
func (f *forgery) history(change func(leaves [][]byte) [][]byte) {
	f.Helper()
	leaves := change(f.leaves())
	f.edit(func(tx *bolt.Tx) error {
		var hashes ledger.Hashes
		for i, l := range leaves {
			if err := errors.Join(hashes.Append(int64(i), l), tx.Bucket([]byte("leaves")).Put(key(i), l)); err != nil {
				return err
			}
		}
		for i, h := range hashes {
			if err := tx.Bucket([]byte("hashes")).Put(key(i), h[:]); err != nil {
				return err
			}
		}
		root, err := hashes.Root(int64(len(leaves)))
		if err != nil {
			return err
		}
		return tx.Bucket([]byte("head")).Put([]byte("checkpoint"), f.sign(int64(len(leaves)), root))
	})
}

// leaves are those in the store.
func (f *forgery) leaves() (leaves [][]byte) {
	f.Helper()
	f.edit(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("leaves")).ForEach(func(_, v []byte) error {
			leaves = append(leaves, bytes.Clone(v))
			return nil
		})
	})
	return leaves
}

// hashes are those of the first size leaves.
func (f *forgery) hashes(size int64) (hashes ledger.Hashes) {
	f.Helper()
	for i, l := range f.leaves()[:size] {
		f.must(hashes.Append(int64(i), l))
	}
	return hashes
}

func (f *forgery) sign(size int64, root [32]byte) []byte {
	f.Helper()
	cp := ledger.Checkpoint{Origin: testorg.Origin, Size: size, Root: root}
	signed, err := cp.Sign(f.Ledger)
	f.must(err)
	return signed
}

// root is that of the leaves as they are.
func (f *forgery) root(size int64) [32]byte {
	f.Helper()
	root, err := f.hashes(size).Root(size)
	f.must(err)
	return root
}

func (f *forgery) encode(l *ledger.Leaf) []byte {
	f.Helper()
	b, err := l.Marshal()
	f.must(err)
	return b
}

// leaf changes one leaf.
func (f *forgery) leaf(i int, change func(*ledger.Leaf)) {
	f.Helper()
	f.history(func(leaves [][]byte) [][]byte {
		l, err := ledger.ParseLeaf(leaves[i])
		f.must(err)
		change(l)
		leaves[i] = f.encode(l)
		return leaves
	})
}

// signedLeaf changes one leaf, signs it with that key and puts it in the index.
func (f *forgery) signedLeaf(i int, w testorg.Worker, name string, change func(*ledger.Leaf)) {
	f.Helper()
	f.leaf(i, func(l *ledger.Leaf) {
		f.del("signatures", signature(l))
		change(l)
		l.Sign(f.Instance(), name, w.Desk)
		f.put("signatures", signature(l), key(i))
	})
}

// addEvent appends a leaf that the first case worker signs.
func (f *forgery) addEvent(l *ledger.Leaf) {
	f.Helper()
	l.Done = ledger.DayOf(f.Day)
	l.Sign(f.Instance(), f.Workers[0].Name, f.Workers[0].Desk)
	f.addSigned(l)
}

// addSigned appends a leaf that a case worker signed.
func (f *forgery) addSigned(l *ledger.Leaf) {
	f.Helper()
	f.put("signatures", signature(l), key(leafCount+f.added))
	f.addLeaf(l)
}

// addRoster puts another roster in force, which the organisation signed.
func (f *forgery) addRoster(change func()) {
	f.Helper()
	f.Roster.Number++
	change()
	f.Sign(f.T)
	f.put("rosters", key(leafCount+f.added), f.Signed)
	f.added++
	f.history(func(leaves [][]byte) [][]byte {
		return append(leaves, f.encode(&ledger.Leaf{
			Event: ledger.EventRoster, Day: ledger.DayOf(f.Day), Number: f.Roster.Number, Digest: testorg.Digest(f.Signed),
		}))
	})
}

// end is the index of the last leaf.
func (f *forgery) end() int64 { return int64(leafCount + f.added - 1) }

// purge destroys an envelope as that worker would.
func (f *forgery) purge(w testorg.Worker, r *testorg.Report, rule string) {
	f.Helper()
	f.del("envelopes", f.get("ids", r.ID[:]))
	f.addSigned(f.Purge(w, r.ID, rule, f.end()))
}

// addLeaf appends a leaf.
func (f *forgery) addLeaf(l *ledger.Leaf) {
	f.Helper()
	l.Day = ledger.DayOf(f.Day)
	f.put("threads", append(f.get("ids", l.Case[:]), key(leafCount+f.added)...), nil)
	f.added++
	f.history(func(leaves [][]byte) [][]byte { return append(leaves, f.encode(l)) })
}

// withdraw destroys an envelope as the witness of the report would.
func (f *forgery) withdraw(r *testorg.Report) {
	f.Helper()
	f.del("envelopes", f.get("ids", r.ID[:]))
	f.addLeaf(&ledger.Leaf{Event: ledger.EventWithdrawn, Case: r.ID, Secret: r.Credential.Withdrawal})
}

func signature(l *ledger.Leaf) []byte {
	d := sha256.Sum256(l.Signature)
	return d[:]
}

// envelope puts another envelope under case A, with a leaf that agrees.
func (f *forgery) envelope(sealed []byte) {
	f.Helper()
	f.put("envelopes", key(caseA), sealed)
	f.leaf(caseA, func(l *ledger.Leaf) { l.Envelope = testorg.Digest(sealed) })
}

// message puts another ciphertext in place of report A, with a leaf that agrees.
func (f *forgery) message(sealed []byte) {
	f.Helper()
	f.put("messages", key(reportA), append([]byte{0}, sealed...))
	f.leaf(reportA, func(l *ledger.Leaf) { l.Size, l.Digest = int64(len(sealed)), testorg.Digest(sealed) })
}

// record puts another record under case i, with a leaf that agrees.
func (f *forgery) record(i int, c vault.Case) {
	f.Helper()
	f.put("cases", key(i), c.Marshal())
	f.leaf(i, func(l *ledger.Leaf) { l.Digest = testorg.Digest(c.Marshal()) })
}

// seal encrypts so many bytes.
func (f *forgery) seal(size int, to ...age.Recipient) []byte {
	f.Helper()
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to...)
	f.must(err)
	_, err = w.Write(make([]byte, size))
	f.must(errors.Join(err, w.Close()))
	return b.Bytes()
}

func (f *forgery) workers() []age.Recipient {
	return []age.Recipient{f.Workers[0].Identity.Recipient(), f.Workers[1].Identity.Recipient()}
}

func (f *forgery) blob() string {
	f.Helper()
	names, err := filepath.Glob(filepath.Join(f.dir, vault.BlobsDir, "*"))
	f.must(err)
	if len(names) != 1 {
		f.Fatalf("blobs %v, want one", names)
	}
	return names[0]
}

// writeBlob replaces the blob; the store's own, which it may be linked to,
// stays.
func (f *forgery) writeBlob(change func([]byte) []byte) {
	f.Helper()
	name := f.blob()
	b, err := os.ReadFile(name)
	f.must(err)
	f.must(os.Remove(name))
	f.must(os.WriteFile(name, change(b), 0o600))
}

// tree returns the root page of a bucket that is not inline, and where the
// bucket's header says so.
func (f *forgery) tree(b []byte, bucket string) (root uint64, header int) {
	f.Helper()
	top := int(le.Uint64(b[32:])) * pageSize
	at := bytes.Index(b[top:top+pageSize], []byte(bucket))
	if at < 0 {
		f.Fatalf("no bucket %s on the top page", bucket)
	}
	header = top + at + len(bucket)
	if root = le.Uint64(b[header:]); root == 0 {
		f.Fatalf("bucket %s is inline", bucket)
	}
	return root, header
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
