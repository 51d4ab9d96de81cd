package intake

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// A pieces takes an answer and notes how long each piece was that it came in.
type pieces struct {
	header http.Header
	sizes  []int
}

func (p *pieces) Header() http.Header { return p.header }
func (p *pieces) WriteHeader(int)     {}
func (p *pieces) Write(b []byte) (int, error) {
	p.sizes = append(p.sizes, len(b))
	return len(b), nil
}

// alike sends a page of that many bytes as the answer to a codename.
func alike(t *testing.T, s *Server, size int) *pieces {
	t.Helper()
	to := &pieces{header: http.Header{}}
	x := &exchange{s: s, w: to, r: httptest.NewRequest("POST", "/en/return", nil), rc: http.NewResponseController(to), lang: s.languages.all[0]}
	x.heard()
	x.answerAlike(bytes.NewBuffer(bytes.Repeat([]byte("x"), size)))
	return to
}

// What fills an answer up does not show as a piece of its own: over TLS each is
// a record.
func TestTheFillingDoesNotShow(t *testing.T) {
	s := newWorld(t, setup{}).server
	want := alike(t, s, leastPage)
	for _, size := range []int{1, 1000, blockSize - 1, blockSize, blockSize + 1, 40_000, leastPage - 1} {
		if got := alike(t, s, size); !slices.Equal(got.sizes, want.sizes) {
			t.Errorf("a page of %d bytes is sent in pieces of %v, one of %d in %v", size, got.sizes, leastPage, want.sizes)
		}
	}
}

// To fill a page up takes no memory beside it.
func TestTheFillingCostsNoMemory(t *testing.T) {
	s := newWorld(t, setup{}).server
	page := bytes.NewBuffer(bytes.Repeat([]byte("x"), 5<<20))
	to := &pieces{header: http.Header{}}
	x := &exchange{s: s, w: to, r: httptest.NewRequest("POST", "/en/return", nil), rc: http.NewResponseController(to), lang: s.languages.all[0]}
	x.heard()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	x.answerAlike(page)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 256<<10 {
		t.Errorf("%d KiB were allocated to send a page of 5 MiB", n>>10)
	}
}

// The receipt as a file takes as many bytes on the line as any page behind a
// codename, in every language, and comes out as it is.
func TestTheReceiptIsAsLongAsAPage(t *testing.T) {
	w := newWorld(t, setup{server: func(s *Server) { s.metronome.beat = time.Millisecond }})
	codename, _ := w.kept()
	w.midnight()
	send := func(path, codename, encoding string) (string, answer) {
		body := field("codename", codename) + last[2:]
		c := w.dial()
		c.send(strings.Replace(head(path, len(body)), "\r\n", "\r\nConnection: close\r\nAccept-Encoding: "+encoding+"\r\n", 1) + body)
		all, err := io.ReadAll(c)
		must(t, err)
		header, content, _ := strings.Cut(string(all), "\r\n\r\n")
		p := answer{header: http.Header{}, body: content}
		for _, line := range strings.Split(header, "\r\n")[1:] {
			name, value, _ := strings.Cut(line, ": ")
			p.header.Set(name, value)
		}
		return string(all), p
	}
	_, plain := send("/en/proof/file", codename, "identity")
	if !strings.HasPrefix(plain.body, "c2sp.org/tlog-proof@v1\n") {
		t.Fatalf("the receipt is %q", plain.body)
	}
	for _, l := range w.server.languages.all {
		page, _ := send("/"+l.Code+"/return", codename, "gzip")
		other, _ := send("/"+l.Code+"/proof/file", w.newCodename("en"), "gzip")
		file, p := send("/"+l.Code+"/proof/file", codename, "gzip, deflate, br")
		if len(file) != len(page) || len(file) != len(other) {
			t.Errorf("%s: %d bytes are sent for the receipt, %d for a page, %d where there is no case", l.Code, len(file), len(page), len(other))
		}
		if got := unzip(t, p.body); got != plain.body {
			t.Errorf("%s: the receipt comes out as %q", l.Code, got)
		}
	}
	// Whatever the length of the text.
	for n := range 12 {
		text := strings.Repeat("x", 1000+n)
		stream := filled([]byte(text), leastPage)
		if stream.Len() != leastPage {
			t.Errorf("%d bytes are sent in %d", len(text), stream.Len())
		}
		gunzip := exec.Command("gzip", "-dc")
		gunzip.Stdin = bytes.NewReader(stream.Bytes())
		if out, err := gunzip.Output(); err != nil || string(out) != text {
			t.Errorf("gzip reads %d bytes differently: %v", len(text), err)
		}
		r, err := gzip.NewReader(stream)
		must(t, err)
		if out, err := io.ReadAll(r); err != nil || string(out) != text {
			t.Errorf("compress/gzip reads %d bytes differently: %v", len(text), err)
		}
	}
}
