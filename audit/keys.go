package audit

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tocsin/desk"
	"tocsin/onion"
	"tocsin/seal/roster"
)

// The auditor's own keys lie beside what is remembered. They open nothing.
const (
	deskKeyFile  = "desk.key"  // speaks to the desk
	onionKeyFile = "onion.key" // finds the desk's onion service
	cardFile     = "card"      // their public halves
)

var (
	// ErrNoKeys is returned for a memory in which no auditor's keys were made.
	ErrNoKeys = errors.New("no auditor's keys here; type: audit setup DIR --name NAME")
	// ErrKeys is returned for one in which they were.
	ErrKeys = errors.New("it already holds an auditor's keys: use another directory")
)

// Setup makes an auditor's keys in the memory and returns the public card that
// the organisation needs. It never touches keys that have a card.
func (m *Memory) Setup(name string) (card []byte, err error) {
	if !roster.ValidName(name) {
		return nil, fmt.Errorf("%q can't name an auditor: 1 to 32 lower-case letters, digits and hyphens, a letter or digit first", name)
	}
	if _, err := os.Lstat(filepath.Join(m.dir, cardFile)); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", m.dir, ErrKeys)
	}
	keys, err := desk.NewKeys()
	if err != nil {
		return nil, err
	}
	a := &roster.Auditor{Name: name, Desk: keys.Desk, Onion: keys.Onion}
	// Commit point: the card. Keys without one were never shown to anyone, and
	// the next setup may write over them.
	for _, f := range []struct {
		name    string
		content []byte
	}{
		{deskKeyFile, keys.DeskFile}, {onionKeyFile, keys.OnionFile}, {cardFile, a.MarshalCard()},
	} {
		if err := WriteFile(filepath.Join(m.dir, f.name), f.content); err != nil {
			return nil, fmt.Errorf("keeping %s: %w", f.name, err)
		}
	}
	return a.MarshalCard(), nil
}

// DeskKey returns the key that speaks to the desk, or ErrNoKeys.
func (m *Memory) DeskKey() (ed25519.PrivateKey, error) {
	pem, err := m.readKey(deskKeyFile)
	if err != nil {
		return nil, err
	}
	defer clear(pem)
	key, err := roster.ParsePrivateDeskKey(pem)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(m.dir, deskKeyFile), err)
	}
	return key, nil
}

// OnionKey returns the key that finds the desk's onion service, or ErrNoKeys.
func (m *Memory) OnionKey() (*ecdh.PrivateKey, error) {
	text, err := m.readKey(onionKeyFile)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	key, err := onion.ParseClientKey(text)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(m.dir, onionKeyFile), err)
	}
	return key, nil
}

func (m *Memory) readKey(name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(m.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", m.dir, ErrNoKeys)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the auditor's keys: %w", err)
	}
	return b, nil
}
