package intake

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// seeds are bodies with the boundary of the other tests, honest and hostile.
func seeds(codename string) []string {
	start := field("codename", codename) + field("what.seen", "x")
	return []string{
		start + "--" + boundary + "--\r\n",
		start + fileHead("a.jpg") + "content" + last,
		start + fileHead("") + last,
		start + fileHead("a") + "x" + "\r\n" + fileHead("b") + "y" + last,
		start + fileHead("a") + "x\r\n" + field("what.heard", "late"),
		start + field("danger.now", "yes") + field("what.categories", "trafficking") + field("what.categories", "other") + last,
		start + field("where.country", "Belgique") + field("when.date", "٢٠٢٦-٠١-٠٢") + last,
		start + fileHead("a\x00\u202eb") + "x" + last,
		start + "--" + boundary + "\r\nContent-Disposition: form-data; name=\"files\"; filename*=utf-8''%e2%82%ac.txt\r\n\r\nx" + last,
		start + strings.Repeat(field("consent", "none"), 20) + last,
		"preamble\r\n" + start + last + "epilogue",
		field("codename", "not one") + last,
		"--" + boundary + "\r\n\r\n",
		"--" + boundary + "--",
		"",
	}
}

// FuzzMultipart sends any body to the form: an answer of the table comes back,
// no panic is logged, and what is kept is one whole report or nothing.
func FuzzMultipart(f *testing.F) {
	w := newWorld(f, setup{})
	for _, s := range seeds(w.newCodename("en")) {
		f.Add([]byte(s))
	}
	known := map[int]bool{http.StatusOK: true}
	for _, status := range refusals {
		known[status] = true
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w := *w
		w.t = t
		before := w.leaves()
		req := httptest.NewRequest("POST", "/en/report", strings.NewReader(string(body)))
		req.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(deadlines{rec}, req)
		if !known[rec.Code] || rec.Code == http.StatusInternalServerError {
			t.Errorf("status %d", rec.Code)
		}
		if grown := w.leaves() - before; grown != 0 && (grown != 2 || rec.Code != http.StatusOK) {
			t.Errorf("status %d, and %d leaves more", rec.Code, grown)
		}
		if strings.Contains(w.log.String(), "panic") {
			t.Fatalf("the log says: %s", w.log)
		}
		if n := len(w.server.bodies) + len(w.server.streams); n != 0 {
			t.Errorf("%d places are still taken", n)
		}
	})
}

// deadlines gives a recorder what a connection has.
type deadlines struct{ *httptest.ResponseRecorder }

func (deadlines) SetReadDeadline(time.Time) error  { return nil }
func (deadlines) SetWriteDeadline(time.Time) error { return nil }

// FuzzParts holds the part reader to what it promises: what a part's content
// is comes out as it stands between the boundaries, and bounds hold.
func FuzzParts(f *testing.F) {
	for _, s := range seeds("a b c d e f g h") {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p := newPartReader(strings.NewReader(string(body)), boundary)
		for n := 0; ; n++ {
			part, err := p.next()
			if err != nil {
				if err != io.EOF && err != errMalformed && err != errTooManyParts && err != io.ErrUnexpectedEOF {
					t.Errorf("an error of another kind: %v", err)
				}
				return
			}
			if n >= maxParts {
				t.Fatalf("%d parts", n)
			}
			if part.Name == "" || len([]rune(part.File)) > maxName || len([]rune(part.Type)) > maxName {
				t.Errorf("part %q, file %q, type %q", part.Name, part.File, part.Type)
			}
			content, err := io.ReadAll(part)
			if !strings.Contains(string(body), string(content)) {
				t.Errorf("content that was not sent: %q", content)
			}
			if err != nil {
				return
			}
		}
	})
}
