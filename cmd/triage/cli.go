package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"tocsin/report"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/triage"
	"tocsin/triage/screen"
	"tocsin/triage/view"
)

// Exit codes, stable for scripts.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 3
)

const description = `Read, answer and hand over reports on your own machine. Everything but pull, push and deliver works without a network.

A new case worker:

  triage keygen --name alice > alice.card
  (the organisation puts the card into its roster: triage org add-worker, triage org sign)
  triage join --org-key org.pub --roster roster --desk tips.example.org:8443

Every day, on the whole screen (? shows the keys), or with --plain as a dialogue for a screen reader:

  triage

The same from scripts:

  triage pull
  triage list
  triage search hotel country:TH
  triage show 7k3q
  triage propose 7k3q
  triage route 7k3q --to police
  triage push

Exit codes: 0 done, 1 failed, 2 usage, 3 refused: what the desk, the mirror or a destination says contradicts what is signed or remembered.`

type commands struct {
	Home string `default:"~/.tocsin" env:"TOCSIN_HOME" type:"path" placeholder:"DIR" help:"Directory with your keys and the mirror, ~/.tocsin if not given."`

	View       viewCmd       `cmd:"" default:"withargs" help:"The inbox on the whole screen, or with --plain as a dialogue. Also without any verb."`
	Keygen     keygenCmd     `cmd:"" help:"Make a case worker's keys and print the public card."`
	Join       joinCmd       `cmd:"" help:"Join an organisation, or take a newer roster or address."`
	Pull       pullCmd       `cmd:"" help:"Bring new cases, and verify that the ledger only grew."`
	List       listCmd       `cmd:"" help:"List the cases, the most urgent first."`
	Search     searchCmd     `cmd:"" help:"List the cases in which words are found."`
	Show       showCmd       `cmd:"" help:"Show all of a case but its attachments."`
	Links      linksCmd      `cmd:"" help:"Show what a case has in common with others, and which hang together."`
	Files      filesCmd      `cmd:"" help:"List a case's attachments, or save them deliberately."`
	Note       noteCmd       `cmd:"" help:"Write a note for your colleagues."`
	Assign     assignCmd     `cmd:"" help:"Say whose a case is."`
	Mark       markCmd       `cmd:"" help:"Mark a case, or take marks off it."`
	Propose    proposeCmd    `cmd:"" help:"Show whom the rules propose for a case, and why."`
	Rules      rulesCmd      `cmd:"" help:"The rules that propose destinations: show them, or test them on worked cases."`
	Templates  templatesCmd  `cmd:"" help:"Texts for witnesses, in their languages."`
	Draft      draftCmd      `cmd:"" help:"Keep an answer to the witness, sealed, until it is sent."`
	Reply      replyCmd      `cmd:"" help:"Answer the witness."`
	Route      routeCmd      `cmd:"" help:"Hand cases over: seal them for a destination."`
	Push       pushCmd       `cmd:"" help:"Deliver what you did to the desk."`
	Queue      queueCmd      `cmd:"" help:"List what waits to be pushed, or drop what is refused for good."`
	Deliver    deliverCmd    `cmd:"" help:"Mail sealed bags, or give them to your commands, where the roster says so."`
	Mail       mailCmd       `cmd:"" help:"The mail server that triage deliver uses."`
	Ack        ackCmd        `cmd:"" help:"Record that a destination signed that it has a hand-over."`
	Due        dueCmd        `cmd:"" help:"List what nobody was told of by its deadline; for cron."`
	Hold       holdCmd       `cmd:"" help:"Hold a case: nobody may purge it."`
	Release    releaseCmd    `cmd:"" help:"Let a case go that was held."`
	Purge      purgeCmd      `cmd:"" help:"Destroy a case under a rule, together with colleagues."`
	Stats      statsCmd      `cmd:"" help:"Write the yearly report: a page and a table to publish."`
	Rekey      rekeyCmd      `cmd:"" help:"Seal the cases again after the roster changed."`
	Passphrase passphraseCmd `cmd:"" help:"Set, change or remove the passphrase of your keys."`
	Lock       lockCmd       `cmd:"" help:"Remove the sealed index of what was read."`
	Org        orgCmd        `cmd:"" help:"The organisation's offline key and roster."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// A session is what a verb works with. Results go to out, the rest to err,
// questions to the terminal.
type session struct {
	ctx      context.Context
	home     *triage.Home
	in       io.Reader
	out, err io.Writer
	help     func() error // prints what triage is
}

// locked runs fn while no other process changes the home.
func (s *session) locked(fn func() error) error {
	if err := s.home.Lock(); err != nil {
		return err
	}
	defer s.home.Unlock()
	return fn()
}

// say prints a line that the verb is for.
func (s *session) say(format string, args ...any) {
	fmt.Fprintf(s.out, format+"\n", args...)
}

// nothing says that there is nothing of what the verb is for.
func (s *session) nothing(format string, args ...any) {
	fmt.Fprintf(s.err, "triage: "+format+"\n", args...)
}

// nothingSeen is nothing for the verbs that cron runs: it mails whatever is
// printed, so that only a person at a terminal is told.
func (s *session) nothingSeen(format string, args ...any) {
	if f, ok := s.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.nothing(format, args...)
	}
}

// run is the whole program. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var c commands
	asked := -1 // set when --help was asked for
	s := &session{ctx: ctx, in: stdin, out: stdout, err: stderr}
	parser, err := kong.New(&c,
		kong.Name("triage"), kong.Description(description),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { asked = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Bind(s),
		kong.Vars{
			"templates":     strings.Join(triage.Templates(), ", "),
			"languages":     strings.Join(triage.TemplateLanguages(), ","),
			"authorities":   strings.Join(report.Authorities(), ","),
			"pageLanguages": strings.Join(roster.PageLanguages(), ","),
		},
	)
	if err != nil {
		fmt.Fprintf(stderr, "triage: %v\n", err)
		return exitFailed
	}
	s.help = func() error {
		if _, err := parser.Parse([]string{"--help"}); asked < 0 {
			return err
		}
		return nil
	}
	if slices.Equal(args, []string{"--version"}) {
		args = []string{"version"}
	}
	k, err := parser.Parse(args)
	if asked >= 0 {
		return asked
	}
	if err != nil {
		fmt.Fprintf(stderr, "triage: %v\ntriage: see %s --help\n", err, named(err, args))
		return exitUsage
	}
	s.home = &triage.Home{Dir: c.Home, Now: time.Now, Passphrase: askPassphrase, PluginUI: pluginUI(stderr), Reading: reading(ctx, stderr)}
	return s.exit(k.Run())
}

// named returns the verb that a wrong command line names, or triage if it names
// none.
func named(err error, args []string) string {
	var wrong *kong.ParseError
	if !errors.As(err, &wrong) {
		return "triage"
	}
	verb := wrong.Context.Selected()
	if verb == nil || verb.Name == "view" && !slices.Contains(args, "view") {
		return "triage"
	}
	return verb.FullPath()
}

// exit says what went wrong and what to type next. Errors may quote what the
// desk sent: they are cleaned like everything else.
func (s *session) exit(err error) int {
	if err == nil {
		return exitDone
	}
	if s.ctx.Err() != nil && !errors.Is(err, view.ErrEnded) { // which has its own words
		fmt.Fprintln(s.err, "triage: interrupted; type it again to go on from there")
		return exitFailed
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(s.err, "triage: %s\n", screen.Line(line))
	}
	var wrong usageError
	switch {
	case errors.As(err, &wrong):
		return exitUsage
	case errors.Is(err, triage.ErrRefused):
		return exitRefused
	case errors.Is(err, seal.ErrPassphrase):
		fmt.Fprintln(s.err, "triage: nothing was changed; type it again")
	}
	return exitFailed
}

// A usageError is a command line that kong can't tell is wrong.
type usageError string

func (e usageError) Error() string { return string(e) }

// argument returns the text of an argument that is either the thing itself,
// which begins with prefix, or a file that holds it.
func argument(v, prefix string) (string, error) {
	if strings.HasPrefix(v, prefix) {
		return v, nil
	}
	text, err := os.ReadFile(v)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return line, nil
		}
	}
	return "", fmt.Errorf("%s is empty", v)
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(s *session) error {
	s.say("triage %s", version())
	return nil
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
