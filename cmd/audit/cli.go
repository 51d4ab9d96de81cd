package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/term"

	"tocsin/audit"
	"tocsin/ledger"
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

audit reads a snapshot of an intake's store ("intake snapshot" makes one) and accounts for every byte of it: each record against its leaf, the leaves against the tree, the tree against its signed checkpoint, envelopes against the roster of their day; where no record lies there must be zeros, and beside the store nothing. Every finding is a line, the worst first, and each kind comes with what was expected and what to do; the last line is the count. Of one kind, 100 are shown. A notice says that somebody should act, as when a report lies unread past the policy's hours; it does not keep a store from being whole.

Exit codes: 0 whole, 1 could not check, 2 usage, 3 findings other than notices. 1 also if the new checkpoint could not be kept.`

type verifyCmd struct {
	Roster     string `required:"" placeholder:"FILE" help:"The newest signed roster that you have."`
	OrgKey     string `required:"" placeholder:"KEY" help:"The organisation's verifier key, or a file that holds it. Get it from the organisation, never from the intake."`
	Checkpoint string `type:"path" placeholder:"LAST" help:"File with the checkpoint that your last audit kept. The store must contain that history; when it is whole, the file is replaced by the new checkpoint. It need not exist the first time."`
	JSON       bool   `name:"json" help:"Print the result as one JSON object. Its history is grew, first (a checkpoint was kept for the next audit), unchecked or broken."`
	Store      string `arg:"" help:"The snapshot's directory."`
}

// Help is shown by audit verify --help.
func (verifyCmd) Help() string {
	return `Example, once a month, with a snapshot in ./snapshot:

  audit verify --roster roster --org-key org.pub --checkpoint last.checkpoint ./snapshot

Keep last.checkpoint where the intake's operators can't reach it: it is what shows that a store was rolled back or rewritten.`
}

type commands struct {
	Verify  verifyCmd  `cmd:"" help:"Check a snapshot of a store."`
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
		kong.Bind(terminal{stdout, stderr}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		fmt.Fprintf(stderr, "audit: %v\n", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if asked >= 0 {
		return asked
	}
	if err != nil {
		fmt.Fprintf(stderr, "audit: %s\naudit: see audit --help\n", clean(err.Error()))
		return exitUsage
	}
	err = k.Run()
	if code := exit(0); errors.As(err, &code) {
		return int(code)
	}
	if err != nil {
		fmt.Fprintf(stderr, "audit: could not check: %s\n", clean(err.Error()))
		return exitFailed
	}
	return exitWhole
}

// Run checks a snapshot.
func (c *verifyCmd) Run(ctx context.Context, t terminal) error {
	o := audit.Options{Store: c.Store, Today: ledger.DayOf(now())}
	var err error
	if o.Roster, err = os.ReadFile(c.Roster); err != nil {
		return err
	}
	if o.OrgKey, err = orgKey(c.OrgKey); err != nil {
		return err
	}
	if c.Checkpoint != "" {
		o.Last, err = os.ReadFile(c.Checkpoint)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if f, ok := t.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p := newProgress(f)
		o.Progress = p.update
		defer p.clear()
	}
	r, err := audit.Verify(ctx, o)
	if err != nil {
		return err
	}
	k := keptNone
	var keepErr error
	if r.Whole && c.Checkpoint != "" {
		// The new memory takes the place of the old only once it is on disk:
		// a crash leaves one or the other.
		if keepErr = replaceFile(c.Checkpoint, r.Signed); keepErr != nil {
			k = keptFailed
		} else {
			k = keptNew
			if o.Last == nil {
				r.History = audit.HistoryFirst
			}
		}
	}
	if c.JSON {
		err = printJSON(t.out, r)
	} else {
		err = printText(t.out, r, c.Checkpoint, k)
	}
	switch {
	case err != nil:
		return fmt.Errorf("printing the result: %w", err)
	case keepErr != nil:
		// What was found stands, but the next audit will miss its checkpoint.
		fmt.Fprintf(t.err, "audit: the checkpoint was not kept: %s\n", clean(keepErr.Error()))
		return exit(exitFailed)
	case !r.Whole:
		return exit(exitFindings)
	}
	return nil
}

// orgKey takes the organisation's verifier key itself or a file with it.
func orgKey(s string) (string, error) {
	if _, err := note.NewVerifier(s); err == nil {
		return s, nil
	}
	b, err := os.ReadFile(s)
	if err != nil {
		return "", fmt.Errorf("the organisation's key is neither a verifier key nor a readable file: %w", err)
	}
	key := strings.TrimSpace(string(b))
	if _, err := note.NewVerifier(key); err != nil {
		return "", fmt.Errorf("%s does not hold a verifier key: %w", s, err)
	}
	return key, nil
}

func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it was renamed
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
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
