package view

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	tea "charm.land/bubbletea/v2"
)

// What a key costs in a full list, drawing the screen included: to move, to
// search while typing, and to open a case. TOCSIN_CASES makes it a shorter look
// than 10,000 cases.
//
//	go test -run - -bench Keys ./triage/view
func BenchmarkKeys(b *testing.B) {
	cases := 10_000
	if v := os.Getenv("TOCSIN_CASES"); v != "" {
		var err error
		cases, err = strconv.Atoi(v)
		ok(b, err)
	}
	s := newStation(b)
	var next atomic.Int64
	var all sync.WaitGroup
	for range 16 { // they share the vault's commits
		all.Go(func() {
			for n := next.Add(1); n <= int64(cases); n = next.Add(1) {
				s.tell(fmt.Sprintf("À l'hôtel %d près du marché, un voyageur a payé la chambre d'une enfant; room %d. होटल के पास एक पर्यटक ने एक लड़के को पैसे दिए।", n%811, n), map[string]string{"where.country": "TH"})
			}
		})
	}
	all.Wait()
	s.pull()
	h := &hand{t: b, m: newModel(b.Context(), s.options())}
	h.m.send = func(tea.Msg) {}
	h.do(h.m.Init())
	press := func(b *testing.B, keys ...tea.KeyPressMsg) {
		for b.Loop() {
			for _, k := range keys {
				h.do(h.m.update(k))
				h.m.View()
			}
		}
	}
	b.Run("start", func(b *testing.B) {
		for b.Loop() {
			s.home.Forget()
			h.do(h.m.Init())
			h.m.View()
		}
	})
	b.Run("down", func(b *testing.B) { press(b, tea.KeyPressMsg{Code: tea.KeyDown}) })
	h.press("/", "hotel")
	b.Run("search", func(b *testing.B) {
		press(b, tea.KeyPressMsg{Code: 'x', Text: "x"}, tea.KeyPressMsg{Code: tea.KeyBackspace})
	})
	h.press("enter")
	b.Run("open", func(b *testing.B) {
		press(b, tea.KeyPressMsg{Code: tea.KeyEnter}, tea.KeyPressMsg{Code: tea.KeyEscape})
	})
}
