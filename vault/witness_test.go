package vault_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"
	"testing"

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
		"a reply":     func() error { _, err := v.AddMessage(t.Context(), reply, u); return err },
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
			_, err = v.AddMessage(t.Context(), l, u)
			return err
		}, vault.ErrRefused},
		"a note": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) error {
			l, body := o.Note(t, o.Workers[0], r, "{}")
			u, err := testorg.Upload(v, body)
			if err != nil {
				return err
			}
			_, err = v.AddMessage(t.Context(), l, u)
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
