package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"tocsin/seal/roster"
)

// The files in the data directory besides the store's.
const (
	ledgerKeyFile = "ledger.key" // note signer key, signs checkpoints
	deskKeyFile   = "desk.key"   // Ed25519 in PKCS #8, authenticates to case workers
	orgKeyFile    = "org.pub"    // the organisation's verifier key
	socketFile    = "control.sock"
)

var (
	errNoKeys         = errors.New("no keys here")
	errNotInitialised = errors.New("no organisation key here")
)

// keys are what the intake itself holds. None of them opens a report.
type keys struct {
	ledger note.Signer
	card   roster.IntakeCard // the public halves
	desk   ed25519.PrivateKey
}

type keygenCmd struct {
	Data   string `required:"" type:"path" placeholder:"DIR" help:"The data directory; made if it is not there."`
	Origin string `required:"" placeholder:"NAME" help:"Names the ledger for ever, like a URL without a scheme: example.org/intake."`
}

// Help is shown by intake keygen --help.
func (keygenCmd) Help() string {
	return `Writes ledger.key and desk.key into the data directory and never over existing ones. Neither opens a report: the first signs the ledger's checkpoints, the second proves to case workers that they talk to this intake.

Example:

  intake keygen --data ./data --origin example.org/intake > intake.card`
}

// Run makes the keys and prints the card.
//
// Commit point: the ledger key's file. A crash before it leaves at most a desk
// key that no card was ever printed of; the next keygen takes it over. After it
// the keys are there, and intake card prints the card.
func (c *keygenCmd) Run(t terminal) error {
	if strings.Contains(c.Origin, "://") {
		return fmt.Errorf("the origin %q must be without %q: it names the ledger for ever", c.Origin, "https://")
	}
	private, public, err := note.GenerateKey(rand.Reader, c.Origin)
	if err != nil {
		return fmt.Errorf("making the ledger key: %w", err)
	}
	if _, err := os.Lstat(filepath.Join(c.Data, ledgerKeyFile)); err == nil {
		return fmt.Errorf("%s: %w", filepath.Join(c.Data, ledgerKeyFile), fs.ErrExist)
	}
	desk, err := readDeskKey(c.Data)
	made := errors.Is(err, fs.ErrNotExist)
	if made {
		_, desk, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		return fmt.Errorf("making the desk key: %w", err)
	}
	card := (&roster.IntakeCard{Origin: c.Origin, Intake: roster.Intake{Ledger: public, Desk: desk.Public().(ed25519.PublicKey)}}).Marshal()
	// An origin that no roster would accept is refused before anything is
	// written.
	if _, err := roster.ParseIntakeCard(card); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	if made {
		text, err := roster.MarshalPrivateDeskKey(desk)
		if err != nil {
			return err
		}
		if err := writeSecret(filepath.Join(c.Data, deskKeyFile), text); err != nil {
			return err
		}
	}
	if err := writeSecret(filepath.Join(c.Data, ledgerKeyFile), []byte(private+"\n")); err != nil {
		return err
	}
	_, err = t.out.Write(card)
	return err
}

func readDeskKey(dir string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(filepath.Join(dir, deskKeyFile))
	if err != nil {
		return nil, fmt.Errorf("reading the desk key: %w", err)
	}
	defer clear(text)
	return roster.ParsePrivateDeskKey(text)
}

type cardCmd struct {
	Data string `required:"" type:"existingdir" placeholder:"DIR" help:"The data directory."`
}

// Run prints the card of the keys that are there.
func (c *cardCmd) Run(t terminal) error {
	k, err := loadKeys(c.Data)
	if err != nil {
		return err
	}
	_, err = t.out.Write(k.card.Marshal())
	return err
}

// loadKeys reads what keygen wrote.
func loadKeys(dir string) (*keys, error) {
	text, err := os.ReadFile(filepath.Join(dir, ledgerKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, errNoKeys)
	} else if err != nil {
		return nil, fmt.Errorf("reading the ledger key: %w", err)
	}
	private := strings.TrimSpace(string(text))
	k := new(keys)
	if k.ledger, err = note.NewSigner(private); err != nil {
		// The parser's error may quote the key.
		return nil, fmt.Errorf("reading the ledger key: %s is not a note signer key", filepath.Join(dir, ledgerKeyFile))
	}
	if k.desk, err = readDeskKey(dir); err != nil {
		return nil, err
	}
	public, err := verifierKey(private)
	if err != nil {
		return nil, err
	}
	k.card = roster.IntakeCard{Origin: k.ledger.Name(), Intake: roster.Intake{
		Ledger: public,
		Desk:   k.desk.Public().(ed25519.PublicKey),
	}}
	return k, nil
}

// verifierKey is the public half of a note signer key, whose form is
// PRIVATE+KEY+name+hash+base64(algorithm and seed).
func verifierKey(private string) (string, error) {
	fields := strings.SplitN(private, "+", 5)
	if len(fields) == 5 {
		key, err := base64.StdEncoding.DecodeString(fields[4])
		if err == nil && len(key) == 1+ed25519.SeedSize {
			pub := ed25519.NewKeyFromSeed(key[1:]).Public().(ed25519.PublicKey)
			return note.NewEd25519VerifierKey(fields[2], pub)
		}
	}
	return "", errors.New("reading the ledger key: not an Ed25519 key")
}

// named checks that a roster speaks of these keys: under another ledger key
// no checkpoint would verify, and under another desk key no case worker would
// get in.
func (k *keys) named(r *roster.Roster) error {
	if r.Origin != k.card.Origin || r.Intake.Ledger != k.card.Intake.Ledger || !r.Intake.Desk.Equal(k.card.Intake.Desk) {
		return fmt.Errorf("roster %d names another intake's keys: the organisation has to put in this intake's card (intake card) and sign again", r.Number)
	}
	return nil
}

// orgKey reads --org-key: a verifier key, or a file that holds one.
func orgKey(s string) (string, error) {
	if _, err := note.NewVerifier(s); err == nil {
		return s, nil
	}
	text, err := os.ReadFile(s)
	if err != nil {
		return "", fmt.Errorf("reading the organisation's key: neither a verifier key nor a file that can be read: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if _, err := note.NewVerifier(key); err != nil {
		return "", fmt.Errorf("reading the organisation's key: %s holds no verifier key", s)
	}
	return key, nil
}

// keptOrgKey reads the organisation's key that init kept.
func keptOrgKey(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, orgKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s: %w", dir, errNotInitialised)
	} else if err != nil {
		return "", fmt.Errorf("reading the organisation's key: %w", err)
	}
	return string(bytes.TrimSpace(text)), nil
}

// writeSecret writes a new file that only its owner reads, and has it on disk
// when it returns. The file is there whole or not at all, and never over
// another: it gets its name by a link.
func writeSecret(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Link(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
