package triage

import (
	"embed"
	"fmt"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"tocsin/report"
	"tocsin/triage/texts"
)

// The fixed texts of the first page, one file a language. English is also what
// a case worker's terminal shows. A test holds the files against each other,
// against the questions of the form and against the page.
//
//go:embed locales/*.json
var localeFiles embed.FS

// A catalogue holds a language's texts by name.
type catalogue struct {
	Reviewed bool              `json:"reviewed"` // by somebody whose mother tongue it is
	Messages map[string]string `json:"messages"`

	tag     language.Tag
	regions display.Namer
}

var (
	catalogues = loadCatalogues()
	english    = catalogues["en"]
)

func loadCatalogues() map[string]*catalogue {
	all := texts.Load[catalogue](localeFiles, "locales")
	for tag, c := range all {
		c.tag = language.MustParse(tag)
		c.regions = display.Regions(c.tag)
	}
	return all
}

// catalogueOf returns the texts of a destination's language: English for none.
func catalogueOf(tag string) *catalogue {
	if c := catalogues[tag]; c != nil {
		return c
	}
	return english
}

// A said is a sentence of the catalogue and what is put into it.
type said struct {
	Key  string
	Args []any
}

// say returns the text of that name. There is one: a test looks for each name
// that the page or the program uses.
func (c *catalogue) say(key string, args ...any) string {
	text, ok := c.Messages[key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// of returns the first text that there is among keys, or otherwise code: what
// a newer program wrote is shown as it is.
func (c *catalogue) of(code string, keys ...string) string {
	for _, k := range keys {
		if text, ok := c.Messages[k]; ok {
			return text
		}
	}
	return code
}

func (c *catalogue) section(name string) string { return c.of(name, "section."+name) }
func (c *catalogue) field(name string) string   { return c.of(name, "field."+name) }

func (c *catalogue) consent(v report.Consent) string {
	return c.of(c.say("consent.unanswered"), "consent."+string(v))
}

func (c *catalogue) authority(code string) string { return c.of(code, "authority."+code) }

// value says what a choice's code stands for; other answers are as they are.
func (c *catalogue) value(f report.Field, v string) string {
	switch {
	case f.Kind != report.Choice && f.Kind != report.Choices:
		return v
	case f.Name == "consent":
		return c.consent(report.Consent(v))
	case f.Format == report.Country && v != report.Unknown:
		return c.country(v)
	}
	return c.of(strings.ReplaceAll(v, "-", " "), "choice."+f.Name+"."+v, "value."+v)
}

// country returns "Thailand (TH)".
func (c *catalogue) country(code string) string {
	r, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	if name := c.regions.Name(r); name != "" {
		return name + " (" + code + ")"
	}
	return code
}
