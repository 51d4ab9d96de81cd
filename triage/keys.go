package triage

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"filippo.io/age"

	"tocsin/desk"
	"tocsin/onion"
	"tocsin/seal"
	"tocsin/seal/roster"
)

// Keygen makes a case worker's keys in the home and returns the public card
// that the organisation needs. With a passphrase the key files are protected
// by it. It never touches keys that have a card.
func (h *Home) Keygen(name, passphrase string) ([]byte, error) {
	return h.keygen(name, func(file string, plain []byte) error {
		// Of a keygen that was killed: it would say how these open.
		if err := os.Remove(h.path(pluginFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("making the keys: %w", err)
		}
		return h.writeKey(h.path(file), plain, passphrase)
	})
}

// keygen makes the keys and hands each key file to write, which may wipe it.
func (h *Home) keygen(name string, write func(file string, plain []byte) error) ([]byte, error) {
	if !roster.ValidName(name) {
		return nil, fmt.Errorf("%q can't name a case worker: 1 to 32 lower-case letters, digits and hyphens, a letter or digit first", name)
	}
	if _, err := os.Lstat(h.path("card")); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s already holds a case worker's keys; use another home", h.Dir)
	}
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, fmt.Errorf("making the worker key: %w", err)
	}
	keys, err := desk.NewKeys()
	if err != nil {
		return nil, err
	}
	w := &roster.Worker{Name: name, Recipient: identity.Recipient().String(), Desk: keys.Desk, Onion: keys.Onion}
	text := fmt.Appendf(nil, "# created: %s\n# public key: %s\n%s\n", h.today(), w.Recipient, identity)
	for i, plain := range [][]byte{text, keys.DeskFile, keys.OnionFile} { // in the order of keyFiles
		err := write(keyFiles[i], plain)
		clear(plain)
		if err != nil {
			return nil, err
		}
	}
	// Commit point: keys without a card were never shown to anyone, and the
	// next keygen may write over them.
	if err := writeFile(h.path("card"), w.MarshalCard()); err != nil {
		return nil, err
	}
	return w.MarshalCard(), nil
}

func (h *Home) writeKey(path string, plain []byte, passphrase string) error {
	defer clear(plain)
	if passphrase == "" {
		return writeFile(path, plain)
	}
	sealed, err := seal.ProtectKey(plain, passphrase)
	if err != nil {
		return fmt.Errorf("protecting %s: %w", path, err)
	}
	return writeFile(path, sealed)
}

// readKey reads a key file of the home and asks for what opens it: the plugin
// that it is sealed to, or its passphrase if it has one.
func (h *Home) readKey(name string) ([]byte, error) {
	file, path, err := h.keyFile(name)
	if err != nil {
		return nil, err
	}
	if !seal.IsProtected(file) {
		return file, nil
	}
	if id, err := h.pluginIdentity(); err != nil {
		return nil, err
	} else if id != nil {
		plain, err := openWithPlugin(file, id)
		if err != nil {
			return nil, fmt.Errorf("opening %s: %w", path, err)
		}
		return plain, nil
	}
	if h.passphrase == "" {
		if h.Passphrase == nil {
			return nil, fmt.Errorf("%s is protected by a passphrase and there is no terminal to ask for it", path)
		}
		if h.passphrase, err = h.Passphrase("passphrase for " + path); err != nil {
			return nil, err
		}
	}
	plain, err := seal.UnprotectKey(file, h.passphrase)
	if err != nil {
		h.passphrase = ""
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return plain, nil
}

// Card returns the public halves of the home's keys.
func (h *Home) Card() (*roster.Worker, error) {
	text, err := os.ReadFile(h.path("card"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w; type: triage keygen --name NAME", h.Dir, ErrNoKey)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the card: %w", err)
	}
	return roster.ParseWorkerCard(text)
}

// Identity returns what opens envelopes sealed to this home's worker.
func (h *Home) Identity() (age.Identity, error) {
	if h.identity != nil {
		return h.identity, nil
	}
	text, err := h.readKey("worker.key")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing, and without it no case can be read", ErrNoKey, h.path("worker.key"))
	}
	if err != nil {
		return nil, fmt.Errorf("reading the worker key: %w", err)
	}
	defer clear(text)
	ids, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil {
		return nil, errors.New("reading the worker key: the file is not an age identity file") // age quotes the line
	}
	if len(ids) != 1 {
		return nil, fmt.Errorf("reading the worker key: the file holds %d identities, one is expected", len(ids))
	}
	h.identity = ids[0]
	return h.identity, nil
}

// onionKey returns the key that finds the desk's onion service.
func (h *Home) onionKey() (*ecdh.PrivateKey, error) {
	text, err := h.readKey("onion.key")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing, and without it the desk's onion service can't be found", ErrNoKey, h.path("onion.key"))
	}
	if err != nil {
		return nil, fmt.Errorf("reading the onion key: %w", err)
	}
	defer clear(text)
	key, err := onion.ParseClientKey(text)
	if err != nil {
		return nil, fmt.Errorf("reading the onion key %s: %w", h.path("onion.key"), err)
	}
	return key, nil
}

// deskKey returns the key that speaks to the desk and signs events.
func (h *Home) deskKey() (ed25519.PrivateKey, error) {
	if h.desk != nil {
		return h.desk, nil
	}
	pem, err := h.readKey("desk.key")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing", ErrNoKey, h.path("desk.key"))
	}
	if err != nil {
		return nil, fmt.Errorf("reading the desk key: %w", err)
	}
	defer clear(pem)
	if h.desk, err = roster.ParsePrivateDeskKey(pem); err != nil {
		return nil, fmt.Errorf("reading the desk key: %w", err)
	}
	return h.desk, nil
}
