package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// walk validates a decoded value against a decoded schema and returns where
// and why it fails, or "". It knows the keywords that report.schema.json uses
// and panics on any other, so that none is passed over.
func walk(schema, v any) (at, why string) {
	return walkAt(schema.(map[string]any), schema.(map[string]any), v, "#")
}

func walkAt(root, schema map[string]any, v any, at string) (string, string) {
	for _, keyword := range slices.Sorted(maps.Keys(schema)) {
		arg, ok := schema[keyword], true
		switch keyword {
		case "$schema", "$id", "$defs", "title", "description":
		case "$ref":
			name := strings.TrimPrefix(arg.(string), "#/$defs/")
			if at, why := walkAt(root, root["$defs"].(map[string]any)[name].(map[string]any), v, at); why != "" {
				return at, why
			}
		case "type":
			ok = typeOf(v) == arg
		case "const":
			ok = reflect.DeepEqual(v, arg)
		case "enum":
			ok = slices.ContainsFunc(arg.([]any), func(e any) bool { return reflect.DeepEqual(v, e) })
		case "maxLength":
			s, isString := v.(string)
			limit, err := arg.(json.Number).Int64()
			ok = err == nil && (!isString || int64(utf8.RuneCountInString(s)) <= limit)
		case "pattern":
			s, isString := v.(string)
			ok = !isString || compile(arg.(string)).MatchString(s)
		case "required":
			if o, isObject := v.(map[string]any); isObject {
				for _, name := range arg.([]any) {
					_, has := o[name.(string)]
					ok = ok && has
				}
			}
		case "properties":
			if o, isObject := v.(map[string]any); isObject {
				for name, inner := range arg.(map[string]any) {
					if value, has := o[name]; has {
						if at, why := walkAt(root, inner.(map[string]any), value, at+"/"+name); why != "" {
							return at, why
						}
					}
				}
			}
		case "items":
			if list, isList := v.([]any); isList {
				for i, e := range list {
					if at, why := walkAt(root, arg.(map[string]any), e, fmt.Sprint(at, "/", i)); why != "" {
						return at, why
					}
				}
			}
		case "uniqueItems":
			if list, isList := v.([]any); isList {
				for i, e := range list {
					ok = ok && !slices.ContainsFunc(list[:i], func(o any) bool { return reflect.DeepEqual(o, e) })
				}
			}
		case "anyOf", "oneOf":
			n := 0
			for _, s := range arg.([]any) {
				if _, why := walkAt(root, s.(map[string]any), v, at); why == "" {
					n++
				}
			}
			ok = n == 1 || n > 1 && keyword == "anyOf"
		default:
			panic("no such keyword in this walk: " + keyword)
		}
		if !ok {
			return at, "fails " + keyword
		}
	}
	return "", ""
}

func typeOf(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "other"
}

var compiled = make(map[string]*regexp.Regexp)

// compile turns a pattern of ECMA-262 into Go's syntax.
func compile(pattern string) *regexp.Regexp {
	if compiled[pattern] == nil {
		inGo := regexp.MustCompile(`\\u([0-9a-f]{4})`).ReplaceAllString(pattern, `\x{$1}`)
		compiled[pattern] = regexp.MustCompile(inGo)
	}
	return compiled[pattern]
}

func TestTheSchemaAcceptsTheSamples(t *testing.T) {
	for name, data := range samples(t) {
		if at, why := walk(decode(t, Schema), decode(t, data)); why != "" {
			t.Errorf("%s: %s %s", name, at, why)
		}
	}
}

// TestTheSchemaAgreesWithParse puts good and bad values into every place of a
// report, and asks both.
func TestTheSchemaAgreesWithParse(t *testing.T) {
	values := []any{
		"", "x", "yes", "unknown", "direct", "BE", "be", "2026", "2026-11", "2026-11-04", "2026-13-01",
		"12:30", "24:00", "50.8467,4.3525", "91,0", "nl-BE", "not a tag", "two\nlines", "a\ttab",
		"a\x00b", "a\u009bb", "🆘", 7, true, nil, []any{}, []any{"unknown"}, []any{"unknown", "unknown"},
		[]any{"nothing on offer"}, []any{nil}, map[string]any{},
		strings.Repeat("শ", maxLine), strings.Repeat("শ", maxLine+1), strings.Repeat("শ", maxExact),
		strings.Repeat("শ", maxExact+1), strings.Repeat("শ", maxContact), strings.Repeat("শ", maxContact+1),
		strings.Repeat("শ", maxDescription), strings.Repeat("শ", maxDescription+1),
		strings.Repeat("শ", maxURL), strings.Repeat("শ", maxURL+1),
		strings.Repeat("শ", maxAccount), strings.Repeat("শ", maxAccount+1),
	}
	schema := decode(t, Schema)
	accepted, refused := 0, 0
	try := func(where string, report map[string]any) {
		data, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		_, parseErr := Parse(data)
		at, why := walk(schema, decode(t, data))
		if (parseErr == nil) != (why == "") {
			t.Errorf("%s = %.60v: Parse says %v; the schema says %s %s", where, report[where], parseErr, at, why)
		}
		if parseErr == nil {
			accepted++
		} else {
			refused++
		}
	}
	for _, v := range values {
		for _, name := range []string{"version", "language", "received", "consent", "what", "child", "new"} {
			try(name, map[string]any{"version": 1, "online": map[string]any{"url": "x.example"}, name: v})
		}
		for _, f := range Fields() {
			section, inner, ok := strings.Cut(f.Name, ".")
			if !ok {
				continue
			}
			alone := map[string]any{"version": 1, section: map[string]any{inner: v}}
			try(f.Name, alone)
			with := map[string]any{"version": 1, "what": map[string]any{"seen": "x"}, "online": map[string]any{"url": "x.example"}}
			if o, ok := with[section].(map[string]any); ok {
				o[inner] = v
			} else {
				with[section] = map[string]any{inner: v}
			}
			try(f.Name, with)
		}
	}
	try("no version", map[string]any{"what": map[string]any{"seen": "x"}})
	try("a blank account", map[string]any{"version": 1, "what": map[string]any{"seen": " \n\t"}})
	if accepted < 500 || refused < 500 {
		t.Errorf("%d accepted, %d refused: the values no longer try both", accepted, refused)
	}
}
