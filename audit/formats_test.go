package audit_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/seal/agefile"
	"tocsin/seal/padme"
	"tocsin/seal/roster"
	"tocsin/testorg"
	"tocsin/vault"
)

// docs/formats.md is what somebody writes another verifier from. These tests
// hold it to the code: what it names, and its test vectors.

// formats is the page with its vectors by name.
type formats struct {
	*testing.T
	page    string
	vectors map[string]string
}

func readFormats(t *testing.T) *formats {
	t.Helper()
	b, err := os.ReadFile("../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	f := &formats{t, string(b), map[string]string{}}
	for _, m := range regexp.MustCompile("(?ms)^```vector (\\S+)\n(.*?)^```\n").FindAllStringSubmatch(f.page, -1) {
		f.vectors[m[1]] = m[2]
	}
	return f
}

var repeated = regexp.MustCompile(`<(.)\*(\d+)>`)

// vector returns a vector with what it abbreviates written out.
func (f *formats) vector(name string) []byte {
	f.Helper()
	v, ok := f.vectors[name]
	if !ok {
		f.Fatalf("docs/formats.md has no vector %s", name)
	}
	return []byte(repeated.ReplaceAllStringFunc(v, func(s string) string {
		m := repeated.FindStringSubmatch(s)
		n, err := strconv.Atoi(m[2])
		if err != nil {
			f.Fatal(err)
		}
		return strings.Repeat(m[1], n)
	}))
}

// values returns a vector of lines "name value".
func (f *formats) values(name string) map[string]string {
	f.Helper()
	values := map[string]string{}
	for line := range strings.Lines(string(f.vector(name))) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		values[key] = value
	}
	return values
}

func (f *formats) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *formats) equal(what string, got, want any) {
	f.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		f.Errorf("%s: the code has\n%s\nand docs/formats.md\n%s", what, g, w)
	}
}

func (f *formats) roster() *roster.Signed {
	f.Helper()
	r, err := roster.Open(f.vector("roster"), f.values("keys")["organisation"])
	f.must(err)
	return r
}

func TestFormatsRoster(t *testing.T) {
	f := readFormats(t)
	keys, r := f.values("keys"), f.roster()
	f.equal("instance", r.Instance(), keys["instance"])
	f.equal("origin", r.Origin, keys["origin"])
	f.equal("ledger key", r.Intake.Ledger, keys["ledger"])
	f.equal("desk key of ana", roster.MarshalDeskKey(r.Worker("ana").Desk), keys["ana"])
	f.equal("key of the cosigner", r.Cosigners[0].Key, keys["cosigner"])
	f.equal("digest of the roster", hex.EncodeToString(r.Digest[:]), keys["roster-sha256"])
}

func TestFormatsLedger(t *testing.T) {
	f := readFormats(t)
	r := f.roster()
	var order ledger.Order
	var hashes ledger.Hashes
	var leaves []*ledger.Leaf
	for i := 0; f.vectors[fmt.Sprintf("leaf-%d", i)] != ""; i++ {
		b := f.vector(fmt.Sprintf("leaf-%d", i))
		l, err := ledger.ParseLeaf(b)
		f.must(err)
		f.must(order.Add(l))
		f.must(hashes.Append(int64(i), b))
		leaves = append(leaves, l)
		if l.IsSigned() {
			f.equal("statement", string(l.Statement(r.Instance())), string(f.vector(fmt.Sprintf("statement-%d", i))))
			f.must(l.Verify(r.Instance(), r.Worker(l.By).Desk))
		}
	}
	f.equal("leaves", len(leaves), 5)
	f.equal("digest in the leaf of the roster", leaves[0].Digest, f.values("keys")["roster-sha256"])

	var tree strings.Builder
	for i, h := range hashes {
		level, n := tlog.SplitStoredHashIndex(int64(i))
		fmt.Fprintf(&tree, "hash %d %d %d %x\n", i, level, n, h[:])
	}
	for n := range len(leaves) + 1 {
		root, err := hashes.Root(int64(n))
		f.must(err)
		fmt.Fprintf(&tree, "root %d %x\n", n, root[:])
	}
	f.equal("tree", tree.String(), string(f.vector("tree")))

	cp, cosignatures, err := ledger.OpenCosigned(f.vector("checkpoint"), r.Intake.Ledger, r.Cosigners)
	f.must(err)
	root, err := hashes.Root(cp.Size)
	f.must(err)
	f.equal("root", root, cp.Root)
	f.equal("cosignatures", len(cosignatures), r.Policy.Quorum)

	p, err := ledger.ParseProof(f.vector("proof"))
	f.must(err)
	l, _, err := p.Verify(r.Intake.Ledger)
	f.must(err)
	f.equal("proved leaf", l.Event, leaves[p.Index].Event)

	record, err := vault.ParseCase(f.vector("case"))
	f.must(err)
	f.equal("digest of the case record", testorg.Digest(record.Marshal()), leaves[1].Digest)
	f.equal("tag", hex.EncodeToString(record.Tag[:]), f.values("codename")["tag"])
}

func TestFormatsSealed(t *testing.T) {
	f := readFormats(t)
	v := f.values("codename")
	words, err := seal.ParseCodename(v["words"])
	f.must(err)
	instance, err := hex.DecodeString(v["instance"])
	f.must(err)
	c, err := words.Derive(roster.Instance(instance))
	f.must(err)
	f.equal("tag", hex.EncodeToString(c.Tag[:]), v["tag"])
	f.equal("withdrawal", hex.EncodeToString(c.Withdrawal[:]), v["withdrawal"])
	f.equal("identity", c.Identity, v["identity"])

	for n, step := range f.values("padme") {
		size, err := strconv.ParseInt(n, 10, 64)
		f.must(err)
		f.equal("padding of "+n, padme.Size(size), step)
		f.equal(n+" is a step", padme.OnStep(size), n == step)
	}

	header := f.vector("age-header")
	for line := range strings.Lines(string(f.vector("age-sizes"))) {
		var payload, plaintext int64
		_, err := fmt.Sscan(line, &payload, &plaintext)
		f.must(err)
		size := int64(len(header)) + payload
		info, err := agefile.Inspect(io.MultiReader(bytes.NewReader(header), zeros{}), size)
		if plaintext < 0 {
			f.equal(fmt.Sprintf("a payload of %d is refused", payload), err != nil, true)
			continue
		}
		f.must(err)
		f.equal(fmt.Sprintf("plaintext of a payload of %d", payload), info.PlaintextSize, plaintext)
		f.equal("header", info.HeaderSize, agefile.HybridHeaderSize(2))
		f.equal("stanzas", info.Stanzas, []string{agefile.Hybrid, agefile.Hybrid})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestFormatsMeta(t *testing.T) {
	f := readFormats(t)
	meta, err := hex.DecodeString(strings.ReplaceAll(string(f.vector("meta")), "\n", ""))
	f.must(err)
	// A meta page 0 whose checksum is right, and a meta page 1 whose is not.
	file := make([]byte, 2*pageSize)
	le.PutUint16(file[8:], 4)
	copy(file[16:], meta)
	dir := t.TempDir()
	f.must(os.WriteFile(filepath.Join(dir, vault.DBName), file, 0o600))
	var sums []string
	nothing := vault.Visitor{
		Roster:     func(int64, *ledger.Leaf, []byte) {},
		Leaf:       func(int64, *ledger.Leaf) func() { return func() {} },
		Checkpoint: func([]byte, ledger.Hashes, int64) {},
		Envelope:   func(int64, int64, ledger.CaseID, *agefile.Info) {},
		Message:    func(int64, *ledger.Leaf, *agefile.Info) {},
		Progress:   func(int64, int64) {},
		Found: func(x vault.Finding) {
			if x.ID == "page-checksum" {
				sums = append(sums, x.Where)
			}
		},
	}
	src, err := vault.OpenDir(dir)
	f.must(err)
	defer src.Close()
	_, err = vault.Check(t.Context(), src, nothing)
	f.must(err)
	f.equal("pages with a wrong checksum", sums, []string{vault.DBName + " page 1"})
}
