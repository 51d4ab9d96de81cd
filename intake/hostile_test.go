package intake

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Every hostile body gets a clean answer, keeps nothing and panics nowhere.
func TestHostileMultipart(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.newCodename("en")
	start := field("codename", codename) + field("what.seen", "x")
	raw := func(contentType, body string) answer {
		req, err := http.NewRequest("POST", w.url+"/en/report", strings.NewReader(body))
		must(t, err)
		if contentType != "" {
			req.Header.Set("Content-Type", contentType)
		}
		return w.do(req)
	}
	const form = "multipart/form-data; boundary=" + boundary
	part := func(header, content string) string {
		return "--" + boundary + "\r\n" + header + "\r\n\r\n" + content + "\r\n"
	}
	for _, tc := range []struct {
		name, contentType, body, kind string
	}{
		{"no content type", "", start, "not-a-form"},
		{"urlencoded", "application/x-www-form-urlencoded", "codename=x", "not-a-form"},
		{"unreadable content type", "multipart/form-data; boundary", start, "not-a-form"},
		{"no boundary", "multipart/form-data", start, "malformed"},
		{"a boundary beyond RFC 2046", "multipart/form-data; boundary=" + strings.Repeat("b", 71), start, "malformed"},
		{"another boundary", "multipart/form-data; boundary=other", start + last, "malformed"},
		{"empty", form, "", "malformed"},
		{"only the end", form, last, "other-form"},
		{"no end", form, start, "malformed"},
		{"cut in a header", form, start + "--" + boundary + "\r\nContent-Dispo", "malformed"},
		{"cut in a file", form, start + fileHead("a") + "xxxx", "malformed"},
		{"no headers at all", form, start + "--" + boundary + "\r\n\r\nx" + last, "malformed"},
		{"no name", form, start + part("Content-Disposition: form-data", "x") + last, "malformed"},
		{"not form-data", form, start + part(`Content-Disposition: attachment; name="what.heard"`, "x") + last, "malformed"},
		{"a header without a colon", form, start + part("Content-Disposition", "x") + last, "malformed"},
		{"headers of 1 MB", form, start + part(`Content-Disposition: form-data; name="what.heard"`+"\r\nX: "+strings.Repeat("x", 1<<20), "x") + last, "malformed"},
		{"many headers", form, start + part(`Content-Disposition: form-data; name="what.heard"`+strings.Repeat("\r\nX: y", 5000), "x") + last, "malformed"},
		{"a name of 1 MB", form, start + fileHead(strings.Repeat("n", 1<<20)) + "x" + last, "malformed"},
		{"a preamble of 1 MB", form, strings.Repeat("preamble\r\n", 100_000) + start + last, "malformed"},
		{"an epilogue of 1 MB", form, start + strings.TrimPrefix(last, "\r\n") + strings.Repeat("epilogue\r\n", 100_000), "malformed"},
		{"10,000 parts", form, start + strings.Repeat(field("what.categories", "trafficking"), 10_000) + last, "too-many-parts"},
		{"10,000 empty files", form, start + strings.Repeat(fileHead("")+"\r\n", 10_000) + last, "too-many-parts"},
		{"two codenames, the second none", form, start + field("codename", "x") + last, "other-form"},
		{"no codename", form, field("what.seen", "x") + last, "other-form"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			raw(tc.contentType, tc.body).want(t, w.server, "en", tc.kind)
		})
	}
	w.wantReports(0)
	wantNoBlobs(t, w)

	// Odd, but a report all the same: what is inside a part is only data.
	nested := "--inner\r\nContent-Disposition: form-data; name=\"codename\"\r\n\r\nx\r\n--inner--"
	odd := start +
		part(`Content-Disposition: form-data; name="what.heard"`+"\r\nContent-Type: multipart/mixed; boundary=inner", nested) +
		part(`Content-Disposition: form-data; name="files"; filename="a=3D.txt"`+"\r\nContent-Transfer-Encoding: quoted-printable", "a=3Db") +
		part(`Content-Disposition: form-data; name="files"; filename="..\..\x`+"\u202egpj.exe\"", "rlo") +
		part(`Content-Disposition: form-data; name="files"; filename="`+strings.Repeat("é", 500)+`"`, "long") +
		"--" + boundary + "--\r\n"
	if p := raw(form, odd); p.status != http.StatusOK {
		t.Fatalf("status %d:\n%s", p.status, p.body)
	}
	m, files := w.open(codename)
	if !bytes.Contains(m.Body, []byte("--inner")) {
		t.Error("a part that holds another form was not kept as text")
	}
	if files["a=3D.txt"] != "a=3Db" {
		t.Errorf("a quoted-printable file came out as %q, not as it was sent", files["a=3D.txt"])
	}
	if len(m.Files) != 3 || len([]rune(m.Files[2].Name)) > maxName {
		t.Errorf("%d files, or a name that was not cut", len(m.Files))
	}
	if strings.Contains(w.log.String(), "panic") {
		t.Errorf("the log says: %s", w.log)
	}
}

// Names with NUL and line ends never get past the parser or stay data.
func TestNamesWithControlCharacters(t *testing.T) {
	w := newWorld(t, setup{})
	for _, name := range []string{"a\x00b", "a\nb", "a\r\nX-Evil: 1", "/etc/passwd", `\"`, "\xff\xfe", "."} {
		codename := w.newCodename("en")
		body := field("codename", codename) + field("what.seen", "x") + fileHead(name) + "content" + last
		c := w.dial()
		c.send(head("/en/report", len(body)) + body)
		p := c.answer()
		switch p.status {
		case http.StatusBadRequest:
		case http.StatusOK:
			m, _ := w.open(codename)
			if len(m.Files) != 1 || strings.ContainsAny(m.Files[0].Name, "/\r\n") {
				t.Errorf("%q is kept as %q", name, m.Files[0].Name)
			}
		default:
			t.Errorf("%q: status %d", name, p.status)
		}
	}
}

// Memory does not move with the size of what is sent.
func TestMemoryStaysTheSame(t *testing.T) {
	w := newWorld(t, setup{})
	const size = 96 << 20
	body := io.MultiReader(
		strings.NewReader(field("codename", w.newCodename("en"))+field("what.seen", "x")+fileHead("film")),
		io.LimitReader(readerFunc(func(p []byte) (int, error) { return len(p), nil }), size),
		strings.NewReader(last))
	req, err := http.NewRequest("POST", w.url+"/en/report", body)
	must(t, err)
	req.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	runtime.GC()
	var peak uint64
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		var m runtime.MemStats
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}
	}()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	p := w.do(req)
	close(stop)
	<-done
	if p.status != http.StatusOK {
		t.Fatalf("status %d", p.status)
	}
	grown := int64(peak) - int64(before.HeapAlloc)
	t.Logf("%d MiB sent, heap grew by at most %d KiB", size>>20, grown>>10)
	if grown > 32<<20 {
		t.Errorf("the heap grew by %d MiB for %d MiB sent", grown>>20, size>>20)
	}
	w.wantReports(1)
}
