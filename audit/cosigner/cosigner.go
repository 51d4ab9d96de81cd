// Package cosigner is a cosigner of ledgers: a witness of C2SP tlog-witness
// (https://c2sp.org/tlog-witness, as of 2026). For each log that it knows it
// cosigns a checkpoint only if that tree contains the one that it cosigned
// before, and has that on disk before it signs. So of two histories that
// contradict each other it signs at most one, whatever the log does and
// whenever this program or its machine is killed.
//
// That holds as long as its directory never goes back to an earlier state: a
// cosigner can't tell that its own disk was rolled back. Who has lost the
// directory, or has only an old copy, makes a new key.
//
// Checkpoints with extension lines are refused; Tocsin's ledgers have none.
package cosigner

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
)

// timeKept is how exactly the time of a signature is remembered when the same
// checkpoint is cosigned again. Anybody can send a public checkpoint once
// more, and must not wear out the disk with it.
const timeKept = time.Minute

// ErrInUse is returned for a directory that another process serves from.
var ErrInUse = errors.New("another process serves from this directory")

// A Cosigner signs. Its methods may be used by several goroutines.
type Cosigner struct {
	dir  string
	lock *os.File // holds the directory's lock while it is open
	name string
	key  ed25519.PrivateKey
	now  func() time.Time

	mu    sync.Mutex
	turns map[string]*turn // by origin, of logs that were added
}

// A turn is held by the one request that may read and replace the state of a
// log. The checks and the write are one step: otherwise a slow request could
// put a smaller tree back in the place of a larger one.
type turn struct {
	sync.Mutex
	size int64     // of the last checkpoint that this process saw safely on disk
	kept time.Time // when that was; zero before the first
}

// Open takes a directory that Create made, for this process alone, and checks
// that what it last signed of each log is there. It returns ErrInUse, ErrNone if
// there is no such directory, or ErrState if something is missing or damaged.
func Open(dir string) (*Cosigner, error) {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNone)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the cosigner's directory: %w", err)
	}
	// Two processes would each have turns of their own.
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", dir, ErrInUse)
		}
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	c := &Cosigner{dir: dir, lock: f, now: time.Now, turns: map[string]*turn{}}
	c.name, c.key, err = readKey(dir)
	if err == nil {
		_, err = Logs(dir)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return c, nil
}

// Close gives the directory free. No request may be under way.
func (c *Cosigner) Close() error { return c.lock.Close() }

// A Refusal says why a checkpoint was not cosigned.
type Refusal struct {
	Status     int    // of HTTP, as C2SP tlog-witness has it
	Reason     string // a sentence for a person
	Recorded   int64  // the size to prove growth from, if the old size is another; otherwise -1
	Origin     string // the log, if it signed the checkpoint; otherwise empty
	Checkpoint []byte // if the log signed it, with that signature alone: it may prove that the log forked
}

func (r *Refusal) Error() string { return "not cosigned: " + r.Reason }

func refuse(status int, reason string) *Refusal {
	return &Refusal{Status: status, Reason: reason, Recorded: -1}
}

// A Cosigned is what became of a request that was granted.
type Cosigned struct {
	Origin    string
	Old, Size int64
	Lines     []byte // signature lines of C2SP signed-note, one for each key: one
}

// Cosign answers the body of an add-checkpoint request. It returns a *Refusal,
// or another error if the state could not be read or kept; then nothing was
// signed.
func (c *Cosigner) Cosign(body []byte) (*Cosigned, error) {
	r, err := parseRequest(body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, err.Error())
	}
	origin, _, _ := strings.Cut(string(r.checkpoint), "\n")
	if origin == "" {
		return nil, refuse(http.StatusBadRequest, "there is no checkpoint in the request")
	}
	dir := logDir(c.dir, origin)
	vkey, err := readLogKey(dir)
	gone := false
	if errors.Is(err, fs.ErrNotExist) {
		_, none := os.Lstat(dir)
		gone = errors.Is(none, fs.ErrNotExist)
	} else if err == nil {
		gone, err = retired(dir)
	}
	switch {
	case gone:
		return nil, refuse(http.StatusNotFound, "this cosigner was not told to sign for that log")
	case err != nil:
		return nil, err
	}
	checkpoint, err := ledger.OpenCheckpoint(r.checkpoint, vkey)
	switch {
	case errors.Is(err, ledger.ErrSignature):
		return nil, refuse(http.StatusForbidden, "the checkpoint is not signed with the log's key")
	case err != nil:
		return nil, refuse(http.StatusBadRequest, err.Error())
	case r.old > checkpoint.Size:
		return nil, refuse(http.StatusBadRequest, "the old size is larger than the checkpoint's")
	}
	// What others wrote below it, anybody may have: it goes into no file and no log.
	if r.checkpoint, _, err = ledger.MergeCosigned(r.checkpoint, r.checkpoint, vkey, nil); err != nil {
		return nil, err
	}
	lines, err := c.sign(dir, vkey, r, checkpoint)
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
		refusal.Origin, refusal.Checkpoint = origin, r.checkpoint
	}
	if err != nil {
		return nil, err
	}
	return &Cosigned{Origin: origin, Old: r.old, Size: checkpoint.Size, Lines: lines}, nil
}

// sign cosigns a checkpoint that the log signed, if it only grew.
func (c *Cosigner) sign(dir, vkey string, r *request, checkpoint *ledger.Checkpoint) ([]byte, error) {
	t := c.turn(checkpoint.Origin)
	t.Lock()
	defer t.Unlock()
	last, err := readState(dir, vkey)
	if err != nil {
		return nil, err
	}
	if err := grew(last, r, checkpoint); err != nil {
		return nil, err
	}
	now := c.now()
	again := !t.kept.IsZero() && t.size == checkpoint.Size && checkpoint.Size == last.Size
	if since := now.Sub(t.kept); !again || since < 0 || since >= timeKept {
		// Not even a copy of this checkpoint counts as kept until this returns.
		t.kept = time.Time{}
		if err := record(dir, r.checkpoint, now); err != nil {
			return nil, err
		}
		t.size, t.kept = checkpoint.Size, now
	}
	signer := ledger.NewCosignatureSigner(c.name, c.key, func() time.Time { return now })
	signed, err := checkpoint.Sign(signer)
	if err != nil {
		return nil, err
	}
	_, lines, _ := bytes.Cut(signed, []byte("\n\n"))
	return lines, nil
}

// grew returns a *Refusal unless the checkpoint's tree contains the last one.
func grew(last *state, r *request, checkpoint *ledger.Checkpoint) error {
	if r.old != last.Size {
		refusal := refuse(http.StatusConflict, "the last checkpoint that was cosigned has another size than the old one")
		refusal.Recorded = last.Size
		return refusal
	}
	if checkpoint.Size == last.Size && checkpoint.Root != last.Root {
		return refuse(http.StatusConflict, "a tree of this size was cosigned, and it was another one")
	}
	// The empty tree is in every other. tlog.CheckTree doesn't take it.
	if last.Size == 0 {
		if len(r.proof) != 0 {
			return refuse(http.StatusUnprocessableEntity, "there is nothing to prove from an old size of 0")
		}
		return nil
	}
	if err := tlog.CheckTree(r.proof, checkpoint.Size, checkpoint.Root, last.Size, last.Root); err != nil {
		return refuse(http.StatusUnprocessableEntity, "the proof does not show that the tree contains the last one")
	}
	return nil
}

// turn returns the turn of a log that was added.
func (c *Cosigner) turn(origin string) *turn {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.turns[origin]
	if t == nil {
		t = &turn{}
		c.turns[origin] = t
	}
	return t
}
