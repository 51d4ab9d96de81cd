package triage

import (
	"strings"

	"tocsin/report"
)

// What a case worker's terminal shows is in English: these are the English
// catalogue's texts.
var (
	sectionTitles   = english.under("section.")
	fieldLabels     = english.under("field.")
	authorityLabels = english.under("authority.")
)

func (c *catalogue) under(prefix string) map[string]string {
	m := make(map[string]string)
	for key, text := range c.Messages {
		if name, ok := strings.CutPrefix(key, prefix); ok {
			m[name] = text
		}
	}
	return m
}

func consentLabel(c report.Consent) string { return english.consent(c) }

func authorityLabel(code string) string { return english.authority(code) }

// valueLabel says in English what a choice's code stands for. A code that a
// newer program wrote is shown as it is.
func valueLabel(f report.Field, v string) string { return english.value(f, v) }

// countryLabel returns "Thailand (TH)".
func countryLabel(code string) string { return english.country(code) }
