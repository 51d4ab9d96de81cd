package stats

import (
	"embed"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"tocsin/triage/screen"
	"tocsin/triage/texts"
)

// The fixed texts of the page, one file a language.
//
//go:embed locales/*.json
var localeFiles embed.FS

type catalogue struct {
	Reviewed bool              `json:"reviewed"` // by somebody whose mother tongue it is
	Messages map[string]string `json:"messages"`
}

var catalogues = texts.Load[catalogue](localeFiles, "locales")

// Words are those of a language in which the report can be published.
type Words struct {
	// Category and Destination say what a code of those tables stands for.
	Category, Destination func(code string) string

	tag                language.Tag
	catalogue          *catalogue
	regions, languages display.Namer
}

// In returns the words of a language: en, fr, nl or de, or else English.
func In(tag string, category, destination func(code string) string) *Words {
	if catalogues[tag] == nil {
		tag = "en"
	}
	t := language.MustParse(tag)
	return &Words{
		Category: category, Destination: destination,
		tag: t, catalogue: catalogues[tag], regions: display.Regions(t), languages: display.Languages(t),
	}
}

// say returns the text of that name, which a test has looked for.
func (w *Words) say(key string, args ...any) string {
	text := w.catalogue.Messages[key]
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// row says what a row's code stands for.
func (w *Words) row(year int, table, code string) string {
	switch {
	case table == TableEvents:
		return w.say("row." + code)
	case code == others:
		return w.say("row.other." + table)
	case table == TableMonths:
		from, to, several := strings.Cut(code, "-")
		if !several {
			return fmt.Sprintf("%d-%s", year, from)
		}
		return fmt.Sprintf("%d-%s – %d-%s", year, from, year, to)
	case table == TableCountries:
		r, err := language.ParseRegion(code)
		if err != nil || w.regions.Name(r) == "" {
			return screen.Line(code)
		}
		return w.regions.Name(r) + " (" + code + ")"
	case table == TableLanguages:
		t, err := language.Parse(code)
		if err != nil || w.languages.Name(t) == "" {
			return screen.Line(code)
		}
		return w.languages.Name(t) + " (" + code + ")"
	case code == "unknown":
		return w.say("row.unknown")
	case table == TableCategories:
		return screen.Line(w.Category(code))
	}
	return screen.Line(w.Destination(code))
}

// note says how a table is to be read.
func (w *Words) note(table string) string {
	switch table {
	case TableMonths:
		return w.say("note.months")
	case TableCountries, TableLanguages:
		return w.say("note.one")
	case TableEvents:
		return w.say("note.events")
	}
	return w.say("note.several")
}

func (w *Words) count(c Count) string {
	if c.form == withheld {
		return w.say("value.withheld")
	}
	return c.String()
}

// A measure is a line of how fast things went.
type measure struct{ name, value string }

// measures returns the names of the measures and what they are.
func (w *Words) measures(r *Report) []measure {
	days := func(m *float64) string {
		if m == nil {
			return w.say("value.unsaid")
		}
		return strconv.FormatFloat(*m, 'f', -1, 64)
	}
	share := func(s *Share) string {
		switch {
		case s == nil:
			return w.say("value.unsaid")
		case s.To == 100:
			return w.say("value.atleast", s.From)
		}
		return w.say("value.range", s.From, s.To)
	}
	return []measure{
		{"speed.reading.median", days(r.Reading.Median)},
		{"speed.reading.share", share(r.Reading.InTime)},
		{"speed.handing.median", days(r.HandingOver.Median)},
		{"speed.handing.share", share(r.HandingOver.InTime)},
		{"speed.acknowledged", share(r.Acknowledge)},
	}
}
