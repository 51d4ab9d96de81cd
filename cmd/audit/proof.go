package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"tocsin/audit"
	"tocsin/ledger"
)

type proofCmd struct {
	ledgerKeys `embed:""`
	JSON       bool   `name:"json" help:"Print the result as one JSON object."`
	File       string `arg:"" help:"The proof: what a witness kept as a receipt, or one that lies in a hand-over."`
	Store      string `arg:"" optional:"" help:"A snapshot's directory: whether what is proved is still in its history, and what became of the case."`
}

// Help is shown by audit proof --help.
func (proofCmd) Help() string {
	return `A proof is a C2SP tlog-proof, which other programs check as well. This one says in words what it proves:

  audit proof receipt --roster roster --org-key org.pub
  audit proof receipt --memory memory snapshot

With a memory, the store must also contain what the last audit saw.

Whoever holds a receipt was very likely the one who sent the report. Ask for no more of them than you need, keep no copy, and name them nowhere.

Exit codes: 0 proved, 1 could not check, 2 usage, 3 not proved, or not in the history that it was held against.`
}

// Validate is called by kong once all flags are read.
func (c *proofCmd) Validate() error {
	if !c.given() {
		return errNoKeys
	}
	return nil
}

// Run checks a proof.
func (c *proofCmd) Run(ctx context.Context, t terminal) error {
	keys, memory, err := c.read()
	if err != nil {
		return err
	}
	b, err := readInput(c.File)
	if err != nil {
		return err
	}
	var last []byte
	if memory != nil {
		last = memory.Checkpoint
	}
	r, err := audit.CheckReceipt(ctx, b, keys, c.Store, last)
	unproved := errors.Is(err, ledger.ErrSignature) || errors.Is(err, ledger.ErrProof)
	if err != nil && !unproved {
		return err
	}
	switch {
	case c.JSON && unproved:
		err = writeJSON(t.out, receipt{Problem: err.Error(), Cosigned: []cosigned{}})
	case c.JSON:
		err = writeJSON(t.out, toldOf(r))
	case unproved:
		_, err = fmt.Fprintf(t.out, "not proved: %s\n", audit.Printable(err.Error()))
	default:
		err = c.print(t.out, r, keys)
	}
	if err != nil {
		return fmt.Errorf("printing the result: %w", err)
	}
	if unproved || r.History == audit.HistoryBroken {
		return exit(exitFindings)
	}
	return nil
}

func (c *proofCmd) print(w io.Writer, r *audit.Receipt, keys *audit.Keys) error {
	var b strings.Builder
	fmt.Fprintf(&b, "proved: on %s %s\n", r.Leaf.Day, audit.Printable(r.Says()))
	fmt.Fprintf(&b, "it is leaf %d of the ledger %s, which had %d leaves\n", r.Index, audit.Printable(r.Checkpoint.Origin), r.Checkpoint.Size)
	for _, s := range r.Cosigned {
		fmt.Fprintf(&b, "cosigned by %s on %s\n", s.Cosigner, s.Time.Format("2006-01-02 15:04 UTC"))
	}
	switch n := len(r.Cosigned); {
	case r.Quorum > 0:
		fmt.Fprintf(&b, "%d of the %d cosigners that roster %d asks for signed\n", n, r.Quorum, keys.Roster.Number)
	case n == 0:
		fmt.Fprintln(&b, "nobody but the ledger signed; who has its key can sign another history")
	}
	switch {
	case r.History == audit.HistoryBroken:
		fmt.Fprintf(&b, "broken: %s\nkeep the snapshot and your memory; audit compare may prove that there are two histories\n", audit.Printable(r.Problem))
	case r.History == audit.HistoryGrew && c.Store == "":
		fmt.Fprintln(&b, "it is of the very state that the last audit saw")
	case r.History == audit.HistoryUnchecked:
		fmt.Fprintln(&b, "whether it is still there was not looked at: name a snapshot")
	case r.Retired != nil:
		fmt.Fprintf(&b, "it is in the store's history; the case was %s\n", fate(r.Retired))
	default:
		fmt.Fprintln(&b, "it is in the store's history, and nothing there says that the case was destroyed")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// fate says how a case was destroyed.
func fate(l *ledger.Leaf) string {
	if l.Event == ledger.EventPurged {
		return fmt.Sprintf("purged on %s by %s under the rule %s", l.Day, l.By, audit.Printable(l.Rule))
	}
	return fmt.Sprintf("withdrawn on %s by its witness", l.Day)
}

// receipt is how a checked proof is printed for scripts.
type receipt struct {
	Proved   bool       `json:"proved"`
	Problem  string     `json:"problem,omitempty"`
	History  string     `json:"history,omitempty"` // grew, broken or unchecked
	Origin   string     `json:"origin,omitempty"`
	Index    int64      `json:"index"`
	Size     int64      `json:"size"`
	Event    string     `json:"event,omitempty"`
	Day      string     `json:"day,omitempty"`
	Case     string     `json:"case,omitempty"`
	Kind     string     `json:"kind,omitempty"`
	Cosigned []cosigned `json:"cosigned"`
	Quorum   int        `json:"quorum"`
	Retired  string     `json:"retired,omitempty"` // withdrawn, or the rule it was purged under
}

type cosigned struct {
	Cosigner string    `json:"cosigner"`
	Time     time.Time `json:"time"`
}

func toldOf(r *audit.Receipt) receipt {
	out := receipt{
		Proved: true, Problem: r.Problem, History: r.History, Origin: r.Checkpoint.Origin, Index: r.Index, Size: r.Checkpoint.Size,
		Event: string(r.Leaf.Event), Day: string(r.Leaf.Day), Kind: r.Leaf.Kind, Quorum: r.Quorum, Cosigned: []cosigned{},
	}
	if r.Leaf.Event != ledger.EventRoster {
		out.Case = r.Leaf.Case.String()
	}
	for _, s := range r.Cosigned {
		out.Cosigned = append(out.Cosigned, cosigned{s.Cosigner, s.Time})
	}
	if l := r.Retired; l != nil {
		out.Retired = string(l.Event)
		if l.Event == ledger.EventPurged {
			out.Retired = l.Rule
		}
	}
	return out
}
