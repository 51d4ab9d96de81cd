package intake

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/seal/roster"
	"tocsin/vault"
)

// A wire is a connection on which a test writes what it likes.
type wire struct {
	t testing.TB
	net.Conn
}

func (w *world) dial() wire {
	w.t.Helper()
	c, err := net.Dial("tcp", w.addr)
	must(w.t, err)
	w.t.Cleanup(func() { c.Close() })
	// Not a measure of anything: a hanging test should end.
	must(w.t, c.SetDeadline(time.Now().Add(time.Minute)))
	return wire{w.t, c}
}

func (c wire) send(s string) {
	c.t.Helper()
	_, err := io.WriteString(c, s)
	must(c.t, err)
}

// answer reads a whole answer: a connection that is reset on the way is a
// failure, because a browser would show that and not the page.
func (c wire) answer() answer {
	c.t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	must(c.t, err)
	body, err := io.ReadAll(resp.Body)
	must(c.t, err)
	return answer{resp.StatusCode, resp.Header, string(body)}
}

const boundary = "----a-boundary"

// field is a text part, with the boundary before it.
func field(name, value string) string {
	return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
}

func fileHead(name string) string {
	return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"files\"; filename=\"" + name +
		"\"\r\nContent-Type: application/octet-stream\r\n\r\n"
}

const last = "\r\n--" + boundary + "--\r\n"

func head(path string, length int) string {
	h := "POST " + path + " HTTP/1.1\r\nHost: intake\r\nContent-Type: multipart/form-data; boundary=" + boundary + "\r\n"
	if length < 0 {
		return h + "Transfer-Encoding: chunked\r\n\r\n"
	}
	return h + fmt.Sprintf("Content-Length: %d\r\n\r\n", length)
}

func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

func small(p *roster.Policy) { p.MaxFile, p.MaxReport, p.MaxFiles = 100_000, 250_000, 3 }

// Each limit has its page, in the witness's language, with what was typed and
// the same codename still in the form; and nothing is kept.
func TestLimits(t *testing.T) {
	w := newWorld(t, setup{policy: small})
	file := func(name string, n int) entry { return entry{name: "files", file: name, value: strings.Repeat("x", n)} }
	for _, tc := range []struct {
		kind    string
		entries []entry
	}{
		{"file-too-large", []entry{file("a", 100_001)}},
		{"report-too-large", []entry{file("a", 100_000), file("b", 100_000), file("c", 100_000)}},
		{"too-many-files", []entry{file("a", 1), file("b", 1), file("c", 1), file("d", 1)}},
		{"wrong-order", []entry{file("a", 1), {name: "what.heard", value: "too late"}}},
		{"invalid", []entry{{name: "when.date", value: "yesterday"}, file("a", 1)}},
		{"invalid", []entry{{name: "child.description", value: strings.Repeat("é", 2001)}}},
		{"invalid", []entry{{name: "what.heard", value: "\xff\xfe"}}},
		{"other-form", []entry{{name: "colour", value: "green"}}},
		{"text-too-long", []entry{{name: "what.heard", value: strings.Repeat("a", maxText)}}},
	} {
		for _, l := range w.server.languages.all {
			t.Run(tc.kind+" in "+l.Code, func(t *testing.T) {
				codename := w.newCodename(l.Code)
				p := w.post("/"+l.Code+"/report", append([]entry{
					{name: "codename", value: codename}, {name: "what.seen", value: "<seen & written down>"},
				}, tc.entries...)...)
				p.want(t, w.server, l.Code, tc.kind)
				if hiddenCodename(t, p.body) != codename {
					t.Error("the form came back under another codename")
				}
				if !strings.Contains(p.body, "&lt;seen &amp; written down&gt;</textarea>") {
					t.Error("what was typed is lost")
				}
			})
		}
	}
	w.wantReports(0)
	wantNoBlobs(t, w)
	// At the limits themselves everything is taken.
	p := w.post("/en/report", entry{name: "codename", value: w.newCodename("en")}, entry{name: "what.seen", value: "x"},
		file("a", 100_000), file("b", 100_000), file("c", 40_000))
	if p.status != http.StatusOK {
		t.Errorf("a report at the limits got status %d", p.status)
	}
	w.wantReports(1)
}

func wantNoBlobs(t *testing.T, w *world) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(w.dir, vault.BlobsDir, "*"))
	must(t, err)
	if len(left) > 0 {
		t.Errorf("%d blobs were left behind", len(left))
	}
}

// Invalid fields are named at the field and at the top, and what is behind
// "more" is open.
func TestInvalidFieldsAreNamed(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.post("/en/report", entry{name: "codename", value: w.newCodename("en")},
		entry{name: "where.country", value: "Atlantis"}, entry{name: "suspect.flight", value: "SN 501"},
		entry{name: "danger.now", value: "yes"}, entry{name: "others.intervened", value: "police"})
	p.want(t, w.server, "en", "invalid")
	for _, want := range []string{
		`<a href="#where-country">Country</a>: Please choose from the list`,
		`id="where-country-wrong"`, `value="Atlantis"`, `aria-invalid="true"`, `<a href="#what-seen">`,
		`value="SN 501"`, `<details open>`,
		`name="danger.now" value="yes" checked`, `name="others.intervened" value="police" checked`,
	} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestFilesSwitchedOff(t *testing.T) {
	w := newWorld(t, setup{policy: func(p *roster.Policy) { p.Attachments = false }})
	if strings.Contains(w.get("/en/report").body, `type="file"`) {
		t.Error("the form asks for files that are not taken")
	}
	codename := w.newCodename("en")
	text := []entry{{name: "codename", value: codename}, {name: "what.seen", value: "x"}}
	p := w.post("/en/report", append(text, entry{name: "files", file: "a", value: "x"})...)
	p.want(t, w.server, "en", "no-files")
	w.wantReports(0)
	if p := w.post("/en/report", append(text, entry{name: "files", noFile: true})...); p.status != http.StatusOK {
		t.Errorf("a report with an empty file field got status %d", p.status)
	}
	w.wantReports(1)
}

func TestDiskFull(t *testing.T) {
	w := newWorld(t, setup{vault: func(o *vault.Options) { o.FreeFloor = 1 << 60 }})
	for range 2 {
		p := w.post("/nl/report", entry{name: "codename", value: w.newCodename("nl")}, entry{name: "what.seen", value: "x"})
		p.want(t, w.server, "nl", "no-space")
	}
	w.wantReports(0)
	if n := strings.Count(w.log.String(), "the disk is full"); n != 1 {
		t.Errorf("the operator was told %d times that the disk is full, want once", n)
	}
}

// When all places for files are taken, files wait and are then turned away,
// while a text still gets through.
func TestStreamsAtOnce(t *testing.T) {
	w := newWorld(t, setup{
		config: func(c *Config) { c.Streams = 1 },
		server: func(s *Server) { s.patience = time.Millisecond },
	})
	w.server.streams <- struct{}{} // somebody's file is coming in
	codename := w.newCodename("en")
	text := []entry{{name: "codename", value: codename}, {name: "what.seen", value: "second"}}
	p := w.post("/en/report", append(text, entry{name: "files", file: "b", value: "x"})...)
	p.want(t, w.server, "en", "busy")
	if p.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if hiddenCodename(t, p.body) != codename {
		t.Error("what was typed is lost")
	}
	if p := w.post("/en/report", text...); p.status != http.StatusOK {
		t.Errorf("a report of text got status %d while files were coming in", p.status)
	}
	<-w.server.streams
	p = w.post("/en/report", entry{name: "codename", value: w.newCodename("en")}, entry{name: "what.seen", value: "third"},
		entry{name: "files", file: "b", value: "x"})
	if p.status != http.StatusOK {
		t.Errorf("with a place free, files got status %d", p.status)
	}
	if n := len(w.server.streams); n != 0 {
		t.Errorf("%d places are still taken", n)
	}
	w.wantReports(2)
}

func TestBodiesAtOnce(t *testing.T) {
	w := newWorld(t, setup{config: func(c *Config) { c.Bodies = 1 }})
	codename := w.newCodename("fr")
	w.server.bodies <- struct{}{} // somebody is sending
	p := w.post("/fr/report", entry{name: "codename", value: codename}, entry{name: "what.seen", value: strings.Repeat("x", 500_000)})
	p.want(t, w.server, "fr", "busy")
	<-w.server.bodies
	p = w.post("/fr/report", entry{name: "codename", value: codename}, entry{name: "what.seen", value: "x"})
	if p.status != http.StatusOK {
		t.Errorf("with a place free, a report got status %d", p.status)
	}
}

// A client that falls silent is told so, on the connection that it left open.
func TestTooSlow(t *testing.T) {
	w := newWorld(t, setup{server: func(s *Server) { s.window = 50 * time.Millisecond }})
	codename := w.newCodename("en")
	for name, length := range map[string]int{"chunked": -1, "declared": 1_000_000} {
		t.Run(name, func(t *testing.T) {
			c := w.dial()
			c.t = t
			body := field("codename", codename) + field("what.seen", "kept on the page") + fileHead("a")
			if length < 0 {
				body = chunk(body)
			}
			c.send(head("/en/report", length) + body)
			p := c.answer()
			p.want(t, w.server, "en", "too-slow")
			if !strings.Contains(p.body, "kept on the page</textarea>") {
				t.Error("what was typed is lost")
			}
		})
	}
	w.wantReports(0)
	wantNoBlobs(t, w)
}

// A client that sends everything before it reads, as browsers do, gets the
// page of a refusal and not a reset connection.
func TestRefusedUploadGetsItsPage(t *testing.T) {
	w := newWorld(t, setup{policy: small})
	codename := w.newCodename("fr")
	const size = 24 << 20
	text := field("codename", codename) + field("what.seen", "x") + fileHead("film.mp4")
	block := strings.Repeat("x", 1<<20)
	for name, send := range map[string]func(wire){
		"declared": func(c wire) {
			c.send(head("/fr/report", len(text)+size+len(last)) + text)
			for range size >> 20 {
				c.send(block)
			}
			c.send(last)
		},
		"chunked": func(c wire) {
			c.send(head("/fr/report", -1) + chunk(text))
			for range size >> 20 {
				c.send(chunk(block))
			}
			c.send(chunk(last) + "0\r\n\r\n")
		},
		"not a form": func(c wire) {
			c.send(strings.Replace(head("/fr/report", size), "multipart/form-data", "text/plain", 1))
			for range size >> 20 {
				c.send(block)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := w.dial()
			c.t = t
			send(c)
			p := c.answer()
			want := map[string]string{"declared": "report-too-large", "chunked": "file-too-large", "not a form": "not-a-form"}[name]
			p.want(t, w.server, "fr", want)
		})
	}
	w.wantReports(0)
}

// The header limit is net/http's own answer, and the server lives on.
func TestHugeHeader(t *testing.T) {
	w := newWorld(t, setup{})
	c := w.dial()
	c.send("GET /en/ HTTP/1.1\r\nHost: intake\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n")
	if p := c.answer(); p.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", p.status)
	}
	if p := w.get("/en/"); p.status != http.StatusOK {
		t.Errorf("afterwards the home page has status %d", p.status)
	}
}

// A connection that dies in the middle of a file leaves nothing.
func TestDeadUploadLeavesNothing(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.newCodename("en")
	c := w.dial()
	c.send(head("/en/report", 100<<20))
	c.send(field("codename", codename) + field("what.seen", "x") + fileHead("a"))
	// More than all buffers between here and the vault: when it is sent, the
	// server is in the middle of it.
	c.send(strings.Repeat("x", 16<<20))
	must(t, c.Close())
	w.server.settle()
	for range cap(w.server.bodies) {
		<-w.server.bodies
	}
	w.wantReports(0)
	wantNoBlobs(t, w)
	// And the same codename is still free.
	p := w.post("/en/report", entry{name: "codename", value: codename}, entry{name: "what.seen", value: "again"})
	if p.status != http.StatusOK || strings.Contains(p.body, "already arrived") {
		t.Errorf("status %d", p.status)
	}
	w.wantReports(1)
}
