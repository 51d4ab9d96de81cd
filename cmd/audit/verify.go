package main

import (
	"context"
	"errors"
	"fmt"

	"tocsin/audit"
	"tocsin/ledger"
)

type verifyCmd struct {
	organisation `embed:""`

	Memory string `type:"path" placeholder:"DIR" help:"Directory in which you remember the last audit. The store must contain that history, and a roster that is no older; then it is remembered in turn. It need not exist the first time; later, neither the roster nor the key need be given again."`
	Resume string `type:"path" placeholder:"FILE" help:"File that remembers the large messages that were read, so that an audit that is interrupted goes on when it is started again. It is removed at the end. Keep it where only you can write, and the snapshot on a machine that you trust."`
	JSON   bool   `name:"json" help:"Print the result as one JSON object. Its history is grew, first (it is remembered for the next audit), unchecked or broken."`
	HTML   string `name:"html" placeholder:"FILE" help:"Write the result to FILE as well, as a page that stands alone, for the minutes. It names cases and is not for publication."`
	Store  string `arg:"" optional:"" help:"The snapshot's directory."`

	deskFlags `embed:""`
}

// Help is shown by audit verify --help.
func (verifyCmd) Help() string {
	return `Example, once a month, with a snapshot in ./snapshot:

  audit verify --memory memory --roster roster --org-key org.pub ./snapshot
  audit verify --memory memory ./snapshot

Without a snapshot, over the network, with the keys that audit setup made in the memory and once they are on the roster:

  audit verify --memory memory --desk tips.example.org:8443

vault.db, which holds the ledger, the envelopes and the small messages, is then read into a file without a name in the memory; large messages are checked as they pass and not kept. All that is found in a snapshot is found, but for files that no record names, which are not sent.

Keep the memory where the intake's operators can't reach it: it is what shows that a store was rolled back or rewritten, or shown otherwise to you than to others.`
}

// Validate is called by kong once all flags are read.
func (c *verifyCmd) Validate() error {
	if c.Memory == "" && (c.Roster == "" || c.OrgKey == "") {
		return errors.New("missing flags: --roster and --org-key, or --memory")
	}
	if err := c.check(c.Store, c.Memory); err != nil {
		return err
	}
	if c.Store != "" && c.Memory != "" && within(c.Memory, c.Store) {
		return fmt.Errorf("--memory would lie in %s; name a directory outside of it", c.Store)
	}
	switch {
	case c.Resume == "":
	case c.Desk != "":
		return errors.New("--resume is for a snapshot; over the desk everything is read anew")
	case within(c.Resume, c.Store):
		return fmt.Errorf("--resume would write into %s; name a file outside of it", c.Store)
	}
	return c.pageApart()
}

// Run checks a snapshot.
func (c *verifyCmd) Run(ctx context.Context, t terminal, args typed) error {
	o := audit.Options{Store: c.Store, Resume: c.Resume, Today: ledger.DayOf(now())}
	var err error
	if o.Roster, o.OrgKey, err = c.organisation.read(); err != nil {
		return err
	}
	var memory *audit.Memory
	if c.Memory != "" {
		if memory, err = audit.OpenMemory(c.Memory); err != nil {
			return err
		}
		defer memory.Close()
		if err := memory.Hold(o.OrgKey, o.Roster); err != nil {
			return err
		}
		o.OrgKey, o.Roster, o.Last = memory.OrgKey, memory.Roster, memory.Checkpoint
	}
	if c.Desk != "" {
		store, done, err := c.fetch(ctx, memory, c.Memory, t)
		if err != nil {
			return err
		}
		defer done()
		o.Source = store
	}
	r, err := verify(ctx, t, o)
	if err != nil {
		if ctx.Err() != nil && c.Resume != "" {
			err = fmt.Errorf("%w; type the same again, and it goes on from there", err)
		}
		return err
	}
	k := keptNone
	var keepErr error
	if memory != nil {
		var kept bool
		switch kept, keepErr = memory.Keep(r); {
		case keepErr != nil:
			k = keptFailed
		case kept:
			k = keptNew
		default:
			k = keptOld
		}
	}
	// The page says what is remembered.
	var pageErr error
	if c.HTML != "" {
		pageErr = writePage(c.HTML, r, args)
	}
	if c.JSON {
		err = printJSON(t.out, r)
	} else {
		err = printText(t.out, r, c.Memory, k)
	}
	switch {
	case err != nil:
		return fmt.Errorf("printing the result: %w", err)
	case keepErr != nil || pageErr != nil:
		// What was found stands, but the next audit won't know of it, or the
		// minutes lack it.
		if keepErr != nil {
			fmt.Fprintf(t.err, "audit: the result was not remembered: %s\n", audit.Printable(keepErr.Error()))
		}
		if pageErr != nil {
			fmt.Fprintf(t.err, "audit: the page was not written: %s\n", audit.Printable(pageErr.Error()))
		}
		return exit(exitFailed)
	case !r.Whole:
		return exit(exitFindings)
	}
	return nil
}
