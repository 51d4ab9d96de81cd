package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"strings"
	"time"

	"tocsin/audit"
	"tocsin/audit/cosigner"
)

// drainTime is how long requests in progress get after SIGTERM.
const drainTime = 10 * time.Second

type witnessCmd struct {
	Init      witnessInitCmd      `cmd:"" help:"Make a new key, in a directory of its own."`
	AddLog    witnessAddLogCmd    `cmd:"" name:"add-log" help:"Cosign for a log from now on."`
	RemoveLog witnessRemoveLogCmd `cmd:"" name:"remove-log" help:"Cosign for a log no more."`
	Serve     witnessServeCmd     `cmd:"" help:"Answer the logs."`
	Status    witnessStatusCmd    `cmd:"" help:"Print what was last cosigned of each log."`
}

// Help is shown by audit witness --help.
func (witnessCmd) Help() string {
	return `A witness, which a Tocsin organisation calls a cosigner, signs a ledger's checkpoints as long as each contains the one before. It sees sizes and hashes, no report. Whoever asks that enough cosigners have signed can't be shown a history of their own. See docs/witness.md and c2sp.org/tlog-witness.

Example, on a partner's server:

  audit witness init /var/lib/tocsin-cosigner/state --name university.example/tocsin
  audit witness add-log /var/lib/tocsin-cosigner/state ledger.vkey
  audit witness serve /var/lib/tocsin-cosigner/state

Exit codes: 0 done, 1 could not, 2 usage.`
}

type witnessInitCmd struct {
	Dir  string `arg:"" type:"path" help:"Where to make it. The directory must not exist."`
	Name string `required:"" placeholder:"KEYNAME" help:"The key's name, like an address without https://, such as university.example/tocsin. It stands in every signature."`
}

// Run makes a cosigner and prints its verifier key for the organisation.
func (c *witnessInitCmd) Run(t terminal) error {
	if strings.Contains(c.Name, "://") {
		return t.failed(fmt.Errorf("the key's name %q must be without %q: it stands in every signature for ever", c.Name, "https://"))
	}
	vkey, err := cosigner.Create(c.Dir, c.Name)
	if errors.Is(err, fs.ErrExist) {
		return t.failed(fmt.Errorf("%s exists; a new cosigner needs a new directory", c.Dir))
	}
	if err != nil {
		return t.failed(err)
	}
	_, err = fmt.Fprintln(t.out, vkey)
	return err
}

type witnessAddLogCmd struct {
	Dir string `arg:"" type:"path" help:"The cosigner's directory."`
	Key string `arg:"" name:"vkey" help:"The ledger's verifier key, or a file that holds it and nothing else. Get it from the organisation: it is what follows the word ledger in the intake's card."`
}

// Run adds a log and prints its origin.
func (c *witnessAddLogCmd) Run(t terminal) error {
	key, err := verifierKey("the log's key", c.Key)
	if err != nil {
		return t.failed(err)
	}
	origin, err := cosigner.AddLog(c.Dir, key)
	if err != nil {
		return t.failed(err)
	}
	_, err = fmt.Fprintln(t.out, audit.Printable(origin))
	return err
}

type witnessRemoveLogCmd struct {
	Dir    string `arg:"" type:"path" help:"The cosigner's directory."`
	Origin string `arg:"" help:"The log's origin, as audit witness status names it."`
}

// Help is shown by audit witness remove-log --help.
func (witnessRemoveLogCmd) Help() string {
	return `For a log that was added by mistake, or whose organisation asked you to stop. What was last cosigned of it stays in the directory, and add-log with the same key goes on from there: a cosigner that starts a log over could sign a second history of it.`
}

// Run removes a log and prints its origin.
func (c *witnessRemoveLogCmd) Run(t terminal) error {
	if err := cosigner.RemoveLog(c.Dir, c.Origin); err != nil {
		return t.failed(err)
	}
	_, err := fmt.Fprintln(t.out, audit.Printable(c.Origin))
	return err
}

type witnessServeCmd struct {
	Dir    string `arg:"" type:"path" help:"The cosigner's directory."`
	Listen string `default:"127.0.0.1:7380" placeholder:"ADDR" help:"Where logs come in, as host:port, in plain HTTP; port 0 takes a free one. Default: ${default}."`
}

// Help is shown by audit witness serve --help.
func (witnessServeCmd) Help() string {
	return `Answers POST /add-checkpoint. It speaks plain HTTP: put a TLS terminator in front, or an onion service; docs/witness.md has both. The address to give to the organisation is what comes before /add-checkpoint, such as https://university.example/tocsin.

Prints "listening on http://…" when it is ready. On SIGTERM it takes nothing new, ends what it is at, and exits with 0. It can be killed at any time: what it signed is on disk before it is signed.

A log that add-log adds or remove-log removes meanwhile is so at once. The log of this program names origins and sizes, never who asked. "the log has forked" in it means that the ledger's key signed two histories: docs/witness.md says what to keep as the proof of it; tell the organisation and the other cosigners.`
}

// Run serves until ctx is done.
func (c *witnessServeCmd) Run(ctx context.Context, t terminal) error {
	signer, err := cosigner.Open(c.Dir)
	if err != nil {
		return t.failed(err)
	}
	defer signer.Close()
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return t.failed(err)
	}
	server := cosigner.NewServer(signer, slog.New(slog.NewTextHandler(t.err, nil)))
	fmt.Fprintf(t.err, "listening on http://%s\n", l.Addr())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		drain, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		err = errors.Join(server.Shutdown(drain), <-ended)
	}
	if err != nil {
		return t.failed(err)
	}
	return nil
}

type witnessStatusCmd struct {
	Dir  string `arg:"" type:"path" help:"The cosigner's directory. Another process may serve from it."`
	JSON bool   `name:"json" help:"Print it as one JSON object."`
}

// Run prints the logs. One that can't be read doesn't hide the others.
func (c *witnessStatusCmd) Run(t terminal) error {
	key, err := cosigner.Key(c.Dir)
	if err != nil {
		return t.failed(err)
	}
	logs, failed := cosigner.Logs(c.Dir)
	if c.JSON {
		err = printLogsJSON(t, key, logs)
	} else {
		err = printLogs(t, key, logs)
	}
	if err != nil {
		return fmt.Errorf("printing the status: %w", err)
	}
	if failed != nil {
		return t.failed(failed)
	}
	return nil
}

func printLogs(t terminal, key string, logs []cosigner.Log) error {
	_, err := fmt.Fprintln(t.out, key)
	for _, l := range logs {
		signed := "nothing cosigned yet"
		if !l.Signed.IsZero() {
			signed = fmt.Sprintf("size %d, cosigned %s", l.Size, l.Signed.Format(time.RFC3339))
		}
		if l.Retired {
			signed += ", removed"
		}
		_, more := fmt.Fprintf(t.out, "%s: %s\n", audit.Printable(l.Origin), signed)
		err = errors.Join(err, more)
	}
	return err
}

func printLogsJSON(t terminal, key string, logs []cosigner.Log) error {
	type entry struct {
		Origin string     `json:"origin"`
		Key    string     `json:"key"`
		Size   int64      `json:"size"`
		Root   string     `json:"root"`
		Signed *time.Time `json:"signed"` // null before the first

		Removed bool `json:"removed,omitempty"`
	}
	entries := []entry{}
	for _, l := range logs {
		e := entry{Origin: l.Origin, Key: l.Key, Size: l.Size, Root: l.Root.String(), Removed: l.Retired}
		if !l.Signed.IsZero() {
			e.Signed = &l.Signed
		}
		entries = append(entries, e)
	}
	e := json.NewEncoder(t.out)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{"key": key, "logs": entries})
}

// failed says why a command that checks nothing could not be done, a line for
// each reason, and ends it.
func (t terminal) failed(err error) error {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(t.err, "audit: %s\n", audit.Printable(line))
	}
	return exit(exitFailed)
}
