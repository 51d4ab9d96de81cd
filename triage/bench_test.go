package triage

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// benchCases is how many cases the benchmarks' home has: as many as the inbox
// is promised to be quick with, or TOCSIN_CASES for a shorter look.
func benchCases(b *testing.B) int {
	b.Helper()
	v := os.Getenv("TOCSIN_CASES")
	if v == "" {
		return 10_000
	}
	n, err := strconv.Atoi(v)
	ok(b, err)
	return n
}

// accounts are words in several scripts, from which tale makes reports.
var accounts = []string{
	"A man of about sixty brought two girls into the hotel by the beach and asked the desk for the quiet floor. ",
	"À l'hôtel près du marché, un voyageur a payé la chambre d'une enfant; le gérant a détourné les yeux. ",
	"In het gastenverblijf spraken twee mannen over een jongen die zij de volgende dag zouden ontmoeten. ",
	"في الفندق القريب من الميناء رأيت سائحًا مع طفلة لا تعرفه وكانت خائفة منه. ",
	"होटल के पास एक पर्यटक ने एक लड़के को पैसे दिए और उसे कमरे में ले गया। ",
	"হোটেলের সামনে একজন পর্যটক একটি মেয়েকে গাড়িতে তুলতে দেখেছি। ",
	"ที่โรงแรมริมหาด มีชายต่างชาติพาเด็กขึ้นห้องหลายครั้ง ",
	"No hotel da praia um turista oferecia presentes às crianças e pedia fotografias. ",
}

// tale is the n-th report of the benchmarks: some 900 characters.
func tale(n int) map[string]string {
	var seen strings.Builder
	for i := range 8 {
		seen.WriteString(accounts[(n*7+i*(1+n%3))%len(accounts)])
	}
	return map[string]string{
		"what.seen":     fmt.Sprintf("%sRoom %d.", seen.String(), n),
		"where.country": []string{"TH", "KH", "BR", "MA", "IN", "PH"}[n%6],
		"where.city":    fmt.Sprintf("Town %d", n%97),
		"where.place":   fmt.Sprintf("Hôtel %d", n%811),
		"danger.now":    []string{"no", "unknown", "no", "yes"}[n%4],
	}
}

// What the list for cron costs: nothing is opened.
func BenchmarkDue(b *testing.B) {
	cases := benchCases(b)
	s := stock(b, cases)
	s.pull()
	s.alice.Now = func() time.Time { return today.AddDate(0, 0, 3) }
	for b.Loop() {
		if list, err := s.alice.Due(0); err != nil || len(list) != cases {
			b.Fatalf("%d cases, %v", len(list), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(cases*b.N), "µs/case")
}

// stock returns a station whose vault holds so many cases.
func stock(b *testing.B, cases int) *station {
	b.Helper()
	s := newStation(b)
	var next atomic.Int64
	var all sync.WaitGroup
	for range 16 { // they share the vault's commits
		all.Go(func() {
			for n := next.Add(1); n <= int64(cases); n = next.Add(1) {
				s.addCase(s.vault, tale(int(n)))
			}
		})
	}
	all.Wait()
	return s
}

// What a case worker waits for with a full home: the first pull, and then verbs
// of the real program, from its start to its end, with a key without passphrase.
// cpu-ms is the processor time of all cores, which says what the verb costs on a
// machine that does other things as well.
//
//	go test -run - -bench Full -benchtime 10x -v ./triage
func BenchmarkFull(b *testing.B) {
	s := stock(b, benchCases(b))
	program := filepath.Join(b.TempDir(), "triage")
	if out, err := exec.Command("go", "build", "-o", program, "tocsin/cmd/triage").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	start, reading := time.Now(), time.Time{}
	s.alice.Reading = func(n, _ int) error {
		if n == 1 {
			reading = time.Now()
		}
		return nil
	}
	p := s.pull()
	b.Logf("first pull of %d cases with %d cores: %.1f s, and %.1f s to read them",
		p.Cases, runtime.GOMAXPROCS(0), reading.Sub(start).Seconds(), time.Since(reading).Seconds())
	verb := func(name, args string, before func(n int)) {
		b.Run(name, func(b *testing.B) {
			var cpu time.Duration
			for n := 0; b.Loop(); n++ {
				if before != nil {
					b.StopTimer()
					before(n)
					b.StartTimer()
				}
				cmd := exec.Command(program, append([]string{"--home", s.alice.Dir}, strings.Fields(args)...)...)
				ok(b, cmd.Run())
				cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			}
			b.ReportMetric(float64(cpu.Milliseconds())/float64(b.N), "cpu-ms")
		})
	}
	for _, args := range []string{"list", "list --json", "search hotel room country:TH", "search होटल", "search nothing-has-this"} {
		verb(args, args, nil)
	}
	// The first list after something was queued goes through the mirror.
	list, err := s.alice.Cases()
	ok(b, err)
	verb("list after a note", "list", func(n int) {
		ok(b, s.alice.Lock())
		defer s.alice.Unlock()
		_, err := s.alice.AddNote(list[n], &Note{Text: "asked the hotel"})
		ok(b, err)
	})
}
