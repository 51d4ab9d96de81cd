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
