package audit

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A Table is one of those in which statistics are shown, the same to people and
// to programs.
type Table struct {
	Name    string // stable
	Title   string
	Columns []string
	Keys    int // so many columns at the front say what a row is of
	Rows    [][]string
}

// Names of tables.
const (
	tableReports      = "reports"
	tableReading      = "reading"
	tableHandingOver  = "handing-over"
	tableDestinations = "destinations"
	tablePurged       = "purged"
	tableMonths       = "months"
	tableWeeks        = "weeks"
)

// Tables returns the statistics as tables. What is not known is an empty cell.
func (s *Statistics) Tables() []Table {
	reports := Table{Name: tableReports, Title: "What became of the reports, by the year in which they came", Keys: 1,
		Columns: []string{"year", "reports", "with addition", "read", "handed over", "acknowledged", "withdrawn", "purged"}}
	reading := Table{Name: tableReading, Title: "How soon a report was read", Keys: 1,
		Columns: []string{"year", "reports", "read", "in time", "percent of reports in time", "late", "median days"}}
	handing := Table{Name: tableHandingOver, Title: "How soon a report was handed over, of those that were", Keys: 1,
		Columns: []string{"year", "handed over", "in time", "percent in time", "late", "median days"}}
	destinations := Table{Name: tableDestinations, Title: "Where they were handed over to", Keys: 2,
		Columns: []string{"year", "destination", "reports", "hand-overs", "acknowledged"}}
	purged := Table{Name: tablePurged, Title: "Under which rules they were purged", Keys: 2,
		Columns: []string{"year", "rule", "reports"}}
	for _, g := range append([]Group{s.All}, s.Years...) {
		under := 0
		for _, p := range g.Purged {
			under += p.Reports
			purged.add(g.Year, p.Rule, p.Reports)
		}
		for _, d := range g.Destinations {
			destinations.add(g.Year, d.Name, d.Reports, d.HandOvers, d.Acknowledged)
		}
		r, h := g.Reading, g.HandingOver
		reports.add(g.Year, g.Reports, g.Added, r.Done, h.Done, g.Acknowledged, g.Withdrawn, under)
		reading.add(g.Year, g.Reports, r.Done, r.InTime, percent(r.InTime, g.Reports), r.Late, median(r.Median))
		handing.add(g.Year, h.Done, h.InTime, percent(h.InTime, h.Done), h.Late, median(h.Median))
	}
	months := Table{Name: tableMonths, Title: "Reports per month", Keys: 1, Columns: []string{"month", "reports"}}
	for _, m := range s.Months {
		months.add(m.Month, m.Reports)
	}
	weeks := Table{Name: tableWeeks, Title: "Reports per week (ISO 8601)", Keys: 2, Columns: []string{"week", "from Monday", "reports"}}
	for _, w := range s.Weeks {
		weeks.add(w.Week, string(w.From), w.Reports)
	}
	return []Table{reports, reading, handing, destinations, purged, months, weeks}
}

func (t *Table) add(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = fmt.Sprint(c)
	}
	t.Rows = append(t.Rows, row)
}

// percent says which part n is of all, in full hundredths: never more than it is.
func percent(n, all int) string {
	if all == 0 {
		return ""
	}
	return strconv.Itoa(100 * n / all)
}

func median(m *float64) string {
	if m == nil {
		return ""
	}
	return strconv.FormatFloat(*m, 'f', -1, 64)
}

// WriteCSV writes the statistics with one number a line: the table's name, what
// the row is of, the column, and the number. The first lines say under which
// deadline they were counted and whether the store is whole. No cell begins with
// a character by which a spreadsheet knows a formula: all are digits, names that
// the ledger has checked, and words of this program.
func (r *Result) WriteCSV(dst io.Writer) error {
	w := csv.NewWriter(dst)
	whole := "no"
	if r.Whole {
		whole = "yes"
	}
	lines := [][]string{
		{"table", "row", "column", "number"},
		{"about", "store", "whole", whole},
		{"about", "policy", "deadline-hours", strconv.Itoa(r.Statistics.DeadlineHours)},
	}
	for _, t := range r.Statistics.Tables() {
		for _, row := range t.Rows {
			of := strings.Join(row[:t.Keys], " ")
			for i := t.Keys; i < len(row); i++ {
				lines = append(lines, []string{t.Name, of, t.Columns[i], row[i]})
			}
		}
	}
	if err := w.WriteAll(lines); err != nil {
		return fmt.Errorf("writing the numbers: %w", err)
	}
	return nil
}
