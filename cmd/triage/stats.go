package main

import (
	"fmt"
	"time"

	"tocsin/triage"
)

type statsCmd struct {
	Year     int    `required:"" placeholder:"YYYY" help:"The year in which the reports came."`
	To       string `type:"path" default:"." placeholder:"DIR" help:"Directory to write to; the current one if not given."`
	Language string `enum:"${pageLanguages}" default:"en" placeholder:"TAG" help:"Language of page and labels: ${enum}; en if not given."`
	JSON     bool   `name:"json" help:"Print a JSON object and write no file."`
}

// Help is shown by triage stats --help.
func (statsCmd) Help() string {
	return `Writes the yearly report, to be published: YYYY.html, a page with charts and the table below each, and YYYY.csv with the same numbers. Reports by month, country of the facts, category, language and destination; how many were added to, withdrawn and purged; the median of days to the first reading and hand-over, and the share in time and acknowledged.

  triage stats --year 2026 --to report --language fr

No count from 1 to 4 is published, nor anything that it could be computed from: small groups are joined, a country with few reports is not named, all but a few is told as "more than". Zero is published, and the number of all reports from five on. Shares are ranges. Only days are kept: as in time counts what was done on a day that was over before the deadline was.

Publish a year once: two editions could be compared, and the second would tell what came or went between them. Make it before the time to purge: nobody knows of what a purged report was.

What was never pulled is not in it, nor what was not pushed yet. Reports that are not in the index are opened first, which needs your key.`
}

// firstYear is before anything that a ledger can hold.
const firstYear = 2000

// Run counts, and writes or prints.
func (c statsCmd) Run(s *session) error {
	if now := time.Now().UTC().Year(); c.Year < firstYear || c.Year > now {
		return usageError(fmt.Sprintf("--year is from %d to %d", firstYear, now))
	}
	r, err := s.home.Year(c.Year)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.printJSON(r)
	}
	words, err := s.home.YearWords(c.Language)
	if err != nil {
		return err
	}
	paths, err := triage.WriteYear(c.To, r, words)
	if err != nil {
		return err
	}
	for _, p := range paths {
		s.say("written: %s", p)
	}
	return nil
}
