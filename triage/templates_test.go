package triage

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"tocsin/report"
	"tocsin/triage/screen"
)

// The languages in which a witness can report. That they are those of the web
// in front is held by the whole program's tests.
var witnessLanguages = strings.Fields("ar bn de en fr hi nl pa ro ru sh tr ur vi")

func TestEveryWitnessLanguageHasEveryTemplate(t *testing.T) {
	if got := TemplateLanguages(); !slices.Equal(got, witnessLanguages) {
		t.Errorf("the templates are in %v, and witnesses report in %v", got, witnessLanguages)
	}
	for tag, set := range templateSets {
		if got, want := slices.Sorted(maps.Keys(set.Messages)), slices.Sorted(slices.Values(Templates())); !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", tag, got, want)
		}
		if set.Reviewed {
			t.Errorf("%s is said to be checked by a native speaker: by whom?", tag)
		}
		if rtl := tag == "ar" || tag == "ur"; set.Name == "" || (set.Dir == "rtl") != rtl || !rtl && set.Dir != "ltr" {
			t.Errorf("%s is %q, written %q", tag, set.Name, set.Dir)
		}
	}
}

// scripts are those of the languages that don't write Latin letters.
var scripts = map[string]*unicode.RangeTable{
	"ar": unicode.Arabic, "ur": unicode.Arabic, "bn": unicode.Bengali, "hi": unicode.Devanagari,
	"pa": unicode.Gurmukhi, "ru": unicode.Cyrillic,
}

func TestTemplatesAreInTheirLanguage(t *testing.T) {
	seen := make(map[string]string)
	for tag, set := range templateSets {
		for name, text := range set.Messages {
			where := tag + " " + name
			if other, ok := seen[text]; ok {
				t.Errorf("%s and %s are the same", where, other)
			}
			seen[text] = where
			// Nothing is put into a text, and none may look as if something were.
			if strings.ContainsAny(text, "%{}<>[]_") {
				t.Errorf("%s has a place for something to be put in", where)
			}
			// In the terminal a case worker sees what the witness will.
			if shown := screen.Text(text); shown != text {
				t.Errorf("%s is shown as %q", where, shown)
			}
			m, err := report.NewMessage("", "", text)
			if err != nil || m.Text != text {
				t.Errorf("%s is not sent as it stands: %v", where, err)
			}
			if n := utf8.RuneCountInString(text); n > 450 {
				t.Errorf("%s has %d characters: too long for somebody who is afraid, on a telephone", where, n)
			}
			letters, own := 0, 0
			for _, r := range text {
				if unicode.IsLetter(r) {
					letters++
					if table := scripts[tag]; table == nil && unicode.Is(unicode.Latin, r) || table != nil && unicode.Is(table, r) {
						own++
					}
				}
			}
			if own != letters {
				t.Errorf("%s has %d letters of another script", where, letters-own)
			}
		}
	}
}

// The questions of a text are in each language as many as in English: a witness
// is asked the same whatever they speak.
func TestTemplatesAskTheSame(t *testing.T) {
	questions := func(text string) int {
		return strings.Count(text, "?") + strings.Count(text, "؟")
	}
	for tag, set := range templateSets {
		for name, text := range set.Messages {
			if got, want := questions(text), questions(templateSets["en"].Messages[name]); got != want {
				t.Errorf("%s %s asks %d questions, English %d", tag, name, got, want)
			}
		}
	}
}

func TestNoSuchTemplate(t *testing.T) {
	for _, v := range [][2]string{{"nothing", "en"}, {"danger", "xx"}, {"danger", ""}} {
		if _, err := FindTemplate(v[0], v[1]); !errors.Is(err, ErrNoTemplate) {
			t.Errorf("%v: %v", v, err)
		}
	}
}

func TestTheWitnesssLanguage(t *testing.T) {
	s := newStation(t)
	for told, want := range map[string]string{"ur": "ur", "fr-BE": "fr", "": "en", "xx": "en"} {
		c := s.addCaseIn(told)
		s.pull()
		if got, err := s.alice.WitnessLanguage(s.find(c)); err != nil || got != want {
			t.Errorf("reported in %q: answered in %q, %v", told, got, err)
		}
	}
}
