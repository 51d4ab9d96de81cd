package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin/triage"
	"tocsin/triage/links"
	"tocsin/triage/screen"
)

type linksCmd struct {
	Case    string  `arg:"" optional:"" help:"The case's ID, or as much of its beginning as is unique; all clusters if none is given."`
	Cluster bool    `help:"Print the IDs of the cases that hang together with CASE, itself included, one a line."`
	Within  float64 `default:"200" placeholder:"METRES" help:"How far apart two points may lie and still be one place; 200 if not given."`
	JSON    bool    `name:"json" help:"Print a JSON array: of links, or with --cluster of IDs, or of clusters."`
}

// Help is shown by triage links --help.
func (linksCmd) Help() string {
	return `Examples:

  triage links
  triage links 7k3q
  triage route $(triage links --cluster 7k3q) --to police

Reports are linked by the same plate, phone number, e-mail address, handle, site or address online, flight (with at most 7 days between), place, or by coordinates near each other, however each witness wrote them: capitals, accents, spaces, digits of other scripts, Cyrillic, Greek or Indian letters, one slip in a longer name. Arabic and Thai names match only within their script. A link shows both values as they were written, and where. It is a hint: read both reports before you act on it.

Names in common use (Hilton) need a city; on a platform that thousands share only the whole address or handle counts. What witnesses say of themselves links nothing.

A cluster is every case that a chain of links leads to, however thin: look at the links before you route it together. All reading happens here, and nothing is kept on the disk.`
}

// Run prints links.
func (c linksCmd) Run(s *session) error {
	switch {
	case c.Cluster && c.Case == "":
		return usageError("--cluster needs a case: triage links --cluster CASE")
	case !(c.Within > 0 && c.Within <= 100_000):
		return usageError("--within is a distance in metres, from above 0 to 100000")
	}
	inbox, err := s.home.Inbox()
	if err != nil {
		return err
	}
	linked, err := inbox.Linked(c.Within)
	if err != nil {
		return err
	}
	var of string
	if c.Case != "" {
		found, err := s.home.Find(c.Case)
		if err != nil {
			return err
		}
		of = found.ID.String()
		// Of a case that can't be read nothing is known: that is no "none".
		if problem, ok := linked.Unread[of]; ok {
			return errors.New(problem)
		}
	}
	for _, u := range slices.Sorted(maps.Values(linked.Unread)) {
		fmt.Fprintf(s.err, "triage: passed over: %s\n", u)
	}
	switch {
	case c.Cluster:
		return c.cluster(s, linked.Cluster(of))
	case of != "":
		return c.links(s, linked.Of(of))
	}
	return c.clusters(s, linked.Clusters(), inbox.List())
}

func (c linksCmd) cluster(s *session, ids []string) error {
	if c.JSON {
		return s.printJSON(ids)
	}
	for _, id := range ids {
		s.say("%s", id)
	}
	return nil
}

func (c linksCmd) clusters(s *session, clusters [][]string, inbox []triage.Summary) error {
	if c.JSON {
		if clusters == nil {
			clusters = [][]string{}
		}
		return s.printJSON(clusters)
	}
	if len(clusters) == 0 {
		s.nothing("nothing is known that cases have in common")
	}
	what := make(map[string]string)
	for _, v := range inbox {
		what[v.ID] = linkedLine(&v)
	}
	for _, cluster := range clusters {
		s.say("%s", count(len(cluster), "case"))
		for _, id := range cluster {
			s.say("  %s%s", id, what[id])
		}
	}
	return nil
}

// linkedLine says, after an ID, how urgent a case is, of what kind and where.
func linkedLine(v *triage.Summary) string {
	parts := append([]string{"", standing(v)}, alarms(v)...)
	parts = append(parts, v.Category...)
	if v.Country != "" {
		parts = append(parts, v.Country)
	}
	return strings.Join(parts, "  ")
}

func (c linksCmd) links(s *session, list []links.Link) error {
	if c.JSON {
		if list == nil {
			list = []links.Link{}
		}
		return s.printJSON(list)
	}
	if len(list) == 0 {
		s.nothing("nothing is known that this case has in common with another")
	}
	for _, l := range list {
		s.say("%s  %s", l.Case, l.Why)
		s.say("          here:   %s", keyLine(l.Ours))
		s.say("          there:  %s", keyLine(l.Theirs))
	}
	return nil
}

// keyLine says what a witness wrote, and where.
func keyLine(k links.Key) string {
	return fmt.Sprintf("%s  (%s)", screen.Line(k.Shown), triage.FieldLabel(k.Field))
}
