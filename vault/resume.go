package vault

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"tocsin/ledger"
)

// A Resume is what a check remembers of the blobs that it has hashed, so that
// one which was interrupted, even by kill -9, does not hash them again.
// Everything else, vault.db and the beginning of each blob, is read anew.
//
// It is a file with one line for each blob: its identity, then its SHA-256. A
// line is written in one piece when its blob was read to the end. It need not be
// on stable storage: after a power cut some blobs are hashed again. Nor does it
// matter what a torn line says: a digest counts only where it is the one that
// the leaf wants, and anything else is read.
//
// What that leaves to others between two runs: who can write to this file can
// have a blob pass that is not what its leaf says, so it belongs where only the
// auditor writes, like the checkpoint of the last audit. Who can write to the
// store can't: each way to change a file, or to put another in its place, gives
// it a new ctime, which no program can set. Only who is root there, sets the
// machine's clock, writes to the disk beneath the file system, or held the file
// mapped for writing all along, can change a blob and leave its identity as it
// was. So a resumed check trusts the machine that the snapshot lies on, from the
// first run to the end of the last; one that was not resumed trusts it from when
// it read a blob on, as it says nothing of what is there later. The machine must
// be the auditor's own: neither the intake's nor a file system mounted from it.
type Resume struct {
	file *os.File

	mu    sync.Mutex // workers call
	known map[string]ledger.Digest
}

const resumeHeader = "tocsin.audit-resume.v1"

// maxResumeLine bounds a line of the file, in bytes.
const maxResumeLine = 512

// OpenResume opens the file of an interrupted check, or begins one. It refuses
// a file that is something else. The caller must Close it.
func OpenResume(path string) (r *Resume, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the file to resume from: %w", err)
	}
	r = &Resume{file: f, known: map[string]ledger.Digest{}}
	if err := r.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("reading the file to resume from, %s: %w", path, err), f.Close())
	}
	return r, nil
}

func (r *Resume) read() error {
	st, err := r.file.Stat()
	switch {
	case err != nil:
		return err
	case !st.Mode().IsRegular():
		return fmt.Errorf("%w: not a regular file", ErrMalformed)
	case st.Size() == 0:
		_, err := io.WriteString(r.file, resumeHeader+"\n")
		return err
	}
	lines := bufio.NewScanner(r.file)
	lines.Buffer(nil, maxResumeLine)
	if !lines.Scan() || lines.Text() != resumeHeader {
		return fmt.Errorf("%w: it was not written by an interrupted audit; name one that does not exist", ErrMalformed)
	}
	for lines.Scan() {
		identity, hex, ok := cutLast(lines.Text())
		if digest, err := ledger.ParseDigest(hex); ok && err == nil {
			r.known[identity] = digest
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, bufio.ErrTooLong) { // what is torn ends the list
		return err
	}
	// The next line begins a new one even where the last is torn.
	_, err = io.WriteString(r.file, "\n")
	return err
}

func cutLast(line string) (before, after string, ok bool) {
	i := strings.LastIndexByte(line, ' ')
	if i < 0 {
		return "", "", false
	}
	return line[:i], line[i+1:], true
}

// knows reports whether a blob with that identity was hashed to that digest. A
// nil Resume knows nothing, and neither does one know a blob without identity.
func (r *Resume) knows(identity string, digest ledger.Digest) bool {
	if r == nil || identity == "" {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.known[identity]
	return ok && known == digest
}

// note remembers a blob that was read to its end.
func (r *Resume) note(identity string, digest ledger.Digest) error {
	if r == nil || identity == "" {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := fmt.Fprintf(r.file, "%s %s\n", identity, digest); err != nil {
		return fmt.Errorf("noting how far the check is: %w", err)
	}
	return nil
}

// Remove removes the file: the check has ended and there is nothing to resume.
func (r *Resume) Remove() error {
	if err := os.Remove(r.file.Name()); err != nil {
		return fmt.Errorf("removing the file to resume from: %w", err)
	}
	return nil
}

// Close closes the file and leaves it.
func (r *Resume) Close() error { return r.file.Close() }

// settled is how old the last change of a file must be for its ctime to tell
// another that follows: kernels count time in ticks of up to 10 ms, file
// systems over a network in seconds.
const settled = 2 * time.Second

// identity says of an open file under which name it was found and what changes
// when it does. It is empty for one that changed only now.
func (d *Dir) identity(f *os.File, name string) string {
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || d.now().Sub(time.Unix(st.Ctim.Unix())) < settled {
		return ""
	}
	return fmt.Sprintf("%s dev=%d inode=%d size=%d mtime=%d.%09d ctime=%d.%09d", name, st.Dev, st.Ino, st.Size,
		st.Mtim.Sec, st.Mtim.Nsec, st.Ctim.Sec, st.Ctim.Nsec)
}
