package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"tocsin/audit"
)

type statsCmd struct {
	organisation `embed:""`

	Memory string `type:"path" placeholder:"DIR" help:"The memory of audit verify: its roster and its key need not be given, and the store is held against it. It is not changed."`
	CSV    bool   `name:"csv" xor:"form" help:"Print one number a line as CSV: table, row, column, number."`
	JSON   bool   `name:"json" xor:"form" help:"Print one JSON object."`
	Store  string `arg:"" help:"The snapshot's directory."`
}

// Help is shown by audit stats --help.
func (statsCmd) Help() string {
	return `Example:

  audit stats --memory memory ./snapshot

It checks the snapshot first, as audit verify does; numbers of a store that is not whole are marked so, and the exit code is 3. Counted are the same things as in the case workers' yearly report ("triage stats"), which can be held against it, but none is left out or joined with others: a small number may single somebody out, so do not publish them.

In time is what was done on a day that was over before the policy's deadline, counted from the beginning of the day on which the report came; late is what was done on a day that began after it, counted from that day's end. Between them the days of the ledger can't tell.`
}

// Run counts what the ledger of a snapshot tells.
func (c *statsCmd) Run(ctx context.Context, t terminal) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	r, err := verify(ctx, t, o)
	if err != nil {
		return err
	}
	switch {
	case c.CSV:
		err = r.WriteCSV(t.out)
	case c.JSON:
		err = writeJSON(t.out, struct {
			Whole bool `json:"whole"`
			*audit.Statistics
		}{r.Whole, r.Statistics})
	default:
		err = printStatistics(t.out, r)
	}
	switch {
	case err != nil:
		return fmt.Errorf("printing the numbers: %w", err)
	case !r.Whole:
		fmt.Fprintln(t.err, "audit: the store is not whole: these are the numbers of what could be read of it; see audit verify")
		return exit(exitFindings)
	}
	return nil
}

// options are those of an audit that remembers nothing.
func (c *statsCmd) options() (audit.Options, error) {
	o := audit.Options{Store: c.Store}
	var err error
	if o.Roster, o.OrgKey, err = c.organisation.read(); err != nil {
		return o, err
	}
	if c.Memory == "" {
		return o, nil
	}
	m, err := audit.ReadMemory(c.Memory)
	if err == nil {
		err = m.Hold(o.OrgKey, o.Roster)
	}
	if err != nil {
		return o, err
	}
	o.OrgKey, o.Roster, o.Last = m.OrgKey, m.Roster, m.Checkpoint
	return o, nil
}

// Validate is called by kong once all flags are read.
func (c *statsCmd) Validate() error {
	if c.Memory == "" && (c.Roster == "" || c.OrgKey == "") {
		return errors.New("missing flags: --roster and --org-key, or --memory")
	}
	return nil
}

// printStatistics prints the tables that have rows.
func printStatistics(w io.Writer, r *audit.Result) error {
	var b strings.Builder
	if !r.Whole {
		b.WriteString("NOT WHOLE: these are the numbers of what could be read of the store\n")
	}
	fmt.Fprintf(&b, "deadline %d hours\n", r.Statistics.DeadlineHours)
	for _, table := range r.Statistics.Tables() {
		if len(table.Rows) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", table.Title)
		columns := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, row := range append([][]string{table.Columns}, table.Rows...) {
			cells := make([]string, len(row))
			for i, cell := range row {
				cells[i] = audit.Printable(cmp.Or(cell, "-"))
			}
			fmt.Fprintln(columns, strings.Join(cells, "\t"))
		}
		if err := columns.Flush(); err != nil {
			return err
		}
	}
	b.WriteString("\nnot for publication: small numbers may single somebody out\n")
	_, err := io.WriteString(w, b.String())
	return err
}
