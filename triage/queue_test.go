package triage

import (
	"fmt"
	"testing"

	"tocsin/ledger"
)

// What one more event costs when so many wait, and what it costs to say what
// waits: each must not grow with their number.
func BenchmarkQueue(b *testing.B) {
	for _, n := range []int{1000, 4000} {
		s := newStation(b)
		ok(b, s.alice.Lock())
		s.addCase(s.vault, plain)
		_, err := s.alice.Pull(b.Context(), "", nothing)
		ok(b, err)
		m, err := s.alice.openMirror()
		ok(b, err)
		for range n {
			l := &ledger.Leaf{Event: ledger.EventHandedOver, Case: ledger.NewCaseID(), Destination: "police"}
			_, err := s.alice.enqueue(l, nil)
			ok(b, err)
		}
		queue, err := s.alice.Queue()
		ok(b, err)
		for _, q := range queue { // as after a push that was killed
			m.leaves = append(m.leaves, q.Leaf)
		}
		b.Run(fmt.Sprintf("add/%d", n), func(b *testing.B) {
			for b.Loop() {
				_, err := s.alice.enqueue(&ledger.Leaf{Event: ledger.EventRead, Case: ledger.NewCaseID()}, nil)
				ok(b, err)
			}
		})
		b.Run(fmt.Sprintf("list/%d", n), func(b *testing.B) {
			for b.Loop() {
				_, err := s.alice.withQueue(m)
				ok(b, err)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n*b.N), "µs/event")
		})
		s.alice.Unlock()
	}
}
