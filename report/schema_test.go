package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write report.schema.json from the Go types")

// Control characters have no place in a report: see forbidden.
const (
	noControl     = `^[^\u0000-\u001f\u007f-\u009f]*$`
	noControlText = `^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$`
)

type dict = map[string]any

// schemaOf builds the schema that the table of fields calls for.
func schemaOf() dict {
	top := dict{
		"version":  dict{"const": Version},
		"language": dict{"type": "string", "maxLength": maxLanguage, "pattern": orEmpty(languagePattern), "description": "BCP 47 tag of the page the witness filled in"},
		"received": dict{"type": "string", "pattern": orEmpty(dayPattern), "description": "day, UTC"},
	}
	defs := dict{"country": dict{"type": "string", "enum": append([]string{""}, countries...),
		"description": "ISO 3166-1 alpha-2, or XK for Kosovo"}}
	for _, f := range Fields() {
		name, inner, ok := strings.Cut(f.Name, ".")
		if !ok {
			top[name] = schemaOfField(f)
			continue
		}
		if top[name] == nil {
			top[name] = dict{"type": "object", "properties": dict{}}
		}
		top[name].(dict)["properties"].(dict)[inner] = schemaOfField(f)
	}
	var anyOf []dict
	for _, name := range accounts {
		section, inner, _ := strings.Cut(name, ".")
		anyOf = append(anyOf, dict{
			"required": []string{section},
			"properties": dict{section: dict{
				"required":   []string{inner},
				"properties": dict{inner: dict{"pattern": `\S`}},
			}},
		})
	}
	return dict{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"$id":         "urn:tocsin:report:1",
		"title":       "Report of child sexual exploitation by a witness",
		"description": "Every field is optional except an account of what happened or an address online. Lengths are in characters. Members that are not named here come from newer programs and are kept. Consent, when missing or empty, means none.",
		"type":        "object",
		"required":    []string{"version"},
		"properties":  top,
		"anyOf":       anyOf,
		"$defs":       defs,
	}
}

func schemaOfField(f Field) dict {
	switch {
	case f.Format == Country:
		return dict{"$ref": "#/$defs/country"}
	case f.Name == "what.categories":
		var oneOf []dict
		for _, c := range Categories() {
			oneOf = append(oneOf, dict{"const": c.Code, "title": c.Term})
		}
		for _, c := range f.Choices[len(oneOf):] {
			oneOf = append(oneOf, dict{"const": c})
		}
		return dict{"type": "array", "uniqueItems": true, "items": dict{"type": "string", "oneOf": oneOf}}
	case f.Kind == Choices:
		return dict{"type": "array", "uniqueItems": true, "items": dict{"type": "string", "enum": f.Choices}}
	case f.Kind == Choice:
		return dict{"type": "string", "enum": append([]string{""}, f.Choices...)}
	case f.Kind == Text:
		return dict{"type": "string", "maxLength": f.Max, "pattern": noControlText}
	case f.Format != "":
		return dict{"type": "string", "maxLength": f.Max, "pattern": orEmpty(map[Format]string{
			Date: datePattern, Time: timePattern, Coordinates: coordinatesPattern}[f.Format])}
	}
	return dict{"type": "string", "maxLength": f.Max, "pattern": noControl}
}

// orEmpty lets an anchored pattern match the empty string too.
func orEmpty(pattern string) string {
	return "^(" + strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$") + ")?$"
}

func TestSchemaFollowsTheTypes(t *testing.T) {
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(schemaOf()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("report.schema.json", want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(Schema, want.Bytes()) {
		t.Error("report.schema.json is not what the fields call for; compare the two, then go test ./report -run TestSchemaFollowsTheTypes -update")
	}
}
