package vault_test

import (
	"bytes"
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
	leaves    int64
	published int64 // leaves that the last published checkpoint covers
	cases     map[ledger.CaseID]*testorg.Report
	messages  map[ledger.CaseID]int
	history   map[ledger.CaseID]int  // leaves of the case
	seen      map[ledger.CaseID]bool // by a case worker
	gone      map[ledger.CaseID]bool // withdrawn or purged
	purged    map[ledger.CaseID]bool
	held      map[ledger.CaseID]bool
	proposed  map[ledger.CaseID]map[string]bool // by whom, since the last message, hold or release
	signed    map[string]int64                  // signature → leaf
	forms     []sent
	roster    uint64
	sealed    map[ledger.CaseID]uint64 // number of the roster that the envelope in force is for
}

// sent is a form from which an addition came.
type sent struct {
	r     *testorg.Report
	once  [32]byte
	index int64
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
		o.Roster.Policy.Withdraw = true
		o.Sign(t)
		dir := o.Create(t)
		v := o.Open(t, dir)
		m := &model{
			leaves: 1, roster: 1,
			cases: map[ledger.CaseID]*testorg.Report{}, messages: map[ledger.CaseID]int{}, signed: map[string]int64{},
			history: map[ledger.CaseID]int{}, seen: map[ledger.CaseID]bool{}, gone: map[ledger.CaseID]bool{},
			sealed: map[ledger.CaseID]uint64{},
			purged: map[ledger.CaseID]bool{}, held: map[ledger.CaseID]bool{}, proposed: map[ledger.CaseID]map[string]bool{},
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
			known, again := m.signed[string(l.Signature)]
			if m.gone[l.Case] && !again {
				if !errors.Is(err, vault.ErrRetired) {
					rt.Fatalf("%s of a case that is gone: %v, want ErrRetired", l.Event, err)
				}
				return
			}
			if err != nil {
				rt.Fatal(err)
			}
			switch {
			case again && index != known:
				rt.Fatalf("the same event became leaf %d and %d", known, index)
			case !again && index != m.leaves:
				rt.Fatalf("a new event is leaf %d, want %d", index, m.leaves)
			case !again:
				m.signed[string(l.Signature)] = index
				m.leaves++
				m.history[l.Case]++
				m.seen[l.Case] = m.seen[l.Case] || l.PreventsWithdrawal()
				m.take(l)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"report": func(rt *rapid.T) {
				size := rapid.SampledFrom([]int{0, 0, 0, 1000, 240 << 10, 270 << 10}).Draw(rt, "attachment")
				r := o.NewReport(t, "account", size)
				if err := r.Add(ctx, v); err != nil {
					rt.Fatal(err)
				}
				m.cases[r.ID], m.messages[r.ID], m.history[r.ID], m.sealed[r.ID] = r, 1, 2, m.roster
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
				index, err := v.AddMessage(ctx, l, u)
				event(l, index, err)
			},
			"note": func(rt *rapid.T) {
				l, body := o.Note(t, o.Workers[0], pick(), "{}")
				u, err := testorg.Upload(v, body)
				if err != nil {
					rt.Fatal(err)
				}
				index, err := v.AddMessage(ctx, l, u)
				event(l, index, err)
			},
			"hold": func(rt *rapid.T) {
				id := pick().ID
				l := o.Hold(o.Workers[1], id, last(t, v, id))
				index, err := v.AddEvent(ctx, l)
				event(l, index, err)
			},
			"release": func(rt *rapid.T) {
				id := pick().ID
				// Now or, kept back, as of the report.
				after := rapid.SampledFrom([]int64{last(t, v, id), 0}).Draw(rt, "after")
				l := o.Release(o.Workers[0], id, after)
				index, err := v.AddEvent(ctx, l)
				if _, again := m.signed[string(l.Signature)]; !again && !m.gone[id] && m.held[id] && after == 0 {
					if !errors.Is(err, ledger.ErrUnseen) {
						rt.Fatalf("releasing a hold that was not seen: %v, want ErrUnseen", err)
					}
					return
				}
				event(l, index, err)
			},
			"propose a purge": func(rt *rapid.T) {
				id, w := pick().ID, rapid.IntRange(0, 1).Draw(rt, "worker")
				l := o.ProposePurge(o.Workers[w], id, ledger.RuleRequest, last(t, v, id))
				events = append(events, l)
				index, err := v.AddEvent(ctx, l)
				event(l, index, err)
			},
			"purge": func(rt *rapid.T) {
				id, w := pick().ID, rapid.IntRange(0, 1).Draw(rt, "worker")
				l := o.Purge(o.Workers[w], id, ledger.RuleRequest, last(t, v, id))
				index, err := v.AddEvent(ctx, l)
				_, again := m.signed[string(l.Signature)]
				if other := o.Workers[1-w].Name; !again && !m.gone[id] && (m.held[id] || !m.proposed[id][other]) {
					if !errors.Is(err, vault.ErrRefused) {
						rt.Fatalf("purging a case that may not be: %v, want ErrRefused", err)
					}
					return
				}
				event(l, index, err)
				if err == nil {
					events = append(events, l)
				}
			},
			"addition": func(rt *rapid.T) {
				f := sent{r: pick(), once: form()}
				size := rapid.SampledFrom([]int{0, 0, 270 << 10}).Draw(rt, "attachment")
				var err error
				f.index, err = add(t, v, f.r.ID, f.once, o.Addition(t, f.r, "addition", size))
				if m.gone[f.r.ID] {
					if !errors.Is(err, vault.ErrRetired) {
						rt.Fatalf("an addition to a case that is gone: %v, want ErrRetired", err)
					}
					return
				}
				if err != nil || f.index != m.leaves {
					rt.Fatalf("an addition is leaf %d, %v, want %d", f.index, err, m.leaves)
				}
				m.leaves++
				m.history[f.r.ID]++
				m.messages[f.r.ID]++
				m.proposed[f.r.ID] = nil
				m.forms = append(m.forms, f)
			},
			"addition again": func(rt *rapid.T) {
				if len(m.forms) == 0 {
					rt.Skip("nothing added yet")
				}
				f := rapid.SampledFrom(m.forms).Draw(rt, "form")
				if i, err := add(t, v, f.r.ID, f.once, []byte("anything")); err != nil || i != f.index {
					rt.Fatalf("a form that was leaf %d is leaf %d, %v", f.index, i, err)
				}
			},
			"withdraw": func(rt *rapid.T) {
				r := pick()
				err := v.Withdraw(ctx, r.ID, r.Credential.Withdrawal)
				switch {
				case m.purged[r.ID]:
					if !errors.Is(err, vault.ErrRetired) {
						rt.Fatalf("withdrawing a report that was purged: %v, want ErrRetired", err)
					}
				case m.seen[r.ID]:
					if !errors.Is(err, vault.ErrRefused) {
						rt.Fatalf("withdrawing a report that was seen: %v, want ErrRefused", err)
					}
				case err != nil:
					rt.Fatal(err)
				case !m.gone[r.ID]:
					m.gone[r.ID] = true
					m.leaves++
					m.history[r.ID]++
				}
			},
			"read": func(rt *rapid.T) {
				l := o.Read(o.Workers[0], pick().ID)
				events = append(events, l)
				index, err := v.AddEvent(ctx, l)
				event(l, index, err)
			},
			"hand over": func(rt *rapid.T) {
				l := o.HandOver(o.Workers[0], pick().ID, "police")
				events = append(events, l)
				index, err := v.AddEvent(ctx, l)
				event(l, index, err)
			},
			"rekey": func(rt *rapid.T) {
				r := pick()
				l, envelope := o.Rekey(t, o.Workers[1], r)
				index, err := v.AddRekey(ctx, l, envelope)
				if !m.gone[r.ID] && m.sealed[r.ID] == m.roster {
					if !errors.Is(err, vault.ErrRefused) {
						rt.Fatalf("sealing a case again for the same roster: %v, want ErrRefused", err)
					}
					return
				}
				event(l, index, err)
				if m.gone[r.ID] {
					return
				}
				again, err := v.AddRekey(ctx, l, envelope)
				event(l, again, err)
				r.Envelope.Sealed, m.sealed[r.ID] = envelope, m.roster
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
			"midnight": func(rt *rapid.T) {
				o.Day = o.Day.AddDate(0, 0, 1)
				m.published = m.leaves
				if err := v.Publish(ctx); err != nil {
					rt.Fatal(err)
				}
			},
			"publish again": func(rt *rapid.T) {
				if err := v.Publish(ctx); err != nil {
					rt.Fatal(err)
				}
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

// take says what a new signed leaf does to its case.
func (m *model) take(l *ledger.Leaf) {
	switch l.Event {
	case ledger.EventMessage:
		m.messages[l.Case]++
		m.proposed[l.Case] = nil
	case ledger.EventHeld:
		m.held[l.Case], m.proposed[l.Case] = true, nil
	case ledger.EventReleased:
		if m.held[l.Case] {
			m.held[l.Case], m.proposed[l.Case] = false, nil
		}
	case ledger.EventPurgeProposed:
		if m.proposed[l.Case] == nil {
			m.proposed[l.Case] = map[string]bool{}
		}
		m.proposed[l.Case][l.By] = true
	case ledger.EventPurged:
		m.gone[l.Case], m.purged[l.Case] = true, true
	}
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
		history, err := v.History(id)
		if err != nil || len(history) != m.history[id] {
			rt.Fatalf("case %s: %d leaves, error %v; want %d", id, len(history), err, m.history[id])
		}
		last := history[len(history)-1]
		objects, err := v.Objects(history[0].Index)
		if err != nil || (len(objects) == 1) != m.gone[id] || last.Leaf.Retires() != m.gone[id] {
			rt.Fatalf("case %s, gone: %t: %d objects, error %v; its last leaf is %+v", id, m.gone[id], len(objects), err, last)
		}
		if got := inForce(rt, v, id); !m.gone[id] && !bytes.Equal(got, r.Envelope.Sealed) {
			rt.Fatalf("case %s: another envelope is in force than the last", id)
		}
		proof, err := v.Prove(last.Index)
		if last.Index >= m.published {
			if !errors.Is(err, vault.ErrUnpublished) {
				rt.Fatalf("case %s: leaf %d of %d that are published: %v, want ErrUnpublished", id, last.Index, m.published, err)
			}
		} else if err != nil {
			rt.Fatal(err)
		} else if p, err := ledger.ParseProof(proof); err != nil {
			rt.Fatal(err)
		} else if l, c, err := p.Verify(o.Roster.Intake.Ledger); err != nil || l.Case != id || c.Size != m.published {
			rt.Fatalf("case %s: its last leaf is not proved: %v", id, err)
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
