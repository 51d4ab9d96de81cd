package seal

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// flow stands in for an upload, or for a disk that takes a download: a stream
// of any length that holds nothing, and along which the live heap is measured
// every 4 MiB.
type flow struct {
	left    int64 // to be read
	sampled int64
	live    uint64 // largest live heap seen, bytes
}

func (f *flow) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), f.left))
	for i := range p[:n] {
		p[i] = byte(f.left) + byte(i)
	}
	f.left -= int64(n)
	f.sample(n)
	return n, nil
}

func (f *flow) Write(p []byte) (int, error) {
	f.sample(len(p))
	return len(p), nil
}

func (f *flow) sample(n int) {
	if f.sampled += int64(n); f.sampled < 4<<20 {
		return
	}
	f.sampled = 0
	f.live = max(f.live, liveHeap())
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// usage is what sealing or opening one message took, in bytes.
type usage struct{ live, total uint64 }

// Four times the input, the same memory: the live heap at its largest, in both
// directions, and for sealing all that was ever allocated.
func TestMemoryDoesNotGrowWithTheInput(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 320 MiB")
	}
	key := newKey(t)
	dir := t.TempDir()
	small, large := int64(64<<20), int64(256<<20)
	var seals, opens []usage
	for _, size := range []int64{4 << 20, small, large} { // the first to warm up
		path := filepath.Join(dir, "message.age")
		seals = append(seals, measure(func(f *flow) {
			f.left = size
			sealFlow(t, path, key, f)
		}))
		opens = append(opens, measure(func(f *flow) { openFlow(t, path, key, size, f) }))
	}
	t.Logf("sealing: %d MiB %+v, %d MiB %+v", small>>20, seals[1], large>>20, seals[2])
	t.Logf("opening: %d MiB %+v, %d MiB %+v", small>>20, opens[1], large>>20, opens[2])

	const slack = 256 << 10
	if seals[2].live > seals[1].live+slack {
		t.Errorf("sealing %d MiB holds %d bytes, %d MiB hold %d", large>>20, seals[2].live, small>>20, seals[1].live)
	}
	if seals[2].total > seals[1].total+slack {
		t.Errorf("sealing %d MiB allocates %d bytes, %d MiB %d", large>>20, seals[2].total, small>>20, seals[1].total)
	}
	if opens[2].live > opens[1].live+slack {
		t.Errorf("opening %d MiB holds %d bytes, %d MiB hold %d", large>>20, opens[2].live, small>>20, opens[1].live)
	}
	// What the package comment promises.
	if seals[2].live > 3<<19 || opens[2].live > 1<<19 {
		t.Errorf("sealing holds %d bytes, opening %d", seals[2].live, opens[2].live)
	}
	// age allocates a chunk per call, which is short-lived but work for the
	// collector. With a call per chunk it would be more than the input.
	if opens[2].total > uint64(large)/2 {
		t.Errorf("opening %d bytes allocates %d", large, opens[2].total)
	}
}

// measure returns the largest live heap above that of before, and all that was
// allocated.
func measure(run func(*flow)) usage {
	before, total := liveHeap(), allocated()
	f := &flow{live: before}
	run(f)
	return usage{f.live - before, allocated() - total}
}

func sealFlow(t *testing.T, path string, key *CaseKey, f *flow) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w, err := NewMessage(file, reportContext, []byte("body"), key.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Attach("n", "t", f); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func openFlow(t *testing.T, path string, key *CaseKey, size int64, f *flow) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	_, err = ReadMessage(file, info.Size(), key.Identity(), reportContext, func(_ File, r io.Reader) error {
		n, err := io.Copy(f, r)
		if n != size {
			t.Errorf("%d bytes came out of %d", n, size)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A report without attachments, which is nearly every one, does not pay for
// the buffer of a large one. The bounds leave room for the race detector.
func TestSmallMessageIsCheap(t *testing.T) {
	key := newKey(t)
	recipient := key.Recipient()
	var file bytes.Buffer
	seal := func(photo []byte) func() {
		return func() {
			file.Reset()
			w, err := NewMessage(&file, reportContext, make([]byte, 2000), recipient)
			if err != nil {
				t.Fatal(err)
			}
			if photo != nil {
				if _, err := w.Attach("n", "t", bytes.NewReader(photo)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := bytesPerRun(seal(make([]byte, 5000))); n > 400<<10 {
		t.Errorf("sealing a report with a small file allocates %d bytes", n)
	}
	if n := bytesPerRun(seal(nil)); n > 250<<10 {
		t.Errorf("sealing a report allocates %d bytes", n)
	}
	id := key.Identity()
	if n := bytesPerRun(func() {
		if _, err := ReadMessage(bytes.NewReader(file.Bytes()), int64(file.Len()), id, reportContext, nil); err != nil {
			t.Fatal(err)
		}
	}); n > 350<<10 {
		t.Errorf("reading a report allocates %d bytes", n)
	}
}

func bytesPerRun(run func()) uint64 {
	run()
	before := allocated()
	for range 20 {
		run()
	}
	return (allocated() - before) / 20
}

// Listing a message costs some chunks, whatever hangs on it.
func TestListingSkipsAttachments(t *testing.T) {
	key := newKey(t)
	var out bytes.Buffer
	w, err := NewMessage(&out, reportContext, []byte("body"), key.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Attach("n", "t", bufio.NewReader(&flow{left: 32 << 20})); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	src := &counting{r: bytes.NewReader(out.Bytes())}
	if _, err := ReadMessage(src, int64(out.Len()), key.Identity(), reportContext, nil); err != nil {
		t.Fatal(err)
	}
	if src.n > int64(out.Len())/8 {
		t.Errorf("read %d of %d bytes", src.n, out.Len())
	}
}

type counting struct {
	r io.ReaderAt
	n int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}
