package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime/debug"
	"slices"

	"github.com/alecthomas/kong"

	"tocsin/vault"
)

// Exit codes, stable for scripts.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitQuorum = 3 // of cosign alone
)

const description = `Take anonymous reports in and keep them sealed. This machine holds no key that opens one.

A new intake is set up with the organisation in four steps:

  intake keygen --data ./data --origin example.org/intake > intake.card
  (the organisation puts the card into its roster and signs it: triage org set-intake, triage org sign)
  intake init --data ./data --roster roster --org-key org.pub
  intake serve --data ./data --listen 127.0.0.1:8080 --desk 0.0.0.0:8443

With serve --onion the page is an onion service, and --listen may be left out. In front of --listen put a TLS terminator, or give --tls-name; --desk speaks mutual TLS itself.

Exit codes: 0 done, 1 failed, 2 usage, 3 too few cosignatures, or a cosigner that contradicts the ledger (cosign).`

type commands struct {
	Keygen       keygenCmd       `cmd:"" help:"Make the intake's keys and print its public card."`
	Card         cardCmd         `cmd:"" help:"Print the public card again."`
	Init         initCmd         `cmd:"" help:"Create an empty store under a signed roster."`
	Serve        serveCmd        `cmd:"" help:"Take reports in until SIGTERM."`
	Snapshot     snapshotCmd     `cmd:"" help:"Copy the store as it is now, for backup and for the auditor."`
	Status       statusCmd       `cmd:"" help:"Say how the running server and its onion services are."`
	Cosign       cosignCmd       `cmd:"" help:"Have the cosigners of the roster sign what the running server published."`
	Onion        onionCmd        `cmd:"" help:"The onion service's address."`
	KeepOnion    keepOnionCmd    `cmd:"" hidden:""`
	UpdateRoster updateRosterCmd `cmd:"" help:"Put a newer roster in force, while the server runs or not."`
	Version      versionCmd      `cmd:"" help:"Print the version."`
}

// terminal is where a command speaks: results to out, the rest to err.
type terminal struct {
	out, err io.Writer
}

// run is the whole program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	asked := -1 // set when --help was asked for
	parser, err := kong.New(&c,
		kong.Name("intake"), kong.Description(description),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { asked = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Bind(terminal{stdout, stderr}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		fmt.Fprintf(stderr, "intake: %v\n", err)
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
		fmt.Fprintf(stderr, "intake: %v\nintake: see %s --help\n", err, named(err))
		return exitUsage
	}
	if err := k.Run(); err != nil {
		fmt.Fprintf(stderr, "intake: %v\n", err)
		if hint := next(err); hint != "" {
			fmt.Fprintf(stderr, "intake: %s\n", hint)
		}
		if errors.Is(err, errNoQuorum) || errors.Is(err, errContradicted) {
			return exitQuorum
		}
		return exitFailed
	}
	return exitDone
}

// named returns the verb that a wrong command line names, or intake if it names
// none.
func named(err error) string {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) && wrong.Context.Selected() != nil {
		return wrong.Context.Selected().FullPath()
	}
	return "intake"
}

// next says what to type next, where an error has such an answer.
func next(err error) string {
	switch {
	case errors.Is(err, vault.ErrNotExist), errors.Is(err, errNotInitialised):
		return "to create a store, see intake init --help"
	case errors.Is(err, errNoKeys):
		return "to make the intake's keys, see intake keygen --help"
	case errors.Is(err, vault.ErrLocked):
		return "is a server running on it? stop it first"
	case errors.Is(err, fs.ErrExist):
		return "nothing was overwritten"
	}
	return ""
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(t terminal) error {
	_, err := fmt.Fprintln(t.out, "intake", version())
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
