package cosigning_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
	"tocsin/ledger/cosigning"
	"tocsin/seal/roster"
)

// A log is a ledger of some leaves.
type log struct {
	hashes ledger.Hashes
	signer note.Signer
	vkey   string
}

func newLog(t *testing.T, leaves int64) *log {
	t.Helper()
	skey, vkey, err := note.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 32)), "example.org/tocsin")
	if err != nil {
		t.Fatal(err)
	}
	l := &log{vkey: vkey}
	if l.signer, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	for i := range leaves {
		if err := l.hashes.Append(i, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func (l *log) checkpoint(t *testing.T, size int64) []byte {
	t.Helper()
	root, err := l.hashes.Root(size)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := (&ledger.Checkpoint{Origin: "example.org/tocsin", Size: size, Root: root}).Sign(l.signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (l *log) client() *cosigning.Client {
	return &cosigning.Client{Ledger: l.vkey, Prove: func(_ context.Context, from, to int64) (tlog.TreeProof, error) {
		if from == 0 || from == to {
			return nil, nil
		}
		return tlog.ProveTree(to, from, l.hashes)
	}}
}

func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// answers is a cosigner at which every request is answered by f.
func answers(t *testing.T, f http.HandlerFunc) roster.Cosigner {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return roster.Cosigner{Name: "one", Key: roster.CosignerKey("one.example", key("one").Public().(ed25519.PublicKey)), URL: s.URL + "/log"}
}

// sign returns the line with which a key signs what came in.
func sign(t *testing.T, name string, checkpoint []byte) string {
	t.Helper()
	text, _, _ := bytes.Cut(checkpoint, []byte("\n\n"))
	s := ledger.NewCosignatureSigner(name+".example", key(name), func() time.Time { return time.Unix(1_000_000, 0) })
	n, err := note.Sign(&note.Note{Text: string(text) + "\n"}, s)
	if err != nil {
		t.Fatal(err)
	}
	_, lines, _ := strings.Cut(string(n), "\n\n")
	return lines
}

// What goes out is the checkpoint under the ledger's signature alone, with the
// proof from what the cosigner says that it knows, and nothing besides.
func TestCosign(t *testing.T) {
	l := newLog(t, 9)
	signed := l.checkpoint(t, 9)
	known := int64(5)
	var asked []string
	c := answers(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != "POST" || r.URL.Path != "/log/add-checkpoint" || r.Header.Get("Cookie") != "" || r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("%s %s %v: %v", r.Method, r.URL, r.Header, err)
		}
		head, checkpoint, _ := bytes.Cut(body, []byte("\n\n"))
		lines := strings.Split(string(head), "\n")
		asked = append(asked, lines[0])
		if !bytes.Equal(checkpoint, signed) {
			t.Errorf("the checkpoint is\n%s", checkpoint)
		}
		if lines[0] != fmt.Sprintf("old %d", known) {
			http.SetCookie(w, &http.Cookie{Name: "who", Value: "are you"})
			w.Header().Set("Content-Type", "text/x.tlog.size")
			w.WriteHeader(http.StatusConflict)
			fmt.Fprintf(w, "%d\n", known)
			return
		}
		var proof tlog.TreeProof
		for _, line := range lines[1:] {
			h, err := tlog.ParseHash(line)
			if err != nil {
				t.Error(err)
			}
			proof = append(proof, h)
		}
		old, _ := l.hashes.Root(known)
		now, _ := l.hashes.Root(9)
		if err := tlog.CheckTree(proof, 9, now, known, old); err != nil {
			t.Errorf("the proof: %v", err)
		}
		fmt.Fprint(w, sign(t, "one", checkpoint), sign(t, "other", checkpoint))
	})
	for _, old := range []int64{0, 5} {
		got, err := l.client().Cosign(t.Context(), c, append(bytes.Clone(signed), sign(t, "third", signed)...), old)
		if err != nil {
			t.Fatal(err)
		}
		if want := string(signed) + sign(t, "one", signed); string(got) != want {
			t.Errorf("it is cosigned as\n%s\nwant\n%s", got, want)
		}
	}
	if got := strings.Join(asked, ", "); got != "old 0, old 5, old 5" {
		t.Errorf("it was asked %s", got)
	}
}

func TestCosignersThatDoNotSign(t *testing.T) {
	l := newLog(t, 9)
	signed := l.checkpoint(t, 7)
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/log/add-checkpoint/")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	size := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/x.tlog.size; charset=utf-8")
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, text)
		}
	}
	grows := int64(0)
	shorter := sign(t, "one", l.checkpoint(t, 6))
	hostile := "\x1b[31mnot a status\r\n\r\n"
	for _, c := range []struct {
		name, says string
		is         error
		answer     http.HandlerFunc
	}{
		{"it does not know the ledger", "does not know this ledger", nil, status(404, "x")},
		{"it has another key", "does not take the ledger's signature", nil, status(403, "x")},
		{"the proof is wrong", "did not grow", cosigning.ErrRewritten, status(422, "x")},
		{"another protocol", "does not understand", nil, status(400, "x")},
		{"it is busy", "can't sign at the moment (503)", nil, status(503, "x")},
		{"it is asked too often", "can't sign at the moment (429)", nil, status(429, "x")},
		{"it is elsewhere", "sends elsewhere (307)", nil, status(307, "x")},
		{"something else", "means nothing here (418)", nil, status(418, "x")},
		{"nothing is signed", "not its cosignature", nil, status(200, "")},
		{"no signature", "not its cosignature", nil, status(200, "yes\n")},
		{"somebody else's signature", "not its cosignature", nil, status(200, sign(t, "other", signed))},
		{"a signature of another checkpoint", "not its cosignature", nil, status(200, shorter)},
		{"too long an answer", "longer than", nil, status(200, strings.Repeat(sign(t, "other", signed), 1000))},
		{"it saw more", "it has seen 8 leaves and 7 are published", cosigning.ErrAhead, size("8\n")},
		{"another size, and no number", "does not say which", nil, size("+8\n")},
		{"another size, of nothing", "does not say which", nil, size("-1\n")},
		{"another size, but not in its type", "does not say which", nil, status(409, "5\n")},
		{"another size each time", "each time", nil, func(w http.ResponseWriter, r *http.Request) {
			grows++
			size(fmt.Sprintln(grows))(w, r)
		}},
		{"it speaks to the terminal", "can't be reached", nil, func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(c, hostile)
				c.Close()
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := l.client().Cosign(t.Context(), answers(t, c.answer), signed, 0)
			if err == nil || !strings.Contains(err.Error(), c.says) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
				t.Errorf("it speaks to the terminal: %q", err)
			}
		})
	}
	// A cosigner that has seen as many leaves, and others, answers 409 to the very
	// size that it knows: a fork, and no mistake in the size.
	for name, answer := range map[string]http.HandlerFunc{"with its size": size("7\n"), "with a sentence": status(409, "it was another one")} {
		if _, err := l.client().Cosign(t.Context(), answers(t, answer), signed, 7); !errors.Is(err, cosigning.ErrRewritten) {
			t.Errorf("other leaves of the same size, %s: %v", name, err)
		}
	}
	gone := answers(t, status(200, ""))
	gone.URL = "http://127.0.0.1:1"
	if _, err := l.client().Cosign(t.Context(), gone, signed, 0); err == nil || !strings.Contains(err.Error(), "can't be reached") {
		t.Errorf("where nobody listens: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.client().Cosign(ctx, gone, signed, 0); err == nil || !strings.Contains(err.Error(), "in time") {
		t.Errorf("when time is over: %v", err)
	}
}

// Through SOCKS nothing is looked up here, and no two cosigners share what tells
// circuits apart.
func TestCosignersAreReachedThroughSOCKS(t *testing.T) {
	l := newLog(t, 3)
	signed := l.checkpoint(t, 3)
	here := answers(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, sign(t, "one", signed)) })
	backend, err := url.Parse(here.URL)
	if err != nil {
		t.Fatal(err)
	}
	const onion = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
	there := here
	there.URL = "http://" + onion + "/log"
	if _, err := l.client().Cosign(t.Context(), there, signed, 0); err == nil || !strings.Contains(err.Error(), "a tor is needed") {
		t.Errorf("an onion service without a tor: %v", err)
	}
	seen := make(chan string, 10)
	c := l.client()
	c.SOCKS = socks(t, backend.Host, seen)
	users := map[string]bool{}
	for _, name := range []string{"one", "two"} {
		there.Name = name
		if _, err := c.Cosign(t.Context(), there, signed, 0); err != nil {
			t.Fatal(err)
		}
		user, to, _ := strings.Cut(<-seen, " ")
		if users[user] = true; to != onion+":80" {
			t.Errorf("the proxy was asked for %s", to)
		}
	}
	if len(users) != 2 {
		t.Errorf("two cosigners came as %v", users)
	}
	if _, err := c.Cosign(t.Context(), here, signed, 0); err != nil || len(seen) != 0 {
		t.Errorf("one on loopback, through the proxy %d times: %v", len(seen), err)
	}
}

// socks is a SOCKS5 proxy (RFC 1928, 1929) that leads everywhere to one address,
// and tells who asked for what.
func socks(t *testing.T, to string, seen chan<- string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	lead := func(c net.Conn) error {
		defer c.Close()
		read := func(n int) []byte {
			b := make([]byte, n)
			_, err = io.ReadFull(c, b)
			return b
		}
		part := func() string { return string(read(int(read(1)[0]))) }
		read(1)
		part()                // the ways in which it can say who it is
		c.Write([]byte{5, 2}) // by user name
		read(1)               // version
		user, _ := part(), part()
		c.Write([]byte{1, 0}) // welcome
		if head := read(4); head[3] != 3 {
			return errors.New("the proxy is asked for an address instead of a name")
		}
		host := part()
		seen <- fmt.Sprintf("%s %s:%d", user, host, binary.BigEndian.Uint16(read(2)))
		c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		out, err := net.Dial("tcp", to)
		if err != nil {
			return err
		}
		defer out.Close()
		go func() { _, _ = io.Copy(out, c) }()
		_, _ = io.Copy(c, out)
		return nil
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				if err := lead(c); err != nil {
					t.Error(err)
				}
			}()
		}
	}()
	return l.Addr().String()
}
