package triage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	bolt "go.etcd.io/bbolt"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/vault"
)

// What who has taken the intake over can do: write to the disk, and sign with
// the ledger key. Nothing sealed is opened here.

func indexKey(i int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }

// tamper changes the store behind the vault's back, signs what the leaves then
// are, and serves it.
func (s *station) tamper(change func(*bolt.Tx)) {
	s.t.Helper()
	s.desk.stop()
	ok(s.t, s.vault.Close())
	db, err := bolt.Open(filepath.Join(s.dir, "store", vault.DBName), 0o600, nil)
	ok(s.t, err)
	ok(s.t, db.Update(func(tx *bolt.Tx) error {
		change(tx)
		return s.signLeaves(tx)
	}))
	ok(s.t, db.Close())
	s.vault, err = vault.Open(filepath.Join(s.dir, "store"), s.orgKey, s.options())
	ok(s.t, err)
	v := s.vault
	s.t.Cleanup(func() { v.Close() })
	s.desk = s.serve(v)
}

// signLeaves makes tree and checkpoint those of the leaves.
func (s *station) signLeaves(tx *bolt.Tx) error {
	var hashes ledger.Hashes
	n := int64(0)
	err := tx.Bucket([]byte("leaves")).ForEach(func(_, v []byte) error {
		n++
		return hashes.Append(n-1, bytes.Clone(v))
	})
	if err != nil {
		return err
	}
	for i, h := range hashes {
		if err := tx.Bucket([]byte("hashes")).Put(indexKey(int64(i)), h[:]); err != nil {
			return err
		}
	}
	root, err := hashes.Root(n)
	if err != nil {
		return err
	}
	signed, err := (&ledger.Checkpoint{Origin: "tips.example.org", Size: n, Root: root}).Sign(s.ledgerKey)
	if err != nil {
		return err
	}
	return tx.Bucket([]byte("head")).Put([]byte("checkpoint"), signed)
}

// putLeaf puts a leaf at an index.
func (s *station) putLeaf(tx *bolt.Tx, index int64, l *ledger.Leaf) {
	s.t.Helper()
	l.Day = ledger.DayOf(today)
	text, err := l.Marshal()
	ok(s.t, err)
	ok(s.t, tx.Bucket([]byte("leaves")).Put(indexKey(index), text))
}

// secondReport seals another report to the recipient that stands in the case's
// record for all to see, and returns its leaf.
func (s *station) secondReport(c *told) (*ledger.Leaf, []byte) {
	s.t.Helper()
	record, err := s.vault.FindCase(c.id)
	ok(s.t, err)
	r := new(report.Report)
	r.Language, r.Received = "en", string(ledger.DayOf(today))
	ok(s.t, r.Set("what.seen", "a false alarm: nothing happened"))
	body, err := r.Marshal()
	ok(s.t, err)
	to, err := seal.ParseRecipient(record.Recipient)
	ok(s.t, err)
	var sealed bytes.Buffer
	w, err := seal.NewMessage(&sealed, c.context(s.vault, seal.KindReport), body, to)
	ok(s.t, err)
	ok(s.t, w.Close())
	return &ledger.Leaf{
		Event: ledger.EventMessage, Case: c.id, Kind: ledger.KindReport,
		Size: int64(sealed.Len()), Digest: digestOf(sealed.Bytes()),
	}, sealed.Bytes()
}

func TestASecondReportIsRefused(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	leaf, sealed := s.secondReport(c)
	s.tamper(func(tx *bolt.Tx) {
		ok(t, tx.Bucket([]byte("messages")).Put(indexKey(3), append([]byte{0}, sealed...)))
		ok(t, tx.Bucket([]byte("threads")).Put(append(indexKey(1), indexKey(3)...), nil))
		s.putLeaf(tx, 3, leaf)
	})
	says(t, s.refuses(s.desk.addr), "leaf 3: malformed: a second report of case "+c.id.String())
	shown, err := s.alice.Show(s.find(c))
	ok(t, err)
	if shown.Report.What.Seen != plain["what.seen"] {
		t.Errorf("after the refusal the report says %q", shown.Report.What.Seen)
	}
}

func TestACaseOpenedTwiceIsRefused(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	s.tamper(func(tx *bolt.Tx) {
		record := bytes.Clone(tx.Bucket([]byte("cases")).Get(indexKey(1)))
		envelope := bytes.Clone(tx.Bucket([]byte("envelopes")).Get(indexKey(1)))
		ok(t, tx.Bucket([]byte("cases")).Put(indexKey(3), record))
		ok(t, tx.Bucket([]byte("envelopes")).Put(indexKey(3), envelope))
		s.putLeaf(tx, 3, &ledger.Leaf{Event: ledger.EventCase, Case: c.id, Digest: digestOf(record), Envelope: digestOf(envelope)})
	})
	says(t, s.refuses(s.desk.addr), "leaf 3: malformed: case "+c.id.String()+" was opened before")
	// By its whole ID it is still one case.
	if _, err := s.alice.Find(c.id.String()); err != nil {
		t.Error(err)
	}
}

// A home that has taken such a ledger in all the same shows, answers and hands
// over nothing of the case.
func TestACaseWithTwoReportsOpensForNothing(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	leaf, sealed := s.secondReport(c)
	ok(t, writeFile(s.alice.objectPath(leaf.Digest), sealed))
	two, none, late := s.find(c), s.find(c), s.find(c)
	two.add(Entry{Index: 3, Leaf: leaf})
	none.Messages = nil
	reply := &ledger.Leaf{Event: ledger.EventMessage, Case: c.id, Kind: ledger.KindReply}
	late.Messages = append([]Entry{{Index: 3, Leaf: reply}}, late.Messages...)
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	for name, found := range map[string]*Case{"two reports": two, "no report": none, "a reply first": late} {
		for verb, err := range map[string]error{
			"show":  second(s.alice.Show(found)),
			"reply": second(s.alice.Reply(found, "hello")),
			"route": second(s.alice.Route(found, "police", With{})),
			"save":  second(s.alice.Save(found, t.TempDir(), SaveOptions{})),
		} {
			if !errors.Is(err, ErrRefused) {
				t.Errorf("%s, %s: %v", name, verb, err)
			}
		}
	}
	if q, err := s.alice.Queue(); err != nil || len(q) != 0 {
		t.Errorf("the queue holds %d, %v", len(q), err)
	}
}

// The intake is taken over after a report came and before anybody pulled: its
// record gets the attacker's key in the place of the witness's, and leaf and
// tree are made anew. No remembered checkpoint can tell.
func TestAReplyGoesToNobodyButTheWitness(t *testing.T) {
	s := newStation(t)
	calm := s.addCase(s.vault, map[string]string{"what.seen": "calm"})
	c := s.addCase(s.vault, map[string]string{"what.seen": "MARK-ACCOUNT"})
	attacker, err := age.GenerateHybridIdentity()
	ok(t, err)
	s.tamper(func(tx *bolt.Tx) {
		record, err := vault.ParseCase(tx.Bucket([]byte("cases")).Get(indexKey(3)))
		ok(t, err)
		record.Witness = attacker.Recipient().String()
		ok(t, tx.Bucket([]byte("cases")).Put(indexKey(3), record.Marshal()))
		leaf, err := ledger.ParseLeaf(tx.Bucket([]byte("leaves")).Get(indexKey(3)))
		ok(t, err)
		leaf.Digest = digestOf(record.Marshal())
		s.putLeaf(tx, 3, leaf)
	})
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	if _, err := s.alice.Reply(s.find(c), "come to the station"); !errors.Is(err, ErrAltered) || !errors.Is(err, ErrRefused) {
		t.Errorf("the reply: %v", err)
	}
	if q, err := s.alice.Queue(); err != nil || len(q) != 0 {
		t.Errorf("the queue holds %d, %v", len(q), err)
	}
	// It is told wherever the case is seen, and what the witness wrote is
	// seen all the same.
	shown, err := s.alice.Show(s.find(c))
	ok(t, err)
	var page bytes.Buffer
	ok(t, shown.Write(&page))
	for _, want := range []string{"DO NOT REPLY", "MARK-ACCOUNT"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the case is shown without %s:\n%s", want, page.String())
		}
	}
	list, err := s.alice.List()
	ok(t, err)
	if list[0].ID != c.id.String() || !list[0].Altered || list[0].Account != "MARK-ACCOUNT" || list[1].Altered {
		t.Errorf("list: %+v", list)
	}
	routed, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	first, err := os.ReadFile(filepath.Join(s.unpack(routed.Bag), "data/report.html"))
	if err != nil || !bytes.Contains(first, []byte("record of this case was altered")) {
		t.Errorf("the hand-over does not say so: %v", err)
	}
	// The other case is as it was.
	if _, err := s.alice.Reply(s.find(calm), "thank you"); err != nil {
		t.Error(err)
	}
	if shown, err := s.alice.Show(s.find(calm)); err != nil || shown.Altered {
		t.Errorf("the other case: %+v, %v", shown, err)
	}
}
