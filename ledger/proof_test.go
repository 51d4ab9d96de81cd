package ledger_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
)

// A naive tree, word for word the recursive definitions of RFC 6962, section
// 2.1, over ranges of its leaves.
type naive struct {
	leaves [][]byte
	memo   map[[2]int]tlog.Hash
}

// mth is MTH(D[lo:hi]).
func (n *naive) mth(lo, hi int) tlog.Hash {
	switch hi - lo {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0x00}, n.leaves[lo]...))
	}
	if h, ok := n.memo[[2]int{lo, hi}]; ok {
		return h
	}
	k := split(hi - lo)
	left, right := n.mth(lo, lo+k), n.mth(lo+k, hi)
	h := tlog.Hash(sha256.Sum256(slices.Concat([]byte{0x01}, left[:], right[:])))
	n.memo[[2]int{lo, hi}] = h
	return h
}

// split returns the largest power of two smaller than n.
func split(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}

// path is PATH(m, D[lo:hi]).
func (n *naive) path(m, lo, hi int) []tlog.Hash {
	if hi-lo == 1 {
		return nil
	}
	k := split(hi - lo)
	if m < k {
		return append(n.path(m, lo, lo+k), n.mth(lo+k, hi))
	}
	return append(n.path(m-k, lo+k, hi), n.mth(lo, lo+k))
}

// proof is PROOF(m, D[0:size]).
func (n *naive) proof(m, size int) []tlog.Hash { return n.subproof(m, 0, size, true) }

// subproof is SUBPROOF(m, D[lo:hi], b).
func (n *naive) subproof(m, lo, hi int, b bool) []tlog.Hash {
	if m == hi-lo {
		if b {
			return nil
		}
		return []tlog.Hash{n.mth(lo, hi)}
	}
	k := split(hi - lo)
	if m <= k {
		return append(n.subproof(m, lo, lo+k, b), n.mth(lo+k, hi))
	}
	return append(n.subproof(m-k, lo+k, hi, false), n.mth(lo, lo+k))
}

const largest = 100

// both returns a hundred leaves in our hashes and in the naive tree. Two of
// the leaves are equal, as two events may be.
func both(t testing.TB) (ledger.Hashes, *naive) {
	t.Helper()
	n := &naive{memo: map[[2]int]tlog.Hash{}}
	var h ledger.Hashes
	for i := range largest {
		l := find("report")
		l.Size = int64(max(i, 1))
		b, err := l.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		n.leaves = append(n.leaves, b)
		if err := h.Append(int64(i), b); err != nil {
			t.Fatal(err)
		}
		if got, want := int64(len(h)), tlog.StoredHashCount(int64(i+1)); got != want {
			t.Fatalf("%d leaves: %d hashes, want %d", i+1, got, want)
		}
	}
	return h, n
}

func TestRootsAreThoseOfTheStandard(t *testing.T) {
	h, n := both(t)
	for size := range largest + 1 {
		got, err := h.Root(int64(size))
		if want := n.mth(0, size); err != nil || got != want {
			t.Errorf("root of %d leaves is %s, %v, want %s", size, got, err, want)
		}
	}
	for _, size := range []int64{largest + 1, 128, 1 << 40, math.MaxInt64 >> 1} {
		if _, err := h.Root(size); err == nil {
			t.Errorf("a root of %d leaves, of which there are %d", size, largest)
		}
	}
}

// The test vectors of the first Certificate Transparency implementations.
func TestRootsAreThoseOfCertificateTransparency(t *testing.T) {
	var h ledger.Hashes
	for i, c := range []struct{ leaf, root string }{
		{"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
		{"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
		{"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
		{"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
		{"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
		{"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
		{"5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
		{"606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
	} {
		leaf, err := hex.DecodeString(c.leaf)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Append(int64(i), leaf); err != nil {
			t.Fatal(err)
		}
		root, err := h.Root(int64(i + 1))
		if err != nil || hex.EncodeToString(root[:]) != c.root {
			t.Errorf("root of %d leaves is %x, %v, want %s", i+1, root, err, c.root)
		}
	}
}

func TestInclusionProofsAreThoseOfTheStandard(t *testing.T) {
	h, n := both(t)
	for size := 1; size <= largest; size++ {
		root := n.mth(0, size)
		for i := range size {
			p, err := tlog.ProveRecord(int64(size), int64(i), h)
			if err != nil {
				t.Fatal(err)
			}
			if want := n.path(i, 0, size); !slices.Equal(p, want) {
				t.Fatalf("leaf %d of %d: proof %v, want %v", i, size, p, want)
			}
			leaf := n.mth(i, i+1)
			if err := tlog.CheckRecord(p, int64(size), root, int64(i), leaf); err != nil {
				t.Fatalf("leaf %d of %d: %v", i, size, err)
			}
			changed := tlog.RecordHash(append(slices.Clone(n.leaves[i]), ' '))
			if tlog.CheckRecord(p, int64(size), root, int64(i), changed) == nil {
				t.Fatalf("leaf %d of %d was changed and is proved", i, size)
			}
		}
	}
}

func TestConsistencyProofsAreThoseOfTheStandard(t *testing.T) {
	h, n := both(t)
	for size := 1; size <= largest; size++ {
		root := n.mth(0, size)
		for old := 1; old <= size; old++ {
			p, err := tlog.ProveTree(int64(size), int64(old), h)
			if err != nil {
				t.Fatal(err)
			}
			if want := n.proof(old, size); !slices.Equal(p, want) {
				t.Fatalf("%d to %d leaves: proof %v, want %v", old, size, p, want)
			}
			was := n.mth(0, old)
			if err := tlog.CheckTree(p, int64(size), root, int64(old), was); err != nil {
				t.Fatalf("%d to %d leaves: %v", old, size, err)
			}
			was[0] ^= 1
			if tlog.CheckTree(p, int64(size), root, int64(old), was) == nil {
				t.Fatalf("%d to %d leaves: another past is proved", old, size)
			}
		}
	}
}

// A ledger whose past was rewritten has no proof that follows from a
// checkpoint taken before.
func TestRewrittenPastIsNotProved(t *testing.T) {
	_, n := both(t)
	for _, change := range []struct {
		what string
		do   func(leaves [][]byte) [][]byte
	}{
		{"changed", func(l [][]byte) [][]byte { l[20] = []byte("another\n"); return l }},
		{"dropped", func(l [][]byte) [][]byte { return slices.Delete(l, 20, 21) }},
		{"put in", func(l [][]byte) [][]byte { return slices.Insert(l, 20, []byte("another\n")) }},
		{"swapped", func(l [][]byte) [][]byte { l[20], l[21] = l[21], l[20]; return l }},
	} {
		leaves := change.do(slices.Clone(n.leaves))
		var h ledger.Hashes
		for i, l := range leaves {
			if err := h.Append(int64(i), l); err != nil {
				t.Fatal(err)
			}
		}
		size := int64(len(leaves))
		root, err := h.Root(size)
		if err != nil {
			t.Fatal(err)
		}
		for _, old := range []int{22, 50, 64, 99} {
			p, err := tlog.ProveTree(size, int64(old), h)
			if err != nil {
				t.Fatal(err)
			}
			if tlog.CheckTree(p, size, root, int64(old), n.mth(0, old)) == nil {
				t.Errorf("a leaf was %s and the %d leaves before are proved to be there", change.what, old)
			}
		}
	}
}

func TestReadHashes(t *testing.T) {
	h, _ := both(t)
	got, err := h.ReadHashes([]int64{5, 0, 5})
	if err != nil || !slices.Equal(got, []tlog.Hash{h[5], h[0], h[5]}) {
		t.Errorf("ReadHashes = %v, %v", got, err)
	}
	for _, x := range []int64{-1, int64(len(h)), math.MaxInt64, math.MinInt64} {
		if got, err := h.ReadHashes([]int64{0, x}); err == nil || got != nil {
			t.Errorf("hash %d is %v", x, got)
		}
	}
	// The leaves before must be there.
	var none ledger.Hashes
	if err := none.Append(1, []byte("x")); err == nil || len(none) > 0 {
		t.Error(fmt.Errorf("a second leaf without a first: %w", err))
	}
}
