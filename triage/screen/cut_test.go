package screen

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// Characters as readers count them, each with its columns.
var characters = map[string]int{
	"a": 1, "é": 1, "e\u0301": 1, "ț": 1, "ế": 1, "e\u0302\u0301": 1, "г": 1,
	"بّ": 1, "ـ": 1, "۲": 1,
	"क": 1, "कि": 2, "क्षि": 3, "स्त्र": 3, "ড়": 1, "ক্ত": 2, "ਸ਼੍ਰ": 2, "ਜ਼": 1,
	"漢": 2, "한": 2, "ᄒ\u1161\u11ab": 4, "ｗ": 2,
	"👀": 2, "👍🏽": 4, "🇧🇪": 2, "👨\u200d👩\u200d👧": 6, "❤\ufe0f": 1, "กำ": 2, "\u0600\u0661": 2,
}

func TestCutKeepsCharactersWhole(t *testing.T) {
	for c, columns := range characters {
		if n, w := cluster(c); n != len(c) || w != columns {
			t.Errorf("%q: %d of %d bytes are one character, of %d columns", c, n, len(c), w)
		}
		if n, _ := cluster(c + "x"); n != len(c) {
			t.Errorf("%q takes the letter behind it", c)
		}
		// A line of it: every cut is whole characters, and as wide as it may be.
		line := strings.Repeat(c, 5)
		for most := 1; most <= 5*columns+1; most++ {
			got := Cut(line, most)
			if most >= 5*columns {
				if got != line {
					t.Errorf("%q in %d columns is cut to %q", line, most, got)
				}
				continue
			}
			if want := strings.Repeat(c, (most-1)/columns) + "…"; got != want {
				t.Errorf("%q in %d columns is %q, want %q", line, most, got, want)
			}
		}
	}
	// A joiner before a flag makes no half of it the next one's.
	if n, _ := cluster("\u200d🇧🇪🇳🇱"); n != len("\u200d🇧🇪") {
		t.Errorf("a joiner and a flag are %d bytes", n)
	}
	for line, want := range map[string]string{"": "", "abcd": "abcd", "abcde": "abc…", "ab漢d": "ab…", "🇧🇪🇳🇱a": "🇧🇪…"} {
		if got := Cut(line, 4); got != want {
			t.Errorf("%q is cut to %q, want %q", line, got, want)
		}
	}
}

func FuzzCut(f *testing.F) {
	for c := range characters {
		f.Add(c+c+"x", 2)
	}
	f.Add("\xff\xfe", 1)
	f.Fuzz(func(t *testing.T, s string, columns int) {
		columns = max(columns, 1)
		got := Cut(s, columns)
		if got == s {
			return
		}
		beginning, ok := strings.CutSuffix(got, "…")
		if !ok || !strings.HasPrefix(s, beginning) || utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("%q is cut to %q", s, got)
		}
		taken := 1
		for rest := beginning; rest != ""; {
			n, w := cluster(rest)
			taken, rest = taken+w, rest[n:]
		}
		if taken > columns {
			t.Errorf("%q takes %d columns of %d", got, taken, columns)
		}
	})
}
