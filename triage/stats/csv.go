package stats

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WriteCSV writes all that is published, one line each: table, row, what it
// stands for in the language of words, and the number. A number is digits, or
// one of "<5", ">95", "withheld" as Count writes them; a share is "90..95", in
// hundredths, and empty if it is not told. No cell begins with a character by
// which a spreadsheet knows a formula.
func (r *Report) WriteCSV(dst io.Writer, words *Words) error {
	w := csv.NewWriter(dst)
	line := func(cells ...string) {
		for i, c := range cells {
			cells[i] = cell(c)
		}
		_ = w.Write(cells) // told by Error, below
	}
	line("table", "row", "label", "reports")
	line("about", "year", "", strconv.Itoa(r.Year))
	line("about", "through-month", "", strconv.Itoa(r.Through))
	line("about", "made", "", r.Made)
	line("about", "deadline-hours", "", strconv.Itoa(r.Deadline))
	line("total", "all", words.say("page.total.row"), r.Total.String())
	for _, t := range r.Tables {
		for _, row := range t.Rows {
			line(t.Name, row.Code, words.row(r.Year, t.Name, row.Code), row.Count.String())
		}
	}
	median := func(m *float64) string {
		if m == nil {
			return ""
		}
		return strconv.FormatFloat(*m, 'f', -1, 64)
	}
	share := func(s *Share) string {
		if s == nil {
			return ""
		}
		return fmt.Sprintf("%d..%d", s.From, s.To)
	}
	if len(r.Tables) > 0 {
		line("speed", "reading-median-days", words.say("speed.reading.median"), median(r.Reading.Median))
		line("speed", "reading-in-time-percent", words.say("speed.reading.share"), share(r.Reading.InTime))
		line("speed", "handing-over-median-days", words.say("speed.handing.median"), median(r.HandingOver.Median))
		line("speed", "handing-over-in-time-percent", words.say("speed.handing.share"), share(r.HandingOver.InTime))
		line("speed", "acknowledged-percent", words.say("speed.acknowledged"), share(r.Acknowledge))
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("writing the numbers: %w", err)
	}
	return nil
}

// cell keeps a text from being a formula, as OWASP advises for CSV injection.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
