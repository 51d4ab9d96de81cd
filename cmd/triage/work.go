package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"tocsin/triage"
	"tocsin/triage/screen"
)

// caseArg is the argument of every verb about one case.
type caseArg struct {
	Case string `arg:"" help:"The case's ID, or as much of its beginning as is unique."`
}

// find returns the case that is meant.
func (c caseArg) find(s *session) (*triage.Case, error) { return s.home.Find(c.Case) }

// printJSON writes v with every character escaped that could act on a
// terminal, so that it is as safe there as it is exact for programs.
func (s *session) printJSON(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	s.say("%s", screen.JSON(text))
	return nil
}

// summaryLine says, after the beginning of the ID, what decides.
func summaryLine(v *triage.Summary) string {
	parts := append([]string{v.ID[:8], v.Day, standing(v)}, alarms(v)...)
	for _, p := range []struct {
		is   bool
		what string
	}{
		{v.Unheard, "the witness wrote again"},
		{v.State == triage.StateAcknowledged, "acknowledged"},
		{v.Held, "held"},
		{v.Assigned != "", "for " + v.Assigned},
		{len(v.Marks) > 0, strings.Join(v.Marks, ", ")},
		{v.Country+v.City != "", strings.TrimSpace(v.Country + " " + v.City)},
		{v.Files > 0, count(v.Files, "file")},
		{v.Queued, "to push"},
	} {
		if p.is {
			parts = append(parts, p.what)
		}
	}
	return strings.Join(parts, "  ")
}

// standing says how long is left of a case's time, or where it went.
func standing(v *triage.Summary) string {
	switch {
	case v.Purged != "":
		return "purged under " + v.Purged
	case v.Withdrawn:
		return "withdrawn by the witness"
	case !v.Open():
		return "handed over to " + strings.Join(v.HandedTo, ", ")
	case v.HoursLeft < 0:
		return fmt.Sprintf("OVERDUE by %d h", -v.HoursLeft)
	}
	return fmt.Sprintf("%d h left", v.HoursLeft)
}

// alarms are what can't wait.
func alarms(v *triage.Summary) (list []string) {
	if v.Altered {
		list = append(list, "RECORD ALTERED: do not reply")
	}
	if v.Danger {
		list = append(list, "CHILD IN DANGER NOW")
	}
	if v.Departure {
		list = append(list, "DEPARTURE IMMINENT")
	}
	return list
}

type showCmd struct {
	caseArg
	JSON bool `name:"json" help:"Print a JSON object."`
}

// Help is shown by triage show --help.
func (showCmd) Help() string {
	return `The first time that anybody shows a report or saves its files, the signed note that it was read is queued; push delivers it. Until it is in the ledger the witness may withdraw the report, where the organisation's policy lets them. While another triage is at work in this home nothing is noted.`
}

// read notes that a report was opened, unless that was noted before. What was
// asked for does not fail for it.
func (s *session) read(c *triage.Case) {
	_, err := s.home.MarkRead(c)
	if err != nil {
		fmt.Fprintf(s.err, "triage: it was not noted that the report was read: %s\n", screen.Line(err.Error()))
	}
}

// noteRead is read for a verb that changes nothing else and needs no lock.
func (s *session) noteRead(c *triage.Case) {
	if len(c.Read) > 0 {
		return
	}
	err := s.locked(func() error {
		s.read(c)
		return nil
	})
	if err != nil && !errors.Is(err, triage.ErrBusy) {
		fmt.Fprintf(s.err, "triage: it was not noted that the report was read: %s\n", screen.Line(err.Error()))
	}
}

// Run shows.
func (c showCmd) Run(s *session) error {
	found, err := c.find(s)
	if err != nil {
		return err
	}
	shown, err := s.home.Show(found)
	if err != nil {
		return err
	}
	s.noteRead(found)
	if c.JSON {
		return s.printJSON(shown)
	}
	return shown.Write(s.out)
}
