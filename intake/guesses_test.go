package intake

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"tocsin/seal"
	"tocsin/seal/roster"
)

// However many try words, half of the places are left for those who report.
func TestGuessesLeavePlacesForReports(t *testing.T) {
	w := newWorld(t, setup{config: func(c *Config) { c.Bodies = 4 }})
	codename, once := w.kept()
	for range 2 {
		w.server.visits <- struct{}{}
		w.server.bodies <- struct{}{}
	}
	for path, more := range map[string][]entry{
		"return": nil, "received": nil, "proof": nil, "proof/file": nil, "withdraw": nil,
		"add": {{name: "once", value: once}, {name: "text", value: "x"}},
	} {
		w.post("/en/"+path, append([]entry{{name: "codename", value: codename}}, more...)...).want(t, w.server, "en", "busy")
	}
	p := w.post("/en/report", entry{name: "codename", value: w.newCodename("en")}, entry{name: "what.seen", value: "x"})
	if p.status != http.StatusOK {
		t.Errorf("a report got status %d", p.status)
	}
	for range 2 {
		<-w.server.visits
		<-w.server.bodies
	}
	if p := w.post("/en/return", entry{name: "codename", value: codename}); p.status != http.StatusOK {
		t.Errorf("a witness who came back got status %d", p.status)
	}
}

// A report waits for a few of those who try words, not for all of them.
func TestAReportDoesNotWaitForGuesses(t *testing.T) {
	c, err := seal.NewCodename()
	must(t, err)
	synctest.Test(t, func(t *testing.T) {
		s := &Server{derives: make(chan struct{}, 2), guesses: make(chan struct{}, 2)}
		for range cap(s.derives) {
			s.derives <- struct{}{}
		}
		var guessed atomic.Int32
		const guesses = 64
		var all sync.WaitGroup
		for range guesses {
			all.Go(func() {
				if _, err := s.derive(t.Context(), c, roster.Instance{}, s.guesses); err != nil {
					t.Errorf("deriving: %v", err)
				}
				guessed.Add(1)
			})
		}
		synctest.Wait() // they stand in the queue
		reported := make(chan int32, 1)
		go func() {
			if _, err := s.derive(t.Context(), c, roster.Instance{}); err != nil {
				t.Errorf("deriving: %v", err)
			}
			reported <- guessed.Load()
		}()
		synctest.Wait() // behind them
		for range cap(s.derives) {
			<-s.derives
		}
		if n := <-reported; n > guesses/2 {
			t.Errorf("a report waited for %d of %d guesses", n, guesses)
		}
		all.Wait()
	})
}
