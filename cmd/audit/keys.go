package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"tocsin/audit"
	"tocsin/ledger"
)

// maxInput bounds a file that a person names: a roster is the largest.
const maxInput = 2 << 20

// readInput reads a file that may be a stranger's.
func readInput(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxInput+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxInput {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxInput)
	}
	return b, nil
}

// organisation are the flags that say whose intake it is.
type organisation struct {
	Roster string `placeholder:"FILE" help:"The newest signed roster that you have."`
	OrgKey string `placeholder:"KEY" help:"The organisation's verifier key, or a file that holds it. Get it from the organisation, never from the intake."`
}

// read returns what was given; the key may be missing, and so may the roster.
func (o *organisation) read() (roster []byte, orgKey string, err error) {
	if o.Roster != "" {
		if roster, err = readInput(o.Roster); err != nil {
			return nil, "", err
		}
	}
	if o.OrgKey != "" {
		if orgKey, err = verifierKey("the organisation's key", o.OrgKey); err != nil {
			return nil, "", err
		}
	}
	return roster, orgKey, nil
}

// verifierKey takes a verifier key itself or a file with it.
func verifierKey(what, s string) (string, error) {
	if _, err := note.NewVerifier(s); err == nil {
		return s, nil
	}
	b, err := readInput(s)
	if err != nil {
		return "", fmt.Errorf("%s is neither a verifier key nor a readable file: %w", what, err)
	}
	key := strings.TrimSpace(string(b))
	if _, err := note.NewVerifier(key); err != nil {
		return "", fmt.Errorf("%s does not hold a verifier key, NAME+NUMBER+BASE64, and nothing else: %w", s, err)
	}
	return key, nil
}

// ledgerKeys are the flags of those who verify checkpoints.
type ledgerKeys struct {
	organisation `embed:""`
	Memory       string   `type:"path" placeholder:"DIR" help:"The memory of audit verify: then neither roster nor key need be given. It is not changed."`
	LedgerKey    []string `sep:"none" placeholder:"KEY" help:"The ledger's verifier key, or a file that holds it, in place of a roster that names it."`
}

func (k *ledgerKeys) given() bool {
	return k.Memory != "" || len(k.LedgerKey) > 0 || k.Roster != "" && k.OrgKey != ""
}

var errNoKeys = errors.New("missing flags: --roster and --org-key, --memory or --ledger-key")

// read returns the keys, and the memory if there is one.
func (k *ledgerKeys) read() (*audit.Keys, *audit.Memory, error) {
	roster, orgKey, err := k.organisation.read()
	if err != nil {
		return nil, nil, err
	}
	var memory *audit.Memory
	if k.Memory != "" {
		if memory, err = audit.ReadMemory(k.Memory); err != nil {
			return nil, nil, err
		}
		if err := memory.Hold(orgKey, roster); err != nil {
			return nil, nil, err
		}
		roster, orgKey = memory.Roster, memory.OrgKey
	}
	keys := new(audit.Keys)
	if roster != nil {
		if keys, err = audit.RosterKeys(roster, orgKey); err != nil {
			return nil, nil, err
		}
	}
	for _, s := range k.LedgerKey {
		key, err := verifierKey("the ledger's key", s)
		if err != nil {
			return nil, nil, err
		}
		keys.Ledger = append(keys.Ledger, key)
	}
	return keys, memory, nil
}

// readCheckpoint reads a signed checkpoint from a file, from the directory of a
// memory, or from a proof.
func readCheckpoint(name string) ([]byte, error) {
	if isStore(name) {
		return nil, fmt.Errorf("%s is a snapshot: it comes last, after one checkpoint or two", name)
	}
	if isDir(name) {
		m, err := audit.ReadMemory(name)
		if err == nil && m.Checkpoint == nil {
			err = fmt.Errorf("%s remembers no checkpoint", name)
		}
		if err != nil {
			return nil, err
		}
		return m.Checkpoint, nil
	}
	b, err := readInput(name)
	if err != nil || !bytes.HasPrefix(b, []byte("c2sp.org/tlog-proof")) {
		return b, err
	}
	p, err := ledger.ParseProof(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p.Checkpoint, nil
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
