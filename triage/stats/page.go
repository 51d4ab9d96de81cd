package stats

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"

	"tocsin/triage/screen"
)

// The page stands alone: no script, no resource from anywhere, and a policy in
// it that forbids both to whatever opens it. Charts are drawn in it, in the
// colour of the text, and each is said again by the table below it.
//
//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// pageData is what the template sees.
type pageData struct {
	*Report
	words *Words
}

// WriteHTML writes the page in the language of words.
func (r *Report) WriteHTML(dst io.Writer, words *Words) error {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, &pageData{r, words}); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	if _, err := dst.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

// Say returns a text in the page's language.
func (d *pageData) Say(key string, args ...any) string { return d.words.say(key, args...) }

// Language is the page's, as HTML names it.
func (d *pageData) Language() string { return d.words.tag.String() }

// Title names the organisation and the year.
func (d *pageData) Title() string { return d.Say("page.title", screen.Line(d.Organisation), d.Year) }

// Reviewed reports whether a native speaker has checked the page's wording.
func (d *pageData) Reviewed() bool { return d.words.catalogue.Reviewed }

// Least is the smallest count that is published, and Most the largest that is
// not.
func (d *pageData) Least() int { return Least }
func (d *pageData) Most() int  { return Least - 1 }

// Until is the last month, if the year is not over.
func (d *pageData) Until() string {
	if d.Through == 12 {
		return ""
	}
	return fmt.Sprintf("%d-%02d", d.Year, d.Through)
}

// All says how many reports came.
func (d *pageData) All() string { return d.words.count(d.Total) }

// Measures says how fast things went.
func (d *pageData) Measures() []pageMeasure {
	var list []pageMeasure
	for _, m := range d.words.measures(d.Report) {
		list = append(list, pageMeasure{d.Say(m.name), m.value})
	}
	return list
}

type pageMeasure struct{ What, Value string }

// A pageTable is a table with its chart.
type pageTable struct {
	Title, Note string
	Height      int // of the chart
	Rows        []pageRow
}

// A pageRow is a bar and a line of the table.
type pageRow struct {
	Label, Short string
	Count        string
	Exact        bool

	LabelY, BarY, CountX, CountY, Width int // where they are in the chart
}

// The chart's measures, in its own units, 640 wide.
const (
	rowHeight = 36
	barWidth  = 540 // of the longest bar
	labelLong = 84  // characters that fit beside each other
)

// Charts lists the tables that have rows.
func (d *pageData) Charts() []pageTable {
	var list []pageTable
	for _, t := range d.Tables {
		if len(t.Rows) == 0 {
			continue
		}
		p := pageTable{Title: d.Say("table." + t.Name), Note: d.words.note(t.Name), Height: rowHeight * len(t.Rows)}
		longest := slices.MaxFunc(t.Rows, func(x, y Row) int { return x.Count.drawn() - y.Count.drawn() }).Count.drawn()
		for i, row := range t.Rows {
			v := pageRow{Label: d.words.row(d.Year, t.Name, row.Code), Count: d.words.count(row.Count), Exact: row.Count.form == exact}
			v.Short = shorten(v.Label, labelLong)
			v.LabelY, v.BarY, v.CountY = i*rowHeight+13, i*rowHeight+18, i*rowHeight+29
			v.Width = barWidth * row.Count.drawn() / max(1, longest)
			v.CountX = v.Width + 8
			p.Rows = append(p.Rows, v)
		}
		list = append(list, p)
	}
	return list
}

// drawn is how long a count's bar is. It is the same for all that c can stand
// for.
func (c Count) drawn() int {
	switch c.form {
	case below, withheld:
		return Least - 1
	}
	return c.least()
}

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
