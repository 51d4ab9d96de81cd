package links

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
)

// A phone number's value is its E.164 form: "+32477123456". Where a number was
// written as at home, and the country of the facts does not make its country
// certain, it stays so: "0477123456". It then meets the number of any country
// that ends in the same digits.

// phones.txt says how mobile numbers are written at home.
//
//go:embed phones.txt
var phonesText string

// A numberPlan is how a country's mobile numbers are formed.
type numberPlan struct {
	code   string         // calling code
	trunk  string         // dialled before a number at home, or empty
	mobile *regexp.Regexp // the number without either
}

var (
	plans  = sync.OnceValue(readPlans) // by country
	byCode = sync.OnceValue(plansByCode)
)

func readPlans() map[string]numberPlan {
	m := make(map[string]numberPlan)
	for line := range dataLines(phonesText) {
		f := strings.Fields(line)
		m[f[0]] = numberPlan{f[1], strings.Trim(f[2], "-"), regexp.MustCompile(`^(?:` + f[3] + `)$`)}
	}
	return m
}

func plansByCode() map[string]numberPlan {
	m := make(map[string]numberPlan)
	for _, p := range plans() {
		m[p.code] = p
	}
	return m
}

// ITU-T E.164 lets a number have 15 digits with its country. Nothing shorter
// than 8 is a subscriber abroad.
const (
	minDigits = 8
	maxDigits = 15
	// Of a number as at home, with its 0, so many digits make it unlikely that
	// two countries have the same.
	minHome = 9
	maxHome = 12
)

var (
	// What people write between the digits, and the 0 that is not dialled
	// from abroad.
	phoneFiller = strings.NewReplacer("(0)", "", " ", "", "\u00a0", "", "-", "", "‐", "", "‑", "", "–", "", ".", "", "/", "", "(", "", ")", "", "+", "")
	// A number in a text: it begins with a plus, or with a 0 or 8 as at home.
	phoneInText = regexp.MustCompile(`(?:^|[^0-9\pL+.,/-])(\+ ?[1-9]|00 ?[1-9]|0[ ./()–-]{0,2}[1-9]|8[ (-]{0,2}9)(?:[ \x{00a0}./()–-]{0,2}[0-9]){5,14}\b`)
)

// phoneValue returns the value of a number as it was written, or "". Given
// that it stands where a number is expected, digits that begin with a calling
// code need no plus. It is idempotent.
func phoneValue(s, country string, expected bool) string {
	s = strings.TrimSpace(digits(strings.ToValidUTF8(s, "")))
	international := strings.HasPrefix(s, "+")
	s = phoneFiller.Replace(s)
	for _, r := range s {
		if r < '0' || r > '9' {
			return ""
		}
	}
	if rest, ok := strings.CutPrefix(s, "00"); ok && !international {
		s, international = rest, true
	}
	if international {
		return e164(s)
	}
	if p, ok := plans()[country]; ok {
		home, ok := strings.CutPrefix(s, p.trunk)
		if ok && (p.trunk != "" || expected) && p.mobile.MatchString(home) {
			return "+" + p.code + home
		}
	}
	if expected {
		for n := 1; n <= 3 && n < len(s); n++ {
			if p, ok := byCode()[s[:n]]; ok && p.mobile.MatchString(s[n:]) {
				return "+" + s
			}
		}
	}
	if len(s) >= minHome && len(s) <= maxHome && s[0] == '0' && s[1] != '0' {
		return s
	}
	return ""
}

// e164 returns the value of a number's digits with its calling code. Where the
// plan is known, a 0 that is not dialled from abroad is taken out.
func e164(s string) string {
	for n := 1; n <= 3 && n < len(s); n++ {
		if p, ok := byCode()[s[:n]]; ok && p.trunk != "" {
			if home, ok := strings.CutPrefix(s[n:], p.trunk); ok && p.mobile.MatchString(home) {
				s = s[:n] + home
			}
			break
		}
	}
	if len(s) < minDigits || len(s) > maxDigits || s[0] == '0' {
		return ""
	}
	return "+" + s
}

// phones adds the numbers in a text.
func (c *collector) phones(text, field string) {
	text = digits(text)
	for len(text) > 0 {
		at := phoneInText.FindStringSubmatchIndex(text)
		if at == nil {
			return
		}
		shown := text[at[2]:at[1]]
		c.add(Phone, phoneValue(shown, c.country, false), shown, field)
		text = text[at[1]:]
	}
}

// samePhone reports whether two values may be one number.
func samePhone(a, b string) bool {
	if a == b {
		return true
	}
	if a[0] == '+' {
		a, b = b, a
	}
	home := strings.TrimPrefix(a, "0")
	code, ok := strings.CutSuffix(strings.TrimPrefix(b, "+"), home)
	return a[0] == '0' && b[0] == '+' && ok && len(code) >= 1 && len(code) <= 3
}

// lastDigits returns the digits by which numbers that may be one are found.
func lastDigits(value string) string { return value[max(0, len(value)-(minHome-1)):] }
