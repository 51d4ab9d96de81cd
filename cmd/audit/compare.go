package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/vault"
)

type compareCmd struct {
	ledgerKeys `embed:""`
	Out        string `type:"path" placeholder:"FILE" help:"Write the proof there, for others. The file must not exist."`
	Check      string `placeholder:"FILE" help:"Check such a proof instead."`
	JSON       bool   `name:"json" help:"Print the result as one JSON object."`
	A          string `arg:"" optional:"" help:"A signed checkpoint, a memory's directory or a witness's proof. If it is a memory, its keys are taken."`
	B          string `arg:"" optional:"" help:"Another; or a snapshot's directory, for its own checkpoint."`
	Store      string `arg:"" optional:"" help:"A snapshot's directory, where the two have not the same size."`
}

// Help is shown by audit compare --help.
func (compareCmd) Help() string {
	return `Two auditors of one intake exchange their checkpoints, to learn whether they were shown the same:

  audit compare memory theirs.checkpoint snapshot --out proof

When audit verify says that history is broken, this proves it:

  audit compare memory snapshot --out proof

The proof is text. Who has the ledger's key alone checks it:

  audit compare --check proof --ledger-key KEY

Exit codes: 0 one history holds both, 1 it can't be told, 2 usage, 3 a fork: the ledger's key signed two histories.`
}

// Validate is called by kong once all flags are read.
func (c *compareCmd) Validate() error {
	switch {
	case c.Check == "" && c.B == "":
		return errors.New("expected two checkpoints, or --check FILE")
	case c.Check != "" && (c.A != "" || c.Out != ""):
		return errors.New("--check goes with a key alone")
	case !c.given() && !isDir(c.A):
		return errNoKeys
	}
	for _, dir := range []string{c.B, c.Store} {
		if c.Out != "" && isStore(dir) && within(c.Out, dir) {
			return fmt.Errorf("--out would write into %s; name a file outside of it", dir)
		}
	}
	return nil
}

// Run compares two checkpoints, or checks what came of it.
func (c *compareCmd) Run(ctx context.Context, t terminal) error {
	if !c.given() {
		c.Memory = c.A
	}
	keys, _, err := c.read()
	if err != nil {
		return err
	}
	v, err := c.verdict(ctx, keys)
	if err != nil {
		return err
	}
	if c.Out != "" {
		if err := writeNew(c.Out, v.Marshal()); err != nil {
			return fmt.Errorf("writing the proof: %w", err)
		}
	}
	if c.JSON {
		err = writeJSON(t.out, comparison{v.Fork, v.Smaller.Origin, head(v.Of[0], v.Smaller), head(v.Of[1], v.Larger)})
	} else {
		err = c.print(t.out, v)
	}
	if err != nil {
		return fmt.Errorf("printing the result: %w", err)
	}
	if v.Fork {
		return exit(exitFindings)
	}
	return nil
}

func (c *compareCmd) verdict(ctx context.Context, keys *audit.Keys) (*audit.Verdict, error) {
	if c.Check != "" {
		b, err := readInput(c.Check)
		if err != nil {
			return nil, err
		}
		p, err := audit.ParseComparison(b)
		if err != nil {
			return nil, err
		}
		v := &audit.Verdict{Comparison: *p, Of: [2]string{"the smaller", "the larger"}}
		v.Smaller, v.Larger, err = p.Verify(keys.Ledger)
		return v, err
	}
	if c.Store == "" && isStore(c.B) {
		c.Store = c.B
	}
	var signed [2][]byte
	for i, name := range []string{c.A, c.B} {
		if name == c.Store {
			continue // its own
		}
		var err error
		if signed[i], err = readCheckpoint(name); err != nil {
			return nil, err
		}
	}
	return audit.Compare(ctx, [2]string{c.A, c.B}, signed, c.Store, keys)
}

func (c *compareCmd) print(w io.Writer, v *audit.Verdict) error {
	said := "one history holds both"
	if v.Fork {
		said = "fork: the ledger's key signed two histories"
	}
	_, err := fmt.Fprintf(w, "%s\nledger: %s\n", said, audit.Printable(v.Smaller.Origin))
	for i, cp := range []*ledger.Checkpoint{v.Smaller, v.Larger} {
		if err == nil {
			_, err = fmt.Fprintf(w, "%s: %d leaves, root %s\n", audit.Printable(v.Of[i]), cp.Size, cp.Root)
		}
	}
	if err == nil && v.Fork && v.Smaller.Size < v.Larger.Size {
		_, err = fmt.Fprintf(w, "of the larger, the first %d leaves have the root %s\n", v.Smaller.Size, v.Root)
	}
	if err == nil && c.Out != "" {
		_, err = fmt.Fprintf(w, "proof in %s: anybody who has the ledger's key checks it with audit compare --check\n", audit.Printable(c.Out))
	}
	return err
}

// isStore reports whether a directory is that of a store, and not a memory.
func isStore(name string) bool {
	_, err := os.Stat(filepath.Join(name, vault.DBName))
	return err == nil
}

// comparison is how a verdict is printed for scripts.
type comparison struct {
	Fork    bool       `json:"fork"`
	Origin  string     `json:"origin"`
	Smaller headOfTree `json:"smaller"`
	Larger  headOfTree `json:"larger"`
}

type headOfTree struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	Root string `json:"root"`
}

func head(name string, c *ledger.Checkpoint) headOfTree {
	return headOfTree{name, c.Size, c.Root.String()}
}

// writeNew writes a file that is not there yet.
func writeNew(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
