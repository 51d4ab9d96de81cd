package onion

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cretz/bine/torutil"
	"github.com/cretz/bine/torutil/ed25519"
)

// The files of a key's directory are those of tor's HiddenServiceDir (tor(1),
// FILES), so that the address outlives this program: any tor serves it from a
// copy of the directory.
const (
	secretFile   = "hs_ed25519_secret_key"
	hostnameFile = "hostname"
	secretHeader = "== ed25519v1-secret: type0 ==\x00\x00\x00" // 32 bytes, then 64 of the expanded key
)

// ErrKey means that a key's file is not what tor or this package writes.
// Nothing ever writes over it.
var ErrKey = errors.New("not an onion service's secret key")

// A Key is the identity of a v3 onion service.
type Key struct {
	secret  ed25519.PrivateKey // expanded, 64 bytes
	address string
}

// Address is the service's name, 56 characters and ".onion".
func (k *Key) Address() string { return k.address }

// blob is how ADD_ONION takes the key.
func (k *Key) blob() string { return "ED25519-V3:" + base64.StdEncoding.EncodeToString(k.secret) }

// OpenKey reads the key in that directory, and makes directory and key (0700,
// 0600) if there is none. A key that is there is never written over.
func OpenKey(dir string) (*Key, error) {
	k, err := readKey(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the onion service's directory: %w", err)
	}
	pair, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the onion service's key: %w", err)
	}
	content := append([]byte(secretHeader), pair.PrivateKey()...)
	defer clear(content)
	if err := keep(filepath.Join(dir, secretFile), content); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("keeping the onion service's key: %w", err)
	}
	// Whoever came first has the key: what is on disk now is what counts.
	return readKey(dir)
}

func readKey(dir string) (*Key, error) {
	name := filepath.Join(dir, secretFile)
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the onion service's key: %w", err)
	}
	defer clear(content)
	secret, ok := bytes.CutPrefix(content, []byte(secretHeader))
	if !ok || len(secret) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("reading %s: %w; put back a copy of it, or move it away for a new address", name, ErrKey)
	}
	k := &Key{secret: bytes.Clone(secret)}
	k.address = torutil.OnionServiceIDFromV3PublicKey(k.secret.PublicKey()) + ".onion"
	// For people and for tor; made again from the key whenever it differs.
	hostname := filepath.Join(dir, hostnameFile)
	if old, err := os.ReadFile(hostname); err != nil || string(old) != k.address+"\n" {
		if err := os.WriteFile(hostname, []byte(k.address+"\n"), 0o600); err != nil {
			return nil, fmt.Errorf("writing the onion service's address beside its key: %w", err)
		}
	}
	return k, nil
}

// keep writes a new file that only its owner reads, or fails with fs.ErrExist.
//
// Commit point: the link. Before it a crash leaves a file under another name
// that nobody reads; after it the whole content has its name, and the
// directory is synced before the caller may show the address to anyone.
func keep(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), name); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// ValidAddress reports whether that is the address of a v3 onion service, its
// checksum included.
func ValidAddress(address string) bool {
	id, ok := bytes.CutSuffix([]byte(address), []byte(".onion"))
	if !ok {
		return false
	}
	_, err := torutil.PublicKeyFromV3OnionServiceID(string(id))
	return err == nil
}
