package vault_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
	"tocsin/seal/roster"
	"tocsin/testorg"
	"tocsin/vault"
)

// publish lets midnight pass.
func publish(t *testing.T, o *testorg.Org, v *vault.Vault) {
	t.Helper()
	o.Day = o.Day.AddDate(0, 0, 1)
	if err := v.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func published(t *testing.T, v *vault.Vault) *vault.Published {
	t.Helper()
	p, _, err := v.Published()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func cosigned(t *testing.T, v *vault.Vault) *vault.Published {
	t.Helper()
	_, c, err := v.Published()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// covers opens a published checkpoint and returns how many leaves it covers.
func covers(t *testing.T, o *testorg.Org, p *vault.Published) int64 {
	t.Helper()
	c, err := ledger.OpenCheckpoint(p.Signed, o.Roster.Intake.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	return c.Size
}

// What is published on a day are the leaves of the days before, at whatever
// hour and however often it is done.
func TestPublishedAreTheDaysBefore(t *testing.T) {
	o := testorg.New(t, 1)
	dir := o.Create(t)
	v := o.Open(t, dir)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(v.Publish(t.Context()))
	if p := published(t, v); p != nil {
		t.Errorf("on the store's first day: %s was published", p.Signed)
	}
	must(o.NewReport(t, "of the first day", 0).Add(t.Context(), v))
	if _, err := v.Prove(1); !errors.Is(err, vault.ErrUnpublished) {
		t.Errorf("on the day it came: %v, want ErrUnpublished", err)
	}
	o.Day = o.Day.AddDate(0, 0, 3)
	// The server publishes late: what came in meanwhile is of today.
	late := o.NewReport(t, "of the second day", 0)
	must(late.Add(t.Context(), v))
	before, err := v.Transaction()
	must(err)
	must(v.Publish(t.Context()))
	first := published(t, v)
	if n := covers(t, o, first); n != 3 || first.Day != ledger.DayOf(o.Day) {
		t.Errorf("%d leaves were published on %s, want the 3 of the days before %s", n, first.Day, o.Day)
	}
	must(late.Again().Add(t.Context(), v))
	must(v.Publish(t.Context()))
	if again := published(t, v); !bytes.Equal(again.Signed, first.Signed) {
		t.Errorf("published again on the same day: %s", again.Signed)
	}
	if after, err := v.Transaction(); err != nil || after != before+2 {
		t.Errorf("%d transactions, error %v; want one that published and one that took a report", after-before, err)
	}
	if _, err := v.Prove(3); !errors.Is(err, vault.ErrUnpublished) {
		t.Errorf("a leaf of today: %v, want ErrUnpublished", err)
	}
	v.Close()
	o.MustBeWhole(t, dir)

	v = o.Open(t, dir)
	if again := published(t, v); !bytes.Equal(again.Signed, first.Signed) || again.Day != first.Day {
		t.Errorf("after reopening: %+v", again)
	}
	publish(t, o, v)
	if n, size := covers(t, o, published(t, v)), size(t, o, v); n != size {
		t.Errorf("%d leaves of %d on the next day", n, size)
	}
	// Nothing that was published is taken back by a clock that was set back.
	last := published(t, v)
	for _, days := range []int{-1, -3, -30} {
		now := o.Day
		o.Day = now.AddDate(0, 0, days)
		must(v.Publish(t.Context()))
		if got := published(t, v); covers(t, o, got) != covers(t, o, last) {
			t.Errorf("%d days back: %s", days, got.Signed)
		}
		o.Day = now
	}
}

// A clock that is set back over midnight, by however little, must not write a leaf
// of the day before: no order that is broken once is ever mended.
func TestDaysNeverGoBack(t *testing.T) {
	o := testorg.New(t, 1)
	dir := o.Create(t)
	v := o.Open(t, dir)
	add := func(account string) {
		t.Helper()
		if err := o.NewReport(t, account, 0).Add(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	o.Day = time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC)
	add("just after midnight")
	o.Day = o.Day.Add(-time.Second)
	add("a second later, by a clock that was set right")
	if err := v.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := covers(t, o, published(t, v)); n != 1 {
		t.Errorf("%d leaves were published, want the roster's alone: the others are of today", n)
	}
	// Opened anew, on an earlier day.
	v.Close()
	v = o.Open(t, dir)
	o.Day = o.Day.AddDate(0, 0, -2)
	add("two days back")
	o.Day = time.Date(2026, 3, 21, 0, 0, 0, 0, time.UTC)
	publish(t, o, v)
	if n := covers(t, o, published(t, v)); n != 7 {
		t.Errorf("%d leaves were published on the next day, want all 7", n)
	}
	// What is published covers all that came before its day.
	o.Day = o.Day.Add(-time.Second)
	add("before what was published, by the clock")
	v.Close()
	o.MustBeWhole(t, dir)
}

// A commit whose end is unknown publishes nothing.
func TestNothingIsPublishedAfterAFailedCommit(t *testing.T) {
	o, v, _ := withdrawable(t)
	publish(t, o, v)
	if err := v.Fail(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := v.Published(); !errors.Is(err, vault.ErrFailed) {
		t.Errorf("Published: %v, want ErrFailed", err)
	}
	if _, err := v.Consistency(1, 3); !errors.Is(err, vault.ErrFailed) {
		t.Errorf("Consistency: %v, want ErrFailed", err)
	}
	o.Day = o.Day.AddDate(0, 0, 1)
	if err := v.Publish(t.Context()); !errors.Is(err, vault.ErrFailed) {
		t.Errorf("Publish: %v, want ErrFailed", err)
	}
}

func TestConsistency(t *testing.T) {
	o, v, r := withdrawable(t)
	if _, err := v.Consistency(0, 1); !errors.Is(err, vault.ErrUnpublished) {
		t.Errorf("before anything is published: %v, want ErrUnpublished", err)
	}
	for range 5 {
		if err := r.Again().Add(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, o, v)
	n := covers(t, o, published(t, v))
	if err := r.Again().Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	var hashes ledger.Hashes
	err := v.Leaves(0, n, func(i int64, leaf []byte) error { return hashes.Append(i, leaf) })
	if err != nil {
		t.Fatal(err)
	}
	for to := range n + 1 {
		for from := range to + 1 {
			proof, err := v.Consistency(from, to)
			if err != nil {
				t.Fatal(err)
			}
			if from == 0 {
				if len(proof) != 0 {
					t.Errorf("from nothing to %d: %v", to, proof)
				}
				continue
			}
			old, err1 := hashes.Root(from)
			now, err2 := hashes.Root(to)
			if err := errors.Join(err1, err2, tlog.CheckTree(proof, to, now, from, old)); err != nil {
				t.Errorf("from %d to %d: %v", from, to, err)
			}
		}
	}
	for _, c := range []struct {
		from, to int64
		want     error
	}{{-1, 1, vault.ErrNotFound}, {2, 1, vault.ErrNotFound}, {1, n + 1, vault.ErrUnpublished}, {1, 1 << 62, vault.ErrUnpublished}} {
		if _, err := v.Consistency(c.from, c.to); !errors.Is(err, c.want) {
			t.Errorf("from %d to %d: %v, want %v", c.from, c.to, err, c.want)
		}
	}
}

// A cosigner that tests hold the key of.
type cosigner struct {
	roster.Cosigner
	signer note.Signer
}

func newCosigner(name string, at time.Time) cosigner {
	seed := testorg.Digest([]byte(name))
	key := ed25519.NewKeyFromSeed(seed[:])
	return cosigner{
		roster.Cosigner{Name: name, Key: roster.CosignerKey(name+".example", key.Public().(ed25519.PublicKey)), URL: "https://" + name + ".example"},
		ledger.NewCosignatureSigner(name+".example", key, func() time.Time { return at }),
	}
}

// cosign adds cosignatures to a checkpoint.
func cosign(t *testing.T, o *testorg.Org, signed []byte, by ...cosigner) []byte {
	t.Helper()
	v, err := note.NewVerifier(o.Roster.Intake.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range by {
		if signed, err = note.Sign(n, c.signer); err != nil {
			t.Fatal(err)
		}
		if n, err = note.Open(signed, note.VerifierList(v)); err != nil {
			t.Fatal(err)
		}
	}
	return signed
}

// by returns who cosigned, in the roster's order.
func by(t *testing.T, o *testorg.Org, p *vault.Published) (names []string) {
	t.Helper()
	if p == nil {
		return nil
	}
	_, all, err := ledger.OpenCosigned(p.Signed, o.Roster.Intake.Ledger, o.Roster.Cosigners)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		names = append(names, c.Cosigner)
	}
	return names
}

func TestCosign(t *testing.T) {
	o := testorg.New(t, 1)
	at := time.Date(2026, 3, 15, 0, 10, 0, 0, time.UTC)
	one, two, three, stranger := newCosigner("one", at), newCosigner("two", at), newCosigner("three", at), newCosigner("stranger", at)
	o.Roster.Cosigners = []roster.Cosigner{one.Cosigner, two.Cosigner, three.Cosigner}
	o.Roster.Policy.Quorum = 2
	o.Sign(t)
	dir := o.Create(t)
	v := o.Open(t, dir)
	r := o.NewReport(t, "account", 0)
	if err := r.Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if err := v.Cosign(t.Context(), cosign(t, o, v.Checkpoint(), one)); !errors.Is(err, vault.ErrUnpublished) {
		t.Errorf("before anything is published: %v, want ErrUnpublished", err)
	}
	publish(t, o, v)
	if err := r.Again().Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	bare := published(t, v).Signed
	must := func(signed []byte) {
		t.Helper()
		if err := v.Cosign(t.Context(), signed); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, p *vault.Published, names ...string) {
		t.Helper()
		if got := by(t, o, p); !slices.Equal(got, names) {
			t.Errorf("%s: cosigned by %q, want %q", what, got, names)
		}
	}
	must(bare) // says nothing
	must(cosign(t, o, bare, stranger))
	want("a stranger's cosignature", published(t, v))
	if !bytes.Equal(published(t, v).Signed, bare) {
		t.Errorf("a stranger's cosignature was kept:\n%s", published(t, v).Signed)
	}
	if err := v.Cosign(t.Context(), cosign(t, o, v.Checkpoint(), one, two)); !errors.Is(err, vault.ErrUnpublished) {
		t.Errorf("a checkpoint that was not published: %v, want ErrUnpublished", err)
	}
	broken := cosign(t, o, bare, one)
	broken[len(broken)-10] ^= 1
	if err := v.Cosign(t.Context(), broken); err == nil {
		t.Error("a cosignature that does not verify was taken")
	}
	must(cosign(t, o, bare, one))
	want("one of two", published(t, v), "one")
	want("one of two", cosigned(t, v))

	before, err := v.Transaction()
	if err != nil {
		t.Fatal(err)
	}
	later := newCosigner("one", at.Add(time.Hour))
	must(cosign(t, o, bare, later))
	if after, err := v.Transaction(); err != nil || after != before {
		t.Errorf("one who signed again made a transaction, error %v", err)
	}
	must(cosign(t, o, bare, three))
	want("two of two", published(t, v), "one", "three")
	want("two of two", cosigned(t, v), "one", "three")
	must(cosign(t, o, bare, two))
	want("all", cosigned(t, v), "one", "two", "three")
	full := cosigned(t, v)
	v.Close()
	o.MustBeWhole(t, dir)
	v = o.Open(t, dir)

	// The next day's has none yet; proofs are against the one that has, where
	// that covers the leaf.
	publish(t, o, v)
	want("the next day", published(t, v))
	if got := cosigned(t, v); !bytes.Equal(got.Signed, full.Signed) || got.Day != full.Day {
		t.Errorf("on the next day the cosigned one is %+v", got)
	}
	for index, want := range map[int64]*vault.Published{2: full, 4: published(t, v)} {
		b, err := v.Prove(index)
		if err != nil {
			t.Fatal(err)
		}
		p, err := ledger.ParseProof(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.Verify(o.Roster.Intake.Ledger); err != nil || !bytes.Equal(p.Checkpoint, want.Signed) {
			t.Errorf("leaf %d is proved against\n%s (%v), want\n%s", index, p.Checkpoint, err, want.Signed)
		}
	}
	if err := v.Cosign(t.Context(), full.Signed); !errors.Is(err, vault.ErrUnpublished) {
		t.Errorf("yesterday's: %v, want ErrUnpublished", err)
	}
	// A roster that comes into force counts at once.
	must(cosign(t, o, published(t, v).Signed, one))
	o.Roster.Number, o.Roster.Cosigners, o.Roster.Policy.Quorum = 2, []roster.Cosigner{two.Cosigner}, 0
	o.Sign(t)
	if err := v.UpdateRoster(t.Context(), o.Signed); err != nil {
		t.Fatal(err)
	}
	must(cosign(t, o, published(t, v).Signed, one))
	want("by one who is no longer on the roster", published(t, v))
	if got := cosigned(t, v); !bytes.Equal(got.Signed, full.Signed) {
		t.Errorf("without a cosignature that counts, the cosigned one is %s", got.Signed)
	}
	must(cosign(t, o, published(t, v).Signed, two))
	want("by one who is", cosigned(t, v), "two")
	v.Close()
	o.MustBeWhole(t, dir)
}
