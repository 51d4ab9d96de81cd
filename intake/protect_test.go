package intake

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every answer carries what keeps browsers quiet, and none sets a cookie.
func TestEveryAnswerIsProtected(t *testing.T) {
	w := newWorld(t, setup{})
	style := w.server.style.path
	answers := map[string]answer{
		"home":          w.get("/"),
		"home in fr":    w.get("/fr/"),
		"home in nl":    w.get("/nl"),
		"form":          w.get("/en/report"),
		"return":        w.get("/en/return"),
		"not there":     w.get("/en/nothing"),
		"double slash":  w.get("//en//report"),
		"another style": w.get("/style-0000000000000000.css"),
		"style":         w.get(style),
		"received":      w.post("/en/report", entry{name: "codename", value: w.newCodename("en")}, entry{name: "what.seen", value: "x"}),
		"invalid":       w.post("/en/report", entry{name: "codename", value: w.newCodename("en")}),
		"unknown":       w.post("/en/return", entry{name: "codename", value: w.newCodename("en")}),
		"danger":        w.get("/en/danger"),
		"danger in TH":  w.post("/en/danger", entry{name: "country", value: "TH"}),
		"intervene":     w.post("/en/intervene", entry{name: "country", value: "BE"}),
		"testify":       w.get("/en/testify"),
		"support":       w.get("/en/support"),
		"relay":         w.get("/en/relay"),
		"posted home":   w.post("/en/", entry{name: "codename", value: "x"}),
	}
	for name, p := range answers {
		for _, kv := range securityHeaders {
			want := kv[1]
			if name == "style" && slices.Contains(documentHeaders, kv[0]) {
				want = ""
			} else if name == "style" && kv[0] == "Cache-Control" {
				want = "public, max-age=31536000, immutable"
			}
			if got := p.header.Get(kv[0]); got != want {
				t.Errorf("%s: %s is %q, want %q", name, kv[0], got, want)
			}
		}
		for _, not := range []string{"Set-Cookie", "Server", "X-Powered-By", "ETag", "Last-Modified", "Location", "Content-Encoding"} {
			if got := p.header.Get(not); got != "" && !(name == "style" && not == "Content-Encoding") {
				t.Errorf("%s: %s is %q", name, not, got)
			}
		}
		// Links lead elsewhere; nothing is loaded from there.
		body := regexp.MustCompile(`<a [^>]*href="https://[^"]*"`).ReplaceAllString(p.body, "<a")
		if regexp.MustCompile(`(?i)<script|\son\w+=|\sstyle=|<style|<img|<iframe|javascript:|https?://`).MatchString(body) {
			t.Errorf("%s: the page holds what it must not:\n%s", name, p.body)
		}
	}
	for name, status := range map[string]int{
		"home": 200, "style": 200, "not there": 404, "double slash": 404, "another style": 404, "posted home": 405, "unknown": 200,
	} {
		if answers[name].status != status {
			t.Errorf("%s: status %d, want %d", name, answers[name].status, status)
		}
	}
	if got := answers["posted home"].header.Get("Allow"); got != "GET, HEAD" {
		t.Errorf("the home page allows %q", got)
	}
	for path, want := range map[string]string{"/en/add": "POST", "/en/report": "GET, HEAD, POST"} {
		req, err := http.NewRequest(http.MethodPut, w.url+path, nil)
		must(t, err)
		if got := w.do(req).header.Get("Allow"); got != want {
			t.Errorf("%s allows %q, want %q", path, got, want)
		}
	}
	// A codename never leaves its page's body, and its page is not kept.
	for _, name := range []string{"form", "received"} {
		for header, values := range answers[name].header {
			for _, word := range strings.Fields(strings.Join(values, " ")) {
				if len(word) > 3 && strings.Contains(answers[name].body, "<span>"+word+"</span>") {
					t.Errorf("%s: a codename's word is in %s", name, header)
				}
			}
		}
	}
}

func TestStylesheet(t *testing.T) {
	w := newWorld(t, setup{})
	for header, zipped := range map[string]bool{
		"": false, "gzip": true, "gzip, deflate, br": true, "br;q=1.0, gzip;q=0.8": true, "gzip;q=0": false, "identity": false,
	} {
		p := w.get(w.server.style.path, "Accept-Encoding", header)
		if got := p.header.Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("Accept-Encoding %q: compressed is %v", header, got)
		}
	}
	if css := string(w.server.style.plain); regexp.MustCompile(`@import|url\(`).MatchString(css) {
		t.Error("the stylesheet loads something")
	}
}

// What the witness's browser loads to fill the form in, in bytes, without
// headers.
func TestWeight(t *testing.T) {
	w := newWorld(t, setup{})
	for _, l := range w.server.languages.all {
		p := w.get("/"+l.Code+"/report", "Accept-Encoding", "gzip")
		css := w.get(w.server.style.path, "Accept-Encoding", "gzip")
		t.Logf("%s: form %d bytes, stylesheet %d bytes", l.Code, len(p.body), len(css.body))
		if n := len(p.body) + len(css.body); n > 14<<10 {
			t.Errorf("%s: the form weighs %d bytes, more than one flight of a TCP connection", l.Code, n)
		}
	}
}

func TestCrossOriginPosts(t *testing.T) {
	w := newWorld(t, setup{})
	for _, tc := range []struct {
		name    string
		headers map[string]string
		allowed bool
	}{
		{"no browser", nil, true},
		{"our own page, over plain HTTP", map[string]string{"Origin": w.url}, true},
		{"a page with no-referrer, over https", map[string]string{"Origin": "null", "Sec-Fetch-Site": "same-origin"}, true},
		{"null without more", map[string]string{"Origin": "null"}, false},
		{"another site", map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, false},
		{"another site, in an old browser", map[string]string{"Origin": "https://evil.example"}, false},
		{"a neighbour", map[string]string{"Origin": "null", "Sec-Fetch-Site": "same-site"}, false},
	} {
		for _, path := range []string{"/en/report", "/en/return"} {
			body, contentType := encode(t, entry{name: "codename", value: w.newCodename("en")})
			req, err := http.NewRequest("POST", w.url+path, bytes.NewReader(body))
			must(t, err)
			req.Header.Set("Content-Type", contentType)
			for k, v := range tc.headers {
				req.Header.Set(k, v)
			}
			p := w.do(req)
			if tc.allowed == (p.status == http.StatusForbidden) {
				t.Errorf("%s to %s: status %d", tc.name, path, p.status)
			}
			if !tc.allowed {
				p.want(t, w.server, "en", "cross-origin")
			}
		}
	}
}

// A handler that panics gives a page, and a log line without the value.
func TestPanic(t *testing.T) {
	w := newWorld(t, setup{server: func(s *Server) {
		s.pages["home"] = nil // any use of it panics
		h := s.protect(s.serve(func(x *exchange) error {
			if x.r.URL.Path == "/words" {
				panic("the witness's words")
			}
			return s.home(x)
		}))
		s.http.Handler = h
	}})
	for _, path := range []string{"/words", "/fr/"} {
		p := w.get(path)
		if p.status != http.StatusInternalServerError || !strings.Contains(p.body, "<h1>") {
			t.Errorf("%s: status %d:\n%s", path, p.status, p.body)
		}
	}
	log := w.log.String()
	if strings.Contains(log, "words") || !strings.Contains(log, "msg=panic") || !strings.Contains(log, "intake.(*Server).home") {
		t.Errorf("the log says: %s", log)
	}
}

// No byte of what a witness says reaches the data directory, the temporary
// directory or the log, in plain, hexadecimal or base64.
func TestNothingReadableAtRest(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	w := newWorld(t, setup{})
	codename := w.newCodename("en")
	markers := []string{"MarkerInField", "MarkerInName", "MarkerInContent", "MarkerInAgent", "MarkerInReferer", codename, strings.ReplaceAll(codename, " ", "")}
	send := func(extra ...entry) answer {
		body, contentType := encode(t, append([]entry{
			{name: "codename", value: codename}, {name: "what.seen", value: "MarkerInField"},
			{name: "files", file: "MarkerInName", value: strings.Repeat("MarkerInContent", 1<<16)},
		}, extra...)...)
		req, err := http.NewRequest("POST", w.url+"/en/report", bytes.NewReader(body))
		must(t, err)
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("User-Agent", "MarkerInAgent")
		req.Header.Set("Referer", "http://x/MarkerInReferer")
		return w.do(req)
	}
	send(entry{name: "what.heard", value: "after the files"}).want(t, w.server, "en", "wrong-order")
	if p := send(); p.status != http.StatusOK {
		t.Fatalf("status %d", p.status)
	}
	w.post("/en/return", entry{name: "codename", value: codename})

	check := func(where string, data []byte) {
		for _, m := range markers {
			for _, form := range []string{m, hex.EncodeToString([]byte(m)), base64.StdEncoding.EncodeToString([]byte(m))[:len(m)]} {
				if bytes.Contains(bytes.ToLower(data), []byte(strings.ToLower(form))) {
					t.Errorf("%s holds %q", where, form)
				}
			}
		}
		if bytes.Contains(data, []byte("127.0.0.1")) {
			t.Errorf("%s holds an address", where)
		}
	}
	seen := 0
	must(t, filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		seen++
		data, err := os.ReadFile(path)
		check(path, append(data, path...))
		return err
	}))
	if seen < 2 {
		t.Errorf("%d files in the data directory: the test looked in the wrong place", seen)
	}
	left, err := os.ReadDir(temporary)
	must(t, err)
	for _, e := range left {
		if !strings.HasPrefix(e.Name(), "Test") {
			t.Errorf("a temporary file was made: %s", e.Name())
		}
	}
	if log := w.log.String(); log != "" {
		t.Errorf("something was logged: %s", log)
	}
}

func TestLogHasDays(t *testing.T) {
	log := new(lockedBuffer)
	NewLog(log).Info("hello", "number", 3)
	if got := log.String(); !regexp.MustCompile(`^day=\d{4}-\d\d-\d\d level=INFO msg=hello number=3\n$`).MatchString(got) {
		t.Errorf("the line is %q", got)
	}
}
