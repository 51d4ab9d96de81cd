package triage

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"tocsin/desk"
	"tocsin/ledger"
)

// gone wants nothing of a case to be left in the home but its leaves.
func (s *station) gone(c *Case) {
	s.t.Helper()
	for _, d := range append([]ledger.Digest{c.envelope, c.record}, digestsOf(c.Messages)...) {
		if _, err := os.Stat(s.alice.objectPath(d)); !errors.Is(err, fs.ErrNotExist) {
			s.t.Errorf("%s is still here: %v", d, err)
		}
	}
	list, err := s.alice.List()
	ok(s.t, err)
	i := slices.IndexFunc(list, func(v Summary) bool { return v.ID == c.ID.String() })
	if v := list[i]; !v.Withdrawn || v.Problem != "" || v.Open() || v.Queued || v.Account != "" {
		s.t.Errorf("list: %+v", v)
	}
	found, err := s.alice.Find(c.ID.String())
	ok(s.t, err)
	if _, err := s.alice.Show(found); err == nil || !strings.Contains(err.Error(), "withdrawn by its witness") {
		s.t.Errorf("show: %v", err)
	}
}

func digestsOf(messages []Entry) (list []ledger.Digest) {
	for _, e := range messages {
		list = append(list, e.Leaf.Digest)
	}
	return list
}

// What a witness withdraws goes out of every mirror, with what was queued.
func TestAWithdrawnCaseIsForgotten(t *testing.T) {
	for verb, deliver := range map[string]func(*station) []Queued{
		"pull": func(s *station) []Queued { return s.pull().Dropped },
		"push": func(s *station) []Queued {
			p := s.push()
			if len(p.Delivered)+len(p.Refused) > 0 {
				s.t.Errorf("delivered %+v, refused %+v", p.Delivered, p.Refused)
			}
			return p.Pull.Dropped
		},
	} {
		t.Run(verb, func(t *testing.T) {
			s := withdrawable(t)
			c, other := s.addCase(s.vault, plain, attachment{"a", random(300 << 10)}), s.addCase(s.vault, plain)
			s.add(c, "and another thing")
			s.pull()
			found := s.find(c)
			ok(t, s.alice.Lock())
			_, err := s.alice.MarkRead(found)
			ok(t, err)
			_, err = s.alice.Reply(found, "thank you")
			ok(t, err)
			s.alice.Unlock()
			s.withdraw(c)
			if dropped := deliver(s); len(dropped) != 2 || dropped[0].Leaf.Event != ledger.EventRead || dropped[1].Leaf.Event != ledger.EventMessage {
				t.Errorf("dropped %+v", dropped)
			}
			if q := s.queued(); len(q) != 0 {
				t.Errorf("queued: %v", q)
			}
			s.gone(found)
			if p := s.pull(); p.Objects != 0 || len(p.Dropped) != 0 {
				t.Errorf("the next pull: %+v", p)
			}
			if _, err := s.alice.Show(s.find(other)); err != nil {
				t.Errorf("the other case: %v", err)
			}
		})
	}
}

// A case that came and was withdrawn between two pulls is judged by its record
// and leaves nothing.
func TestWithdrawnBeforeItWasPulled(t *testing.T) {
	s := withdrawable(t)
	s.pull()
	c := s.addCase(s.vault, plain)
	s.add(c, "and another thing")
	s.withdraw(c)
	if p := s.pull(); p.Objects != 0 || p.Cases != 1 {
		t.Errorf("pulled %+v", p)
	}
	s.gone(s.find(c))
	// Under the policy of that day it was allowed, and stays so.
	s.policy(false)
	s.pull()
}

// Withdrawn at any moment of a pull, it is a pull without that case, and no
// alarm.
func TestWithdrawnDuringAPull(t *testing.T) {
	s := withdrawable(t)
	key, err := s.alice.deskKey()
	ok(t, err)
	absent := 0
	for n := range 12 {
		c := s.addCase(s.vault, plain)
		writes := 0
		client, err := desk.NewClient(func(ctx context.Context) (net.Conn, error) {
			conn, err := desk.Direct(s.desk.addr)(ctx)
			return hookedConn{conn, func() {
				if writes++; writes == n+1 {
					s.withdraw(c)
				}
			}}, err
		}, key, s.vault.Roster().Intake.Desk)
		ok(t, err)
		ok(t, s.alice.Lock())
		p, err := s.alice.pull(t.Context(), client, nothing)
		s.alice.Unlock()
		client.Close()
		if err != nil {
			t.Fatalf("withdrawn at write %d: %v", n, err)
		}
		if p.Leaves == 3 && p.Objects < 3 && writes > n {
			absent++
		}
		s.pull()
		if writes > n {
			s.gone(s.find(c))
		}
	}
	if absent == 0 {
		t.Error("no case was ever withdrawn between the ledger and its objects")
	}
}

// hookedConn calls write before each write.
type hookedConn struct {
	net.Conn
	write func()
}

func (c hookedConn) Write(b []byte) (int, error) {
	c.write()
	return c.Conn.Write(b)
}

// What a desk can't make anybody believe, though it has the ledger's key.
func TestADeskCantWithdraw(t *testing.T) {
	withdrawn := func(c *told) *ledger.Leaf {
		return &ledger.Leaf{Event: ledger.EventWithdrawn, Case: c.id, Secret: c.secret}
	}
	for name, c := range map[string]struct {
		before func(*station, *told)
		leaf   func(*told) *ledger.Leaf
		says   string
	}{
		"with a wrong secret": {nil, func(c *told) *ledger.Leaf {
			l := withdrawn(c)
			l.Secret[0] ^= 1
			return l
		}, "withdrawn by somebody who is not its witness"},
		"with what the record shows": {nil, func(c *told) *ledger.Leaf {
			l := withdrawn(c)
			l.Secret = sha256.Sum256(c.secret[:])
			return l
		}, "withdrawn by somebody who is not its witness"},
		"after it was read": {func(s *station, c *told) {
			ok(s.t, s.alice.Lock())
			_, err := s.alice.MarkRead(s.find(c))
			ok(s.t, err)
			s.alice.Unlock()
			s.push()
		}, withdrawn, "was withdrawn after read"},
		"after it was answered": {func(s *station, c *told) {
			ok(s.t, s.alice.Lock())
			_, err := s.alice.Reply(s.find(c), "thank you")
			ok(s.t, err)
			s.alice.Unlock()
			s.push()
		}, withdrawn, "was withdrawn after reply"},
		"under a roster that does not allow it": {func(s *station, c *told) {
			s.policy(false)
			s.pull()
		}, withdrawn, "which roster 3 does not allow"},
		"what nobody reported": {nil, func(*told) *ledger.Leaf {
			return &ledger.Leaf{Event: ledger.EventWithdrawn, Case: ledger.NewCaseID()}
		}, "was not opened before"},
	} {
		t.Run(name, func(t *testing.T) {
			s := withdrawable(t)
			told := s.addCase(s.vault, plain)
			s.pull()
			if c.before != nil {
				c.before(s, told)
			}
			m, err := s.alice.openMirror()
			ok(t, err)
			s.tamper(func(tx *bolt.Tx) { s.putLeaf(tx, m.size(), c.leaf(told)) })
			says(t, s.refuses(s.desk.addr), c.says)
			shown, err := s.alice.Show(s.find(told))
			ok(t, err)
			if shown.Report.What.Seen != plain["what.seen"] {
				t.Errorf("after the refusal the report says %q", shown.Report.What.Seen)
			}
		})
	}
}

// Whoever has the ledger's key can open a case of their own that names the
// objects of another, and withdraw it: those objects stay.
func TestAWithdrawalTakesNothingOfAnotherCase(t *testing.T) {
	s := withdrawable(t)
	victim := s.addCase(s.vault, plain)
	s.pull()
	found := s.find(victim)
	m, err := s.alice.openMirror()
	ok(t, err)
	own := &told{id: ledger.NewCaseID(), key: victim.key, witness: victim.witness, secret: [32]byte(random(32))}
	record := own.record()
	s.tamper(func(tx *bolt.Tx) {
		n := m.size()
		ok(t, tx.Bucket([]byte("cases")).Put(indexKey(n), record.Marshal()))
		s.putLeaf(tx, n, &ledger.Leaf{Event: ledger.EventCase, Case: own.id, Digest: digestOf(record.Marshal()), Envelope: found.envelope})
		report := *found.Messages[0].Leaf
		report.Case = own.id
		s.putLeaf(tx, n+1, &report)
		// Its rosters and records too.
		addition := &ledger.Leaf{Event: ledger.EventMessage, Kind: ledger.KindAddition, Case: own.id, Digest: found.record}
		s.putLeaf(tx, n+2, addition)
		addition.Digest = m.lastRoster().Digest
		s.putLeaf(tx, n+3, addition)
		s.putLeaf(tx, n+4, &ledger.Leaf{Event: ledger.EventWithdrawn, Case: own.id, Secret: own.secret})
	})
	s.pull()
	if _, err := s.alice.Show(s.find(victim)); err != nil {
		t.Errorf("the other case: %v", err)
	}
	if !s.alice.hasObject(m.lastRoster().Digest) {
		t.Error("the roster is gone")
	}
}
