package cosigner_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/audit/cosigner"
)

const (
	origin = "example.org/tocsin"
	name   = "university.example/tocsin"
)

// A foreign is a log as others make one: with packages tlog, note and
// torchwood, and nothing of ours.
type foreign struct {
	signer note.Signer
	vkey   string
	size   int64
	hashes []tlog.Hash
}

func newForeign(t testing.TB, origin string) *foreign {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return &foreign{signer: signer, vkey: vkey}
}

// reader reads the log's stored hashes.
func (f *foreign) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = f.hashes[x]
		}
		return out, nil
	})
}

// grow adds leaves until the log has that size; branch is in each of them.
func (f *foreign) grow(t testing.TB, size int64, branch string) *foreign {
	t.Helper()
	for ; f.size < size; f.size++ {
		more, err := tlog.StoredHashes(f.size, fmt.Appendf(nil, "%s %d", branch, f.size), f.reader())
		if err != nil {
			t.Fatal(err)
		}
		f.hashes = append(f.hashes, more...)
	}
	return f
}

// fork returns a log under the same key that shares what there is now.
func (f *foreign) fork() *foreign {
	c := *f
	c.hashes = slices.Clone(f.hashes)
	return &c
}

func (f *foreign) root(t testing.TB, size int64) tlog.Hash {
	t.Helper()
	root, err := tlog.TreeHash(size, f.reader())
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// checkpoint returns the signed checkpoint of the log's first leaves.
func (f *foreign) checkpoint(t testing.TB, size int64) []byte {
	t.Helper()
	c := torchwood.Checkpoint{Origin: f.signer.Name(), Tree: tlog.Tree{N: size, Hash: f.root(t, size)}}
	return signNote(t, c.String(), f.signer)
}

func signNote(t testing.TB, text string, signers ...note.Signer) []byte {
	t.Helper()
	b, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// request returns the body that has the log's first leaves cosigned after old.
func (f *foreign) request(t testing.TB, old, size int64) []byte {
	t.Helper()
	var proof tlog.TreeProof
	if old > 0 {
		var err error
		if proof, err = tlog.ProveTree(size, old, f.reader()); err != nil {
			t.Fatal(err)
		}
	}
	return body(old, proof, f.checkpoint(t, size))
}

func body(old int64, proof tlog.TreeProof, checkpoint []byte) []byte {
	b := fmt.Appendf(nil, "old %d\n", old)
	for _, h := range proof {
		b = fmt.Appendf(b, "%s\n", h)
	}
	return append(append(b, '\n'), checkpoint...)
}

// newDir makes a cosigner that knows those logs, and returns its directory.
func newDir(t testing.TB, logs ...*foreign) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "cosigner")
	if _, err := cosigner.Create(dir, name); err != nil {
		t.Fatal(err)
	}
	for _, f := range logs {
		if o, err := cosigner.AddLog(dir, f.vkey); err != nil || o != f.signer.Name() {
			t.Fatalf("adding a log: %q, %v", o, err)
		}
	}
	return dir
}

func open(t testing.TB, dir string) *cosigner.Cosigner {
	t.Helper()
	c, err := cosigner.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// serve serves over loopback and returns the submission prefix, and what is
// logged, to be read once stop was called.
func serve(t testing.TB, c *cosigner.Cosigner) (prefix string, log *bytes.Buffer, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log = &bytes.Buffer{}
	s := cosigner.NewServer(c, slog.New(slog.NewTextHandler(log, nil)))
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() {
		if !stopped {
			s.Shutdown(t.Context()) // the test failed: cut everything off
		}
	})
	return "http://" + l.Addr().String(), log, stop
}

// An answer is what came back over HTTP.
type answer struct {
	status int
	kind   string // Content-Type
	text   string
}

func post(prefix string, body []byte) (*answer, error) {
	r, err := http.Post(prefix+"/add-checkpoint", "", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	return &answer{r.StatusCode, r.Header.Get("Content-Type"), string(text)}, nil
}

// cosigned verifies signature lines below a checkpoint as another
// implementation does, and returns the checkpoint.
func cosigned(t testing.TB, vkey string, checkpoint []byte, lines string) torchwood.Checkpoint {
	t.Helper()
	v, err := torchwood.NewCosignatureVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(lines, "\n") != 1 || !strings.HasSuffix(lines, "\n") {
		t.Errorf("not one line: %q", lines)
	}
	n, err := note.Open(append(slices.Clone(checkpoint), lines...), note.VerifierList(v))
	if err != nil {
		t.Fatalf("the cosignature does not verify: %v\n%s%s", err, checkpoint, lines)
	}
	c, err := torchwood.ParseCheckpoint(n.Text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func key(t testing.TB, dir string) string {
	t.Helper()
	k, err := cosigner.Key(dir)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// recorded returns what a directory with one log says was last cosigned.
func recorded(t testing.TB, dir string) cosigner.Log {
	t.Helper()
	logs, err := cosigner.Logs(dir)
	if err != nil || len(logs) != 1 {
		t.Fatalf("logs: %v, %v", logs, err)
	}
	return logs[0]
}
