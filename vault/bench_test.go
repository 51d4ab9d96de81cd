package vault_test

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"tocsin/testorg"
	"tocsin/vault"
)

// BenchmarkSharedCommits adds sealed reports one after the other and by 64
// senders at once, in turns, and reports how many times faster the latter is:
// the worth of sharing commits. Sealing is done before.
func BenchmarkSharedCommits(b *testing.B) {
	const senders = 64
	o := testorg.New(b, 2)
	v := o.Open(b, o.Create(b))
	var ratios []float64
	for b.Loop() {
		b.StopTimer()
		batch := make([]*testorg.Report, 2*senders)
		for i := range batch {
			batch[i] = o.NewReport(b, "account", 0)
		}
		b.StartTimer()
		start := time.Now()
		for _, r := range batch[:senders] {
			if err := r.Add(context.Background(), v); err != nil {
				b.Fatal(err)
			}
		}
		alone := time.Since(start)
		start = time.Now()
		var wg sync.WaitGroup
		for _, r := range batch[senders:] {
			wg.Go(func() {
				if err := r.Add(context.Background(), v); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		ratios = append(ratios, float64(alone)/float64(time.Since(start)))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "times-faster")
	b.ReportMetric(float64(b.N*2*senders)/b.Elapsed().Seconds(), "reports/s")
}

// BenchmarkLargeUpload streams 64 MiB into a blob and into a plain file that
// is synced once, in turns, and reports the ratio of their times: the price of
// digest, reservation and early syncs.
func BenchmarkLargeUpload(b *testing.B) {
	const size, chunk = 64 << 20, 64 << 10
	o := testorg.New(b, 1)
	dir := o.Create(b)
	v := o.Open(b, dir)
	block := make([]byte, chunk)
	rand.Read(block)
	var ratios []float64
	b.SetBytes(2 * size)
	for b.Loop() {
		start := time.Now()
		u, err := v.NewUpload(size)
		if err != nil {
			b.Fatal(err)
		}
		for range size / chunk {
			if _, err := u.Write(block); err != nil {
				b.Fatal(err)
			}
		}
		r := o.NewReport(b, "account", 0)
		if err := v.AddCase(context.Background(), vault.Case{
			ID: r.ID, Codename: 1, Tag: r.Case.Tag, Recipient: r.Case.Recipient, Witness: r.Case.Witness,
		}, r.Envelope, u); err != nil {
			b.Fatal(err)
		}
		ours := time.Since(start)
		start = time.Now()
		f, err := os.Create(filepath.Join(dir, "plain"))
		if err != nil {
			b.Fatal(err)
		}
		for range size / chunk {
			if _, err := f.Write(block); err != nil {
				b.Fatal(err)
			}
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		f.Close()
		ratios = append(ratios, float64(ours)/float64(time.Since(start)))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "times-plain")
}
