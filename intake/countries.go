package intake

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/norm"

	"tocsin/report"
)

// Countries are typed, with the names of the page's language offered by a
// datalist: five lists to choose from would weigh more than the rest of the
// form. The names are those of CLDR (golang.org/x/text/language/display).

// countryAliases are names in common use, folded, that CLDR does not give.
var countryAliases = map[string]string{
	"uk": "GB", "greatbritain": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northernireland": "GB",
	"usa": "US", "america": "US", "etatsunisdamerique": "US",
	"holland": "NL", "hollande": "NL", "burma": "MM", "birmanie": "MM", "birma": "MM",
	"ivorycoast": "CI", "czechrepublic": "CZ", "republiquetcheque": "CZ", "tsjechischerepubliek": "CZ",
	"capeverde": "CV", "swaziland": "SZ", "easttimor": "TL", "macedonia": "MK", "turkiye": "TR",
	"congo": "CG", "drc": "CD", "rdc": "CD", "uae": "AE", "emirates": "AE",
	"hongkong": "HK", "macau": "MO", "palestine": "PS", "palestina": "PS", "vatican": "VA",
}

// countries are the codes that a report can give for a country; isCountry are
// the fields that hold one.
var countries, isCountry = countryFields()

func countryFields() (codes []string, fields map[string]bool) {
	fields = make(map[string]bool)
	for _, f := range report.Fields() {
		if f.Format == report.Country {
			codes, fields[f.Name] = f.Choices, true
		}
	}
	return slices.DeleteFunc(slices.Clone(codes), func(code string) bool { return code == report.Unknown }), fields
}

// unlisted are places where nobody lives but crews: they are understood when
// typed, and make no list longer.
var unlisted = map[string]bool{"AQ": true, "BV": true, "GS": true, "HM": true, "IO": true, "TF": true, "UM": true}

// A place is a country as a list offers it.
type place struct{ Code, Name string }

// A gazetteer turns what a witness types into a country's code, and back.
type gazetteer struct {
	exact  map[string]string               // code, and name in any page language as it is shown, to code
	own    map[*Language]map[string]string // folded name in that language to code
	byCode map[string]string               // folded code to code
	byName map[string]string               // folded name in any page language, or alias, to code
	names  map[*Language]map[string]string // code to name
	lists  map[*Language][]string          // names in the language's order
	places map[*Language][]place           // the same, with their codes
}

func newGazetteer(ls *Languages) *gazetteer {
	g := &gazetteer{
		exact:  make(map[string]string),
		own:    make(map[*Language]map[string]string),
		byCode: make(map[string]string),
		byName: make(map[string]string),
		names:  make(map[*Language]map[string]string),
		lists:  make(map[*Language][]string),
		places: make(map[*Language][]place),
	}
	for alias, code := range countryAliases {
		g.byName[alias] = code
	}
	for _, l := range ls.all {
		namer := display.Regions(l.tag)
		names := make(map[string]string)
		own := make(map[string]string)
		for _, code := range countries {
			name := ""
			if region, err := language.ParseRegion(code); err == nil && namer != nil {
				name = namer.Name(region)
			}
			if name == "" {
				name = code
			}
			names[code], g.exact[name] = name, code
			if !unlisted[code] {
				g.places[l] = append(g.places[l], place{code, name})
			}
			g.byName[fold(name)], own[fold(name)] = code, code
		}
		order := collate.New(l.tag)
		slices.SortFunc(g.places[l], func(a, b place) int { return order.CompareString(a.Name, b.Name) })
		for _, p := range g.places[l] {
			g.lists[l] = append(g.lists[l], p.Name)
		}
		unknown := l.T("choice.unknown")
		names[report.Unknown] = unknown
		g.byName[fold(unknown)], own[fold(unknown)] = report.Unknown, report.Unknown
		g.lists[l] = slices.Insert(g.lists[l], 0, unknown)
		g.names[l], g.own[l] = names, own
	}
	for _, code := range append([]string{report.Unknown}, countries...) {
		g.byCode[fold(code)], g.exact[code] = code, code
	}
	return g
}

// code returns the code for what was typed, or the text as it is, which
// report.Validate will then name as a problem. What pages send by themselves is
// told first: a code, and a name of another page's language, from a form whose
// language was changed. Of what people type, a name in the page's language comes
// before a code, and a code before names in other languages: folded, Austria is
// "ao" in Vietnamese, the code of Angola.
func (g *gazetteer) code(l *Language, typed string) string {
	if code, ok := g.exact[norm.NFC.String(typed)]; ok {
		return code
	}
	folded := fold(typed)
	for _, known := range []map[string]string{g.own[l], g.byCode, g.byName} {
		if code, ok := known[folded]; ok {
			return code
		}
	}
	return typed
}

// isCode says whether a value is the code of a country.
func (g *gazetteer) isCode(value string) bool {
	return value != "" && value != report.Unknown && g.byCode[fold(value)] == value
}

// name returns what to show for a value of a country field.
func (g *gazetteer) name(l *Language, value string) string {
	if name, ok := g.names[l][value]; ok {
		return name
	}
	return value
}

// maxPlace bounds in bytes what is read as the name of a country: normalization
// makes up to eleven times as much of it.
const maxPlace = 512

// fold brings a name to what spellings of it have in common: letters and
// digits, without case and accents. What is too long for a name has nothing in
// common with one.
func fold(s string) string {
	if len(s) > maxPlace {
		return ""
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		case unicode.Is(unicode.Mc, r):
			return r // a vowel sign of an Indic script: part of the word
		}
		return -1
	}, norm.NFKD.String(s))
}
