package triage

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tocsin/triage/texts"
)

// What case workers often say to a witness, one file for each language in which
// a witness can report. A case worker reads it in one that they know, and the
// witness gets it in the one that they reported in. A test holds the files
// against each other; nothing is put into a text, so that each can be read by
// somebody who knows the language before it is ever sent.
//
//go:embed templates/*.json
var templateFiles embed.FS

// A templateSet holds a language's texts by name.
type templateSet struct {
	Name     string            `json:"name"` // of the language, in it
	Dir      string            `json:"dir"`
	Reviewed bool              `json:"reviewed"` // by somebody whose mother tongue it is
	Messages map[string]string `json:"messages"`
}

var templateSets = texts.Load[templateSet](templateFiles, "templates")

// templateNames are in the order in which a conversation needs them.
var templateNames = []string{
	"received", "danger", "place", "when", "vehicle", "witnesses", "need-more", "no-images", "handed-over", "closing",
}

// Templates returns the names of the texts that there are for a witness.
func Templates() []string { return slices.Clone(templateNames) }

// TemplateLanguages returns the tags of the languages that they are in, sorted.
func TemplateLanguages() []string {
	var tags []string
	for tag := range templateSets {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	return tags
}

// ErrNoTemplate means that there is no text of that name, or none in that
// language.
var ErrNoTemplate = errors.New("no such template")

// A Template is a text for a witness, in one language.
type Template struct {
	Name     string `json:"name"`
	Language string `json:"language"`
	Reviewed bool   `json:"reviewed"` // by somebody whose mother tongue it is
	Text     string `json:"text"`
}

// FindTemplate returns the text of that name in the language with that tag.
func FindTemplate(name, language string) (*Template, error) {
	set := templateSets[language]
	if set == nil {
		return nil, fmt.Errorf("%w in %q: the languages are %s", ErrNoTemplate, language, strings.Join(TemplateLanguages(), ", "))
	}
	text, ok := set.Messages[name]
	if !ok {
		return nil, fmt.Errorf("%w: %q; see: triage templates", ErrNoTemplate, name)
	}
	return &Template{Name: name, Language: language, Reviewed: set.Reviewed, Text: text}, nil
}

// WitnessLanguage returns the language in which the case's witness reported,
// one of TemplateLanguages, or English if it is another or none.
func (h *Home) WitnessLanguage(c *Case) (string, error) {
	o, err := h.openCase(c)
	if err != nil {
		return "", err
	}
	told, err := h.reportOf(o)
	if err != nil {
		return "", fmt.Errorf("case %s: %w", c.ID, err)
	}
	base, _, _ := strings.Cut(told.Language, "-")
	if templateSets[base] == nil {
		return "en", nil
	}
	return base, nil
}
