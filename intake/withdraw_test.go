package intake

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tocsin/ledger"
	"tocsin/seal/roster"
	"tocsin/vault"
)

func mayWithdraw(p *roster.Policy) { p.Withdraw = true }

// destroy sends the form that destroys a report, with the box ticked.
func (w *world) destroy(lang, codename string) answer {
	w.t.Helper()
	return w.post("/"+lang+"/withdraw", entry{name: "codename", value: codename}, entry{name: "sure", value: "yes"})
}

// wantGone checks that a page says that the report was destroyed, and holds
// nothing of the case.
func (w *world) wantGone(p answer, lang, codename string) {
	w.t.Helper()
	p.wantSaid(w.t, []string{w.says(lang, "withdrawn.heading")},
		[]string{codename, "<form", "<article", w.says(lang, "received.heading"), w.says(lang, "received.lead"), w.says(lang, "add.received")})
}

// A witness destroys a report that nobody has read: its key is gone, every way
// back leads to the page that says so, and it takes nothing more.
func TestWithdrawing(t *testing.T) {
	w := newWorld(t, setup{policy: mayWithdraw})
	codename, other := w.sent(), w.sent()
	c := entry{name: "codename", value: codename}
	w.post("/en/return", c).wantSaid(t, []string{w.says("en", "withdraw.heading"), `name="sure"`}, nil)
	form := w.addForm(codename, "more")
	w.wantGone(w.destroy("fr", codename), "fr", codename)
	found, _ := w.find(codename)
	history, err := w.vault.History(found.ID)
	must(t, err)
	if last := history[len(history)-1].Leaf; last.Event != ledger.EventWithdrawn {
		t.Errorf("the case ends with %q", last.Event)
	}
	objects, err := w.vault.Objects(history[0].Index)
	must(t, err)
	for _, o := range objects {
		if o.Name == "envelope" {
			t.Error("the key is still there")
		}
		must(t, o.Close())
	}
	for _, l := range w.server.languages.all {
		w.wantGone(w.post("/"+l.Code+"/return", c), l.Code, codename)
	}
	w.wantGone(w.destroy("en", codename), "en", codename) // again
	w.wantGone(w.post("/en/withdraw", c), "en", codename)
	w.wantGone(w.post("/en/add", form...), "en", codename)
	w.wantGone(w.post("/en/add", append(form, entry{name: "files", file: "a", value: strings.Repeat("x", 1<<20)})...), "en", codename)
	w.wantGone(w.post("/en/add", form[0], form[1]), "en", codename) // without a text
	w.wantGone(w.post("/en/received", c, entry{name: "typed", value: codename}), "en", codename)
	w.wantGone(w.post("/en/report", c, entry{name: "what.seen", value: "x"}), "en", codename) // by the browser's "back"
	wantNoBlobs(t, w)
	w.wantWhole()
	// The other one is as it was.
	w.post("/en/return", entry{name: "codename", value: other}).wantSaid(t, []string{w.says("en", "replies.none")}, nil)
	w.open(other)
	if log := w.log.String(); log != "" {
		t.Errorf("logged: %s", log)
	}
}

// What was added goes with the report, and nothing follows.
func TestWithdrawingTakesWhatWasAdded(t *testing.T) {
	w := newWorld(t, setup{policy: mayWithdraw})
	codename := w.sent()
	w.post("/en/add", w.addForm(codename, "said by the witness")...)
	w.wantGone(w.destroy("en", codename), "en", codename)
	w.wantWhole()
	found, _ := w.find(codename)
	l := &ledger.Leaf{Event: ledger.EventRead, Case: found.ID, Done: "2026-01-03"}
	l.Sign(w.vault.Roster().Instance(), "alice", w.desk)
	if _, err := w.vault.AddEvent(t.Context(), l); !errors.Is(err, vault.ErrRetired) {
		t.Errorf("reading what was destroyed: %v", err)
	}
}

// Without the tick nothing is destroyed, and the page asks for it.
func TestWithdrawingWithoutTheTick(t *testing.T) {
	w := newWorld(t, setup{policy: mayWithdraw})
	codename := w.sent()
	for _, sure := range []string{"", "no", "YES"} {
		p := w.post("/en/withdraw", entry{name: "codename", value: codename}, entry{name: "sure", value: sure})
		p.wantSaid(t, []string{w.says("en", "withdraw.unsure"), "<details open>", codename}, nil)
	}
	w.post("/en/withdraw", entry{name: "codename", value: codename}).wantSaid(t, []string{w.says("en", "withdraw.unsure")}, nil)
	w.open(codename)
	w.wantReports(1)
}

// Once a case worker has seen the report, or where the roster does not allow it,
// the page offers nothing and a form that is sent all the same destroys nothing.
// Nobody is said to have read a report that nobody has read.
func TestWithdrawingThatIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		policy func(*roster.Policy)
		seen   func(*world, string)
		late   bool
	}{
		"not allowed": {func(p *roster.Policy) { p.Withdraw = false }, func(*world, string) {}, false},
		"read":        {mayWithdraw, func(w *world, c string) { w.event(c, ledger.EventRead) }, true},
		"handed over": {mayWithdraw, func(w *world, c string) { w.event(c, ledger.EventHandedOver) }, true},
		"answered":    {mayWithdraw, func(w *world, c string) { w.reply(c, "Which room?") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{policy: tc.policy})
			codename := w.sent()
			tc.seen(w, codename)
			leaves := w.leaves()
			for _, l := range w.server.languages.all {
				p := w.post("/"+l.Code+"/return", entry{name: "codename", value: codename})
				p.wantSaid(t, nil, []string{"/withdraw", w.says(l.Code, "withdraw.heading")})
				p = w.destroy(l.Code, codename)
				want, not := []string{codename}, []string{w.says(l.Code, "withdrawn.heading"), "/withdraw"}
				late, forbidden := w.says(l.Code, "withdraw.late"), w.says(l.Code, "withdraw.forbidden")
				if tc.late {
					want, not = append(want, late), append(not, forbidden)
				} else {
					want, not = append(want, forbidden), append(not, late)
				}
				p.wantSaid(t, want, not)
				p = w.post("/"+l.Code+"/withdraw", entry{name: "codename", value: codename})
				p.wantSaid(t, []string{codename}, []string{w.says(l.Code, "withdraw.unsure"), "/withdraw"})
			}
			if w.leaves() != leaves {
				t.Error("the ledger grew")
			}
			w.open(codename)
			w.wantWhole()
		})
	}
}

// A policy that comes into force takes the control off the page at once, and a
// page that still had it destroys nothing.
func TestWithdrawingFollowsTheRoster(t *testing.T) {
	w := newWorld(t, setup{policy: mayWithdraw})
	codename := w.sent()
	w.post("/en/return", entry{name: "codename", value: codename}).wantSaid(t, []string{"/en/withdraw"}, nil)
	w.roster.Number++
	w.roster.Policy.Withdraw = false
	signed, err := w.roster.Sign(w.org)
	must(t, err)
	must(t, w.vault.UpdateRoster(context.Background(), signed))
	w.destroy("en", codename).wantSaid(t, []string{w.says("en", "replies.none")}, []string{"/en/withdraw", w.says("en", "withdrawn.heading")})
	w.open(codename)
}
