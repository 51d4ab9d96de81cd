package cosigner

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

// What lies in a cosigner's directory.
const (
	keyFile  = "key"  // Ed25519, PKCS #8 in PEM
	vkeyFile = "vkey" // the cosigner's verifier key
	logsDir  = "logs" // a directory for each log, named by the SHA-256 of its origin

	// In the directory of a log.
	logKeyFile = "vkey" // the log's verifier key
	stateFile  = "last" // what was last cosigned
	// retiredFile is there, and empty, while nothing is signed for the log. The
	// directory stays where it is: in the place of one that was taken away AddLog
	// could begin a log over, and sign a second history for it.
	retiredFile = "retired"
)

// nothing is what the state says before the first signature. A file without a
// byte, as a crash of the machine may leave one, says nothing at all.
const nothing = "nothing cosigned yet\n"

var (
	// ErrState is returned when a part of a cosigner's directory is missing or
	// damaged. Nothing is signed then, and nothing started over.
	ErrState = errors.New("the cosigner's state is missing or damaged; do not restore an old copy, make a new key")
	// ErrNone is returned for a directory that Create did not make.
	ErrNone = errors.New("there is no cosigner in this directory; audit witness init makes one")
	// ErrKnown is returned for a log that was added before.
	ErrKnown = errors.New("the log was added before")
	// ErrUnknown is returned for a log that the cosigner does not sign for.
	ErrUnknown = errors.New("this cosigner signs for no log of that origin; audit witness status lists those that there are")
	// ErrLogKey is returned for what is not the verifier key of a log.
	ErrLogKey = errors.New("not the verifier key of a log (C2SP signed-note, type 1, Ed25519)")
)

// A state is what was last cosigned of a log.
type state struct {
	Size   int64
	Root   tlog.Hash
	Signed time.Time // to the second; zero before the first signature
}

// A Log is a log that a cosigner signs for.
type Log struct {
	Origin string
	Key    string    // the log's verifier key
	Size   int64     // of the tree that was last cosigned, 0 before the first
	Root   tlog.Hash // of that tree
	Signed time.Time // when that was, to the minute at least; zero before the first

	Retired bool // it was removed: nothing is signed for it
}

// Create makes the directory of a new cosigner, which must not exist, with a
// new key. It returns the cosigner's verifier key. The name should be like an
// address, such as example.org/tocsin-cosigner: plain ASCII without spaces or
// plus signs.
func Create(dir, name string) (vkey string, err error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("making the cosigner's key: %w", err)
	}
	vkey = roster.CosignerKey(name, public)
	if _, _, err := roster.ParseCosignerKey(vkey); err != nil {
		return "", fmt.Errorf("cosigner %q: %w", name, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", fmt.Errorf("encoding the cosigner's key: %w", err)
	}
	return vkey, newDir(dir, []string{logsDir}, map[string][]byte{
		keyFile:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		vkeyFile: []byte(vkey + "\n"),
	})
}

// Key returns the verifier key of the cosigner in a directory.
func Key(dir string) (vkey string, err error) {
	b, err := os.ReadFile(filepath.Join(dir, vkeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s: %w", dir, ErrNone)
	}
	if err != nil {
		return "", fmt.Errorf("reading the cosigner's verifier key: %w", err)
	}
	vkey = strings.TrimSuffix(string(b), "\n")
	if _, _, err := roster.ParseCosignerKey(vkey); err != nil {
		return "", fmt.Errorf("%s: %w: %v", vkeyFile, ErrState, err)
	}
	return vkey, nil
}

// readKey reads the name and the private key of the cosigner in a directory.
func readKey(dir string) (string, ed25519.PrivateKey, error) {
	vkey, err := Key(dir)
	if err != nil {
		return "", nil, err
	}
	text, err := readPart(filepath.Join(dir, keyFile))
	if err != nil {
		return "", nil, err
	}
	defer clear(text)
	block, _ := pem.Decode(text)
	if block == nil {
		return "", nil, fmt.Errorf("%s: %w", keyFile, ErrState)
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w: %v", keyFile, ErrState, err)
	}
	private, ok := k.(ed25519.PrivateKey)
	name, _, _ := strings.Cut(vkey, "+")
	if !ok || roster.CosignerKey(name, private.Public().(ed25519.PublicKey)) != vkey {
		return "", nil, fmt.Errorf("%s is not the key of %s: %w", keyFile, vkeyFile, ErrState)
	}
	return name, private, nil
}

// AddLog has the cosigner in a directory sign for the log with that verifier
// key, from the empty tree on, and returns its origin, which is the key's
// name. A Cosigner that serves from the directory takes it up at once. A log that
// was removed goes on from what was last cosigned, under the key that it had. It
// returns ErrLogKey, or ErrKnown if the origin was added before, under
// whatever key: what was signed for it stays.
func AddLog(dir, vkey string) (origin string, err error) {
	v, err := logVerifier(vkey)
	if err != nil {
		return "", err
	}
	if _, err := Key(dir); err != nil {
		return "", err
	}
	err = newDir(logDir(dir, v.Name()), nil, map[string][]byte{
		logKeyFile: []byte(vkey + "\n"),
		stateFile:  []byte(nothing),
	})
	if !errors.Is(err, fs.ErrExist) {
		return v.Name(), err
	}
	sub := logDir(dir, v.Name())
	was, err := readLogKey(sub)
	if gone, more := retired(sub); errors.Join(err, more) != nil || !gone || was != vkey {
		return "", fmt.Errorf("%s: %w", v.Name(), ErrKnown)
	}
	// Commit point: before it the log is retired, after it as it was when it was removed.
	if err := os.Remove(filepath.Join(sub, retiredFile)); err != nil {
		return "", fmt.Errorf("taking the log up again: %w", err)
	}
	return v.Name(), syncDir(sub)
}

// RemoveLog has the cosigner in a directory sign no more for the log of that
// origin. A Cosigner that serves from the directory heeds it with the next
// request. What was last cosigned is never forgotten: AddLog goes on from it. It
// returns ErrUnknown if there is no such log or it was removed before.
func RemoveLog(dir, origin string) error {
	if _, err := Key(dir); err != nil {
		return err
	}
	sub := logDir(dir, origin)
	_, err := os.Lstat(sub)
	gone := errors.Is(err, fs.ErrNotExist)
	if err == nil {
		gone, err = retired(sub)
	}
	if gone {
		return fmt.Errorf("%s: %w", origin, ErrUnknown)
	}
	if err == nil {
		// Commit point: before it the log is signed for, after it it is not.
		err = writeSynced(filepath.Join(sub, retiredFile), nil)
	}
	if err != nil {
		return fmt.Errorf("removing the log: %w", err)
	}
	return syncDir(sub)
}

// retired reports whether the log in that directory was removed.
func retired(dir string) (bool, error) {
	_, err := os.Lstat(filepath.Join(dir, retiredFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Logs returns the logs that the cosigner in a directory signs or signed for,
// ordered by their directories' names. Of those that can't be read the error speaks.
func Logs(dir string) ([]Log, error) {
	entries, err := os.ReadDir(filepath.Join(dir, logsDir))
	if err != nil {
		return nil, fmt.Errorf("listing the logs: %w", err)
	}
	var logs []Log
	var failed error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) {
			continue // what an AddLog that was killed left
		}
		sub := filepath.Join(dir, logsDir, e.Name())
		key, err := readLogKey(sub)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		last, err := readState(sub, key)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		gone, err := retired(sub)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("reading the cosigner's state: %w", err))
			continue
		}
		origin, _, _ := strings.Cut(key, "+")
		logs = append(logs, Log{origin, key, last.Size, last.Root, last.Signed, gone})
	}
	return logs, failed
}

func logDir(dir, origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return filepath.Join(dir, logsDir, hex.EncodeToString(sum[:]))
}

// logVerifier reads a log's verifier key, and only in the one writing that
// note.GenerateKey makes: it is a line of a file.
func logVerifier(vkey string) (note.Verifier, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrLogKey, err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.SplitN(vkey, "+", 3)[2])
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrLogKey, err)
	}
	if again, err := note.NewEd25519VerifierKey(v.Name(), key[1:]); err != nil || again != vkey {
		return nil, fmt.Errorf("%w: not in its canonical form", ErrLogKey)
	}
	return v, nil
}

// readPart reads a file that must be there. An ErrState that it returns for
// one that is gone is fs.ErrNotExist, too.
func readPart(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the cosigner's state: %w", err)
	}
	return b, nil
}

// readLogKey returns the verifier key in the directory of a log.
func readLogKey(dir string) (string, error) {
	b, err := readPart(filepath.Join(dir, logKeyFile))
	if err != nil {
		return "", err
	}
	vkey := strings.TrimSuffix(string(b), "\n")
	v, err := logVerifier(vkey)
	if err != nil {
		return "", fmt.Errorf("%s: %w: %v", dir, ErrState, err)
	}
	if sum := sha256.Sum256([]byte(v.Name())); hex.EncodeToString(sum[:]) != filepath.Base(dir) {
		return "", fmt.Errorf("%s holds the key of %s: %w", dir, v.Name(), ErrState)
	}
	return vkey, nil
}

// readState returns what was last cosigned of the log in that directory. The
// log's own signature says that it is whole.
func readState(dir, vkey string) (*state, error) {
	b, err := readPart(filepath.Join(dir, stateFile))
	if err != nil {
		return nil, err
	}
	if string(b) == nothing {
		root, err := tlog.TreeHash(0, nil)
		return &state{Root: root}, err
	}
	bad := func(why any) (*state, error) {
		return nil, fmt.Errorf("%s: %w: %v", filepath.Join(dir, stateFile), ErrState, why)
	}
	head, signed, ok := bytes.Cut(b, []byte("\n\n"))
	text, isTime := strings.CutPrefix(string(head), "cosigned ")
	seconds, err := strconv.ParseInt(text, 10, 64)
	if !ok || !isTime || err != nil || strconv.FormatInt(seconds, 10) != text {
		return bad("it does not begin with a time")
	}
	checkpoint, err := ledger.OpenCheckpoint(signed, vkey)
	if err != nil {
		return bad(err)
	}
	return &state{checkpoint.Size, checkpoint.Root, time.Unix(seconds, 0).UTC()}, nil
}

// record makes a signed checkpoint what was last cosigned of the log in that
// directory. The caller has the log's turn. After an error it may be on disk
// or not, and nothing may be signed.
func record(dir string, signed []byte, at time.Time) error {
	path := filepath.Join(dir, stateFile)
	b := fmt.Appendf(nil, "cosigned %d\n\n%s", at.Unix(), signed)
	if err := writeSynced(path+".new", b); err != nil {
		return fmt.Errorf("keeping what will be cosigned: %w", err)
	}
	// Commit point. Killed before it, the old checkpoint stands and no signature
	// was made; the next write begins the temporary file again. Killed after it,
	// the new one stands and a signature may have gone out or not: the log is
	// told that size, sends its checkpoint once more, and has it signed. The
	// signature is made after the directory is synced, so that a crash of the
	// machine can't take back what was signed.
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("keeping what will be cosigned: %w", err)
	}
	return syncDir(dir)
}
