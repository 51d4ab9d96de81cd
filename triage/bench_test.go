package triage

import "testing"

const benchCases = 500

// What a first pull of a store of small cases costs over loopback.
func BenchmarkPull(b *testing.B) {
	for range b.N {
		b.StopTimer()
		s := stock(b)
		b.StartTimer()
		s.pull()
		b.StopTimer()
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(benchCases*b.N), "µs/case")
	}
}

// What listing them costs: each is opened.
func BenchmarkList(b *testing.B) {
	s := stock(b)
	s.pull()
	for b.Loop() {
		if list, err := s.alice.List(); err != nil || len(list) != benchCases {
			b.Fatalf("%d cases, %v", len(list), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(benchCases*b.N), "µs/case")
}

// stock returns a station whose vault holds benchCases cases.
func stock(b *testing.B) *station {
	b.Helper()
	s := newStation(b)
	for range benchCases {
		s.addCase(s.vault, plain)
	}
	return s
}
