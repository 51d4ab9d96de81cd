package vault_test

import (
	"context"
	"errors"
	"flag"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/testorg"
	"tocsin/vault"
)

// model is what a store must hold, in the plainest form.
type model struct {
	leaves   int64
	cases    map[ledger.CaseID]*testorg.Report
	messages map[ledger.CaseID]int
	signed   map[string]int64 // signature → leaf
	roster   uint64
}

// TestVaultAgainstModel drives a vault through random histories and holds it
// against the model after each step, and against the checker of all
// invariants whenever it is reopened and at the end.
func TestVaultAgainstModel(t *testing.T) {
	o := testorg.New(t, 2)
	// Each history takes about a second, most of it syncing and sealing:
	// fewer than rapid's hundred, unless the command line says otherwise.
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set("40"); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		o.Roster.Number, o.Roster.Workers = 1, o.Roster.Workers[:2]
		o.Sign(t)
		dir := o.Create(t)
		v := o.Open(t, dir)
		m := &model{
			leaves: 1, roster: 1,
			cases: map[ledger.CaseID]*testorg.Report{}, messages: map[ledger.CaseID]int{}, signed: map[string]int64{},
		}
		var events []*ledger.Leaf
		ctx := context.Background()
		pick := func() *testorg.Report {
			if len(m.cases) == 0 {
				rt.Skip("no case yet")
			}
			ids := slices.SortedFunc(maps.Keys(m.cases), func(a, b ledger.CaseID) int { return slices.Compare(a[:], b[:]) })
			return m.cases[rapid.SampledFrom(ids).Draw(rt, "case")]
		}
		event := func(l *ledger.Leaf, index int64, err error) {
			if err != nil {
				rt.Fatal(err)
			}
			known, again := m.signed[string(l.Signature)]
			switch {
			case again && index != known:
				rt.Fatalf("the same event became leaf %d and %d", known, index)
			case !again && index != m.leaves:
				rt.Fatalf("a new event is leaf %d, want %d", index, m.leaves)
			case !again:
				m.signed[string(l.Signature)] = index
				m.leaves++
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"report": func(rt *rapid.T) {
				size := rapid.SampledFrom([]int{0, 0, 0, 1000, 240 << 10, 270 << 10}).Draw(rt, "attachment")
				r := o.NewReport(t, "account", size)
				if err := r.Add(ctx, v); err != nil {
					rt.Fatal(err)
				}
				m.cases[r.ID], m.messages[r.ID] = r, 1
				m.leaves += 2
			},
			"report again": func(rt *rapid.T) {
				again := *pick()
				again.Case.ID = ledger.NewCaseID()
				if err := again.Add(ctx, v); !errors.Is(err, vault.ErrTagExists) {
					rt.Fatalf("%v, want ErrTagExists", err)
				}
			},
			"reply": func(rt *rapid.T) {
				r := pick()
				l, body := o.Reply(t, o.Workers[1], r, "reply")
				u, err := testorg.Upload(v, body)
				if err != nil {
					rt.Fatal(err)
				}
				index, err := v.AddReply(ctx, l, u)
				event(l, index, err)
				m.messages[r.ID]++
			},
			"hand over": func(rt *rapid.T) {
				l := o.HandOver(o.Workers[0], pick().ID, "police")
				events = append(events, l)
				index, err := v.AddEvent(ctx, l)
				event(l, index, err)
			},
			"push again": func(rt *rapid.T) {
				if len(events) == 0 {
					rt.Skip("nothing pushed yet")
				}
				l := rapid.SampledFrom(events).Draw(rt, "event")
				index, err := v.AddEvent(ctx, l)
				event(l, index, err)
			},
			"roster": func(rt *rapid.T) {
				o.Roster.Number++
				o.Sign(t)
				if err := v.UpdateRoster(ctx, o.Signed); err != nil {
					rt.Fatal(err)
				}
				m.roster++
				m.leaves++
			},
			"dead upload": func(rt *rapid.T) {
				if _, err := testorg.Upload(v, make([]byte, rapid.SampledFrom([]int{10, 300 << 10}).Draw(rt, "size"))); err != nil {
					rt.Fatal(err)
				}
			},
			"reopen": func(rt *rapid.T) {
				v.Close()
				v = o.Open(t, dir)
				o.MustBeWhole(t, dir)
			},
			"": func(rt *rapid.T) { m.compare(rt, o, v) },
		})
		v.Close()
		v = o.Open(t, dir) // sweeps
		m.compare(rt, o, v)
		v.Close()
		o.MustBeWhole(t, dir)
		if t.Failed() {
			rt.Fatal("the checker is not silent")
		}
	})
}

func (m *model) compare(rt *rapid.T, o *testorg.Org, v *vault.Vault) {
	if got := v.Roster().Number; got != m.roster {
		rt.Fatalf("roster %d is in force, want %d", got, m.roster)
	}
	cp, err := ledger.OpenCheckpoint(v.Checkpoint(), o.Roster.Intake.Ledger)
	if err != nil {
		rt.Fatal(err)
	}
	if cp.Size != m.leaves {
		rt.Fatalf("%d leaves, want %d", cp.Size, m.leaves)
	}
	for id, r := range m.cases {
		c, err := v.FindTag(r.Case.Tag)
		if err != nil || c.ID != id {
			rt.Fatalf("tag of case %s: %v, %v", id, c, err)
		}
		messages, err := v.Messages(id)
		if err != nil || len(messages) != m.messages[id] {
			rt.Fatalf("case %s: %d messages, error %v; want %d", id, len(messages), err, m.messages[id])
		}
		sealed, err := v.OpenMessage(messages[0].Index)
		if err != nil {
			rt.Fatal(err)
		}
		if _, err := seal.ReadMessage(sealed, sealed.Size(), r.Key.Identity(), o.Context(id, seal.KindReport), nil); err != nil {
			rt.Fatalf("case %s: %v", id, err)
		}
		sealed.Close()
	}
}
