package intake

import (
	"strings"
	"testing"

	"tocsin/ledger"
)

// A day keeps its order among letters that run from right to left.
func TestDaysKeepTheirOrder(t *testing.T) {
	ls, err := loadLanguages(localeFiles)
	must(t, err)
	for _, l := range ls.all {
		for _, day := range []any{"2026-10-09", ledger.Day("2026-10-09")} {
			got := l.T("status.received", day)
			if isolate := strings.Contains(got, "\u20682026-10-09\u2069"); isolate != (l.Dir == "rtl") || !strings.Contains(got, "2026-10-09") {
				t.Errorf("%s (%s): %q", l.Code, l.Dir, got)
			}
		}
	}
}
