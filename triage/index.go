package triage

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"

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
// Summary are authenticated with it, so that a file of another program, or one
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
	// else. A field that Summary gains or loses need not raise it.
	indexHeader  = "tocsin.index.v1\n"
	indexKeyInfo = "tocsin.index.v1 key"
	segmentCases = 256
	// maxIndexFile is more than any file of the index has, in bytes: a segment
	// whose cases all have the longest report and a few additions.
	maxIndexFile = 1 << 30
)

// An entry is what the index holds of a case.
type entry struct {
	id    ledger.CaseID
	print ledger.Digest // of all that it was made from
	kept
	text string // what is searched, folded
}

// kept is the part of an entry that the index holds as JSON.
type kept struct {
	Summary
	Keys []string `json:"keys,omitempty"` // what links the case to others
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

// form tells apart programs whose Summary has other fields.
func form() string {
	var b strings.Builder
	t := reflect.TypeFor[kept]()
	for _, f := range reflect.VisibleFields(t) {
		fmt.Fprintf(&b, "%s %s %s\n", f.Name, f.Type, f.Tag)
	}
	return b.String()
}

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
	var n nonce
	path := x.home.path("index", name)
	if st, err := os.Stat(path); err != nil || st.Size() > maxIndexFile {
		return nil, n, errNoIndex
	}
	file, err := os.ReadFile(path)
	if err != nil || len(file) < len(indexHeader)+len(n) || string(file[:len(indexHeader)]) != indexHeader {
		return nil, n, errNoIndex
	}
	sealed := file[len(indexHeader)+copy(n[:], file[len(indexHeader):]):]
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
	list, err := parseEntries(string(plain))
	clear(plain)
	return list, at, err
}

// appendEntry adds an entry as a segment has it: the case's ID, the print, and
// the JSON and the text, each after its length (four bytes, big-endian).
func appendEntry(b []byte, e *entry) ([]byte, error) {
	text, err := json.Marshal(&e.kept)
	if err != nil {
		return nil, fmt.Errorf("writing the index: %w", err)
	}
	b = append(append(b, e.id[:]...), e.print[:]...)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(e.text))), e.text...), nil
}

func parseEntries(s string) ([]*entry, error) {
	var list []*entry
	for s != "" {
		e := new(entry)
		if len(s) < len(e.id)+len(e.print) {
			return nil, errNoIndex
		}
		s = s[copy(e.id[:], s):]
		s = s[copy(e.print[:], s):]
		var text string
		var ok [2]bool
		text, s, ok[0] = cutSized(s)
		e.text, s, ok[1] = cutSized(s)
		if ok != [2]bool{true, true} || json.Unmarshal([]byte(text), &e.kept) != nil {
			return nil, errNoIndex
		}
		list = append(list, e)
	}
	return list, nil
}

// cutSized returns what follows its length at the beginning of s, and the rest.
func cutSized(s string) (v, rest string, ok bool) {
	if len(s) < 4 {
		return "", "", false
	}
	n := uint64(binary.BigEndian.Uint32([]byte(s[:4])))
	if s = s[4:]; n > uint64(len(s)) {
		return "", "", false
	}
	return s[:n], s[n:], true
}

// hasIndex reports whether there may be one, without any key.
func (h *Home) hasIndex() bool {
	_, err := os.Stat(h.path("index", stateName))
	return !errors.Is(err, fs.ErrNotExist)
}
