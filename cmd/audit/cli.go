package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"time"

	"github.com/alecthomas/kong"

	"tocsin/audit"
)

// now is the clock; the scripts of the tests have one that stands.
var now = time.Now

// Exit codes, stable for scripts.
const (
	exitWhole    = 0
	exitFailed   = 1
	exitUsage    = 2
	exitFindings = 3
)

const description = `Check that a store of sealed reports is whole, without any key that opens one.

audit reads a snapshot of an intake's store ("intake snapshot" makes one), or the store itself over the intake's desk, and accounts for every byte of it: each record against its leaf, the leaves against the tree, the tree against its signed checkpoint, envelopes against the roster of their day; where no record lies there must be zeros, and beside the store nothing. Every finding is a line, the worst first, and each kind comes with what was expected and what to do; the last line is the count. Of one kind, 100 are shown. A notice says that somebody should act, as when a report lies unread past the policy's hours; it does not keep a store from being whole.

Exit codes: 0 whole, 1 could not check, 2 usage, 3 findings other than notices. 1 also if what was found could not be remembered, or the page not be written.`

type commands struct {
	Setup   setupCmd   `cmd:"" help:"Make your keys, to check a store over the network."`
	Verify  verifyCmd  `cmd:"" help:"Check a snapshot of a store, or the store over the network."`
	Compare compareCmd `cmd:"" help:"Tell whether one history holds two checkpoints, and prove it."`
	Proof   proofCmd   `cmd:"" help:"Check a proof that something is in the ledger, such as a witness's receipt."`
	Stats   statsCmd   `cmd:"" help:"Print what the ledger of a snapshot tells in numbers."`
	Witness witnessCmd `cmd:"" help:"Cosign ledgers, as a witness of C2SP tlog-witness."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

type versionCmd struct{}

// terminal is where a command speaks: results to out, the rest to err.
type terminal struct {
	out, err io.Writer
}

// exit ends a command with a code after it has said why.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// run is the whole program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	asked := -1 // set when --help was asked for
	parser, err := kong.New(&c,
		kong.Name("audit"), kong.Description(description),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { asked = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Bind(terminal{stdout, stderr}, typed(args)),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		fmt.Fprintf(stderr, "audit: %v\n", err)
		return exitFailed
	}
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case slices.Equal(args, []string{"--version"}):
		args = []string{"version"}
	}
	k, err := parser.Parse(args)
	if asked >= 0 {
		return asked
	}
	if err != nil {
		fmt.Fprintf(stderr, "audit: %s\naudit: see %s --help\n", audit.Printable(err.Error()), named(err))
		return exitUsage
	}
	err = k.Run()
	if code := exit(0); errors.As(err, &code) {
		return int(code)
	}
	if err != nil {
		fmt.Fprintf(stderr, "audit: could not check: %s\n", audit.Printable(err.Error()))
		return exitFailed
	}
	return exitWhole
}

// named returns the verb that a wrong command line names, or audit if it names
// none.
func named(err error) string {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) && wrong.Context.Selected() != nil {
		return wrong.Context.Selected().FullPath()
	}
	return "audit"
}

// Run prints the version.
func (versionCmd) Run(t terminal) error {
	_, err := fmt.Fprintln(t.out, "audit", version())
	return err
}

// buildVersion is set by the linker (make build VERSION=…).
var buildVersion string

// version is what the build was given, or else the module's version.
func version() string {
	if buildVersion != "" {
		return buildVersion
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
