package links

import (
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// An "at" in words counts before the hosts of the large providers, and before
// any host after a name with a digit or a sign within: "met him at example.org"
// has neither.
var (
	atInWords = regexp.MustCompile(`(?i)\b([a-z0-9._+-]{2,64}) at ((?:gmail|googlemail|hotmail|outlook|live|yahoo|icloud|proton|protonmail|gmx|mail|yandex|web|skynet|telenet)\.[a-z]{2,3}(?:\.[a-z]{2})?)\b`)
	atAnyHost = regexp.MustCompile(`(?i)\b([a-z]+(?:[._+-]?[a-z]+)*[._+-]?[0-9]+|[a-z]+[._+-][a-z0-9._+-]*[a-z0-9]) at ((?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,24})\b`)
)

var emailAddress = regexp.MustCompile(`(?i)[a-z0-9._%+-]{1,64}(?:@| ?[(\[](?:at|@)[)\]] ?)(?:[a-z0-9-]{1,63}(?:\.| ?[(\[](?:dot|\.)[)\]] ?)){1,4}[a-z]{2,24}\b`)

// emailValue returns the form in which an address is compared, or "". It is
// idempotent. Upper case, what follows a plus, and dots at Gmail, which its
// users know to mean nothing, are taken away.
func emailValue(s string) string {
	s = strings.ToLower(norm.NFKC.String(strings.ToValidUTF8(s, "")))
	s = emailAddress.FindString(s)
	s = strings.NewReplacer("[at]", "@", "(at)", "@", "[@]", "@", "(@)", "@", "[dot]", ".", "(dot)", ".", "[.]", ".", "(.)", ".", " ", "").Replace(s)
	name, host, ok := strings.Cut(s, "@")
	name, _, _ = strings.Cut(name, "+")
	name = strings.Trim(name, ".")
	if host == "googlemail.com" {
		host = "gmail.com"
	}
	if host == "gmail.com" {
		name = strings.ReplaceAll(name, ".", "")
	}
	if !ok || name == "" || len(name)+len(host) > MaxValue-1 {
		return ""
	}
	return name + "@" + host
}
