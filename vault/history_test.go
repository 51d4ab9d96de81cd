package vault_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"tocsin/ledger"
	"tocsin/vault"
)

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
	publish(t, o, v)
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
		if err == nil && (p.Index != index || !bytes.Equal(p.Leaf, leaf) || c.Size != n || !bytes.Equal(p.Checkpoint, published(t, v).Signed)) {
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
	publish(t, o, v)
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
