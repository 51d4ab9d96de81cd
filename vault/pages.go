package vault

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
)

// The file format of bbolt 1.x (go.etcd.io/bbolt, internal/common), read here
// a second time and without bbolt: a store that comes from elsewhere may be
// hostile, and bbolt trusts its file, panics on a malformed page and never
// looks at a byte that it does not need. This reader trusts nothing, goes on
// past what is broken, and accounts for every byte of every live page.
const (
	pageHeader  = 16 // id 8, flags 2, count 2, overflow 4
	elementSize = 16 // branch: pos 4, ksize 4, pgid 8; leaf: flags 4, pos 4, ksize 4, vsize 4
	metaSize    = 64 // up to and with the checksum
	bucketSize  = 16 // root 8, sequence 8

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagMeta     = 0x04
	flagFreelist = 0x10

	boltMagic   = 0xED0CDAED
	boltVersion = 2

	maxRun   = 64 << 20 // bytes of one page with its overflow
	maxDepth = 64       // levels of a tree
)

// pages is a bbolt file under examination.
type pages struct {
	r      io.ReaderAt
	found  func(id, where, what string)
	high   uint64 // pages in use are below this number
	root   uint64
	free   uint64 // page of the freelist
	marked []bool // pages accounted for
}

// A tree is a bucket: its root page, or the whole of it inline in its parent.
type tree struct {
	name   string
	root   uint64
	inline []byte
}

// openPages reads the meta pages. It returns false if none is usable; what is
// wrong is reported either way.
func openPages(r io.ReaderAt, size int64, found func(id, where, what string)) (*pages, bool) {
	p := &pages{r: r, found: found}
	var newest uint64
	usable := false
	for n := range uint64(2) {
		where := fmt.Sprintf("%s page %d", DBName, n)
		b := make([]byte, pageSize)
		if _, err := r.ReadAt(b, int64(n)*pageSize); err != nil {
			found("page-unreadable", where, err.Error())
			continue
		}
		le := binary.LittleEndian
		m := b[pageHeader:]
		sum := fnv.New64a()
		sum.Write(m[:metaSize-8])
		switch {
		case le.Uint64(b) != n || le.Uint16(b[8:]) != flagMeta || le.Uint16(b[10:]) != 0 || le.Uint32(b[12:]) != 0:
			found("page-header", where, "not the header of a meta page")
		case le.Uint64(m[56:]) != sum.Sum64():
			found("page-checksum", where, "the meta page's checksum does not match")
			continue
		case le.Uint32(m) != boltMagic || le.Uint32(m[4:]) != boltVersion || le.Uint32(m[8:]) != pageSize || le.Uint32(m[12:]) != 0:
			found("page-header", where, "not a bbolt file of version 2 with pages of 4,096 bytes")
			continue
		case le.Uint64(m[24:]) != 0:
			found("page-header", where, "the root bucket has a sequence")
		}
		p.zero(where, b[pageHeader+metaSize:], pageHeader+metaSize)
		if txid := le.Uint64(m[48:]); !usable || txid > newest {
			newest, usable = txid, true
			p.root, p.free, p.high = le.Uint64(m[16:]), le.Uint64(m[32:]), le.Uint64(m[40:])
		}
	}
	if !usable {
		return nil, false
	}
	if p.high < 4 || p.high > uint64(size/pageSize) {
		found("page-header", DBName, fmt.Sprintf("the file has %d bytes, the meta page speaks of %d pages", size, p.high))
		p.high = min(p.high, uint64(size/pageSize))
	}
	p.marked = make([]bool, p.high)
	for i := range min(2, len(p.marked)) {
		p.marked[i] = true
	}
	return p, true
}

// zero reports a byte that is not zero where bbolt writes nothing.
func (p *pages) zero(where string, b []byte, offset int) {
	if i := bytes.IndexFunc(b, func(r rune) bool { return r != 0 }); i >= 0 {
		p.found("page-slack", where, fmt.Sprintf("byte %d is not zero though nothing lies there", offset+i))
	}
}

// mark accounts for a run of pages and reports one that is used twice.
func (p *pages) mark(where string, id, n uint64) bool {
	for i := id; i < id+n; i++ {
		if p.marked[i] {
			p.found("page-twice", where, fmt.Sprintf("page %d is used twice", i))
			return false
		}
		p.marked[i] = true
	}
	return true
}

// read returns a page with its overflow, or nil after reporting why not.
func (p *pages) read(id uint64, where string) []byte {
	if id < 2 || id >= p.high {
		p.found("page-header", where, fmt.Sprintf("there is no page %d", id))
		return nil
	}
	head := make([]byte, pageHeader)
	if _, err := p.r.ReadAt(head, int64(id)*pageSize); err != nil {
		p.found("page-unreadable", where, err.Error())
		return nil
	}
	n := 1 + uint64(binary.LittleEndian.Uint32(head[12:]))
	if id+n > p.high || n > maxRun/pageSize {
		p.found("page-header", where, fmt.Sprintf("it claims %d pages", n))
		return nil
	}
	if got := binary.LittleEndian.Uint64(head); got != id {
		p.found("page-header", where, fmt.Sprintf("it says that it is page %d", got))
	}
	if !p.mark(where, id, n) {
		return nil
	}
	b := make([]byte, n*pageSize)
	if _, err := p.r.ReadAt(b, int64(id)*pageSize); err != nil {
		p.found("page-unreadable", where, err.Error())
		return nil
	}
	return b
}

// walk calls fn with each pair of a bucket in the order of keys. The slices
// are valid during the call. kind is 0 for values and 1 for buckets.
func (p *pages) walk(t tree, fn func(kind uint32, key, value []byte)) {
	if t.root == 0 {
		p.node(t, t.inline, t.name+" (inline)", 0, nil, fn)
		return
	}
	p.page(t, t.root, 0, nil, fn)
}

// page walks the page of that number and returns its first key.
func (p *pages) page(t tree, id uint64, depth int, after []byte, fn func(uint32, []byte, []byte)) []byte {
	where := fmt.Sprintf("%s page %d (%s)", DBName, id, t.name)
	if depth > maxDepth {
		p.found("page-depth", where, "the tree is too deep")
		return nil
	}
	b := p.read(id, where)
	if b == nil {
		return nil
	}
	return p.node(t, b, where, depth, after, fn)
}

// node walks one page or inline bucket. Its elements stand first, then keys
// and values one after the other without a gap, then zeros; every key is
// greater than the one before; a branch's key is the first key below it.
func (p *pages) node(t tree, b []byte, where string, depth int, after []byte, fn func(uint32, []byte, []byte)) (first []byte) {
	le := binary.LittleEndian
	if len(b) < pageHeader {
		p.found("page-header", where, "cut short")
		return nil
	}
	flags, count := le.Uint16(b[8:]), int(le.Uint16(b[10:]))
	if flags != flagBranch && flags != flagLeaf || flags == flagBranch && t.root == 0 {
		p.found("page-header", where, fmt.Sprintf("neither a branch nor a leaf (flags %#x)", flags))
		return nil
	}
	if t.root == 0 && (le.Uint64(b) != 0 || le.Uint32(b[12:]) != 0) {
		p.found("page-header", where, "the header of an inline bucket is not zero")
	}
	if flags == flagBranch && count == 0 {
		p.found("page-header", where, "a branch without children")
	}
	at := pageHeader + count*elementSize // where the next key must lie
	if at > len(b) {
		p.found("page-header", where, fmt.Sprintf("%d elements do not fit", count))
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
			p.found("page-element", where, fmt.Sprintf("element %d is not where it must be", i))
			return first
		}
		key := b[at : at+int(ksize)]
		value := b[at+int(ksize) : at+int(ksize)+int(vsize)]
		at += int(ksize) + int(vsize)
		if after != nil && bytes.Compare(key, after) <= 0 {
			p.found("page-order", where, fmt.Sprintf("key %x is not greater than the one before", key))
		}
		if flags == flagLeaf {
			after = key
			fn(kind, key, value)
		} else {
			low := p.page(t, child, depth+1, nil, fn)
			if low != nil && !bytes.Equal(low, key) {
				p.found("page-order", where, fmt.Sprintf("key %x leads to a page that begins with %x", key, low))
			}
			after = key
		}
		if i == 0 {
			first = key
		}
	}
	p.zero(where, b[at:], at)
	return first
}

// buckets returns the top-level buckets by name.
func (p *pages) buckets() map[string]tree {
	out := map[string]tree{}
	p.walk(tree{name: "root", root: p.root}, func(kind uint32, key, value []byte) {
		name := string(key)
		if kind != 1 || len(value) < bucketSize {
			p.found("schema-key", DBName, fmt.Sprintf("%q at the top is not a bucket", name))
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

// account reads the freelist and reports every page that is neither live nor
// free, or both. Call it after all buckets were walked.
func (p *pages) account() {
	where := fmt.Sprintf("%s page %d (freelist)", DBName, p.free)
	b := p.read(p.free, where)
	if b == nil {
		return
	}
	le := binary.LittleEndian
	count, at := uint64(le.Uint16(b[10:])), pageHeader
	if count == 0xFFFF { // the real count is the first entry
		count, at = le.Uint64(b[pageHeader:]), pageHeader+8
	}
	if le.Uint16(b[8:]) != flagFreelist || count > uint64(len(b)-at)/8 {
		p.found("page-header", where, "not the header of a freelist")
		return
	}
	last := uint64(0)
	for range count {
		id := le.Uint64(b[at:])
		at += 8
		if id <= last || id < 2 || id >= p.high {
			p.found("page-freelist", where, fmt.Sprintf("page %d is out of order or does not exist", id))
			continue
		}
		last = id
		p.mark(where, id, 1)
	}
	p.zero(where, b[at:], at)
	lost, firstLost := 0, 0
	for id, ok := range p.marked {
		if !ok {
			if lost == 0 {
				firstLost = id
			}
			lost++
		}
	}
	if lost > 0 {
		p.found("page-lost", DBName, fmt.Sprintf("%d pages are neither in use nor free, the first is page %d", lost, firstLost))
	}
}
