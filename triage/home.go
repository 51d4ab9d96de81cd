package triage

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"
	"filippo.io/age/plugin"
	"golang.org/x/mod/sumdb/note"

	"tocsin/desk"
	"tocsin/ledger"
	"tocsin/seal/roster"
)

var (
	// ErrNoKey means that the home holds no case worker's keys.
	ErrNoKey = errors.New("no case worker's key here")
	// ErrNotJoined means that the home knows no organisation yet.
	ErrNotJoined = errors.New("this home has not joined an organisation; type: triage join --org-key KEY --roster FILE --desk ADDR")
	// ErrBusy means that another process is changing the home.
	ErrBusy = errors.New("another triage is at work in this home; wait until it has ended, or end it, and type this again")
	// ErrRefused means that what the desk, or the mirror, holds contradicts
	// what is signed or what was remembered. Nothing was changed.
	ErrRefused = errors.New("refused")
	// ErrVersion means that a file of the home has a version that this program
	// does not know.
	ErrVersion = errors.New("unknown version: a newer program is needed to read it")
)

// A Home is a case worker's directory, or the organisation's.
type Home struct {
	Dir string
	// Passphrase asks the person for the passphrase of a key file. It is
	// called at most once if it is right, and only if there is one.
	Passphrase func(prompt string) (string, error)
	// PluginUI is how an age plugin that the key files are sealed to asks for a
	// PIN or a touch; nil if nobody can be asked.
	PluginUI *plugin.ClientUI
	// Tor reaches a desk whose address ends with .onion.
	Tor desk.Tor
	// Now is the clock; days are taken from it, and when deliveries are due.
	Now func() time.Time
	// Reading is told how far the opening of new cases is; it may be nil.
	Reading Reading

	passphrase string // once asked
	identity   age.Identity
	desk       ed25519.PrivateKey
	inbox      *Inbox // as last returned
	lock       *os.File
	queued     int // number of the queue's last file, as far as known under the lock; 0 if not
}

// Forget drops what the home holds in memory: the passphrase, the keys, and the
// inbox with its texts. The next verb that needs a key asks for it again. The
// desk key and the texts by which cases are searched are overwritten. The
// passphrase, the summaries and age's keys are values that Go does not let
// anybody overwrite: they stay in the memory of the process until it is used for
// something else or the process ends. No verb may be at work, and an Inbox that
// was returned finds nothing any more.
func (h *Home) Forget() {
	clear(h.desk)
	if h.inbox != nil {
		for _, e := range h.inbox.entries {
			clear(e.text)
		}
		h.inbox.entries, h.inbox.urgent = nil, nil
	}
	h.passphrase, h.identity, h.desk, h.inbox = "", nil, nil, nil
}

func (h *Home) path(elem ...string) string {
	return filepath.Join(append([]string{h.Dir}, elem...)...)
}

func (h *Home) today() ledger.Day { return ledger.DayOf(h.Now()) }

// Lock makes the home this process's to change, until Unlock or its death. It
// returns ErrBusy at once if it is another's. Files that dead writers left are
// removed.
func (h *Home) Lock() error {
	if err := makeDir(h.Dir); err != nil {
		return err
	}
	f, err := os.OpenFile(h.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("locking the home: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("%s: %w", h.Dir, ErrBusy)
		}
		return fmt.Errorf("locking the home: %w", err)
	}
	h.lock, h.queued = f, 0
	if err := h.tidy(); err != nil {
		h.Unlock()
		return err
	}
	return nil
}

// tidy ends what dead processes began, under the lock.
func (h *Home) tidy() error {
	if err := h.moveKeys(); err != nil {
		return err
	}
	for _, dir := range []string{"", "ledger", "objects", "queue", draftDir, "deliveries", "org", ackDir} {
		if err := sweep(h.path(dir)); err != nil {
			return err
		}
	}
	outboxes, err := os.ReadDir(h.path("outbox"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("locking the home: %w", err)
	}
	for _, o := range outboxes {
		if err := sweep(h.path("outbox", o.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Unlock lets others change the home.
func (h *Home) Unlock() {
	if h.lock != nil {
		h.lock.Close()
		h.lock, h.queued = nil, 0
	}
}

// A config is what join wrote: whom to believe and where to ask.
type config struct {
	OrgKey string // verifier key of the organisation
	Desk   string // host:port, or empty
}

const configHeader = "tocsin.home.v1"

func (c *config) marshal() []byte {
	return fmt.Appendf(nil, "%s\norg-key %s\ndesk %s\n", configHeader, c.OrgKey, c.Desk)
}

func (h *Home) config() (*config, error) {
	text, err := os.ReadFile(h.path("config"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotJoined
	}
	if err != nil {
		return nil, fmt.Errorf("reading the home's config: %w", err)
	}
	lines := strings.Split(string(text), "\n")
	if lines[0] != configHeader {
		return nil, fmt.Errorf("the home's config begins with %q: %w", lines[0], ErrVersion)
	}
	c := new(config)
	for _, line := range lines[1:] {
		if v, ok := strings.CutPrefix(line, "org-key "); ok {
			c.OrgKey = v
		}
		if v, ok := strings.CutPrefix(line, "desk "); ok {
			c.Desk = v
		}
	}
	if !bytes.Equal(c.marshal(), text) {
		return nil, errors.New("the home's config is damaged; join again")
	}
	return c, nil
}

// Join makes the home one of a case worker of the organisation with that
// verifier key, after checking that the roster is signed by it and names this
// home's own keys. Joining again is for a newer roster or another address; an
// empty address keeps the one that is known.
func (h *Home) Join(orgKey string, signed []byte, desk string) error {
	orgKey = strings.TrimSpace(orgKey)
	if _, err := note.NewVerifier(orgKey); err != nil {
		return fmt.Errorf("the organisation's key: %w", err)
	}
	r, err := roster.Open(signed, orgKey)
	if err != nil {
		return err
	}
	card, err := h.Card()
	if err != nil {
		return err
	}
	if w := r.Worker(card.Name); w == nil || w.Recipient != card.Recipient || !w.Desk.Equal(card.Desk) || w.Onion != card.Onion {
		return fmt.Errorf("roster %d does not name the keys of this home under %q; give the organisation the card in %s", r.Number, card.Name, h.path("card"))
	}
	c, err := h.config()
	switch {
	case errors.Is(err, ErrNotJoined):
		c = &config{OrgKey: orgKey}
	case err != nil:
		return err
	case c.OrgKey != orgKey:
		return errors.New("this home belongs to another organisation; use another home")
	default:
		old, err := h.Roster()
		if err != nil {
			return err
		}
		if err := r.Follows(old); err != nil {
			return err
		}
	}
	if desk != "" {
		c.Desk = desk
	}
	if err := writeFile(h.path("roster"), signed); err != nil {
		return err
	}
	// Commit point: without a config the home has not joined and the roster
	// beside it means nothing.
	return writeFile(h.path("config"), c.marshal())
}

// Roster returns the newest roster that was verified here: the one joined with
// or the one that the last pull brought.
func (h *Home) Roster() (*roster.Signed, error) {
	c, err := h.config()
	if err != nil {
		return nil, err
	}
	signed, err := os.ReadFile(h.path("roster"))
	if err != nil {
		return nil, fmt.Errorf("reading the roster: %w", err)
	}
	joined, err := roster.Open(signed, c.OrgKey)
	if err != nil {
		return nil, err
	}
	head, err := h.readHead()
	if err != nil || head == nil {
		return joined, err
	}
	pulled, err := roster.Open(head.Roster, c.OrgKey)
	if err != nil {
		return nil, err
	}
	if joined.Number > pulled.Number {
		return joined, nil
	}
	return pulled, nil
}
