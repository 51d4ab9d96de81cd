package vault

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// A tree is a bucket: its root page, or the whole of it inline in its parent.
type tree struct {
	name   string
	root   uint64
	inline []byte
}

// maxDepth bounds the levels of a tree.
const maxDepth = 64

// walk calls fn with each pair of a bucket in the order of keys. The slices
// are valid during the call. kind is 0 for values and 1 for buckets.
func (p *pages) walk(t tree, fn func(kind uint32, key, value []byte)) {
	w := walker{pages: p, t: t, fn: fn}
	if t.root == 0 {
		w.node(t.inline, place{of: t.name, inline: true}, 0)
		return
	}
	w.page(t.root, 0)
}

// A walker goes through one tree once, in memory that does not grow with it: a
// page at each level, and one large page, which is a leaf and done with before
// the next is read.
type walker struct {
	*pages
	t      tree
	fn     func(kind uint32, key, value []byte)
	levels [][]byte
	large  []byte
	begun  bool
	last   []byte // the key before, in whichever page it lay, once begun
}

// page walks the page of that number and returns its first key, which is valid
// until the next page of that depth is read.
func (w *walker) page(id uint64, depth int) []byte {
	at := place{page: id, of: w.t.name}
	if depth > maxDepth {
		w.found("page-depth", at.String(), "the tree is too deep")
		return nil
	}
	if depth == len(w.levels) {
		w.levels = append(w.levels, make([]byte, pageSize))
	}
	b := w.read(at, maxNode, w.levels[depth], &w.large)
	if b == nil {
		return nil
	}
	return w.node(b, at, depth)
}

// node walks one page or inline bucket. Its elements stand first, then keys
// and values one after the other without a gap, then zeros. Every key is
// greater than the one before, across the pages of the whole tree, and a
// branch's key is the first key below it: together they leave each child no
// key that the branches above would not lead to.
func (w *walker) node(b []byte, where place, depth int) (first []byte) {
	le := binary.LittleEndian
	if len(b) < pageHeader {
		w.found("page-header", where.String(), "cut short")
		return nil
	}
	flags, count := le.Uint16(b[8:]), int(le.Uint16(b[10:]))
	inline := w.t.root == 0
	switch {
	case flags != flagBranch && flags != flagLeaf || flags == flagBranch && inline:
		w.found("page-header", where.String(), fmt.Sprintf("neither a branch nor a leaf (flags %#x)", flags))
		return nil
	case flags == flagBranch && len(b) > pageSize:
		// So that a deep tree made up by someone costs no memory: with keys
		// as short as ours, bbolt splits a branch before it overflows.
		w.found("page-header", where.String(), "a branch of more than one page")
		return nil
	case inline && (le.Uint64(b) != 0 || le.Uint32(b[12:]) != 0):
		w.found("page-header", where.String(), "the header of an inline bucket is not zero")
	case count == 0 && (flags == flagBranch || depth > 0):
		w.found("page-header", where.String(), "it is empty, which only the root of an empty tree is")
	}
	at := pageHeader + count*elementSize // where the next key must lie
	if at > len(b) {
		w.found("page-header", where.String(), fmt.Sprintf("%d elements do not fit", count))
		return nil
	}
	for i := range count {
		start := pageHeader + i*elementSize
		e := b[start : start+elementSize]
		var kind, pos, ksize, vsize uint32
		var child uint64
		if flags == flagLeaf {
			kind, pos, ksize, vsize = le.Uint32(e), le.Uint32(e[4:]), le.Uint32(e[8:]), le.Uint32(e[12:])
		} else {
			pos, ksize, child = le.Uint32(e), le.Uint32(e[4:]), le.Uint64(e[8:])
		}
		if int64(start)+int64(pos) != int64(at) || int64(at)+int64(ksize)+int64(vsize) > int64(len(b)) || kind > 1 {
			w.found("page-element", where.String(), fmt.Sprintf("element %d is not where it must be", i))
			return first
		}
		key := b[at : at+int(ksize)]
		value := b[at+int(ksize) : at+int(ksize)+int(vsize)]
		at += int(ksize) + int(vsize)
		if i == 0 {
			first = key
		}
		if flags == flagBranch {
			if low := w.page(child, depth+1); low != nil && !bytes.Equal(low, key) {
				w.found("page-order", where.String(), fmt.Sprintf("key %s leads to a page that begins with %s", printable(key), printable(low)))
			}
			continue
		}
		if w.begun && bytes.Compare(key, w.last) <= 0 {
			w.found("page-order", where.String(), fmt.Sprintf("key %s is not greater than the one before", printable(key)))
		}
		w.begun, w.last = true, append(w.last[:0], key...)
		w.fn(kind, key, value)
	}
	w.zero(where, b[at:], at)
	return first
}

// buckets returns the top-level buckets by name.
func (p *pages) buckets() map[string]tree {
	out := map[string]tree{}
	p.walk(tree{name: "root", root: p.root}, func(kind uint32, key, value []byte) {
		name := string(key)
		if kind != 1 || len(value) < bucketSize {
			p.found("schema-key", DBName, fmt.Sprintf("%s at the top is not a bucket", printable(name)))
			return
		}
		t := tree{name: printable(name), root: binary.LittleEndian.Uint64(value)}
		if binary.LittleEndian.Uint64(value[8:]) != 0 {
			p.found("schema-value", "bucket "+t.name, "it has a sequence, which this store does not use")
		}
		if t.root == 0 {
			t.inline = bytes.Clone(value[bucketSize:])
		} else if len(value) > bucketSize {
			p.found("schema-value", "bucket "+t.name, "bytes follow its header")
		}
		out[name] = t
	})
	return out
}
