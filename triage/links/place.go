package links

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A place's value is its name, city, country and trade:
// "golden star|pataia|TH|stay". Name and city are skeletons, the name's words
// kept apart; city or country may be empty, not both. The trade is left out
// with its sign where the name tells none.

const (
	// A name without the city links within the country only if it has so many
	// letters, and is not one that many houses have: by chains.txt, or by the
	// cases, in which it stands in several cities.
	aloneLetters = 6
	// A slip is forgiven in a name or a city of at least so many letters: in
	// shorter ones it makes another name (Rose, Rosa; Star, Spar).
	slipLetters = 6
	// Around a name that says enough and in one country, a slip in a shorter
	// city is one.
	slipTown = 4
)

// cities.txt holds names that a city has in other languages and scripts.
//
//go:embed cities.txt
var citiesText string

// chains.txt holds names that many houses of a country have.
//
//go:embed chains.txt
var chainsText string

var (
	cityNames = sync.OnceValue(readCities)
	chains    = sync.OnceValue(readChains)
)

// readCities maps each name to the first of its line.
func readCities() map[string]string {
	m := make(map[string]string)
	for line := range dataLines(citiesText) {
		var first string
		for i, name := range strings.Split(line, ",") {
			key := strings.Join(nameWords(name), "")
			if i == 0 {
				first = key
			}
			m[key] = first
		}
	}
	return m
}

func readChains() map[string]bool {
	m := make(map[string]bool)
	for line := range dataLines(chainsText) {
		m[strings.Join(distinctive(nameWords(line), ""), "")] = true
	}
	return m
}

// dataLines yields the lines of one of the package's tables.
func dataLines(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' && !yield(line) {
				return
			}
		}
	}
}

// nameWords returns the skeletons of the words of a name.
func nameWords(s string) []string {
	list := words(spaced(fold(s)))
	for i, w := range list {
		list[i] = skeleton(w)
	}
	return list
}

// withoutArticle takes the Arabic article, in Arabic or Latin letters, off the
// beginning of a name, and with it the Spanish one that looks like it: signs
// and witnesses write it, join it to the name or leave it out as they like. A
// name that only begins alike loses the same letters every time.
func withoutArticle(name []string) []string {
	if len(name) > 1 && articleWord.MatchString(name[0]+" "+name[1]) {
		return name[1:]
	}
	if rest := article.ReplaceAllString(name[0], "$1"); utf8.RuneCountInString(rest) >= articleLeaves {
		name[0] = rest
	}
	return name
}

// Before many letters the article takes their sound: es-Salam, Essalam, of
// which a skeleton is esalam.
var (
	articleWord = regexp.MustCompile(`^(?:[ae]l |[ae](?:s s|r r|d d|t t|z z|n n))`)
	article     = regexp.MustCompile(`^(?:ال|[ae]l|[ae]([srdtzn][aeiou]))`)
)

// articleLeaves is how many letters a name has at least without its article.
const articleLeaves = 4

// spaced puts spaces between letters and digits.
func spaced(s string) string {
	var b strings.Builder
	last := ' '
	for _, r := range s {
		if unicode.IsDigit(r) && unicode.IsLetter(last) || unicode.IsLetter(r) && unicode.IsDigit(last) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		last = r
	}
	return b.String()
}

// longestCity is how many words the name of a city has.
const longestCity = 4

// cityWords are said with a city's name or left out.
var cityWords = sync.OnceValue(func() map[string]bool { return wordSet("city ville de stad stadt grad gorod g town şehri tp") })

// wordSet returns the skeletons of words.
func wordSet(list string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range nameWords(list) {
		m[w] = true
	}
	return m
}

// cityValue returns the form in which a city is compared. Of "Pattaya,
// Thailand" or "Pattaya (Chonburi)" the first is taken.
func cityValue(city string) string {
	first := strings.FieldsFunc(city, func(r rune) bool { return strings.ContainsRune(",;/()،、", r) })
	if len(first) == 0 {
		return ""
	}
	all := nameWords(first[0])
	if name, ok := cityNames()[strings.Join(all, "")]; ok {
		return name
	}
	some := slices.DeleteFunc(slices.Clone(all), func(w string) bool { return cityWords()[w] })
	if len(some) == 0 {
		some = all
	}
	// "Patong, Phuket" without its comma, "Angeles City Pampanga".
	for n := min(len(some), longestCity); n > 0; n-- {
		for i := 0; i+n <= len(some); i++ {
			if known, ok := cityNames()[strings.Join(some[i:i+n], "")]; ok {
				return known
			}
		}
	}
	return strings.Join(some, "")
}

// placeValue returns the value of a place, or "" if it says too little to be
// the same as another: a name of generic words only, or one with neither city
// nor country, or a common name without a city.
func placeValue(place, city, country string) string {
	if before, after, ok := strings.Cut(place, ","); ok {
		// "Golden Star Hotel, Pattaya"
		if city == "" && !strings.ContainsFunc(after, unicode.IsDigit) {
			city = after
		}
		if len(distinctive(nameWords(before), "")) > 0 {
			place = before
		}
	}
	if rest := withoutParentheses(place); len(distinctive(nameWords(rest), "")) > 0 {
		place = rest
	}
	town := cityValue(city)
	name := distinctive(nameWords(place), town)
	if len(name) == 0 || town == "" && (country == "" || !saysEnough(strings.Join(name, ""))) {
		return ""
	}
	value := strings.Join(name, " ") + "|" + town + "|" + country
	if trade := trades(nameWords(place)); trade != "" {
		value += "|" + trade
	}
	return value
}

// distinctive returns the words of a name without the generic ones and the
// city, as far as something is left. A name of generic words only, such as
// "beach bar", is none.
func distinctive(name []string, town string) []string {
	some := slices.DeleteFunc(withoutCity(name, town), isGeneric)
	for i, w := range some {
		some[i] = withoutUnspaced(w)
	}
	if n, _ := letters(strings.Join(some, "")); n >= 2 {
		return withoutArticle(some)
	}
	// The city or a number tells it from others, if anything does: "Pattaya
	// Hotel" in Pattaya, "Bar 7".
	some = slices.DeleteFunc(slices.Clone(name), isGeneric)
	if n, digit := letters(strings.Join(some, "")); n >= 2 || digit {
		return name
	}
	return nil
}

// withoutCity takes the words out that name the city.
func withoutCity(name []string, town string) []string {
	if town == "" {
		return slices.Clone(name)
	}
	for n := min(longestCity, len(name)); n > 0; n-- {
		for i := 0; i+n <= len(name); i++ {
			said := strings.Join(name[i:i+n], "")
			if said == town || cityNames()[said] == town {
				return slices.Concat(name[:i], name[i+n:])
			}
		}
	}
	return slices.Clone(name)
}

func saysEnough(name string) bool {
	n, _ := letters(name)
	return n >= aloneLetters && !chains()[name]
}

// A namedPlace is a place's value taken apart.
type namedPlace struct {
	name, town, country, trade string
}

func parsePlace(value string) namedPlace {
	name, rest, _ := strings.Cut(value, "|")
	town, rest, _ := strings.Cut(rest, "|")
	country, trade, _ := strings.Cut(rest, "|")
	return namedPlace{strings.ReplaceAll(name, " ", ""), town, country, trade}
}

// samePlace reports whether two values may mean one place: name and city are
// the same but for one slip in the two together, and the countries do not
// differ. Where one has no city, the names must be the same, and say enough.
func samePlace(a, b namedPlace) bool {
	if a.country != "" && b.country != "" && a.country != b.country || !sameTrade(a.trade, b.trade) {
		return false
	}
	if a.town == "" || b.town == "" {
		return a.name == b.name && a.country == b.country && a.country != "" && saysEnough(a.name)
	}
	switch {
	case a.town == b.town:
		return a.name == b.name || slip(a.name, b.name)
	case a.name == b.name:
		return slip(a.town, b.town) || a.country == b.country && a.country != "" && saysEnough(a.name) &&
			min(len([]rune(a.town)), len([]rune(b.town))) >= slipTown && oneSlip([]rune(a.town), []rune(b.town))
	}
	return false
}

// placeBuckets returns the buckets in which a place can meet another: one for
// each text that leaving out one letter of name and city gives, because two
// texts that are a slip apart have one of those in common.
func placeBuckets(p namedPlace) []string {
	var list []string
	if p.country != "" && saysEnough(p.name) {
		list = append(list, inCountry(p))
	}
	if p.town == "" {
		return list
	}
	list = append(list, p.town+"/"+p.name)
	for _, name := range shorter(p.name, slipLetters) {
		list = append(list, p.town+"/"+name)
	}
	for _, town := range shorter(p.town, slipTown) {
		list = append(list, town+"/"+p.name)
	}
	return list
}

// inCountry returns the bucket in which places of one name and country meet.
func inCountry(p namedPlace) string { return p.country + "|" + p.name }

// shorter returns the texts that leaving out one letter of a name gives, if it
// is long enough for a slip.
func shorter(s string, least int) []string {
	r := []rune(s)
	if len(r) < least {
		return nil
	}
	var list []string
	for i := range r {
		list = append(list, string(r[:i])+string(r[i+1:]))
	}
	return list
}

// slip reports whether one letter too many, too few, another or two swapped
// make one name of the other. Both have six letters at least.
func slip(a, b string) bool {
	n, _ := letters(a)
	m, _ := letters(b)
	return min(n, m) >= slipLetters && oneSlip([]rune(a), []rune(b))
}

// oneSlip reports whether a slip or none lies between two words. A digit is
// no slip: Soi 6 is not Soi 7.
func oneSlip(x, y []rune) bool {
	if len(x) > len(y) {
		x, y = y, x
	}
	for len(x) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	switch {
	case startsWithDigit(x) || startsWithDigit(y):
		return false
	case len(x) < len(y):
		return slices.Equal(x, y[1:])
	case len(x) == 0 || slices.Equal(x[1:], y[1:]):
		return true
	}
	return len(x) > 1 && x[0] == y[1] && x[1] == y[0] && slices.Equal(x[2:], y[2:])
}

func startsWithDigit(r []rune) bool { return len(r) > 0 && unicode.IsDigit(r[0]) }
