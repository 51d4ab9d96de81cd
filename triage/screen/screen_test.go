package screen

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// hostile holds what has been used against terminals and their readers. Each
// must come out without a byte that could act.
var hostile = map[string]string{
	"colour":                "\x1b[31mred\x1b[0m",
	"cursor up, erase":      "\x1b[2A\x1b[2K\x1b[1G",
	"clear screen":          "\x1bc\x1b[3J\x1b[H",
	"window title":          "\x1b]0;title\x07",
	"title, ST":             "\x1b]2;title\x1b\\",
	"clipboard (OSC 52)":    "\x1b]52;c;cm0gLXJm\x07",
	"hyperlink (OSC 8)":     "\x1b]8;;http://evil.example\x07text\x1b]8;;\x07",
	"report cursor":         "\x1b[6n",
	"report title":          "\x1b[21t",
	"answerback":            "\x05",
	"device control":        "\x1bP$q\"p\x1b\\",
	"DECUDK":                "\x1bP0;1|17/6c730a\x1b\\",
	"application message":   "\x1b_Gf=100;AAAA\x1b\\",
	"privacy message":       "\x1b^hidden\x1b\\",
	"alternate screen":      "\x1b[?1049h",
	"bracketed paste off":   "\x1b[?2004l",
	"mouse reporting":       "\x1b[?1003h",
	"charset shift":         "\x0e\x0f\x1b(0",
	"C1 CSI":                "\u009b31m",
	"C1 OSC":                "\u009d0;title\u009c",
	"C1 DCS, APC, PM, SOS":  "\u0090\u009f\u009e\u0098",
	"C1 CSI as a raw byte":  "\x9b31m",
	"backspaces":            "safe\b\b\b\bevil",
	"carriage return":       "safe\revil",
	"delete":                "a\x7fb",
	"NUL":                   "a\x00b",
	"substitute":            "a\x1ab",
	"embeddings":            "\u202a\u202b\u202c\u202d\u202e",
	"isolates":              "\u2066\u2067\u2068\u2069",
	"marks":                 "\u200e\u200f\u061c",
	"reversed ending":       "photo_\u202egpj.exe",
	"zero width":            "a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg\u180eh",
	"line separators":       "a\u2028b\u2029c\u0085d",
	"tag characters":        "flag\U000E0001\U000E0067\U000E007F",
	"variation selectors":   "a\ufe0fb\U000E0100",
	"interlinear":           "\ufff9a\ufffab\ufffb",
	"fillers":               "a\u115fb\u3164c\uffa0d\u034fe",
	"not UTF-8":             "a\xff\xfeb\xc3(",
	"surrogates, encoded":   "\xed\xa0\x80\xed\xb0\x80",
	"overlong ESC":          "\xc0\x9b[31m",
	"private use":           "\ue000\U000F0000",
	"noncharacters":         "\ufdd0\uffff",
	"deprecated formatting": "\u206a\u206b\u206c\u206d\u206e\u206f",
}

// acts reports whether r could act on a terminal or on its neighbours.
func acts(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 ||
		strings.ContainsRune("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c", r) ||
		strings.ContainsRune("\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u2028\u2029\u115f\u3164\uffa0\u034f", r) ||
		r >= 0x206a && r <= 0x206f || r >= 0xfff9 && r <= 0xfffb ||
		r >= 0xfe00 && r <= 0xfe0f || r >= 0xE0000 && r <= 0xE0FFF ||
		unicode.Is(unicode.Co, r)
}

func TestNothingThatActsGetsThrough(t *testing.T) {
	for name, s := range hostile {
		for _, r := range Line(s) {
			if acts(r) {
				t.Errorf("%s: Line lets %U through", name, r)
			}
		}
		for _, r := range Text(s) {
			if acts(r) && r != '\n' {
				t.Errorf("%s: Text lets %U through", name, r)
			}
		}
		for _, r := range Page(s) {
			if acts(r) && r != '\n' && r != '\u200c' && r != '\u200d' {
				t.Errorf("%s: Page lets %U through", name, r)
			}
		}
		if n := FileName(s); strings.ContainsAny(n, "/\\\n :*?\"<>|$`'&;") || strings.HasPrefix(n, ".") || strings.HasPrefix(n, "-") {
			t.Errorf("%s: FileName gives %q", name, n)
		}
	}
}

func TestWhatPeopleWriteStays(t *testing.T) {
	for _, s := range []string{
		"Hôtel de la Gare, chambre 12 (2e étage)",
		"Γεια σου, Здравствуйте, नमस्ते, ਸਤ ਸ੍ਰੀ ਅਕਾਲ, হ্যালো, مرحبا, سلام, Xin chào, ðŞĞİ",
		"+32 2 501 40 00 · https://example.org/a?b=c&d=%20 · 5 € – 10 %",
		"日本語 한국어 ไทย 👍",
		"\u0600\u06dd١٢",
	} {
		if got := Line(s); got != s {
			t.Errorf("Line(%q) = %q", s, got)
		}
	}
}

func TestJSONSaysTheSameAndDoesNothing(t *testing.T) {
	for name, s := range hostile {
		text, err := json.Marshal(map[string]string{"text": s, "other": "naïve 日本"})
		if err != nil {
			t.Fatal(err)
		}
		safe := JSON(text)
		for _, r := range string(safe) {
			if acts(r) {
				t.Errorf("%s: JSON lets %U through", name, r)
			}
		}
		var before, after map[string]string
		if err := errors.Join(json.Unmarshal(text, &before), json.Unmarshal(safe, &after)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if before["text"] != after["text"] || before["other"] != after["other"] {
			t.Errorf("%s: %q became %q", name, before, after)
		}
	}
}

func TestLayout(t *testing.T) {
	for _, c := range []struct{ in, line, text string }{
		{"a\r\nb\rc\nd", "a b c d", "a\nb\nc\nd"},
		{"  a\t b  ", "a b", "  a  b  "},
		{"a\u00a0b\u3000c", "a b c", "a b c"},
		{"a\x1b[1mb", "a\ufffd[1mb", "a\ufffd[1mb"},
	} {
		if got := Line(c.in); got != c.line {
			t.Errorf("Line(%q) = %q, want %q", c.in, got, c.line)
		}
		if got := Text(c.in); got != c.text {
			t.Errorf("Text(%q) = %q, want %q", c.in, got, c.text)
		}
	}
	if got, want := Page("می\u200cخواهم"), "می\u200cخواهم"; got != want {
		t.Errorf("Page(%q) = %q", want, got)
	}
}

func TestFileNames(t *testing.T) {
	for in, want := range map[string]string{
		"photo.jpg":                       "photo.jpg",
		"/etc/passwd":                     "passwd",
		`C:\Users\me\plate.png`:           "plate.png",
		"../../.ssh/id":                   "id",
		"..":                              "",
		"":                                "",
		".bashrc":                         "bashrc",
		"-rf *":                           "rf__",
		"a b;c$(d).txt":                   "a_b_c__d_.txt",
		"façade été.jpeg":                 "façade_été.jpeg",
		"photo_\u202egpj.exe":             "photo_gpj.exe",
		"name.":                           "name",
		"a\x1b]0;t\x07.jpg":               "a__0_t_.jpg",
		"CON":                             "CON",
		strings.Repeat("x", 300):          strings.Repeat("x", 100),
		strings.Repeat("é", 99) + ".jpeg": strings.Repeat("é", 47) + ".jpeg",
	} {
		if got := FileName(in); got != want {
			t.Errorf("FileName(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{Line(s), strings.ReplaceAll(Text(s), "\n", ""), FileName(s)} {
			if !utf8.ValidString(got) {
				t.Errorf("%q is not UTF-8", got)
			}
			if strings.ContainsFunc(got, acts) {
				t.Errorf("%q became %q", s, got)
			}
		}
		if Line(Line(s)) != Line(s) || Text(Text(s)) != Text(s) {
			t.Errorf("cleaning %q twice differs", s)
		}
		if n := FileName(s); len(n) > 100 || FileName(n) != n {
			t.Errorf("FileName(%q) = %q", s, n)
		}
	})
}
