package vault

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
)

// The file format of bbolt 1.x (go.etcd.io/bbolt, internal/common), read here
// a second time and without bbolt: a store that comes from elsewhere may be
// hostile, and bbolt trusts its file, panics on a malformed page and never
// looks at a byte that it does not need. This reader trusts nothing, goes on
// past what is broken, and accounts for every byte of every live page. What
// it keeps in memory grows with what it read, not with what the file claims.
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

	// The most bytes of one page with its overflow. bbolt leaves up to four
	// values together that fill no two pages, and ours have at most InlineMax
	// bytes; a freelist of the other length names pages of 32 GiB.
	maxNode     = 2 << 20
	maxFreelist = 64 << 20
)

// pages is a bbolt file under examination.
type pages struct {
	r     io.ReaderAt
	found func(id, where, what string)
	// exact says that the file is a snapshot: its meta pages agree, it ends
	// with the last page, and its free pages are zero.
	exact  bool
	ended  func() bool // no more is wanted
	size   int64
	high   uint64 // pages in use are below this number
	root   uint64
	free   uint64 // page of the freelist
	marked pageSet
}

// A place is where something may be wrong: a page, or a bucket that lies inline
// in its parent. It costs nothing until it is named.
type place struct {
	page   uint64
	of     string // what lies there, or ""
	inline bool
}

func (p place) String() string {
	switch {
	case p.inline:
		return p.of + " (inline)"
	case p.of != "":
		return fmt.Sprintf("%s page %d (%s)", DBName, p.page, p.of)
	}
	return fmt.Sprintf("%s page %d", DBName, p.page)
}

// open reads the meta pages. It returns false if none is usable; what is
// wrong is reported either way.
func (p *pages) open() bool {
	var metas [2][]byte
	newest, usable := uint64(0), false
	for n := range uint64(2) {
		b := p.meta(n)
		if b == nil {
			continue
		}
		metas[n] = b[pageHeader:]
		le, m := binary.LittleEndian, metas[n]
		if txid := le.Uint64(m[48:]); !usable || txid > newest {
			newest, usable = txid, true
			p.root, p.free, p.high = le.Uint64(m[16:]), le.Uint64(m[32:]), le.Uint64(m[40:])
		}
	}
	if !usable {
		return false
	}
	if p.exact && metas[0] != nil && metas[1] != nil {
		p.sameMetas(metas[0], metas[1])
	}
	fits := uint64(p.size / pageSize)
	if p.high < 4 || p.high > fits {
		p.found("page-header", DBName, fmt.Sprintf("the file has %d bytes, the meta page speaks of %d pages", p.size, p.high))
		p.high = min(p.high, fits)
	} else if end := int64(p.high) * pageSize; p.exact && p.size > end {
		p.found("file-tail", DBName, fmt.Sprintf("%d bytes follow its last page", p.size-end))
	}
	p.marked.add(0)
	p.marked.add(1)
	return true
}

// meta reads one meta page, or returns nil after reporting why it is not
// usable.
func (p *pages) meta(n uint64) []byte {
	at := place{page: n}
	where := at.String()
	b := make([]byte, pageSize)
	if _, err := p.r.ReadAt(b, int64(n)*pageSize); err != nil {
		p.found("page-unreadable", where, err.Error())
		return nil
	}
	le := binary.LittleEndian
	m := b[pageHeader:]
	sum := fnv.New64a()
	sum.Write(m[:metaSize-8])
	switch {
	case le.Uint64(m[56:]) != sum.Sum64():
		p.found("page-checksum", where, "the meta page's checksum does not match")
		return nil
	case le.Uint32(m) != boltMagic || le.Uint32(m[4:]) != boltVersion || le.Uint32(m[8:]) != pageSize || le.Uint32(m[12:]) != 0:
		p.found("page-header", where, "not a bbolt file of version 2 with pages of 4,096 bytes")
		return nil
	case le.Uint64(b) != n || le.Uint16(b[8:]) != flagMeta || le.Uint16(b[10:]) != 0 || le.Uint32(b[12:]) != 0:
		p.found("page-header", where, "not the header of a meta page")
	case le.Uint64(m[24:]) != 0:
		p.found("page-header", where, "the root bucket has a sequence")
	}
	p.zero(at, b[pageHeader+metaSize:], pageHeader+metaSize)
	return b
}

// sameMetas compares the meta pages of a snapshot, which are of one
// transaction: only its number, one less in the second, and the checksum
// differ.
func (p *pages) sameMetas(a, b []byte) {
	le := binary.LittleEndian
	if !bytes.Equal(a[:48], b[:48]) || le.Uint64(a[48:]) != le.Uint64(b[48:])+1 {
		p.found("page-header", DBName+" page 1", "it is not the second meta page of the snapshot's transaction")
	}
}

// zeros is what lies where bbolt writes nothing.
var zeros [pageSize]byte

// nonZero returns where the first byte is that is not zero, or -1.
func nonZero(b []byte) int {
	for at := 0; at < len(b); at += pageSize {
		part := b[at:min(at+pageSize, len(b))]
		if bytes.Equal(part, zeros[:len(part)]) {
			continue
		}
		return at + slices.IndexFunc(part, func(c byte) bool { return c != 0 })
	}
	return -1
}

// zero reports a byte that is not zero where bbolt writes nothing.
func (p *pages) zero(at place, b []byte, offset int) {
	if i := nonZero(b); i >= 0 {
		p.found("page-slack", at.String(), fmt.Sprintf("byte %d is not zero though nothing lies there", offset+i))
	}
}

// mark accounts for a run of pages and reports one that is used twice.
func (p *pages) mark(at place, id, n uint64) bool {
	for i := id; i < id+n; i++ {
		if !p.marked.add(i) {
			p.found("page-twice", at.String(), fmt.Sprintf("page %d is used twice", i))
			return false
		}
	}
	return true
}

// read returns the page of a place with its overflow, of at most limit bytes,
// or nil after reporting why not. It lies in page, of pageSize, if it has no
// overflow, and otherwise in *large, which grows.
func (p *pages) read(at place, limit uint64, page []byte, large *[]byte) []byte {
	if p.ended() {
		return nil
	}
	id := at.page
	if id < 2 || id >= p.high {
		p.found("page-header", at.String(), fmt.Sprintf("there is no page %d", id))
		return nil
	}
	if _, err := p.r.ReadAt(page, int64(id)*pageSize); err != nil {
		p.found("page-unreadable", at.String(), err.Error())
		return nil
	}
	n := 1 + uint64(binary.LittleEndian.Uint32(page[12:]))
	if id+n > p.high || n > limit/pageSize {
		p.found("page-header", at.String(), fmt.Sprintf("it claims %d pages", n))
		return nil
	}
	if got := binary.LittleEndian.Uint64(page); got != id {
		p.found("page-header", at.String(), fmt.Sprintf("it says that it is page %d", got))
	}
	if !p.mark(at, id, n) {
		return nil
	}
	if n == 1 {
		return page
	}
	*large = slices.Grow((*large)[:0], int(n*pageSize))[:n*pageSize]
	b := *large
	copy(b, page)
	if _, err := p.r.ReadAt(b[pageSize:], int64(id+1)*pageSize); err != nil {
		p.found("page-unreadable", at.String(), err.Error())
		return nil
	}
	return b
}

// account reads the freelist and reports every page that is neither live nor
// free, or both. Call it after all buckets were walked.
func (p *pages) account() {
	b := make([]byte, pageSize)
	var used, firstUsed uint64
	ok := p.freelist(func(id uint64) {
		if !p.mark(p.freePlace(), id, 1) || !p.exact {
			return
		}
		if _, err := p.r.ReadAt(b, int64(id)*pageSize); err != nil {
			p.found("page-unreadable", place{page: id, of: "free"}.String(), err.Error())
		} else if nonZero(b) >= 0 {
			if used++; used == 1 {
				firstUsed = id
			}
		}
	})
	if used > 0 {
		p.found("page-free", DBName, fmt.Sprintf("%d free pages are not zero, the first is page %d", used, firstUsed))
	}
	if !ok || p.ended() {
		return
	}
	if lost, first := p.marked.missing(p.high); lost > 0 {
		p.found("page-lost", DBName, fmt.Sprintf("%d pages are neither in use nor free, the first is page %d", lost, first))
	}
}

func (p *pages) freePlace() place { return place{page: p.free, of: "freelist"} }

// freelist calls fn with each free page in order. It returns false, after
// reporting why, if the freelist can't be read.
func (p *pages) freelist(fn func(id uint64)) bool {
	where := p.freePlace()
	var large []byte
	b := p.read(where, maxFreelist, make([]byte, pageSize), &large)
	if b == nil {
		return false
	}
	le := binary.LittleEndian
	count, at := uint64(le.Uint16(b[10:])), pageHeader
	if count == 0xFFFF { // the real count is the first entry
		count, at = le.Uint64(b[pageHeader:]), pageHeader+8
	}
	if le.Uint16(b[8:]) != flagFreelist || count > uint64(len(b)-at)/8 {
		p.found("page-header", where.String(), "not the header of a freelist")
		return false
	}
	last := uint64(0)
	for range count {
		if p.ended() {
			return false
		}
		id := le.Uint64(b[at:])
		at += 8
		if id <= last || id < 2 || id >= p.high {
			p.found("page-freelist", where.String(), fmt.Sprintf("page %d is out of order or does not exist", id))
			continue
		}
		last = id
		fn(id)
	}
	p.zero(where, b[at:], at)
	return true
}

// A pageSet is a set of page numbers that takes memory only near its members:
// a file can claim to be larger than any memory.
type pageSet struct {
	chunks map[uint64]*[64]uint64 // by the number of their first page / 4,096
	n      uint64
}

// add returns false if the page is already in the set.
func (s *pageSet) add(id uint64) bool {
	c := s.chunks[id/4096]
	if c == nil {
		if s.chunks == nil {
			s.chunks = map[uint64]*[64]uint64{}
		}
		c = new([64]uint64)
		s.chunks[id/4096] = c
	}
	word, bit := &c[id%4096/64], uint64(1)<<(id%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	s.n++
	return true
}

// missing returns how many pages below high are not in the set, and the first.
func (s *pageSet) missing(high uint64) (count, first uint64) {
	for ; first < high; first++ {
		if c := s.chunks[first/4096]; c == nil || c[first%4096/64]&(1<<(first%64)) == 0 {
			break
		}
	}
	return high - s.n, first
}
