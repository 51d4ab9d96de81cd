package triage

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"tocsin/seal"
	"tocsin/seal/roster"
)

// ErrNoOrg means that the home holds no organisation's key.
var ErrNoOrg = errors.New(`no organisation here; type: triage org init --name "…" --key-name NAME`)

// A draft is the roster as it will be signed next, and the number of the last
// one. It is only ever in the organisation's home.
type draft struct {
	Version int
	OrgKey  string // verifier key
	Roster  roster.Roster
}

const draftVersion = 1

// OrgInit makes the organisation's key, named keyName (a domain name, say),
// and an empty roster. It returns the verifier key that everybody else needs.
func (h *Home) OrgInit(name, keyName, passphrase string) (string, error) {
	if strings.TrimSpace(name) == "" {
		return "", errors.New("the organisation needs a name")
	}
	if _, err := os.Lstat(h.path("org", "draft.json")); !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s already holds an organisation; use another home", h.Dir)
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, keyName)
	if err == nil {
		// A name with a space or a plus sign makes keys that do not parse.
		_, err = note.NewSigner(skey)
	}
	if err != nil {
		return "", fmt.Errorf("making the organisation's key: %q can't name it: %w", keyName, err)
	}
	if err := makeDir(h.path("org")); err != nil {
		return "", err
	}
	if err := h.writeKey(h.path(orgKeyFile), []byte(skey+"\n"), passphrase); err != nil {
		return "", err
	}
	d := &draft{Version: draftVersion, OrgKey: vkey, Roster: roster.Roster{Organisation: name, Policy: roster.DefaultPolicy()}}
	// Commit point: a key without a draft has signed nothing, and the next
	// init may write over it.
	return vkey, h.writeDraft(d)
}

func (h *Home) readDraft() (*draft, error) {
	text, err := os.ReadFile(h.path("org", "draft.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoOrg
	}
	if err != nil {
		return nil, fmt.Errorf("reading the draft of the roster: %w", err)
	}
	d := new(draft)
	if err := json.Unmarshal(text, d); err != nil {
		return nil, fmt.Errorf("reading the draft of the roster: %w", err)
	}
	if d.Version != draftVersion {
		return nil, fmt.Errorf("the draft of the roster has version %d: %w", d.Version, ErrVersion)
	}
	return d, nil
}

func (h *Home) writeDraft(d *draft) error {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the draft of the roster: %w", err)
	}
	return writeFile(h.path("org", "draft.json"), append(text, '\n'))
}

func (h *Home) changeDraft(change func(*roster.Roster) error) error {
	d, err := h.readDraft()
	if err != nil {
		return err
	}
	if err := change(&d.Roster); err != nil {
		return err
	}
	return h.writeDraft(d)
}

// OrgKey returns the organisation's verifier key.
func (h *Home) OrgKey() (string, error) {
	d, err := h.readDraft()
	if err != nil {
		return "", err
	}
	return d.OrgKey, nil
}

// OrgDraft returns the roster as it would be signed next, but for its number
// and day, which are those of the last one.
func (h *Home) OrgDraft() (*roster.Roster, error) {
	d, err := h.readDraft()
	if err != nil {
		return nil, err
	}
	return &d.Roster, nil
}

// OrgSetIntake puts an intake's card into the draft. The origin names the
// ledger and everything is bound to it: once signed, it can't change.
func (h *Home) OrgSetIntake(card []byte) error {
	c, err := roster.ParseIntakeCard(card)
	if err != nil {
		return err
	}
	return h.changeDraft(func(r *roster.Roster) error {
		if r.Number > 0 && c.Origin != r.Origin {
			return fmt.Errorf("roster %d is for the intake %s, and an organisation's intake keeps its origin; make another organisation for %s", r.Number, r.Origin, c.Origin)
		}
		r.Origin, r.Intake = c.Origin, c.Intake
		return nil
	})
}

// OrgAddWorker puts a case worker's card into the draft.
func (h *Home) OrgAddWorker(card []byte) (*roster.Worker, error) {
	w, err := roster.ParseWorkerCard(card)
	if err != nil {
		return nil, err
	}
	if _, err := seal.ParseRecipients([]string{w.Recipient}); err != nil {
		return nil, fmt.Errorf("the card's recipient: %w", err)
	}
	return w, h.changeDraft(func(r *roster.Roster) error {
		if r.Worker(w.Name) != nil {
			return fmt.Errorf("%s is already a case worker; type: triage org remove-worker %s", w.Name, w.Name)
		}
		r.Workers = append(r.Workers, *w)
		return nil
	})
}

// OrgAddDestination puts a destination into the draft.
func (h *Home) OrgAddDestination(d roster.Destination) error {
	if err := mustBeDestination(&d); err != nil {
		return err
	}
	return h.changeDraft(func(r *roster.Roster) error {
		if r.Destination(d.Name) != nil {
			return fmt.Errorf("%s is already a destination; to change it, type: triage org set-destination %s", d.Name, d.Name)
		}
		r.Destinations = append(r.Destinations, d)
		return nil
	})
}

// OrgSetDestination lets change alter the draft's destination of that name, but
// for the name, and takes it if it is valid.
func (h *Home) OrgSetDestination(name string, change func(*roster.Destination) error) error {
	return h.changeDraft(func(r *roster.Roster) error {
		d := r.Destination(name)
		if d == nil {
			return fmt.Errorf("%s is not a destination; type: triage org add-destination %s", name, name)
		}
		if err := change(d); err != nil {
			return err
		}
		d.Name = name
		return mustBeDestination(d)
	})
}

func mustBeDestination(d *roster.Destination) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if _, err := seal.ParseRecipients([]string{d.Recipient}); err != nil {
		return fmt.Errorf("the destination's recipient: %w", err)
	}
	return nil
}

// OrgRemoveWorker takes a case worker out of the draft.
func (h *Home) OrgRemoveWorker(name string) error {
	return h.changeDraft(func(r *roster.Roster) error {
		before := len(r.Workers)
		r.Workers = slices.DeleteFunc(r.Workers, func(w roster.Worker) bool { return w.Name == name })
		if len(r.Workers) == before {
			return fmt.Errorf("%s is not a case worker", name)
		}
		return nil
	})
}

// OrgRevoke takes a case worker out of the draft and signs it as the next
// roster; it returns what OrgSign does. The draft is the first commit point and
// the signed roster the second: killed between them, the case worker is in the
// last roster and not in the draft, and revoking again signs.
func (h *Home) OrgRevoke(name string) (string, *roster.Signed, error) {
	d, err := h.readDraft()
	if err != nil {
		return "", nil, err
	}
	last, err := d.lastSigned(h.path("org", "roster"))
	if err != nil {
		return "", nil, err
	}
	if last == nil {
		return "", nil, errors.New("no roster was signed yet; type: triage org remove-worker " + name)
	}
	if d.Roster.Worker(name) != nil {
		if len(d.Roster.Workers) == 1 {
			return "", nil, fmt.Errorf("%s is the only case worker, and without one nobody reads what comes; first type: triage org add-worker CARD", name)
		}
		if err := h.OrgRemoveWorker(name); err != nil {
			return "", nil, err
		}
	} else if last.Worker(name) == nil {
		return "", nil, fmt.Errorf("%s is not a case worker under roster %d", name, last.Number)
	}
	return h.OrgSign()
}

// OrgRemoveDestination takes a destination out of the draft.
func (h *Home) OrgRemoveDestination(name string) error {
	return h.changeDraft(func(r *roster.Roster) error {
		before := len(r.Destinations)
		r.Destinations = slices.DeleteFunc(r.Destinations, func(d roster.Destination) bool { return d.Name == name })
		if len(r.Destinations) == before {
			return fmt.Errorf("%s is not a destination", name)
		}
		return nil
	})
}

// OrgSetPolicy lets change alter the draft's policy and takes it if it is
// valid. It returns ErrQuorum if there are too few cosigners for it.
func (h *Home) OrgSetPolicy(change func(*roster.Policy)) error {
	return h.changeDraft(func(r *roster.Roster) error {
		change(&r.Policy)
		return cmp.Or(r.Policy.Validate(), checkQuorum(r))
	})
}

// OrgSign signs the draft as the next roster and returns where it lies and
// what it says.
func (h *Home) OrgSign() (string, *roster.Signed, error) {
	d, err := h.readDraft()
	if err != nil {
		return "", nil, err
	}
	path := h.path("org", "roster")
	if err := d.catchUp(path); err != nil {
		return "", nil, err
	}
	d.Roster.Number++
	d.Roster.Day = string(h.today())
	switch {
	case d.Roster.Origin == "":
		return "", nil, errors.New("the roster has no intake yet; type: triage org set-intake CARD")
	case len(d.Roster.Workers) == 0:
		return "", nil, errors.New("the roster has no case worker yet; type: triage org add-worker CARD")
	}
	skey, err := h.readKey(orgKeyFile)
	if err != nil {
		return "", nil, fmt.Errorf("reading the organisation's key: %w", err)
	}
	defer clear(skey)
	signer, err := note.NewSigner(strings.TrimSpace(string(skey)))
	if err != nil {
		return "", nil, fmt.Errorf("reading the organisation's key: %w", err)
	}
	signed, err := d.Roster.Sign(signer)
	if err != nil {
		return "", nil, fmt.Errorf("signing the roster: %w", err)
	}
	// Nothing leaves that others would not accept.
	opened, err := roster.Open(signed, d.OrgKey)
	if err != nil {
		return "", nil, fmt.Errorf("signing the roster: %w", err)
	}
	// Commit point. If the draft's number does not follow any more, catchUp
	// takes it from this file the next time.
	if err := writeFile(path, signed); err != nil {
		return "", nil, err
	}
	return path, opened, h.writeDraft(d)
}

// catchUp sets the draft's number to that of the last roster signed, so that
// no number is ever signed twice.
func (d *draft) catchUp(path string) error {
	last, err := d.lastSigned(path)
	if err != nil || last == nil {
		return err
	}
	d.Roster.Number = max(d.Roster.Number, last.Number)
	return nil
}

// lastSigned returns the last roster signed, or nil.
func (d *draft) lastSigned(path string) (*roster.Signed, error) {
	signed, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the last roster: %w", err)
	}
	last, err := roster.Open(signed, d.OrgKey)
	if err != nil {
		return nil, fmt.Errorf("reading the last roster: %w", err)
	}
	return last, nil
}
