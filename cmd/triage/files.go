package main

import (
	"fmt"

	"tocsin/triage"
	"tocsin/triage/screen"
)

type filesCmd struct {
	caseArg
	Only     []string `sep:"none" placeholder:"FILE" help:"Only this file: its number, or its whole name as listed. May be given several times."`
	Metadata bool     `help:"Print what images say of place, device and time. Nothing is written."`
	Save     string   `type:"path" placeholder:"DIR" help:"Decrypt them into DIR/CASE, which must not be there."`
	Strip    bool     `help:"With --save: print what images say, and write copies without it beside them."`
	Limit    int64    `placeholder:"BYTES" help:"With --save: most bytes in all. What the roster lets a report have if not given."`
	JSON     bool     `name:"json" help:"Print a JSON array."`
}

// Help is shown by triage files --help.
func (filesCmd) Help() string {
	return `Example:

  triage files 7k3q
  triage files 7k3q --only 2 --metadata
  triage files 7k3q --only 2 --save ~/case --strip

Without --save nothing is decrypted to the disk, and without --metadata nothing is opened. Never save or open what may be sexual images of a child: in most countries even possessing them is an offence. Saved files stay decrypted until you remove them. They are never executable.

What metadata says need not be true. It is read from JPEG, PNG and WebP without showing or decoding the image; what else a file may be is left alone. --strip writes NAME.stripped.EXT with the image as it is, turned as it was, without place, device, time, names, thumbnails, colour profile and whatever stands behind it. What the picture itself shows stays. The untouched file is the evidence: route hands over that one.

The sizes are checked before anything is opened: no file may be larger than the roster lets one be, all together not larger than a report, and the disk must have the room. A --limit takes the place of the roster's.

From a case that is marked hand-over-sealed no file is opened or saved; route hands them over as they are.`
}

// Run lists, tells or saves.
func (c filesCmd) Run(s *session) error {
	switch {
	case c.Save == "" && (c.Strip || c.Limit != 0):
		return usageError("--strip and --limit are for --save DIR")
	case c.Save != "" && c.Metadata:
		return usageError("--metadata writes nothing; with --save, --strip prints the same")
	case c.Limit < 0:
		return usageError("--limit is a number of bytes")
	}
	found, err := c.find(s)
	if err != nil {
		return err
	}
	switch {
	case c.Save != "":
		return s.locked(func() error { return c.save(s, found) })
	case c.Metadata:
		files, err := s.home.Metadata(found, c.Only)
		if err != nil {
			return err
		}
		s.noteRead(found)
		if c.JSON {
			return s.printFiles(files)
		}
		return triage.WriteMetadata(s.out, files)
	}
	files, err := s.home.Files(found, c.Only)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.printFiles(files)
	}
	if len(files) == 0 {
		fmt.Fprintf(s.err, "triage: case %s has no attachments\n", found.ID)
	}
	for _, f := range files {
		s.say("%3d  %12d bytes  %s  %s", f.Number, f.Size, screen.Line(f.Type), screen.Line(f.Name))
	}
	return nil
}

func (c filesCmd) save(s *session, found *triage.Case) error {
	if c.Strip && !c.JSON {
		// Before anything is written: it may be a reason not to.
		files, err := s.home.Metadata(found, c.Only)
		if err == nil {
			err = triage.WriteMetadata(s.out, files)
		}
		if err != nil {
			return err
		}
	}
	files, err := s.home.Save(found, c.Save, triage.SaveOptions{Only: c.Only, Strip: c.Strip, Limit: c.Limit})
	if err != nil {
		return err
	}
	if len(files) > 0 {
		s.read(found)
	}
	if c.JSON {
		return s.printFiles(files)
	}
	for _, f := range files {
		for _, path := range []string{f.Saved, f.Stripped} {
			if path != "" {
				s.say("%s", path)
			}
		}
		switch problem := screen.Line(f.Problem); {
		case f.Problem == "":
		case f.Saved == "":
			fmt.Fprintf(s.err, "triage: file %d was not saved: %s\n", f.Number, problem)
		default:
			fmt.Fprintf(s.err, "triage: file %d has no copy without metadata: %s\n", f.Number, problem)
		}
	}
	return nil
}

// printFiles writes an array, which is empty rather than null.
func (s *session) printFiles(files []triage.CaseFile) error {
	if files == nil {
		files = []triage.CaseFile{}
	}
	return s.printJSON(files)
}
