package vault_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"

	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/testorg"
	"tocsin/vault"
)

func form() (once [32]byte) {
	rand.Read(once[:])
	return once
}

func add(t *testing.T, v *vault.Vault, id ledger.CaseID, once [32]byte, sealed []byte) (int64, error) {
	t.Helper()
	u, err := testorg.Upload(v, sealed)
	if err != nil {
		t.Fatal(err)
	}
	return v.AddAddition(t.Context(), id, once, u)
}

// mustAdd adds to a case from a form of its own.
func mustAdd(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report, attachment int) int64 {
	t.Helper()
	index, err := add(t, v, r.ID, form(), o.Addition(t, r, "and another thing", attachment))
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// withdrawable is an organisation whose witnesses may withdraw, its store, and
// a case in it.
func withdrawable(t *testing.T) (*testorg.Org, *vault.Vault, *testorg.Report) {
	t.Helper()
	o := testorg.New(t, 2)
	o.Roster.Policy.Withdraw = true
	o.Sign(t)
	v := o.Open(t, o.Create(t))
	r := o.NewReport(t, "account", 0)
	if err := r.Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	return o, v, r
}

func size(t *testing.T, o *testorg.Org, v *vault.Vault) int64 {
	t.Helper()
	cp, err := ledger.OpenCheckpoint(v.Checkpoint(), o.Roster.Intake.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	return cp.Size
}

func TestAdditions(t *testing.T) {
	o, v, r := withdrawable(t)
	for _, attachment := range []int{0, 300 << 10} {
		sealed := o.Addition(t, r, "and another thing", attachment)
		index, err := add(t, v, r.ID, form(), sealed)
		if err != nil {
			t.Fatal(err)
		}
		c, err := v.OpenMessage(index)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
		if err != nil || !bytes.Equal(got, sealed) {
			t.Errorf("%d bytes were added and %d are there, %v", len(sealed), len(got), err)
		}
		if _, err := seal.ReadMessage(c, c.Size(), r.Key.Identity(), o.Context(r.ID, seal.KindAddition), nil); err != nil {
			t.Error(err)
		}
		c.Close()
	}
	messages, err := v.Messages(r.ID)
	if err != nil || len(messages) != 3 || messages[1].Leaf.Kind != ledger.KindAddition || messages[2].Leaf.Kind != ledger.KindAddition {
		t.Errorf("messages %v, %v; want the report and two additions", messages, err)
	}
	if _, err := add(t, v, ledger.NewCaseID(), form(), r.Message); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("an addition to no case: %v, want ErrNotFound", err)
	}
	if n := len(blobFiles(t, v.Dir())); n != 1 {
		t.Errorf("%d blobs, want that of the large addition alone", n)
	}
	v.Close()
	o.MustBeWhole(t, v.Dir())
}

// A form that is sent again, also at the same time, adds once; another form
// with the same content, and another case's form with the same value, add.
func TestAFormAddsOnce(t *testing.T) {
	o, v, r := withdrawable(t)
	sealed := o.Addition(t, r, "and another thing", 300<<10)
	once := form()
	indexes := make([]int64, 8)
	var wg sync.WaitGroup
	for i := range indexes {
		u, err := testorg.Upload(v, sealed)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			var err error
			if indexes[i], err = v.AddAddition(context.Background(), r.ID, once, u); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if slices.Min(indexes) != slices.Max(indexes) {
		t.Errorf("one form became the leaves %v", indexes)
	}
	if n := len(blobFiles(t, v.Dir())); n != 1 {
		t.Errorf("%d blobs, want 1", n)
	}
	before := size(t, o, v)
	if i, err := add(t, v, r.ID, once, o.Addition(t, r, "written anew", 0)); err != nil || i != indexes[0] || size(t, o, v) != before {
		t.Errorf("the same form later is leaf %d, %v", i, err)
	}
	other := o.NewReport(t, "account", 0)
	if err := other.Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	another := func(what string, id ledger.CaseID, once [32]byte) {
		t.Helper()
		before := size(t, o, v)
		if i, err := add(t, v, id, once, sealed); err != nil || i != before || size(t, o, v) != before+1 {
			t.Errorf("%s: leaf %d of %d, %v", what, i, size(t, o, v), err)
		}
	}
	another("another case", other.ID, once)
	another("another form", r.ID, form())
	v.Close()
	o.MustBeWhole(t, v.Dir())
	v = o.Open(t, v.Dir())
	if err := v.Withdraw(t.Context(), r.ID, r.Credential.Withdrawal); err != nil {
		t.Fatal(err)
	}
	if i, err := add(t, v, r.ID, once, sealed); err != nil || i >= size(t, o, v)-1 {
		t.Errorf("a form that had arrived, again after the withdrawal: leaf %d, %v", i, err)
	}
}

func TestWithdraw(t *testing.T) {
	o, v, r := withdrawable(t)
	mustAdd(t, o, v, r, 300<<10)
	other := o.NewReport(t, "account", 0)
	if err := other.Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	withdraw := func(id ledger.CaseID, secret [32]byte) error { return v.Withdraw(t.Context(), id, secret) }
	wrong := r.Credential.Withdrawal
	wrong[31] ^= 1
	before := size(t, o, v)
	for what, c := range map[string]struct {
		id     ledger.CaseID
		secret [32]byte
		want   error
	}{
		"no case":                 {ledger.NewCaseID(), r.Credential.Withdrawal, vault.ErrNotFound},
		"another secret":          {r.ID, wrong, vault.ErrRefused},
		"another case's secret":   {r.ID, other.Credential.Withdrawal, vault.ErrRefused},
		"the record's commitment": {r.ID, r.Case.Withdrawal, vault.ErrRefused},
		"no secret":               {r.ID, [32]byte{}, vault.ErrRefused},
	} {
		if err := withdraw(c.id, c.secret); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	if size(t, o, v) != before {
		t.Error("what was refused left a leaf")
	}
	for range 2 { // the second time changes nothing
		if err := withdraw(r.ID, r.Credential.Withdrawal); err != nil {
			t.Fatal(err)
		}
	}
	if n := size(t, o, v); n != before+1 {
		t.Errorf("%d leaves, want one more than %d", n, before)
	}
	if err := withdraw(r.ID, wrong); !errors.Is(err, vault.ErrRefused) {
		t.Errorf("withdrawn again with another secret: %v, want ErrRefused", err)
	}
	history, err := v.History(r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if last := history[len(history)-1].Leaf; !last.Withdraws(r.Case.Withdrawal) {
		t.Errorf("the last leaf is %+v", last)
	}
	objects, err := v.Objects(history[0].Index)
	if err != nil || len(objects) != 1 || objects[0].Name != "record" {
		t.Errorf("of the case there are %v, %v; want the record alone", objects, err)
	}
	if c, err := v.FindTag(r.Case.Tag); err != nil || c.ID != r.ID {
		t.Errorf("the codename finds %v, %v", c, err)
	}
	if n := len(blobFiles(t, v.Dir())); n != 1 {
		t.Errorf("%d blobs: the messages stay", n)
	}
	refused(t, o, v, r)
	// The other case goes on.
	if _, err := v.AddEvent(t.Context(), o.HandOver(o.Workers[0], other.ID, "police")); err != nil {
		t.Error(err)
	}
	o.MustBeWhole(t, testorg.Snapshot(t, v))
	v.Close()
	o.MustBeWhole(t, v.Dir())
}

// refused sends everything there is to a case that takes nothing more.
func refused(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) {
	t.Helper()
	before := size(t, o, v)
	blobs := len(blobFiles(t, v.Dir()))
	reply, body := o.Reply(t, o.Workers[0], r, "too late")
	u, err := testorg.Upload(v, body)
	if err != nil {
		t.Fatal(err)
	}
	held := &ledger.Leaf{Event: ledger.EventHeld, Case: r.ID, Rule: "court-order", Done: ledger.DayOf(o.Day)}
	held.Sign(o.Instance(), o.Workers[0].Name, o.Workers[0].Desk)
	for what, do := range map[string]func() error{
		"a reply":     func() error { _, err := v.AddReply(t.Context(), reply, u); return err },
		"read":        func() error { _, err := v.AddEvent(t.Context(), o.Read(o.Workers[0], r.ID)); return err },
		"a hand-over": func() error { _, err := v.AddEvent(t.Context(), o.HandOver(o.Workers[0], r.ID, "police")); return err },
		"held":        func() error { _, err := v.AddEvent(t.Context(), held); return err },
		"an addition": func() error { _, err := add(t, v, r.ID, form(), o.Addition(t, r, "too late", 300<<10)); return err },
	} {
		if err := do(); !errors.Is(err, vault.ErrRetired) {
			t.Errorf("%s: %v, want ErrRetired", what, err)
		}
	}
	if size(t, o, v) != before || len(blobFiles(t, v.Dir())) != blobs {
		t.Error("what was refused left something")
	}
}

// What shows that a case worker has seen the report, and a policy without it,
// keep a case from being withdrawn; what does not show it, doesn't.
func TestWhatPreventsAWithdrawal(t *testing.T) {
	for what, c := range map[string]struct {
		do   func(*testing.T, *testorg.Org, *vault.Vault, *testorg.Report) error
		want error
	}{
		"nothing": {func(*testing.T, *testorg.Org, *vault.Vault, *testorg.Report) error { return nil }, nil},
		"an addition": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) error {
			mustAdd(t, o, v, r, 0)
			return nil
		}, nil},
		"another case read": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) error {
			other := o.NewReport(t, "account", 0)
			if err := other.Add(t.Context(), v); err != nil {
				return err
			}
			_, err := v.AddEvent(t.Context(), o.Read(o.Workers[0], other.ID))
			return err
		}, nil},
		"read": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) error {
			_, err := v.AddEvent(t.Context(), o.Read(o.Workers[0], r.ID))
			return err
		}, vault.ErrRefused},
		"read, then an addition": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) error {
			_, err := v.AddEvent(t.Context(), o.Read(o.Workers[0], r.ID))
			mustAdd(t, o, v, r, 0)
			return err
		}, vault.ErrRefused},
		"a hand-over": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) error {
			_, err := v.AddEvent(t.Context(), o.HandOver(o.Workers[0], r.ID, "police"))
			return err
		}, vault.ErrRefused},
		"a reply": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) error {
			l, body := o.Reply(t, o.Workers[0], r, "thank you")
			u, err := testorg.Upload(v, body)
			if err != nil {
				return err
			}
			_, err = v.AddReply(t.Context(), l, u)
			return err
		}, vault.ErrRefused},
		"a policy without it": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) error {
			o.Roster.Number, o.Roster.Policy.Withdraw = 2, false
			o.Sign(t)
			return v.UpdateRoster(t.Context(), o.Signed)
		}, vault.ErrRefused},
	} {
		t.Run(what, func(t *testing.T) {
			o, v, r := withdrawable(t)
			if err := c.do(t, o, v, r); err != nil {
				t.Fatal(err)
			}
			before := size(t, o, v)
			if err := v.Withdraw(t.Context(), r.ID, r.Credential.Withdrawal); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if got := size(t, o, v) - before; (got == 1) != (c.want == nil) {
				t.Errorf("%d leaves more", got)
			}
			v.Close()
			o.MustBeWhole(t, v.Dir())
		})
	}
}

// A worker who reads and a witness who withdraws at the same moment: one of
// them is refused.
func TestReadOrWithdrawn(t *testing.T) {
	o, v, r := withdrawable(t)
	release, err := v.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var read, withdrawn error
	var wg sync.WaitGroup
	wg.Go(func() { _, read = v.AddEvent(context.Background(), o.Read(o.Workers[0], r.ID)) })
	wg.Go(func() { withdrawn = v.Withdraw(context.Background(), r.ID, r.Credential.Withdrawal) })
	for v.Waiting() < 2 {
		runtime.Gosched()
	}
	release() // both in one transaction
	wg.Wait()
	if !(read == nil && errors.Is(withdrawn, vault.ErrRefused)) && !(withdrawn == nil && errors.Is(read, vault.ErrRetired)) {
		t.Errorf("read: %v, withdrawn: %v", read, withdrawn)
	}
	v.Close()
	o.MustBeWhole(t, v.Dir())
}

func TestPurgedCaseTakesNothing(t *testing.T) {
	o, v, r := withdrawable(t)
	v.Close()
	l := ledger.Leaf{Event: ledger.EventPurged, Day: ledger.DayOf(o.Day), Case: r.ID, Rule: "retention", Done: ledger.DayOf(o.Day)}
	l.Sign(o.Instance(), o.Workers[0].Name, o.Workers[0].Desk)
	b, err := l.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	edit(t, v.Dir(), func(tx *bolt.Tx) error {
		leaves := append(readLeaves(tx), b)
		at, last := key(1), key(int64(len(leaves)-1))
		sum := testorg.Digest(l.Signature)
		return errors.Join(
			rewrite(o, tx, leaves),
			tx.Bucket([]byte("envelopes")).Delete(at),
			tx.Bucket([]byte("threads")).Put(append(at, last...), nil),
			tx.Bucket([]byte("signatures")).Put(sum[:], last),
		)
	})
	o.MustBeWhole(t, v.Dir())
	v = o.Open(t, v.Dir())
	refused(t, o, v, r)
	if err := v.Withdraw(t.Context(), r.ID, r.Credential.Withdrawal); !errors.Is(err, vault.ErrRetired) {
		t.Errorf("withdrawn: %v, want ErrRetired", err)
	}
}

// What an attacker on the disk may do to what a witness did, with the ledger's
// key or without it.
func TestAttacksOnWitnesses(t *testing.T) {
	o, dir := goodStore(t)
	// find returns the last leaf like that, and its index.
	find := func(tx *bolt.Tx, like func(*ledger.Leaf) bool) (*ledger.Leaf, int64) {
		leaves := readLeaves(tx)
		for i := len(leaves) - 1; i >= 0; i-- {
			if l, err := ledger.ParseLeaf(leaves[i]); err == nil && like(l) {
				return l, int64(i)
			}
		}
		t.Fatal("no such leaf")
		return nil, 0
	}
	withdrawn := func(l *ledger.Leaf) bool { return l.Event == ledger.EventWithdrawn }
	addition := func(l *ledger.Leaf) bool { return l.Kind == ledger.KindAddition }
	caseOf := func(tx *bolt.Tx, l *ledger.Leaf) []byte { return bytes.Clone(tx.Bucket([]byte("ids")).Get(l.Case[:])) }
	resign := func(tx *bolt.Tx, i int64, l *ledger.Leaf) error {
		leaves := readLeaves(tx)
		var err error
		if leaves[i], err = l.Marshal(); err != nil {
			return err
		}
		return rewrite(o, tx, leaves)
	}
	for _, c := range []struct {
		name   string
		attack func(tx *bolt.Tx) error
		want   []string // all that is found, in order
	}{
		{"withdrawn by somebody else", func(tx *bolt.Tx) error {
			l, i := find(tx, withdrawn)
			l.Secret[0] ^= 1
			return resign(tx, i, l)
		}, []string{"withdrawn-secret"}},
		{"a withdrawn envelope kept", func(tx *bolt.Tx) error {
			l, _ := find(tx, withdrawn)
			_, other := tx.Bucket([]byte("envelopes")).Cursor().Last()
			return tx.Bucket([]byte("envelopes")).Put(caseOf(tx, l), bytes.Clone(other))
		}, []string{"envelope-withdrawn", "record-digest"}},
		{"an envelope gone, and nobody withdrew", func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("envelopes")).Delete(key(1))
		}, []string{"record-missing"}},
		{"a form forgotten", func(tx *bolt.Tx) error {
			l, _ := find(tx, addition)
			return tx.Bucket([]byte("additions")).Delete(l.Once[:])
		}, []string{"index-missing"}},
		{"a form led elsewhere", func(tx *bolt.Tx) error {
			l, i := find(tx, addition)
			return tx.Bucket([]byte("additions")).Put(l.Once[:], key(i-1))
		}, []string{"index-wrong"}},
		{"a form made up", func(tx *bolt.Tx) error {
			_, i := find(tx, addition)
			return tx.Bucket([]byte("additions")).Put(make([]byte, 32), key(i))
		}, []string{"schema-key"}},
		{"an event left out of its thread", func(tx *bolt.Tx) error {
			l, i := find(tx, func(l *ledger.Leaf) bool { return l.Event == ledger.EventRead })
			return tx.Bucket([]byte("threads")).Delete(append(caseOf(tx, l), key(i)...))
		}, []string{"index-missing"}},
		{"an event in another thread too", func(tx *bolt.Tx) error {
			_, i := find(tx, withdrawn)
			return tx.Bucket([]byte("threads")).Put(append(key(1), key(i)...), nil)
		}, []string{"schema-key"}},
		{"a case in its own thread", func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("threads")).Put(append(key(1), key(1)...), nil)
		}, []string{"schema-key"}},
		{"one form twice", func(tx *bolt.Tx) error {
			l, i := find(tx, addition)
			once, err := ledger.ParseLeaf(readLeaves(tx)[i-1])
			if err != nil || once.Kind != ledger.KindAddition {
				return fmt.Errorf("no addition before: %w", err)
			}
			forgotten := l.Once
			l.Once = once.Once
			return errors.Join(resign(tx, i, l), tx.Bucket([]byte("additions")).Delete(forgotten[:]), tx.Bucket([]byte("additions")).Put(l.Once[:], key(i)))
		}, []string{"leaf-twice"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			forged := copyStore(t, dir)
			edit(t, forged, c.attack)
			var got []string
			for _, f := range o.Audit(t, forged, nil).Findings {
				got = append(got, f.ID)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("found %v, want %v", got, c.want)
			}
		})
	}
}

// History is what the ledger has of a case, whole and in its order.
func TestHistory(t *testing.T) {
	o, v, r := withdrawable(t)
	other := o.NewReport(t, "account", 0)
	if err := other.Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, o, v, r, 0)
	mustAdd(t, o, v, other, 0)
	for _, l := range []*ledger.Leaf{o.Read(o.Workers[0], r.ID), o.HandOver(o.Workers[0], other.ID, "police"), o.HandOver(o.Workers[0], r.ID, "police")} {
		if _, err := v.AddEvent(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []ledger.CaseID{r.ID, other.ID} {
		var want []vault.Entry
		err := v.Leaves(0, size(t, o, v), func(index int64, leaf []byte) error {
			l, err := ledger.ParseLeaf(leaf)
			if err == nil && l.Case == id {
				want = append(want, vault.Entry{Index: index, Leaf: l})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.History(id)
		if err != nil {
			t.Fatal(err)
		}
		same := func(a, b vault.Entry) bool {
			return a.Index == b.Index && a.Leaf.Event == b.Leaf.Event && a.Leaf.Kind == b.Leaf.Kind && a.Leaf.Case == b.Leaf.Case
		}
		if !slices.EqualFunc(got, want, same) || len(got) < 4 {
			t.Errorf("history %v, want %v", got, want)
		}
	}
	if _, err := v.History(ledger.NewCaseID()); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("of no case: %v, want ErrNotFound", err)
	}
}

func TestProve(t *testing.T) {
	o, v, r := withdrawable(t)
	mustAdd(t, o, v, r, 0)
	n := size(t, o, v)
	err := v.Leaves(0, n, func(index int64, leaf []byte) error {
		b, err := v.Prove(index)
		if err != nil {
			return err
		}
		p, err := ledger.ParseProof(b)
		if err != nil {
			return err
		}
		_, c, err := p.Verify(o.Roster.Intake.Ledger)
		if err == nil && (p.Index != index || !bytes.Equal(p.Leaf, leaf) || c.Size != n || !bytes.Equal(p.Checkpoint, v.Checkpoint())) {
			t.Errorf("leaf %d: it proves leaf %d of %d, %q", index, p.Index, c.Size, p.Leaf)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []int64{-1, n, 1 << 62} {
		if _, err := v.Prove(index); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("leaf %d of %d: %v, want ErrNotFound", index, n, err)
		}
	}
	// Who was shown a proof can name a ledger that took it back: not before it
	// is on stable storage, and not after a commit whose end is unknown.
	if err := v.Fail(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Prove(0); !errors.Is(err, vault.ErrFailed) {
		t.Errorf("after a failed commit: %v, want ErrFailed", err)
	}
}

// TestProveWhileReportsComeIn: checkpoint and path are of one moment.
func TestProveWhileReportsComeIn(t *testing.T) {
	o, v, r := withdrawable(t)
	ctx, cancel := context.WithCancel(t.Context())
	var senders, provers sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			for range 50 {
				if err := r.Again().Add(context.Background(), v); err != nil {
					t.Error(err)
				}
			}
		})
		provers.Go(func() {
			for ctx.Err() == nil {
				b, err := v.Prove(1)
				if err != nil {
					t.Error(err)
					return
				}
				p, err := ledger.ParseProof(b)
				if err == nil {
					_, _, err = p.Verify(o.Roster.Intake.Ledger)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	senders.Wait()
	cancel()
	provers.Wait()
}
