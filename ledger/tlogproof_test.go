package ledger_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
)

// The beginning of the example of C2SP tlog-proof, whose base64 and signatures
// are cut in the text itself.
const standardProof = "c2sp.org/tlog-proof@v1\nindex 73894\ngSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n\nexample.com/fancylog\n109482\nsFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\n"

// proved is a tree of one leaf of each event, under a signed checkpoint.
type proved struct {
	leaves     [][]byte
	hashes     ledger.Hashes
	checkpoint []byte
	vkey       string
}

func newProved(t testing.TB) *proved {
	t.Helper()
	p := &proved{}
	for i, f := range leaves() {
		p.leaves = append(p.leaves, []byte(f.text))
		if err := p.hashes.Append(int64(i), []byte(f.text)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := p.hashes.Root(int64(len(p.leaves)))
	if err != nil {
		t.Fatal(err)
	}
	signer, vkey := noteKey(t, origin, "ledger")
	witness, _ := noteKey(t, "witness.example.net", "witness")
	c := ledger.Checkpoint{Origin: origin, Size: int64(len(p.leaves)), Root: root}
	if p.checkpoint, err = note.Sign(&note.Note{Text: string(c.Marshal())}, signer, witness); err != nil {
		t.Fatal(err)
	}
	p.vkey = vkey
	return p
}

func (p *proved) proof(t testing.TB, index int64) []byte {
	t.Helper()
	path, err := tlog.ProveRecord(int64(len(p.leaves)), index, p.hashes)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.FormatProof(&ledger.Proof{Index: index, Leaf: p.leaves[index], Path: path, Checkpoint: p.checkpoint})
}

// Each leaf is proved, to us and to torchwood, whose author wrote the format;
// and torchwood writes the same bytes.
func TestProofs(t *testing.T) {
	tree := newProved(t)
	v, err := note.NewVerifier(tree.vkey)
	if err != nil {
		t.Fatal(err)
	}
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(origin), torchwood.SingleVerifierPolicy(v))
	for i, f := range leaves() {
		b := tree.proof(t, int64(i))
		p, err := ledger.ParseProof(b)
		if err != nil {
			t.Fatal(err)
		}
		l, c, err := p.Verify(tree.vkey)
		if err != nil {
			t.Fatal(err)
		}
		if l.Event != f.leaf.Event || p.Index != int64(i) || c.Size != int64(len(tree.leaves)) {
			t.Errorf("%s: proved as leaf %d of %d, %+v", f.name, p.Index, c.Size, l)
		}
		if err := torchwood.VerifyProof(policy, tlog.RecordHash([]byte(f.text)), b); err != nil {
			t.Errorf("%s: torchwood: %v", f.name, err)
		}
		if extra, err := torchwood.ProofExtraData(b); err != nil || string(extra) != f.text {
			t.Errorf("%s: torchwood finds the leaf %q, %v", f.name, extra, err)
		}
		if theirs := torchwood.FormatProofWithExtraData(int64(i), []byte(f.text), p.Path, tree.checkpoint); !bytes.Equal(theirs, b) {
			t.Errorf("%s: torchwood writes\n%s\nand we\n%s", f.name, theirs, b)
		}
	}
}

// Nothing but the very leaf at its very place is proved.
func TestProofsOfSomethingElse(t *testing.T) {
	tree := newProved(t)
	_, otherKey := noteKey(t, origin, "somebody else")
	good, err := ledger.ParseProof(tree.proof(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*ledger.Proof){
		"another index":         func(p *ledger.Proof) { p.Index = 2 },
		"beyond the tree":       func(p *ledger.Proof) { p.Index = int64(len(tree.leaves)) },
		"far beyond the tree":   func(p *ledger.Proof) { p.Index = 1<<62 - 1 },
		"another leaf":          func(p *ledger.Proof) { p.Leaf = tree.leaves[2] },
		"a changed leaf":        func(p *ledger.Proof) { p.Leaf[20] ^= 1 },
		"no leaf":               func(p *ledger.Proof) { p.Leaf = nil },
		"a hash less":           func(p *ledger.Proof) { p.Path = p.Path[1:] },
		"a hash more":           func(p *ledger.Proof) { p.Path = append(p.Path, p.Path[0]) },
		"no path":               func(p *ledger.Proof) { p.Path = nil },
		"a changed hash":        func(p *ledger.Proof) { p.Path[1][0] ^= 1 },
		"another path":          func(p *ledger.Proof) { p.Path[0], p.Path[1] = p.Path[1], p.Path[0] },
		"a hash of its parents": func(p *ledger.Proof) { p.Leaf = p.Path[0][:] },
	} {
		p, err := ledger.ParseProof(ledger.FormatProof(good))
		if err != nil {
			t.Fatal(err)
		}
		change(p)
		l, c, err := p.Verify(tree.vkey)
		wantError(t, what, err, ledger.ErrProof)
		if l != nil || c != nil {
			t.Errorf("%s: a leaf came with the error", what)
		}
	}
	_, _, err = good.Verify(otherKey)
	wantError(t, "another ledger's key", err, ledger.ErrSignature)
	forged := *good
	forged.Checkpoint = bytes.Replace(good.Checkpoint, fmt.Appendf(nil, "\n%d\n", len(tree.leaves)), []byte("\n4\n"), 1)
	_, _, err = forged.Verify(tree.vkey)
	wantError(t, "a changed checkpoint", err, ledger.ErrSignature)

	b := tree.proof(t, 3)
	for i := range b {
		changed := bytes.Clone(b)
		changed[i] ^= 1
		p, err := ledger.ParseProof(changed)
		if err != nil {
			continue
		}
		// What a witness of the ledger signed below is not ours to judge.
		if _, _, err := p.Verify(tree.vkey); err == nil && i < bytes.Index(b, []byte("\n\n— witness")) && !bytes.Contains(changed[i:], []byte("— witness")) {
			t.Errorf("byte %d was changed and nobody noticed", i)
		}
	}
}

func TestParseProofTakesTheCanonicalFormOnly(t *testing.T) {
	tree := newProved(t)
	good := string(tree.proof(t, 3))
	lines := strings.SplitAfter(good, "\n")
	leaf := base64.StdEncoding.EncodeToString(tree.leaves[3])
	hash := strings.TrimSuffix(lines[3], "\n")
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in the proof", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for what, s := range map[string]string{
		"nothing":              "",
		"the header alone":     lines[0],
		"no newline":           strings.TrimSuffix(lines[0], "\n"),
		"no header":            strings.TrimPrefix(good, lines[0]),
		"another header":       replace("tlog-proof", "tlog-spicy"),
		"no leaf":              replace(lines[1], ""),
		"the leaf twice":       replace(lines[1], lines[1]+lines[1]),
		"the leaf below":       replace(lines[1]+lines[2], lines[2]+lines[1]),
		"too large a leaf":     replace(leaf, base64.StdEncoding.EncodeToString(make([]byte, ledger.MaxLeaf+1))),
		"no base64":            replace(leaf, "!"+leaf[1:]),
		"a line end in base64": replace(leaf, leaf[:8]+"\r"+leaf[8:]),
		"no index":             replace(lines[2], ""),
		"a negative index":     replace("index 3", "index -3"),
		"a signed index":       replace("index 3", "index +3"),
		"a zero before":        replace("index 3", "index 03"),
		"a large index":        replace("index 3", "index 9223372036854775807"),
		"no number":            replace("index 3", "index three"),
		"a short hash":         replace(hash, hash[:40]),
		"a long hash":          replace(hash, hash+"AAAA"),
		"no hash":              replace(hash, "hash"),
		"stray bits":           replace(hash, hash[:42]+string(hash[42]+1)+"="),
		"too many hashes":      replace(lines[3], strings.Repeat(lines[3], 64)),
		"no empty line":        replace("\n\n"+origin, "\n"+origin),
		"a byte order mark":    "\ufeff" + good,
		"a space":              replace("index 3\n", "index 3 \n"),
		"too large":            good + strings.Repeat("x", 80<<10),
	} {
		p, err := ledger.ParseProof([]byte(s))
		wantError(t, what, err, ledger.ErrMalformed)
		if p != nil {
			t.Errorf("%s: read all the same", what)
		}
	}
	for what, s := range map[string]string{"version 2": replace("@v1", "@v2"), "carriage returns": strings.ReplaceAll(good, "\n", "\r\n")} {
		_, err := ledger.ParseProof([]byte(s))
		wantError(t, what, err, ledger.ErrVersion)
	}
	_, err := ledger.ParseProof([]byte(standardProof))
	wantError(t, "a proof without its leaf", err, ledger.ErrMalformed)

	// A tree of one leaf has no path, and an empty checkpoint proves nothing.
	for what, p := range map[string]*ledger.Proof{
		"no path":       {Leaf: tree.leaves[0], Checkpoint: tree.checkpoint},
		"no checkpoint": {Leaf: tree.leaves[0]},
	} {
		back, err := ledger.ParseProof(ledger.FormatProof(p))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if _, _, err := back.Verify(tree.vkey); !errors.Is(err, ledger.ErrProof) && !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
