package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/term"

	"tocsin/audit"
)

// Exit codes, stable for scripts.
const (
	exitWhole    = 0
	exitFailed   = 1
	exitUsage    = 2
	exitFindings = 3
)

const description = `Check that a store of sealed reports is whole, without any key that opens one.

audit reads a snapshot of an intake's store ("intake snapshot" makes one) and holds every byte of it against the signed ledger: each record against its leaf, the leaves against the tree, the tree against its signed checkpoint, envelopes against the roster of their day. Every finding is a line; the last line is the count.

Exit codes: 0 whole, 1 could not check, 2 usage, 3 findings.`

type verifyCmd struct {
	Roster     string `required:"" placeholder:"FILE" help:"The newest signed roster that you have."`
	OrgKey     string `required:"" placeholder:"KEY" help:"The organisation's verifier key, or a file that holds it. Get it from the organisation, never from the intake."`
	Checkpoint string `type:"path" placeholder:"LAST" help:"File with the checkpoint that your last audit kept. The store must contain that history; when it is whole, the file is replaced by the new checkpoint. It need not exist the first time."`
	JSON       bool   `name:"json" help:"Print the result as one JSON object."`
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
		fmt.Fprintf(stderr, "audit: %v\naudit: see audit --help\n", err)
		return exitUsage
	}
	err = k.Run()
	if code := exit(0); errors.As(err, &code) {
		return int(code)
	}
	if err != nil {
		fmt.Fprintf(stderr, "audit: could not check: %v\n", err)
		return exitFailed
	}
	return exitWhole
}

// Run checks a snapshot.
func (c *verifyCmd) Run(ctx context.Context, t terminal) error {
	o := audit.Options{Store: c.Store}
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
	if r.Whole && c.Checkpoint != "" {
		// The new memory takes the place of the old only once it is on disk:
		// a crash leaves one or the other.
		if err := replaceFile(c.Checkpoint, r.Signed); err != nil {
			return fmt.Errorf("keeping the checkpoint: %w", err)
		}
	}
	if c.JSON {
		err = printJSON(t.out, r)
	} else {
		err = printText(t.out, r, c, o.Last == nil)
	}
	if err != nil {
		return fmt.Errorf("printing the result: %w", err)
	}
	if !r.Whole {
		return exit(exitFindings)
	}
	return nil
}

func printText(w io.Writer, r *audit.Result, c *verifyCmd, first bool) error {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintln(&b, f)
	}
	n := r.Counts
	fmt.Fprintf(&b, "checked %d leaves, %d cases, %d messages, %d bytes, roster %d\n", n.Leaves, n.Cases, n.Messages, n.Bytes, r.Roster)
	switch {
	case !r.Whole:
		fmt.Fprintf(&b, "%d findings\n", len(r.Findings))
	case c.Checkpoint == "":
		fmt.Fprintf(&b, "whole; 0 findings; no checkpoint was kept, so the next audit can't tell whether history was rewritten (see --checkpoint)\n")
	case first:
		fmt.Fprintf(&b, "whole; 0 findings; first checkpoint kept in %s\n", c.Checkpoint)
	default:
		fmt.Fprintf(&b, "whole; 0 findings; history only grew; checkpoint kept in %s\n", c.Checkpoint)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printJSON(w io.Writer, r *audit.Result) error {
	type head struct {
		Origin string `json:"origin"`
		Size   int64  `json:"size"`
		Root   string `json:"root"`
	}
	out := struct {
		*audit.Result
		Checkpoint *head `json:"checkpoint"` // null if it did not verify
	}{Result: r}
	if cp := r.Checkpoint; cp != nil {
		out.Checkpoint = &head{cp.Origin, cp.Size, cp.Root.String()}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(out)
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
