package audit_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/testorg"
)

// histories are stores of one intake whose ledger key is stolen: one and two
// go on from base in two ways, and other is base rewritten.
type histories struct {
	base, one, oneMore, two, twoMore, other *forgery
	keys                                    *audit.Keys
}

func newHistories(t *testing.T) *histories {
	t.Helper()
	h := &histories{base: newForgery(t)}
	hold := func(f *forgery, word string) {
		f.addEvent(&ledger.Leaf{Event: ledger.EventHeld, Case: f.a.ID, Rule: word})
	}
	grow := func(f *forgery, n int) *forgery {
		c := f.copy(t)
		c.added = f.added
		for range n {
			hold(c, "inquiry")
		}
		return c
	}
	h.one = h.base.copy(t)
	hold(h.one, "one")
	h.oneMore = grow(h.one, 2)
	h.two = h.base.copy(t)
	hold(h.two, "two")
	h.twoMore = grow(h.two, 1)
	h.other = h.base.copy(t)
	h.other.message(h.other.seal(16<<10, h.other.a.Key.Recipient()))
	var err error
	if h.keys, err = audit.RosterKeys(h.base.Signed, h.base.Key); err != nil {
		t.Fatal(err)
	}
	return h
}

// head is the checkpoint of a store.
func head(f *forgery) []byte { return f.get("head", []byte("checkpoint")) }

func TestCompare(t *testing.T) {
	h := newHistories(t)
	unsigned := h.twoMore.copy(t)
	unsigned.put("head", []byte("checkpoint"), bytes.Replace(head(unsigned), []byte("\n\n"), []byte("\n\n— x AAAAAAAA\n"), 1)[:120])
	altered := h.twoMore.copy(t)
	altered.put("head", []byte("checkpoint"), altered.sign(leafCount+2, [32]byte(random(32))))
	for _, c := range []struct {
		name  string
		a, b  *forgery
		store *forgery
		fork  bool
		of    [2]string
		err   error
	}{
		{name: "the same", a: h.one, b: h.one, of: [2]string{"a", "b"}},
		{name: "two of one size", a: h.one, b: h.two, fork: true, of: [2]string{"a", "b"}},
		{name: "two sizes and no store", a: h.base, b: h.one, err: audit.ErrUndecided},
		{name: "one that grew", a: h.base, b: h.one, store: h.one, of: [2]string{"a", "b"}},
		{name: "one that grew, named the other way", a: h.oneMore, b: h.base, store: h.oneMore, of: [2]string{"b", "a"}},
		{name: "one that grew, and the store more", a: h.base, b: h.one, store: h.oneMore, of: [2]string{"a", "b"}},
		{name: "the store holds the larger", a: h.two, b: h.oneMore, store: h.oneMore, fork: true, of: [2]string{"a", "b"}},
		{name: "the store holds the smaller, and goes on otherwise", a: h.base, b: h.one, store: h.two, fork: true, of: [2]string{"b", "the store"}},
		{name: "the same, and the store is longer", a: h.base, b: h.one, store: h.twoMore, fork: true, of: [2]string{"b", "the store"}},
		{name: "the store holds neither", a: h.other, b: h.two, store: h.oneMore, fork: true, of: [2]string{"b", "the store"}},
		{name: "the store is older than the larger, and of another history than the smaller", a: h.other, b: h.oneMore, store: h.one, fork: true, of: [2]string{"a", "the store"}},
		{name: "the store holds the smaller and is older than the larger", a: h.one, b: h.oneMore, store: h.one, err: audit.ErrUndecided},
		{name: "the store is older than both", a: h.one, b: h.oneMore, store: h.base, err: audit.ErrUndecided},
		{name: "the store's checkpoint is of other leaves", a: h.base, b: h.one, store: altered, err: audit.ErrUndecided},
		{name: "the store is not signed", a: h.base, b: h.one, store: unsigned, err: audit.ErrUndecided},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := ""
			if c.store != nil {
				store = c.store.dir
			}
			v, err := audit.Compare(t.Context(), [2]string{"a", "b"}, [2][]byte{head(c.a), head(c.b)}, store, h.keys)
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			if v.Fork != c.fork || v.Of != c.of {
				t.Errorf("fork is %v, of %q, want %v, of %q", v.Fork, v.Of, c.fork, c.of)
			}
			// What is handed on says the same to who has the key alone.
			again, err := audit.ParseComparison(v.Marshal())
			if err != nil {
				t.Fatal(err)
			}
			small, large, err := again.Verify(h.keys.Ledger)
			if err != nil || again.Fork != c.fork || *small != *v.Smaller || *large != *v.Larger {
				t.Errorf("read again: fork is %v, %v and %v, %v", again.Fork, small, large, err)
			}
		})
	}
}

// A checkpoint of another ledger, or of an older key of this one that only the
// store's rosters name.
func TestCompareKeys(t *testing.T) {
	h := newHistories(t)
	stranger := testorg.New(t, 1)
	cp := ledger.Checkpoint{Origin: testorg.Origin, Size: 3}
	signed, err := cp.Sign(stranger.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Compare(t.Context(), [2]string{"a", "b"}, [2][]byte{head(h.base), signed}, "", h.keys); !errors.Is(err, ledger.ErrSignature) {
		t.Errorf("of another ledger: %v", err)
	}
	f := h.one.copy(t)
	f.added = h.one.added
	secret, vkey, err := note.GenerateKey(rand.Reader, testorg.Origin)
	if err != nil {
		t.Fatal(err)
	}
	f.addRoster(func() { f.Roster.Intake.Ledger = vkey })
	size := f.end() + 1
	root := f.root(size)
	newer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	cp = ledger.Checkpoint{Origin: testorg.Origin, Size: size, Root: root}
	if signed, err = cp.Sign(newer); err != nil {
		t.Fatal(err)
	}
	f.put("head", []byte("checkpoint"), signed)
	keys, err := audit.RosterKeys(f.Signed, f.Key)
	if err != nil {
		t.Fatal(err)
	}
	v, err := audit.Compare(t.Context(), [2]string{"a", "b"}, [2][]byte{head(h.base), signed}, f.dir, keys)
	if err != nil || v.Fork {
		t.Errorf("of an older key: %v", err)
	}
	if _, _, err := v.Verify(keys.Ledger); !errors.Is(err, ledger.ErrSignature) {
		t.Errorf("without the older key: %v", err)
	}
	if _, _, err := v.Verify(append(keys.Ledger, h.keys.Ledger...)); err != nil {
		t.Errorf("with both keys: %v", err)
	}
}

// No byte of a proof can be changed, and none can be made against a ledger that
// signed one history.
func TestComparisonsProve(t *testing.T) {
	h := newHistories(t)
	compare := func(a, b, store *forgery) *audit.Verdict {
		t.Helper()
		v, err := audit.Compare(t.Context(), [2]string{"a", "b"}, [2][]byte{head(a), head(b)}, store.dir, h.keys)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	grown := compare(h.base, h.oneMore, h.oneMore)
	for _, v := range []*audit.Verdict{grown, compare(h.two, h.oneMore, h.oneMore), compare(h.one, h.two, h.one)} {
		text := v.Marshal()
		for i := range text {
			bent := bytes.Clone(text)
			bent[i] ^= 1
			c, err := audit.ParseComparison(bent)
			if err == nil {
				_, _, err = c.Verify(h.keys.Ledger)
			}
			if err == nil {
				t.Errorf("with byte %d changed it proves: %q", i, bent)
			}
		}
	}
	for name, change := range map[string]func(*audit.Comparison){
		"called a fork":           func(c *audit.Comparison) { c.Fork = true },
		"with the smaller's root": func(c *audit.Comparison) { c.Fork, c.Root = true, grown.Smaller.Root },
		"with a root made up":     func(c *audit.Comparison) { c.Fork = true; c.Root = tlog.Hash(random(32)) },
		"with a path made up": func(c *audit.Comparison) {
			c.Fork = true
			c.Root = tlog.Hash(random(32))
			c.Path = tlog.TreeProof{c.Root}
		},
		"the larger first":          func(c *audit.Comparison) { c.Smaller, c.Larger = c.Larger, c.Smaller },
		"one of them twice":         func(c *audit.Comparison) { c.Larger = c.Smaller },
		"without a path":            func(c *audit.Comparison) { c.Path = nil },
		"one of them twice, forked": func(c *audit.Comparison) { c.Larger, c.Path, c.Fork = c.Smaller, nil, true },
	} {
		c := grown.Comparison
		c.Path = slices.Clone(c.Path)
		change(&c)
		if _, _, err := c.Verify(h.keys.Ledger); !errors.Is(err, audit.ErrUnproven) {
			t.Errorf("%s: %v, want ErrUnproven", name, err)
		}
	}
}

// Two ledgers are no fork of one.
func TestComparisonOfTwoLedgers(t *testing.T) {
	h := newHistories(t)
	secret, vkey, err := note.GenerateKey(rand.Reader, "other.test/intake")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	cp := ledger.Checkpoint{Origin: "other.test/intake", Size: leafCount}
	signed, err := cp.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	keys := &audit.Keys{Ledger: append(h.keys.Ledger, vkey)}
	if v, err := audit.Compare(t.Context(), [2]string{"a", "b"}, [2][]byte{head(h.base), signed}, "", keys); err == nil {
		t.Errorf("compared: fork is %v", v.Fork)
	}
	c := audit.Comparison{Fork: true, Smaller: head(h.base), Larger: signed}
	if _, _, err := c.Verify(keys.Ledger); !errors.Is(err, audit.ErrUnproven) {
		t.Errorf("a proof of both: %v, want ErrUnproven", err)
	}
}

func TestComparisonVersions(t *testing.T) {
	for text, want := range map[string]error{
		"tocsin.fork.v2\n":        ledger.ErrVersion,
		"tocsin.consistency.v2\n": ledger.ErrVersion,
		"tocsin.fork.v1\n":        ledger.ErrMalformed,
		"":                        ledger.ErrMalformed,
	} {
		if _, err := audit.ParseComparison([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

// What is read is written again as it was, and neither panics.
func FuzzParseComparison(f *testing.F) {
	for _, seed := range []string{forkSeed, sameSizeSeed, consistencySeed} {
		c, err := audit.ParseComparison([]byte(seed))
		if err != nil {
			f.Fatal(err)
		}
		if _, _, err := c.Verify([]string{seedKey}); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := audit.ParseComparison(b)
		if err != nil {
			return
		}
		if again := c.Marshal(); !bytes.Equal(again, b) {
			t.Errorf("%q is written %q", b, again)
		}
		c.Verify([]string{seedKey}) // must not panic
	})
}
