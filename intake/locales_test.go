package intake

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tocsin/report"
)

// sameInAllLanguages are the messages that may read as in English.
var sameInAllLanguages = map[string][]string{
	"bn": {"size.gb", "size.mb", "size.kb"},
	"de": {
		"support.title", "choice.where.place_kind.hotel", "choice.where.place_kind.restaurant",
		"size.gb", "size.mb", "size.kb",
	},
	"fr": {
		"field.when.date", "field.online.date", "field.suspect.description", "choice.where.place_kind.restaurant",
		"numbers.police", "numbers.ambulance", "numbers.source",
	},
	"hi": {"size.gb", "size.mb", "size.kb"},
	"nl": {
		"support.title", "choice.where.place_kind.hotel", "choice.where.place_kind.restaurant",
		"choice.where.place_kind.school", "choice.where.place_kind.online", "size.gb", "size.mb",
	},
	"pa": {"size.gb", "size.mb", "size.kb"},
	"ro": {
		"field.child.sex", "choice.where.place_kind.hotel", "choice.where.place_kind.restaurant",
		"size.gb", "size.mb", "size.kb",
	},
	"sh": {"choice.where.place_kind.hotel", "size.gb", "size.mb", "size.kb"},
	"tr": {"form.title", "size.gb", "size.mb", "size.kb"},
	"ur": {"size.gb", "size.mb", "size.kb"},
	"vi": {"size.gb", "size.mb", "size.kb"},
}

func locales(t *testing.T) map[string]locale {
	t.Helper()
	names, err := fs.Glob(localeFiles, "locales/*.json")
	must(t, err)
	all := make(map[string]locale)
	for _, name := range names {
		data, err := fs.ReadFile(localeFiles, name)
		must(t, err)
		var l locale
		must(t, json.Unmarshal(data, &l))
		all[strings.TrimSuffix(path.Base(name), ".json")] = l
	}
	return all
}

// texts are the forms of a message: one, or one for each plural.
func texts(t *testing.T, raw json.RawMessage) []string {
	t.Helper()
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []string{text}
	}
	var forms map[string]string
	must(t, json.Unmarshal(raw, &forms))
	if forms["other"] == "" {
		t.Errorf("plural forms without other: %s", raw)
	}
	var all []string
	for _, f := range forms {
		all = append(all, f)
	}
	return all
}

// usedKeys are all keys that templates and code ask for.
func usedKeys(t *testing.T) map[string]bool {
	t.Helper()
	used := make(map[string]bool)
	// In templates: {{.T "key"}} and {{$.T "key"}}; those built with printf
	// are below.
	names, err := fs.Glob(pageFiles, "pages/*.html")
	must(t, err)
	literal := regexp.MustCompile(`\.T "([a-z0-9._-]+)"`)
	for _, name := range names {
		data, err := fs.ReadFile(pageFiles, name)
		must(t, err)
		for _, m := range literal.FindAllStringSubmatch(string(data), -1) {
			used[m[1]] = true
		}
	}
	// In code: T("key").
	sources, err := filepath.Glob("*.go")
	must(t, err)
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		must(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "T" {
				return true
			}
			if lit, ok := call.Args[0].(*ast.BasicLit); ok {
				key, err := strconv.Unquote(lit.Value)
				must(t, err)
				used[key] = true
			}
			return true
		})
	}
	// Those that are put together.
	for _, name := range pageNames {
		if name != "add" { // it is a part of "replies"
			used[name+".title"] = true
		}
	}
	for kind := range refusals {
		for _, part := range []string{".heading", ".what", ".do"} {
			used["refusal."+kind+part] = true
		}
	}
	for _, kind := range []report.ProblemKind{report.TooLong, report.NotAChoice, report.BadFormat, report.Missing} {
		used["problem."+string(kind)] = true
	}
	for _, kind := range []string{"letters", "word", "count", "unknown"} {
		used["return.problem."+kind] = true
	}
	for _, key := range []string{
		"home.report", "home.intervene", "home.testify", "home.support", "home.relay", // fingers
		"relay.scan", "relay.scan.tor", // addresses
		"add.received", "seen.told", "withdraw.late", "withdraw.forbidden", // replies.Said
		"status.received", "status.added", "status.read", "status.handed", "status.acknowledged", "status.unread",
		"problem.empty",
	} {
		used[key] = true
	}
	for _, f := range fingers {
		used["home."+f.Path+".text"] = true
	}
	for _, what := range []string{"all", "police", "ambulance", "child_helpline", "missing_children", "reporting", "hotline"} {
		used["numbers."+what] = true
	}
	for _, kind := range supportKinds {
		used["support."+kind] = true
	}
	for _, a := range report.Authorities() {
		used["authority."+a] = true
	}
	hasMore := make(map[string]bool)
	for _, f := range report.Fields() {
		used["field."+f.Name] = true
		if looks[f.Name].help {
			used["field."+f.Name+".help"] = true
		}
		section := f.Section
		if section == "consent" {
			section = "witness"
		}
		used["section."+section] = true
		if sectionsWithIntro[section] {
			used["section."+section+".intro"] = true
		}
		if !looks[f.Name].main {
			hasMore[section] = true
		}
		if f.Format == report.Country {
			continue
		}
		for _, c := range f.Choices {
			used[choiceKey(f.Name, c)] = true
		}
	}
	for section := range hasMore {
		used["section."+section+".more"] = true
	}
	return used
}

func TestCataloguesAreWhole(t *testing.T) {
	all := locales(t)
	used := usedKeys(t)
	for code, l := range all {
		for key := range used {
			if _, ok := l.Messages[key]; !ok {
				t.Errorf("%s: %q is missing", code, key)
			}
		}
		for key := range l.Messages {
			if !used[key] {
				t.Errorf("%s: nothing uses %q", code, key)
			}
		}
	}
}

var placeholder = regexp.MustCompile(`%(\[\d+\])?[a-z%]`)

func TestCataloguesAgree(t *testing.T) {
	all := locales(t)
	english := all[fallback]
	for code, l := range all {
		for key, raw := range l.Messages {
			want := placeholder.FindAllString(texts(t, english.Messages[key])[0], -1)
			slices.Sort(want)
			for _, text := range texts(t, raw) {
				if strings.TrimSpace(text) == "" || text != strings.TrimSpace(text) {
					t.Errorf("%s: %q is empty or has space around it", code, key)
				}
				got := placeholder.FindAllString(text, -1)
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("%s: %q has placeholders %q, English has %q", code, key, got, want)
				}
				if strings.Contains(text, "<") {
					t.Errorf("%s: %q holds markup, which would be shown as it is", code, key)
				}
				if code != fallback && text == texts(t, english.Messages[key])[0] && !slices.Contains(sameInAllLanguages[code], key) {
					t.Errorf("%s: %q is left in English: %q", code, key, text)
				}
			}
		}
	}
}

// The Terminology Guidelines reject these: they make the child an agent of a
// trade, or call abuse something else.
func TestCataloguesUseTheLuxembourgTerms(t *testing.T) {
	rejected := regexp.MustCompile(`(?i)child prostitut|child porn|kiddie|sex tourism|child sex worker|` +
		`prostituée? mineure?|enfants? prostitué|pornographie enfantine|pédoporno|tourisme sexuel|` +
		`kinderporno|kinderprostitu|sekstoeris`)
	for code, l := range locales(t) {
		for key, raw := range l.Messages {
			for _, text := range texts(t, raw) {
				if m := rejected.FindString(text); m != "" {
					t.Errorf("%s: %q says %q", code, key, m)
				}
			}
		}
	}
}

func TestPlaceholdersAreFilledIn(t *testing.T) {
	ls, err := loadLanguages(localeFiles)
	must(t, err)
	for _, l := range ls.all {
		for _, got := range []string{
			l.T("received.next.read", 1), l.T("received.next.read", 48),
			l.T("replies.none", 1), l.T("files.help", 20, "256 MB", "1 GB"),
			l.T("refusal.too-many-files.what", 20), l.T("problem.too-long", 2000),
		} {
			if strings.ContainsAny(got, "%!") && strings.Contains(got, "%") {
				t.Errorf("%s: %q", l.Code, got)
			}
		}
		// In these a noun after a number has one form.
		if slices.Contains([]string{"hi", "pa", "tr", "vi"}, l.Code) {
			continue
		}
		if l.T("replies.count", 1) == strings.Replace(l.T("replies.count", 2), "2", "1", 1) {
			t.Errorf("%s: one and two answers read the same", l.Code)
		}
	}
}

// The form asks everything that a report can hold, in every language.
func TestFormAsksEveryField(t *testing.T) {
	w := newWorld(t, setup{})
	for _, l := range w.server.languages.all {
		body := w.get("/" + l.Code + "/report").body
		for _, f := range report.Fields() {
			if !strings.Contains(body, ` name="`+f.Name+`"`) {
				t.Errorf("%s: no control for %s", l.Code, f.Name)
			}
			if f.Format == report.Country {
				continue
			}
			for _, c := range f.Choices {
				if !regexp.MustCompile(` value="` + c + `"`).MatchString(body) {
					t.Errorf("%s: no way to answer %q to %s", l.Code, c, f.Name)
				}
			}
		}
		if strings.Contains(body, "%!") || strings.Contains(body, "ZgotmplZ") {
			t.Errorf("%s: something on the form was not filled in", l.Code)
		}
		// Every label has its control, every control its label.
		for _, m := range regexp.MustCompile(` for="([^"]+)"`).FindAllStringSubmatch(body, -1) {
			if strings.Count(body, ` id="`+m[1]+`"`) != 1 {
				t.Errorf("%s: the label for %q has not one control", l.Code, m[1])
			}
		}
		for _, m := range regexp.MustCompile(` aria-describedby="([^"]+)"`).FindAllStringSubmatch(body, -1) {
			for _, id := range strings.Fields(m[1]) {
				if strings.Count(body, ` id="`+id+`"`) != 1 {
					t.Errorf("%s: nothing is described by %q", l.Code, id)
				}
			}
		}
	}
}

func TestNegotiation(t *testing.T) {
	w := newWorld(t, setup{})
	for header, want := range map[string]string{
		"":                         "en",
		"fr-BE,fr;q=0.9":           "fr",
		"nl":                       "nl",
		"ja,nl;q=0.5,en;q=0.3":     "nl",
		"hr":                       "sr-Latn",
		"bs-BA":                    "sr-Latn",
		"sr-Latn-RS":               "sr-Latn",
		"de-AT":                    "de",
		"pa-IN":                    "pa",
		"ur-PK":                    "ur",
		"ar-EG,fr;q=0.5":           "ar",
		"ja":                       "en",
		"*":                        "en",
		"%%%":                      "en",
		strings.Repeat("fr,", 300): "en",
	} {
		p := w.get("/", "Accept-Language", header)
		if !strings.Contains(p.body, `<html lang="`+want+`"`) || p.header.Get("Content-Language") != want {
			t.Errorf("Accept-Language %.20q got %s, want %s", header, p.header.Get("Content-Language"), want)
		}
		if !strings.Contains(p.header.Get("Vary"), "Accept-Language") {
			t.Errorf("the answer does not vary by Accept-Language")
		}
	}
}

func TestOldNumbersAreDoubted(t *testing.T) {
	for _, c := range []struct {
		days int
		want bool
	}{{1, true}, {36500, false}} {
		w := newWorld(t, setup{config: func(c2 *Config) { c2.NumbersMaxAgeDays = c.days }})
		doubt := escaped(w.server.languages.ByCode("en").T("numbers.stale"))
		// Belgium's numbers were last seen in a copy that has a date.
		p := w.post("/en/danger", entry{name: "country", value: "BE"})
		list, _, _ := strings.Cut(p.body[strings.Index(p.body, `<section class="numbers">`):], "</section>")
		if strings.Contains(list, doubt) != c.want {
			t.Errorf("doubted after %d days: %v, want %v:\n%s", c.days, !c.want, c.want, list)
		}
	}
}
