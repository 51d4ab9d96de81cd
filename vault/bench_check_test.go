package vault_test

import (
	"context"
	"crypto/sha256"
	"flag"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"tocsin/testorg"
	"tocsin/vault"
)

var (
	checkReports = flag.Int("check-reports", 2000, "small reports of the store that BenchmarkCheck checks")
	checkBlobs   = flag.Int("check-blobs", 16, "large reports, of 16 MiB, of the other")
)

// BenchmarkCheck checks a store of many small reports, and one of large blobs,
// in turns with taking the SHA-256 of the same files one after the other, by
// Go's library and by sha256sum, and reports how many times the time of each of
// these a check takes, and how many times the processors' time of the former.
func BenchmarkCheck(b *testing.B) {
	b.Run("reports", func(b *testing.B) { benchmarkCheck(b, *checkReports, 0) })
	b.Run("blobs", func(b *testing.B) { benchmarkCheck(b, *checkBlobs, 16<<20-64<<10) })
}

func benchmarkCheck(b *testing.B, reports, attachment int) {
	_, dir := storeOf(b, reports, attachment)
	var files []string
	var size int64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			info, err := d.Info()
			if err != nil {
				return err
			}
			files, size = append(files, path), size+info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	ratios := map[string][]float64{}
	add := func(name string, ours, theirs time.Duration) {
		ratios[name] = append(ratios[name], float64(ours)/float64(theirs))
	}
	b.SetBytes(size)
	for b.Loop() {
		wall, cpu := timed(func() { checkDir(b, dir) })
		b.StopTimer()
		wallLibrary, cpuLibrary := timed(func() {
			buffer := make([]byte, 1<<20)
			for _, path := range files {
				sumFile(b, path, buffer)
			}
		})
		wallProgram, _ := timed(func() {
			if out, err := exec.Command("sha256sum", files...).CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
		})
		add("times-sha256", wall, wallLibrary)
		add("cpu-times-sha256", cpu, cpuLibrary)
		add("times-sha256sum", wall, wallProgram)
		b.StartTimer()
	}
	for name, r := range ratios {
		slices.Sort(r)
		b.ReportMetric(r[len(r)/2], name)
	}
	b.ReportMetric(float64(size>>20), "MiB")
}

// timed returns how long fn takes, and how much time of this process's
// processors.
func timed(fn func()) (wall, cpu time.Duration) {
	used := func() time.Duration {
		var r syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &r)
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	start, before := time.Now(), used()
	fn()
	return time.Since(start), used() - before
}

// storeOf makes a snapshot of so many reports with that attachment.
func storeOf(b testing.TB, reports, attachment int) (*testorg.Org, string) {
	b.Helper()
	o := testorg.New(b, 3)
	v := o.Open(b, o.Create(b))
	r := o.NewReport(b, "account", attachment)
	var senders sync.WaitGroup
	const together = 32
	for sender := range together {
		senders.Go(func() {
			for range (reports + sender) / together {
				if err := r.Again().Add(context.Background(), v); err != nil {
					b.Error(err)
				}
			}
		})
	}
	senders.Wait()
	dir := testorg.Snapshot(b, v)
	v.Close()
	return o, dir
}

func checkDir(b *testing.B, dir string) {
	b.Helper()
	src, err := vault.OpenDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	if _, err := vault.Check(context.Background(), src, silent(b)); err != nil {
		b.Fatal(err)
	}
}

func sumFile(b *testing.B, path string, buffer []byte) {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.CopyBuffer(struct{ io.Writer }{sum}, struct{ io.Reader }{f}, buffer); err != nil {
		b.Fatal(err)
	}
}
