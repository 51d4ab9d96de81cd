package cosigner_test

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// TestProtocol walks through every answer of C2SP tlog-witness over real HTTP
// with another implementation's log. What is refused changes nothing.
func TestProtocol(t *testing.T) {
	log := newForeign(t, origin).grow(t, 3, "a")
	fork := log.fork().grow(t, 9, "b")
	log.grow(t, 9, "a")
	stranger := newForeign(t, origin).grow(t, 9, "a")
	unknown := newForeign(t, "example.org/other").grow(t, 9, "a")
	dir := newDir(t, log)
	prefix, logged, stop := serve(t, open(t, dir))

	const size = "text/x.tlog.size"
	steps := []struct {
		name   string
		body   []byte
		status int
		kind   string // of the answer, if it matters
		text   string // of the answer, for status 409
		size   int64  // recorded afterwards
	}{
		{"a proof from nothing", body(0, tlog.TreeProof{{}}, log.checkpoint(t, 1)), 422, "", "", 0},
		{"the first tree", log.request(t, 0, 1), 200, "", "", 1},
		{"another key's signature", stranger.request(t, 1, 3), 403, "", "", 1},
		{"no signature of the log at all", body(1, nil, signNote(t, "example.org/tocsin\n3\n"+log.root(t, 3).String()+"\n", unknown.signer)), 403, "", "", 1},
		{"a damaged signature", damaged(log.request(t, 1, 3)), 403, "", "", 1},
		{"another log", unknown.request(t, 0, 3), 404, "", "", 1},
		{"no proof", body(1, nil, log.checkpoint(t, 3)), 422, "", "", 1},
		{"a wrong proof", body(1, tlog.TreeProof{{1}, {2}}, log.checkpoint(t, 3)), 422, "", "", 1},
		{"growth", log.request(t, 1, 3), 200, "", "", 3},
		{"an old size that is past", log.request(t, 1, 5), 409, size, "3\n", 3},
		{"more growth", log.request(t, 3, 5), 200, "", "", 5},
		{"asking for the size", log.request(t, 0, 5), 409, size, "5\n", 5},
		{"an old size that is to come", log.request(t, 7, 9), 409, size, "5\n", 5},
		{"the same again", log.request(t, 5, 5), 200, "", "", 5},
		{"the same with a proof", body(5, tlog.TreeProof{{}}, log.checkpoint(t, 5)), 422, "", "", 5},
		{"another tree of this size", fork.request(t, 5, 5), 409, "text/plain; charset=utf-8", "a tree of this size was cosigned, and it was another one\n", 5},
		{"another history", fork.request(t, 5, 9), 422, "", "", 5},
		{"another history from where it parts", fork.request(t, 3, 9), 409, size, "5\n", 5},
		{"a smaller tree", body(5, nil, log.checkpoint(t, 3)), 400, "", "", 5},
		{"a stranger's smaller tree", body(5, nil, stranger.checkpoint(t, 3)), 403, "", "", 5},
		{"other signatures beside the log's", body(5, nil, signNote(t, "example.org/tocsin\n5\n"+log.root(t, 5).String()+"\n", unknown.signer, log.signer)), 200, "", "", 5},
		{"growth after all that, with another signature", body(5, prove(t, log, 5, 9), signNote(t, "example.org/tocsin\n9\n"+log.root(t, 9).String()+"\n", log.signer, unknown.signer)), 200, "", "", 9},
	}
	for _, s := range steps {
		a, err := post(prefix, s.body)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if a.status != s.status {
			t.Errorf("%s: status %d, want %d: %s", s.name, a.status, s.status, a.text)
		}
		if s.kind != "" && a.kind != s.kind || s.text != "" && a.text != s.text {
			t.Errorf("%s: %q of type %s, want %q of type %s", s.name, a.text, a.kind, s.text, s.kind)
		}
		if a.status == http.StatusOK {
			_, checkpoint, _ := bytes.Cut(s.body, []byte("\n\n"))
			if c := cosigned(t, key(t, dir), checkpoint, a.text); c.N != s.size || c.Origin != origin {
				t.Errorf("%s: cosigned %s of size %d", s.name, c.Origin, c.N)
			}
		}
		r := recorded(t, dir)
		if r.Size != s.size || r.Root != log.root(t, s.size) {
			t.Errorf("%s: recorded size %d, root %s", s.name, r.Size, r.Root)
		}
	}
	stop()
	said := logged.String()
	if strings.Contains(said, "127.0.0.1") || strings.Contains(said, unknown.signer.Name()) {
		t.Errorf("the log says who asked, or what a stranger sent:\n%s", said)
	}
	if strings.Count(said, "the log has forked") != 1 {
		t.Errorf("the fork is not in the log once:\n%s", said)
	}
	for _, size := range []int64{5, 9} {
		_, sig, _ := strings.Cut(string(fork.checkpoint(t, size)), "\n\n")
		if !strings.Contains(said, strings.TrimSpace(sig)) {
			t.Errorf("the log's signature of another tree of size %d is not in the log:\n%s", size, said)
		}
	}
	if b, err := os.ReadFile(last(t, dir)); err != nil || !bytes.HasSuffix(b, append([]byte("\n\n"), log.checkpoint(t, 9)...)) {
		t.Errorf("on disk is %q, %v", b, err)
	}
}

func prove(t *testing.T, f *foreign, old, size int64) tlog.TreeProof {
	t.Helper()
	proof, err := tlog.ProveTree(size, old, f.reader())
	must(t, err)
	return proof
}

// damaged changes a character of the last signature.
func damaged(body []byte) []byte {
	b := bytes.Clone(body)
	if at := &b[len(b)-30]; *at == 'A' {
		*at = 'B'
	} else {
		*at = 'A'
	}
	return b
}

// TestEmptyTree: a log may begin by having its empty tree cosigned, which is
// one tree and no other.
func TestEmptyTree(t *testing.T) {
	log := newForeign(t, origin).grow(t, 2, "a")
	dir := newDir(t, log)
	prefix, _, stop := serve(t, open(t, dir))
	empty, err := tlog.TreeHash(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	of := func(root tlog.Hash) []byte {
		return signNote(t, "example.org/tocsin\n0\n"+root.String()+"\n", log.signer)
	}
	for _, s := range []struct {
		body   []byte
		status int
	}{
		{body(0, nil, of(tlog.Hash{1})), 409},
		{body(0, nil, of(empty)), 200},
		{body(0, nil, of(empty)), 200},
		{log.request(t, 0, 2), 200},
		{body(0, nil, of(empty)), 409},
	} {
		if a, err := post(prefix, s.body); err != nil || a.status != s.status {
			t.Errorf("%q: %v, %v; want status %d", s.body, a, err, s.status)
		}
	}
	stop()
}

// TestMalformed sends what is not a request. The log's signature is right in
// all of them.
func TestMalformed(t *testing.T) {
	log := newForeign(t, origin).grow(t, 3, "a")
	dir := newDir(t, log)
	prefix, _, stop := serve(t, open(t, dir))
	good := string(log.request(t, 0, 3))
	checkpoint := string(log.checkpoint(t, 3))
	hash := log.root(t, 3).String()
	bodies := map[string]string{
		"nothing":                 "",
		"no checkpoint":           "old 0\n\n",
		"no empty line":           "old 0\n" + checkpoint,
		"no old size":             "\n\n" + checkpoint,
		"an empty old size":       "old \n\n" + checkpoint,
		"a sign":                  "old +0\n\n" + checkpoint,
		"a minus":                 "old -1\n\n" + checkpoint,
		"a leading zero":          "old 00\n\n" + checkpoint,
		"an old size in hex":      "old 0x1\n\n" + checkpoint,
		"too large an old size":   "old 9223372036854775807\n\n" + checkpoint,
		"too large for 64 bits":   "old 18446744073709551616\n\n" + checkpoint,
		"capitals":                "Old 0\n\n" + checkpoint,
		"carriage returns":        strings.ReplaceAll(good, "\n", "\r\n"),
		"a short hash":            "old 0\nAAAA\n\n" + checkpoint,
		"a line that is no hash":  "old 0\n" + strings.Repeat("*", 44) + "\n\n" + checkpoint,
		"a return within a hash":  "old 0\n" + hash[:20] + "\r" + hash[20:] + "\n\n" + checkpoint,
		"64 hashes":               "old 0\n" + strings.Repeat(hash+"\n", 64) + "\n" + checkpoint,
		"no end of the last line": strings.TrimSuffix(good, "\n"),
		"something behind":        good + "x",
		"no signatures":           "old 0\n\nexample.org/tocsin\n3\n" + hash + "\n\n",
		"an extension line":       "old 0\n\n" + string(signNote(t, "example.org/tocsin\n3\n"+hash+"\nextension\n", log.signer)),
		"a size that is no size":  "old 0\n\n" + string(signNote(t, "example.org/tocsin\n03\n"+hash+"\n", log.signer)),
		"too large a size":        "old 0\n\n" + string(signNote(t, "example.org/tocsin\n9223372036854775807\n"+hash+"\n", log.signer)),
		"too large":               good + strings.Repeat("x", 128<<10),
	}
	for name, b := range bodies {
		a, err := post(prefix, []byte(b))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if a.status != http.StatusBadRequest {
			t.Errorf("%s: status %d: %s", name, a.status, a.text)
		}
	}
	if r := recorded(t, dir); r.Size != 0 || !r.Signed.IsZero() {
		t.Errorf("a malformed request was recorded: %+v", r)
	}
	// 63 hashes are allowed; from nothing there is nothing to prove.
	if a, err := post(prefix, []byte("old 0\n"+strings.Repeat(hash+"\n", 63)+"\n"+checkpoint)); err != nil || a.status != http.StatusUnprocessableEntity {
		t.Errorf("63 hashes: %v, %v", a, err)
	}
	for _, path := range []string{"/add-checkpoint", "/"} {
		r, err := http.Get(prefix + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if want := map[string]int{"/": 404, "/add-checkpoint": 405}[path]; r.StatusCode != want {
			t.Errorf("GET %s: status %d, want %d", path, r.StatusCode, want)
		}
	}
	if a, err := post(prefix, []byte(good)); err != nil || a.status != http.StatusOK {
		t.Errorf("the good request: %v, %v", a, err)
	}
	stop()
}

// TestManyLogs: each log has a history of its own.
func TestManyLogs(t *testing.T) {
	one, two := newForeign(t, "one.example").grow(t, 4, "a"), newForeign(t, "two.example").grow(t, 4, "b")
	dir := newDir(t, one)
	c := open(t, dir)
	prefix, _, stop := serve(t, c)
	if a, err := post(prefix, two.request(t, 0, 2)); err != nil || a.status != http.StatusNotFound {
		t.Errorf("a log that was not added: %v, %v", a, err)
	}
	// While it serves.
	if _, err := addLog(dir, two); err != nil {
		t.Fatal(err)
	}
	for _, body := range [][]byte{one.request(t, 0, 4), two.request(t, 0, 2), two.request(t, 2, 4), one.request(t, 4, 4)} {
		if a, err := post(prefix, body); err != nil || a.status != http.StatusOK {
			t.Errorf("%v, %v", a, err)
		}
	}
	stop()
}
