package intake

import (
	"strings"
	"testing"

	"tocsin/ledger"
)

// A day keeps its order among letters that run from right to left, and no line
// ends within it.
func TestDaysKeepTheirOrder(t *testing.T) {
	ls, err := loadLanguages(localeFiles)
	must(t, err)
	for _, l := range ls.all {
		const whole = "2026\u2060-\u206010\u2060-\u206009"
		got := l.T("status.received", ledger.Day("2026-10-09"))
		if isolate := strings.Contains(got, "\u2068"+whole+"\u2069"); isolate != (l.Dir == "rtl") || !strings.Contains(got, whole) {
			t.Errorf("%s (%s): %q", l.Code, l.Dir, got)
		}
	}
}
