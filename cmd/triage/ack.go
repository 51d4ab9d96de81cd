package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"tocsin/triage"
	"tocsin/triage/screen"
)

type ackCmd struct {
	caseArg
	File string `arg:"" type:"path" help:"The text that the destination signed: a line that sha256sum wrote of the sealed bag."`
	Sig  string `type:"path" placeholder:"FILE" help:"Its signature; FILE.sig or FILE.minisig beside the text if not given."`
	From string `placeholder:"DEST" help:"Take it from this destination only."`
	JSON bool   `name:"json" help:"Print a JSON object."`
}

// Help is shown by triage ack --help.
func (ackCmd) Help() string {
	return `Records that a destination has what it was handed, if it signed that with the key that the roster has for it. The destination needs no program of ours; one of these:

  sha256sum CASE-1a2b3c4d.tar.age > received.txt
  ssh-keygen -Y sign -n tocsin-ack -f ack.key received.txt

  minisign -S -s ack.key -m received.txt

and sends received.txt with received.txt.sig or received.txt.minisig. Then:

  triage ack 7k3q received.txt
  triage push

The text must name, by its SHA-256, a sealed bag that was handed over of this case; whose it was says who must have signed. A signature that does not verify is refused with exit code 3. Recording the same again changes nothing.`
}

// maxSignature is more than a signature may have, in bytes.
const maxSignature = 64 << 10

// Run records.
func (c ackCmd) Run(s *session) error {
	text, err := readAtMost(c.File, triage.MaxAck+1)
	if err != nil {
		return err
	}
	signature, err := c.signature()
	if err != nil {
		return err
	}
	return s.locked(func() error {
		found, err := c.find(s)
		if err != nil {
			return err
		}
		a, err := s.home.Acknowledge(found, text, signature, c.From)
		if errors.Is(err, triage.ErrAcknowledged) {
			// What was asked for is so.
			fmt.Fprintf(s.err, "triage: %v\n", err)
			return nil
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return s.printJSON(a)
		}
		s.say("%s acknowledges that it has %s", a.Destination, a.Bag)
		if a.Comment != "" {
			s.say("  it says: %s", screen.Line(a.Comment))
		}
		s.say("  kept in %s; next: triage push", a.Kept)
		return nil
	})
}

func (c ackCmd) signature() ([]byte, error) {
	if c.Sig != "" {
		return readAtMost(c.Sig, maxSignature)
	}
	for _, ending := range []string{".sig", ".minisig"} {
		signature, err := readAtMost(c.File+ending, maxSignature)
		if !errors.Is(err, fs.ErrNotExist) {
			return signature, err
		}
	}
	return nil, fmt.Errorf("there is neither %s.sig nor %s.minisig; add: --sig FILE", c.File, c.File)
}

func readAtMost(path string, n int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, n))
}
