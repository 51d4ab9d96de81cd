package main

import "tocsin/triage"

type templatesCmd struct {
	Name     string `arg:"" optional:"" help:"Show this one alone, in all languages if none is given."`
	Language string `enum:"${languages}," default:"" placeholder:"TAG" help:"Show them in this language: one of ${languages}."`
	JSON     bool   `name:"json" help:"Print a JSON array."`
}

// Help is shown by triage templates --help.
func (templatesCmd) Help() string {
	return `What case workers often say to a witness, in every language in which a witness can report. Without a name they are listed in English.

  triage templates
  triage templates danger
  triage templates danger --language ur

To send one: triage reply CASE --template NAME. Each says whether somebody whose mother tongue it is has checked it.`
}

// Run lists or shows.
func (c templatesCmd) Run(s *session) error {
	names, languages := triage.Templates(), triage.TemplateLanguages()
	if c.Name != "" {
		names = []string{c.Name}
	} else if c.Language == "" {
		languages = []string{"en"}
	}
	if c.Language != "" {
		languages = []string{c.Language}
	}
	list := []*triage.Template{}
	for _, name := range names {
		for _, language := range languages {
			t, err := triage.FindTemplate(name, language)
			if err != nil {
				return usageError(err.Error())
			}
			list = append(list, t)
		}
	}
	if c.JSON {
		return s.printJSON(list)
	}
	for _, t := range list {
		s.showTemplate(t)
	}
	return nil
}
