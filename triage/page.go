package triage

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	"tocsin/report"
	"tocsin/seal/roster"
	"tocsin/triage/screen"
)

// The first page of a hand-over stands alone: no script, no resource from
// anywhere, and a policy in it that forbids both to whatever opens it.
//
//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"line": screen.Line,
	"text": screen.Page,
}).Parse(pageText))

type pageData struct {
	Report      *report.Report // what may leave
	Provenance  *provenance
	Destination *roster.Destination
	Received    string
}

// firstPage renders the page.
func firstPage(d *pageData) ([]byte, error) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, d); err != nil {
		return nil, fmt.Errorf("writing the first page: %w", err)
	}
	return b.Bytes(), nil
}

type pageSection struct {
	Title  string
	Fields []pageField
}

type pageField struct{ Label, Value string }

// Sections returns what was told, section by section, without empty answers.
func (d *pageData) Sections() []pageSection {
	var list []pageSection
	for _, f := range report.Fields() {
		values := d.Report.Get(f.Name)
		if len(values) == 0 || f.Name == "consent" {
			continue
		}
		for i, v := range values {
			values[i] = valueLabel(f, v)
		}
		title := sectionTitles[f.Section]
		if n := len(list); n == 0 || list[n-1].Title != title {
			list = append(list, pageSection{Title: title})
		}
		last := &list[len(list)-1]
		last.Fields = append(last.Fields, pageField{fieldLabels[f.Name], strings.Join(values, "\n")})
	}
	return list
}

// Danger reports whether the witness said that a child is in danger now.
func (d *pageData) Danger() bool { return d.Report.Danger.Now == report.Yes }

// Departure reports whether the witness said that a departure is imminent.
func (d *pageData) Departure() bool { return d.Report.Danger.Departure == report.Yes }
