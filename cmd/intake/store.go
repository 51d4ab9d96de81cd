package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/vault"
)

type initCmd struct {
	Data   string `required:"" type:"existingdir" placeholder:"DIR" help:"The data directory, with the keys that intake keygen made."`
	Roster string `required:"" type:"existingfile" placeholder:"FILE" help:"The signed roster."`
	OrgKey string `required:"" placeholder:"KEY" help:"The organisation's verifier key, or a file that holds it."`
}

// Help is shown by intake init --help.
func (initCmd) Help() string {
	return `Creates vault.db and blobs/ in the data directory and keeps the organisation's key as org.pub: every later roster must be signed by it. An existing store is never touched.

Example:

  intake init --data ./data --roster roster --org-key org.pub`
}

// Run creates the store.
func (c *initCmd) Run() error {
	key, err := orgKey(c.OrgKey)
	if err != nil {
		return err
	}
	signed, err := os.ReadFile(c.Roster)
	if err != nil {
		return fmt.Errorf("reading the roster: %w", err)
	}
	k, err := loadKeys(c.Data)
	if err != nil {
		return err
	}
	if err := usable(signed, key, k); err != nil {
		return err
	}
	if err := vault.Create(c.Data, signed, key, vault.Options{Signer: k.ledger}); err != nil {
		return err
	}
	// A crash in between leaves a store that serve refuses for want of the
	// key; it is empty and may be deleted.
	return writeSecret(filepath.Join(c.Data, orgKeyFile), []byte(key+"\n"))
}

// usable says whether the intake could work under a roster: it must be the
// organisation's, name this intake's keys, and hold case workers that can
// really be sealed to.
func usable(signed []byte, orgKey string, k *keys) error {
	r, err := roster.Open(signed, orgKey)
	if err != nil {
		return err
	}
	if err := k.named(&r.Roster); err != nil {
		return err
	}
	if _, err := seal.ParseRecipients(r.Recipients()); err != nil {
		return fmt.Errorf("roster %d: %w", r.Number, err)
	}
	return nil
}

// openVault opens the store of a data directory.
func openVault(dir string, o vault.Options) (*vault.Vault, *keys, error) {
	key, err := keptOrgKey(dir)
	if err != nil {
		return nil, nil, err
	}
	k, err := loadKeys(dir)
	if err != nil {
		return nil, nil, err
	}
	o.Signer = k.ledger
	v, err := vault.Open(dir, key, o)
	return v, k, err
}

type snapshotCmd struct {
	Data string `required:"" type:"existingdir" placeholder:"DIR" help:"The data directory."`
	To   string `required:"" type:"path" placeholder:"DIR" help:"Where to put the snapshot; must not exist yet."`
}

// Help is shown by intake snapshot --help.
func (snapshotCmd) Help() string {
	return `The snapshot is a store in its own right, as of one instant, made while the server goes on. It holds ciphertext and the ledger, and no key. On the same file system large reports are linked, not copied.

Example:

  intake snapshot --data ./data --to ./snapshot`
}

// Run makes the snapshot, through the server if one runs.
func (c *snapshotCmd) Run(ctx context.Context) error {
	if server := dialControl(c.Data); server != nil {
		return server.snapshot(ctx, c.Data, c.To)
	}
	v, _, err := openVault(c.Data, vault.Options{})
	if err != nil {
		return err
	}
	defer v.Close()
	return v.Snapshot(ctx, c.To)
}

type updateRosterCmd struct {
	Data   string `required:"" type:"existingdir" placeholder:"DIR" help:"The data directory."`
	Roster string `required:"" type:"existingfile" placeholder:"FILE" help:"The newer signed roster."`
}

// Help is shown by intake update-roster --help.
func (updateRosterCmd) Help() string {
	return `The roster must be signed by the organisation's key and have a higher number than the one in force. It holds for reports that come in from then on; what is sealed already stays sealed to those it was sealed to.

Example:

  intake update-roster --data ./data --roster roster`
}

// Run puts the roster in force, through the server if one runs.
func (c *updateRosterCmd) Run(ctx context.Context) error {
	signed, err := os.ReadFile(c.Roster)
	if err != nil {
		return fmt.Errorf("reading the roster: %w", err)
	}
	if server := dialControl(c.Data); server != nil {
		return server.updateRoster(ctx, signed)
	}
	v, k, err := openVault(c.Data, vault.Options{})
	if err != nil {
		return err
	}
	defer v.Close()
	if err := usable(signed, v.Roster().OrgKey, k); err != nil {
		return err
	}
	return v.UpdateRoster(ctx, signed)
}
