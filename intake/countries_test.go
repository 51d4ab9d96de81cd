package intake

import (
	"runtime"
	"strings"
	"testing"
)

// What is too long for a country's name is not looked up: a letter such as this
// one is eighteen when it is brought to its plain form.
func TestALongCountryCostsNothing(t *testing.T) {
	s := newWorld(t, setup{}).server
	l := s.languages.all[0]
	long := strings.Repeat("\ufdfa", maxText/3)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if got := s.gazetteer.code(l, long); got != long {
		t.Errorf("%d bytes were taken for %q", len(long), got)
	}
	if s.gazetteer.isCode(long) {
		t.Error("it is the code of a country")
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
		t.Errorf("%d KiB were allocated to look up no country", n>>10)
	}
	for _, l := range s.languages.all {
		for code, name := range s.gazetteer.names[l] {
			if len(name) > maxPlace || fold(name) == "" || s.gazetteer.code(l, name) != code {
				t.Errorf("%s: %q is not found as %s", l.Code, name, code)
			}
		}
	}
}

// What is typed for a country, and what pages send, is the country that is meant.
func TestCountries(t *testing.T) {
	ls, err := loadLanguages(localeFiles)
	must(t, err)
	g := newGazetteer(ls)
	for typed, want := range map[string]string{
		"Belgium": "BE", "belgique": "BE", "BELGIË": "BE", "be": "BE", " Thaïlande ": "TH",
		"Cote d'Ivoire": "CI", "Ivory Coast": "CI", "UK": "GB", "U.S.A.": "US",
		"I don't know": "unknown", "unknown": "unknown", "Atlantis": "Atlantis", "": "",
	} {
		if got := g.code(ls.all[0], typed); got != want {
			t.Errorf("%q is %q, want %q", typed, got, want)
		}
	}
	// What the page shows for a code leads back to it, in every language: whoever
	// changes the language sends the name in the one before. So does the code
	// itself, which the page of numbers sends.
	for _, l := range ls.all {
		for code, name := range g.names[l] {
			for _, to := range ls.all {
				if got := g.code(to, name); got != code {
					t.Errorf("%s to %s: %s is called %q, which is %s", l.Code, to.Code, code, name, got)
				}
			}
			if got := g.code(l, code); got != code {
				t.Errorf("%s: the code %s is taken for %s", l.Code, code, got)
			}
		}
	}
	for typed, want := range map[string]string{"Áo": "AT", "ao": "AT", "BỈ": "BE", "AO": "AO"} {
		if got := g.code(ls.ByCode("vi"), typed); got != want {
			t.Errorf("vi: %q is %s, want %s", typed, got, want)
		}
	}
}
