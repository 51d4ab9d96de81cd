package triage

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"tocsin/desk"
	"tocsin/ledger"
	"tocsin/seal/roster"
)

// A mirror is the part of the ledger that was verified here, in memory.
//
// On disk it is two files. ledger/leaves holds the leaves, each after its
// length (four bytes, big-endian); ledger/head holds the roster and the
// checkpoint that the last pull verified, as the desk sends them. Leaves are
// appended and synced first; renaming head is the commit point of a pull.
// Whatever lies in leaves beyond head's checkpoint was never committed: it is
// not read, and the next pull writes over it.
type mirror struct {
	orgKey     string
	roster     *roster.Signed // nil before the first pull
	checkpoint ledger.Checkpoint
	leaves     []*ledger.Leaf
	hashes     ledger.Hashes
	bytes      int64 // of the leaves file that are committed

	signed  map[string]int64 // signature → index, of the first leaves; see find
	indexed int              // how many leaves that are
}

// readHead returns the head of the last pull, or nil before the first.
func (h *Home) readHead() (*desk.Head, error) {
	text, err := os.ReadFile(h.path("ledger", "head"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the mirror's head: %w", err)
	}
	head := new(desk.Head)
	for frames := desk.NewReader(bytes.NewReader(text)); ; {
		f, err := frames.Next()
		if err == io.EOF {
			return head, nil
		}
		if err == nil {
			switch f.Kind {
			case desk.Roster:
				head.Roster, err = f.Bytes()
			case desk.Checkpoint:
				head.Checkpoint, err = f.Bytes()
			}
		}
		if err != nil {
			return nil, fmt.Errorf("reading the mirror's head: %w", err)
		}
	}
}

func (h *Home) writeHead(head *desk.Head) error {
	var b bytes.Buffer
	w := desk.NewWriter(&b)
	err := errors.Join(w.Write(desk.Roster, 0, head.Roster), w.Write(desk.Checkpoint, 0, head.Checkpoint), w.Close())
	if err != nil {
		return fmt.Errorf("writing the mirror's head: %w", err)
	}
	return writeFile(h.path("ledger", "head"), b.Bytes())
}

// openMirror reads the mirror and checks that its leaves still make the
// checkpoint's root, so that a damaged disk is noticed here.
func (h *Home) openMirror() (*mirror, error) {
	c, err := h.config()
	if err != nil {
		return nil, err
	}
	m := &mirror{orgKey: c.OrgKey}
	head, err := h.readHead()
	if err != nil || head == nil {
		return m, err
	}
	if m.roster, err = roster.Open(head.Roster, c.OrgKey); err != nil {
		return nil, fmt.Errorf("the mirror's roster: %w", err)
	}
	cp, err := ledger.OpenCheckpoint(head.Checkpoint, m.roster.Intake.Ledger)
	if err != nil {
		return nil, fmt.Errorf("the mirror's checkpoint: %w", err)
	}
	m.checkpoint = *cp
	f, err := os.Open(h.path("ledger", "leaves"))
	if err != nil {
		return nil, fmt.Errorf("reading the mirror's leaves: %w", err)
	}
	defer f.Close()
	if err := m.load(bufio.NewReaderSize(f, 1<<20), cp.Size); err != nil {
		return nil, fmt.Errorf("the mirror is damaged; remove %s and pull again: %w", h.path("ledger"), err)
	}
	if root, err := m.hashes.Root(cp.Size); err != nil || root != cp.Root {
		return nil, fmt.Errorf("the mirror is damaged: its leaves do not make its checkpoint; remove %s and pull again", h.path("ledger"))
	}
	return m, nil
}

func readLeaf(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > ledger.MaxLeaf {
		return nil, fmt.Errorf("a leaf of %d bytes", n)
	}
	leaf := make([]byte, n)
	_, err := io.ReadFull(r, leaf)
	return leaf, err
}

func appendLeaf(to, leaf []byte) []byte {
	return append(binary.BigEndian.AppendUint32(to, uint32(len(leaf))), leaf...)
}

// loadBatch is how many leaves are read before they are parsed and hashed.
const loadBatch = 8192

// load appends the committed leaves, of which there are size. With a full home
// it is most of what a start takes, so every core parses while one hashes.
func (m *mirror) load(r io.Reader, size int64) error {
	for left := size; left > 0; {
		texts := make([][]byte, min(left, loadBatch))
		left -= int64(len(texts))
		var damage error
		for i := range texts {
			if texts[i], damage = readLeaf(r); damage != nil {
				texts = texts[:i]
				break
			}
		}
		leaves := make([]*ledger.Leaf, len(texts))
		errs := make([]error, len(texts))
		var parsing sync.WaitGroup
		parsing.Go(func() {
			inParallel(len(texts), func(i int) { leaves[i], errs[i] = ledger.ParseLeaf(texts[i]) })
		})
		hashed := m.hash(texts)
		parsing.Wait()
		if err := errors.Join(errors.Join(errs...), damage, hashed); err != nil {
			return err
		}
		m.leaves = append(m.leaves, leaves...)
	}
	return nil
}

// hash adds the hashes of committed leaves.
func (m *mirror) hash(texts [][]byte) error {
	for i, text := range texts {
		if err := m.hashes.Append(m.size()+int64(i), text); err != nil {
			return err
		}
		m.bytes += 4 + int64(len(text))
	}
	return nil
}

// inParallel calls fn with 0 to n-1, as many at once as there are cores.
func inParallel(n int, fn func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				fn(int(i))
			}
		})
	}
	all.Wait()
}

// append adds a committed leaf in memory.
func (m *mirror) append(leaf []byte) error {
	l, err := ledger.ParseLeaf(leaf)
	if err != nil {
		return err
	}
	if err := m.hashes.Append(int64(len(m.leaves)), leaf); err != nil {
		return err
	}
	m.leaves = append(m.leaves, l)
	m.bytes += 4 + int64(len(leaf))
	return nil
}

// size is the number of leaves.
func (m *mirror) size() int64 { return int64(len(m.leaves)) }

// clone returns a mirror to which leaves can be added without m changing.
func (m *mirror) clone() *mirror {
	c := *m
	c.leaves = append([]*ledger.Leaf(nil), m.leaves...)
	c.hashes = append(ledger.Hashes(nil), m.hashes...)
	c.signed, c.indexed = nil, 0
	return &c
}

// commit makes next, which is m and those leaves, what the home remembers.
func (h *Home) commit(m, next *mirror, leaves []byte, head *desk.Head) error {
	if err := makeDir(h.path("ledger")); err != nil {
		return err
	}
	f, err := os.OpenFile(h.path("ledger", "leaves"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("writing the mirror's leaves: %w", err)
	}
	_, err = f.WriteAt(leaves, m.bytes)
	if err == nil {
		err = f.Truncate(next.bytes)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing the mirror's leaves: %w", err)
	}
	if err := syncDir(h.path("ledger")); err != nil {
		return err
	}
	// Commit point. Killed before it, the home remembers m and pulls again;
	// after it, next, and only objects are left to fetch.
	return h.writeHead(head)
}
