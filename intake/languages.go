package intake

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"

	"tocsin/ledger"
)

//go:embed locales/*.json
var localeFiles embed.FS

// fallback is the language shown to a browser that asks for none of ours.
const fallback = "en"

// A locale is one catalogue file, locales/<code>.json.
type locale struct {
	// Name is what speakers call the language, for the list of languages.
	Name string `json:"name"`
	// Also are other languages, as BCP 47 tags, whose speakers are shown this
	// one.
	Also []string `json:"also"`
	// Dir is the direction of the script: "ltr" or "rtl".
	Dir string `json:"dir"`
	// Reviewed says that a native speaker has read the catalogue. While it is
	// false the pages say so in small print.
	Reviewed bool `json:"reviewed"`
	// Messages are printf formats by key; where the wording depends on a
	// number, the forms by CLDR plural category ("one", "other", …), chosen by
	// the first argument.
	Messages map[string]json.RawMessage `json:"messages"`
}

// A Language is one language the pages are written in. It is safe for
// concurrent use.
type Language struct {
	// Code is the language's place in a URL ("fr" in /fr/report).
	Code string
	// Tag is its BCP 47 tag in canonical form.
	Tag string
	// Name is what speakers call it.
	Name string
	// Dir is "ltr" or "rtl".
	Dir string
	// Reviewed says whether a native speaker has read the catalogue.
	Reviewed bool

	tag     language.Tag
	also    []language.Tag
	printer *message.Printer
}

// T returns the message of that key, with its arguments put in. A key that no
// catalogue holds comes back as it is; a test refuses such a key.
func (l *Language) T(key string, args ...any) string {
	args = whole(args)
	if l.Dir == "rtl" {
		args = isolated(args)
	}
	return l.printer.Sprintf(message.Key(key, key), args...)
}

// whole joins the parts of days (U+2060, word joiner): a line that ends within one
// is hard to read, and among letters that run from right to left impossible.
func whole(args []any) []any {
	out := slices.Clone(args)
	for i, a := range out {
		if day, ok := a.(ledger.Day); ok {
			out[i] = strings.ReplaceAll(string(day), "-", "\u2060-\u2060")
		}
	}
	return out
}

// isolated puts texts into a directional isolate each (UAX #9): among letters that
// run from right to left, 2026-10-09 would be shown as 09-10-2026.
func isolated(args []any) []any {
	out := slices.Clone(args)
	for i, a := range out {
		if v := reflect.ValueOf(a); v.Kind() == reflect.String {
			out[i] = "\u2068" + v.String() + "\u2069"
		}
	}
	return out
}

// Languages are those that the pages are written in, in the order of their
// codes, with the fallback first.
type Languages struct {
	all     []*Language
	matcher language.Matcher
	matched []*Language // for each of the matcher's tags
}

// loadLanguages reads every catalogue of locales/*.json in files.
func loadLanguages(files fs.FS) (*Languages, error) {
	names, err := fs.Glob(files, "locales/*.json")
	if err != nil {
		return nil, fmt.Errorf("listing catalogues: %w", err)
	}
	builder := catalog.NewBuilder(catalog.Fallback(language.MustParse(fallback)))
	ls := &Languages{}
	for _, name := range names {
		l, err := loadLanguage(files, name, builder)
		if err != nil {
			return nil, fmt.Errorf("reading catalogue %s: %w", name, err)
		}
		ls.all = append(ls.all, l)
	}
	slices.SortFunc(ls.all, func(a, b *Language) int {
		if (a.Code == fallback) != (b.Code == fallback) {
			if a.Code == fallback {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Code, b.Code)
	})
	if len(ls.all) == 0 || ls.all[0].Code != fallback {
		return nil, fmt.Errorf("reading catalogues: there is none for %q", fallback)
	}
	var tags []language.Tag
	for _, l := range ls.all {
		l.printer = message.NewPrinter(l.tag, message.Catalog(builder))
		for _, tag := range append([]language.Tag{l.tag}, l.also...) {
			tags, ls.matched = append(tags, tag), append(ls.matched, l)
		}
	}
	ls.matcher = language.NewMatcher(tags)
	return ls, nil
}

func loadLanguage(files fs.FS, name string, into *catalog.Builder) (*Language, error) {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	var loc locale
	if err := dec.Decode(&loc); err != nil {
		return nil, err
	}
	if loc.Name == "" || loc.Dir != "ltr" && loc.Dir != "rtl" {
		return nil, fmt.Errorf("the header needs a name and a dir of ltr or rtl")
	}
	code := strings.TrimSuffix(path.Base(name), ".json")
	tag, err := language.Parse(code)
	if err != nil {
		return nil, err
	}
	for key, raw := range loc.Messages {
		msg, err := parseMessage(raw)
		if err != nil {
			return nil, fmt.Errorf("message %q: %w", key, err)
		}
		if err := into.Set(tag, key, msg...); err != nil {
			return nil, fmt.Errorf("message %q: %w", key, err)
		}
	}
	l := &Language{Code: code, Tag: tag.String(), Name: loc.Name, Dir: loc.Dir, Reviewed: loc.Reviewed, tag: tag}
	for _, also := range loc.Also {
		tag, err := language.Parse(also)
		if err != nil {
			return nil, fmt.Errorf("also %q: %w", also, err)
		}
		l.also = append(l.also, tag)
	}
	return l, nil
}

// parseMessage reads one entry: a string, or an object of plural forms.
func parseMessage(raw json.RawMessage) ([]catalog.Message, error) {
	var text string
	if err := json.Unmarshal(raw, &text); err == nil {
		return []catalog.Message{catalog.String(text)}, nil
	}
	var forms map[string]string
	if err := json.Unmarshal(raw, &forms); err != nil {
		return nil, fmt.Errorf("neither a text nor plural forms: %w", err)
	}
	// "other" matches everything and x/text takes the first match: it must
	// come last. The rest is sorted so that loading is deterministic.
	var cases []any
	for _, form := range []string{"zero", "one", "two", "few", "many", "other"} {
		if text, ok := forms[form]; ok {
			cases = append(cases, form, catalog.String(text))
			delete(forms, form)
		}
	}
	if len(forms) > 0 {
		return nil, fmt.Errorf("unknown plural form among %v", forms)
	}
	return []catalog.Message{plural.Selectf(1, "", cases...)}, nil
}

// ByCode returns the language of that code, or nil.
func (ls *Languages) ByCode(code string) *Language {
	for _, l := range ls.all {
		if l.Code == code {
			return l
		}
	}
	return nil
}

// Negotiate returns the language that fits the browser's Accept-Language best.
func (ls *Languages) Negotiate(r *http.Request) *Language {
	// An Accept-Language of several kilobytes is nobody's preference.
	header := r.Header.Get("Accept-Language")
	if len(header) > 512 {
		return ls.all[0]
	}
	want, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return ls.all[0]
	}
	_, i, _ := ls.matcher.Match(want...)
	return ls.matched[i]
}

// OfRequest returns the language that the path names ("/fr/…"), else the
// negotiated one, so that even a page that does not exist is in the language
// the witness was reading.
func (ls *Languages) OfRequest(r *http.Request) *Language {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if l := ls.ByCode(first); l != nil {
		return l
	}
	return ls.Negotiate(r)
}
