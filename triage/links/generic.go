package links

import (
	"cmp"
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// generic.txt holds the words that say what a place is and not which.
//
//go:embed generic.txt
var genericText string

var (
	generic  = sync.OnceValue(readGeneric)
	unspaced = sync.OnceValue(unspacedWords)
)

// readGeneric maps the skeleton of each word to the trade that it tells, or to
// nothing if it tells none, or several.
func readGeneric() map[string]string {
	m := make(map[string]string)
	for line := range dataLines(genericText) {
		trade, list, ok := strings.Cut(line, ": ")
		if !ok {
			trade, list = "", line
		}
		for _, w := range nameWords(list) {
			if before, known := m[w]; known && before != trade {
				m[w] = ""
			} else {
				m[w] = trade
			}
		}
	}
	return m
}

// trades returns the trades that the words of a name tell, sorted and
// separated by spaces: "" for "Golden Star", "stay" for "Golden Star Hotel",
// "serve stay" for the bar of that hotel.
func trades(name []string) string {
	var list []string
	for _, w := range name {
		if !isTrade(w) && oneSlip([]rune(w), []rune("hotel")) {
			w = "hotel"
		}
		list = append(list, generic()[w])
		for _, u := range unspaced() {
			if strings.HasPrefix(w, u) || strings.HasSuffix(w, u) {
				list = append(list, generic()[u])
			}
		}
	}
	list = slices.DeleteFunc(list, func(trade string) bool { return trade == "" })
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " ")
}

// sameTrade reports whether what two names say of the trade may be said of one
// house: they have a trade in common, or one tells none.
func sameTrade(a, b string) bool {
	if a == "" || b == "" || a == b {
		return true
	}
	for _, t := range strings.Fields(a) {
		if slices.Contains(strings.Fields(b), t) {
			return true
		}
	}
	return false
}

// isGeneric reports whether a word says what a place is. The word hotel, and
// those long enough, are known with a slip too.
func isGeneric(word string) bool {
	if _, known := generic()[word]; known || oneSlip([]rune(word), []rune("hotel")) {
		return true
	}
	if len(word) < slipLetters {
		return false
	}
	for w := range generic() {
		if slip(word, w) {
			return true
		}
	}
	return false
}

// isTrade reports whether a word tells a trade.
func isTrade(word string) bool { return generic()[word] != "" }

// withoutUnspaced takes generic words off both ends of a word.
func withoutUnspaced(word string) string {
	for _, w := range unspaced() {
		if rest := strings.TrimSuffix(strings.TrimPrefix(word, w), w); rest != "" {
			word = rest
		}
	}
	return word
}

// unspacedWords lists the generic words of scripts that put no spaces between
// words, in which a name is one word with them: Thai.
func unspacedWords() []string {
	var list []string
	for w := range generic() {
		if r, _ := utf8.DecodeRuneInString(w); unicode.Is(unicode.Thai, r) {
			list = append(list, w)
		}
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	return list
}
