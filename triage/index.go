package triage

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"sync"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"

	"tocsin/ledger"
	"tocsin/seal/padme"
)

// The index keeps what opening a case gives for its line of the list and for
// searching, so that a full home need not open all of them at each start. It is
// a cache: whatever is wrong with it, it is as if it were not there, and the
// cases are opened again.
//
// index/000000 holds the first segmentCases cases of the ledger, index/000001
// the next, so that a new case or a changed one writes one file anew.
// index/state, written last, says that the segments were whole for the ledger
// and the queue that it names: while those are the same, nothing else is read.
//
// A file is the line indexHeader, a nonce of 24 bytes, and XChaCha20-Poly1305
// over: the length of the content (eight bytes, big-endian), the content, and
// zero bytes up to a step of package padme. Header, file name and the form of
// an entry are authenticated with it, so that a file of another program, or one
// under another name, does not open.
//
// The key is derived from the worker's identity. A file sealed to the worker's
// public recipient would not do: that is in the roster, so anybody who can write
// to the disk could seal a list to it that hides a case. That stock age can't
// open the index loses nothing: all that is in it is in the sealed objects.
type index struct {
	home *Home
	aead cipher.AEAD
}

const (
	// The version is raised when what an entry says comes to mean something
	// else: also when package links makes other keys of the same words. A field
	// that an entry or Summary gains or loses need not raise it.
	indexHeader  = "tocsin.index.v1\n"
	indexKeyInfo = "tocsin.index.v1 key"
	segmentCases = 256
	// maxIndexFile is more than any file of the index has, in bytes: a segment
	// whose cases all have the longest report and a few additions.
	maxIndexFile = 1 << 30
)

// An entry is what the index holds of a case.
type entry struct {
	kept
	text []byte // what is searched, folded
}

// kept is an entry but for its text, as encoding/gob writes it.
type kept struct {
	ID      ledger.CaseID
	Print   ledger.Digest // of all that it was made from
	Summary Summary
	Keys    []byte // what links the case to others, as encoding/json writes []links.Key; nil if the report can't be read
	Size    int    // of the text, in bytes
}

// errNoIndex means that there is none to be used.
var errNoIndex = errors.New("no index")

// index returns the home's index. It returns errNoIndex for an identity that
// holds no secret to derive a key from, such as a plugin's, whose secret never
// leaves its token; errors of Identity are returned as they are.
func (h *Home) index() (*index, error) {
	id, err := h.Identity()
	if err != nil {
		return nil, err
	}
	worker, ok := id.(*age.HybridIdentity)
	if !ok {
		return nil, errNoIndex
	}
	key, err := hkdf.Key(sha256.New, []byte(worker.String()), nil, indexKeyInfo, chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("deriving the index's key: %w", err)
	}
	defer clear(key)
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("deriving the index's key: %w", err)
	}
	return &index{h, aead}, nil
}

func segmentName(n int) string { return fmt.Sprintf("%06d", n) }

const stateName = "state"

// form tells apart programs whose entries or their summaries have other fields.
var form = sync.OnceValue(func() string {
	var b strings.Builder
	for _, t := range []reflect.Type{reflect.TypeFor[Summary](), reflect.TypeFor[kept]()} {
		for _, f := range reflect.VisibleFields(t) {
			fmt.Fprintf(&b, "%s %s\n", f.Name, f.Type)
		}
	}
	return b.String()
})

func authenticated(name string) []byte { return []byte(indexHeader + name + "\n" + form()) }

// A nonce names a version of a segment: no two are the same.
type nonce [chacha20poly1305.NonceSizeX]byte

// seal returns a file of the index.
func (x *index) seal(name string, content []byte) ([]byte, nonce) {
	const before = 8
	plain := make([]byte, padme.Size(before+int64(len(content))))
	defer clear(plain)
	binary.BigEndian.PutUint64(plain, uint64(len(content)))
	copy(plain[before:], content)
	var n nonce
	rand.Read(n[:])
	file := make([]byte, 0, len(indexHeader)+len(n)+len(plain)+x.aead.Overhead())
	file = append(append(file, indexHeader...), n[:]...)
	return x.aead.Seal(file, n[:], plain, authenticated(name)), n
}

// open reads a file of the index, or returns errNoIndex.
func (x *index) open(name string) ([]byte, nonce, error) {
	path := x.home.path("index", name)
	if st, err := os.Stat(path); err != nil || st.Size() > maxIndexFile {
		return nil, nonce{}, errNoIndex
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, nonce{}, errNoIndex
	}
	return x.unseal(name, file)
}

// unseal is seal's inverse, in the place of the file, or returns errNoIndex.
func (x *index) unseal(name string, file []byte) ([]byte, nonce, error) {
	var n nonce
	sealed, ok := bytes.CutPrefix(file, []byte(indexHeader))
	if !ok || len(sealed) < len(n) {
		return nil, n, errNoIndex
	}
	sealed = sealed[copy(n[:], sealed):]
	plain, err := x.aead.Open(sealed[:0], n[:], sealed, authenticated(name))
	if err != nil || len(plain) < 8 {
		return nil, n, errNoIndex
	}
	size := binary.BigEndian.Uint64(plain)
	if plain = plain[8:]; size > uint64(len(plain)) {
		return nil, n, errNoIndex
	}
	return plain[:size], n, nil
}

// nonce returns what a file on the disk says it is, or zero.
func (x *index) nonce(name string) (n nonce) {
	f, err := os.Open(x.home.path("index", name))
	if err != nil {
		return nonce{}
	}
	defer f.Close()
	if _, err := f.ReadAt(n[:], int64(len(indexHeader))); err != nil {
		return nonce{}
	}
	return n
}

// An indexState says what the index was whole for.
type indexState struct {
	Basis    ledger.Digest
	Cases    int
	Segments []nonce
}

func (x *index) readState() (*indexState, error) {
	text, _, err := x.open(stateName)
	if err != nil {
		return nil, err
	}
	s := new(indexState)
	if json.Unmarshal(text, s) != nil {
		return nil, errNoIndex
	}
	return s, nil
}

// readSegment reads the entries of a segment.
func (x *index) readSegment(n int) ([]*entry, nonce, error) {
	plain, at, err := x.open(segmentName(n))
	if err != nil {
		return nil, at, err
	}
	list, err := parseEntries(plain)
	return list, at, err
}

// marshalEntries returns a segment's content: what is kept of each, as gob, and
// then the texts, which are left out of it so that reading copies none.
func marshalEntries(list []*entry) ([]byte, error) {
	all := make([]kept, len(list))
	for i, e := range list {
		all[i] = e.kept
		all[i].Size = len(e.text)
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(all); err != nil {
		return nil, fmt.Errorf("writing the index: %w", err)
	}
	for _, e := range list {
		b.Write(e.text)
	}
	return b.Bytes(), nil
}

// parseEntries reads a segment's content. The texts are parts of it.
func parseEntries(content []byte) ([]*entry, error) {
	var all []kept
	r := bytes.NewReader(content) // of which gob takes no byte too many
	if err := gob.NewDecoder(r).Decode(&all); err != nil {
		return nil, errNoIndex
	}
	texts := content[len(content)-r.Len():]
	list := make([]*entry, len(all))
	for i, k := range all {
		if k.Size < 0 || k.Size > len(texts) {
			return nil, errNoIndex
		}
		// gob has no empty lists, and JSON tells them from none.
		for _, list := range []*[]string{&k.Summary.HandedTo, &k.Summary.Marks} {
			if *list == nil {
				*list = []string{}
			}
		}
		if k.Summary.Marks == nil {
			k.Summary.Marks = []string{}
		}
		list[i] = &entry{k, texts[:k.Size:k.Size]}
		texts = texts[k.Size:]
	}
	return list, nil
}

// hasIndex reports whether there may be one, without any key.
func (h *Home) hasIndex() bool {
	_, err := os.Stat(h.path("index", stateName))
	return !errors.Is(err, fs.ErrNotExist)
}
