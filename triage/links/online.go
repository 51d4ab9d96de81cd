package links

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"
)

// Values of what is online:
//
//	handle   platform and handle, "instagram:john_doe92"; the platform may be empty
//	url      the registrable domain, "example.xyz"; on a host that thousands
//	         share host, path and query, "youtube.com/watch?v=dQw4w9WgXcQ"
//	e-mail   "john.doe@example.org"

// hosts.txt lists the hosts that thousands share.
//
//go:embed hosts.txt
var hostsText string

// platforms.txt lists what platforms are called.
//
//go:embed platforms.txt
var platformsText string

// A sharedHost is one that thousands share.
type sharedHost struct {
	platform string   // if its path begins with a handle
	before   []string // parts of the path of which one stands before it
	phone    bool     // its path is a phone number
}

var (
	sharedHosts = sync.OnceValue(readHosts)
	platforms   = sync.OnceValue(readPlatforms)
)

func readHosts() map[string]sharedHost {
	m := make(map[string]sharedHost)
	for line := range dataLines(hostsText) {
		f := strings.Fields(line)
		h := sharedHost{phone: slices.Contains(f[1:], "phone")}
		if len(f) > 2 {
			h.platform, h.before = f[2], f[3:]
		}
		m[f[0]] = h
	}
	return m
}

func readPlatforms() map[string]string {
	m := make(map[string]string)
	for line := range dataLines(platformsText) {
		names := strings.Split(line, ",")
		for _, n := range names {
			m[strings.Join(words(fold(n)), "")] = names[0]
		}
	}
	return m
}

// platformValue returns the name that a platform is compared as.
func platformValue(s string) string {
	if rest := withoutParentheses(s); strings.TrimSpace(rest) != "" {
		s = rest // "X (Twitter)"
	}
	name := strings.Join(words(fold(s)), "")
	if known, ok := platforms()[name]; ok {
		return known
	}
	name = strings.TrimSuffix(name, "com")
	if known, ok := platforms()[name]; ok {
		return known
	}
	return name
}

// byPhone are the platforms on which a person is a phone number.
var byPhone = []string{"whatsapp", "viber", "telegram", "signal", "zalo", "line", "phone"}

const (
	minHandle = 3
	maxHandle = 64
	// A handle says enough to be the same person on another platform if it
	// is as long as this, with a letter and a digit, or longer.
	tellingHandle     = 8
	longTellingHandle = 12
)

// handles adds the handles of the fields, of which there may be several, or a
// phone number or an address in their place.
func (c *collector) handles(platform, field string) {
	p := platformValue(platform)
	if slices.Contains(byPhone, p) || p == "" {
		if v := phoneValue(field, c.country, p != ""); v != "" {
			c.add(Phone, v, field, "online.handle")
			return
		}
	}
	for _, part := range strings.FieldsFunc(field, func(r rune) bool { return strings.ContainsRune(",;،、|", r) }) {
		switch {
		case strings.Contains(part, "://") || strings.Contains(part, ".com/") || strings.Contains(part, "t.me/"):
			c.address(part, "online.handle", part)
		case emailAddress.MatchString(part):
			// freeText finds it.
		default:
			if h := handleValue(part); h != "" {
				c.add(Handle, p+":"+h, strings.TrimSpace(platform+" "+strings.TrimSpace(part)), "online.handle")
			}
		}
	}
}

// handleValue returns the form in which a handle is compared, or "". It is
// idempotent. Platforms compare handles without regard to case; signs between
// letters are theirs.
func handleValue(s string) string {
	s = norm.NFC.String(digits(strings.ToLower(norm.NFKC.String(strings.ToValidUTF8(s, "")))))
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
	s = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(strings.TrimLeft(s, "/"), "u/"), "user/"), "r/")
	s = strings.Trim(s, "@/.,:;!?\"'()[]«»“”")
	if n := len([]rune(s)); n < minHandle || n > maxHandle {
		return ""
	}
	return s
}

// sameHandle reports whether two values may mean one person: the same handle
// on the same platform, or one that says enough by itself.
func sameHandle(a, b string) bool {
	p, h, _ := strings.Cut(a, ":")
	q, i, _ := strings.Cut(b, ":")
	if h != i {
		return false
	}
	return p == q && p != "" || telling(h)
}

func telling(handle string) bool {
	n, digit := letters(handle)
	long := len([]rune(handle))
	return long >= longTellingHandle || long >= tellingHandle && n > 0 && digit
}

// address adds the key of an address online: of the person, of the phone
// number, of the whole address or of the host.
func (c *collector) address(text, field, shown string) {
	u := parseURL(text)
	if u == nil {
		return
	}
	host := hostValue(u.Hostname())
	if !strings.Contains(text, "://") && !listed(host) {
		return // "no.5" is no host
	}
	shared, is := sharedHost{}, false
	for h := host; h != "" && !is; _, h, _ = strings.Cut(h, ".") {
		if shared, is = sharedHosts()[h]; is {
			host = h
		}
	}
	path := strings.Trim(u.Path, "/")
	parts := strings.Split(path, "/")
	switch {
	case host == "":
	case !is:
		c.add(URL, domain(host), shown, field)
	case path == "" && u.RawQuery == "": // the platform itself
	case shared.phone:
		c.add(Phone, phoneValue("+"+strings.TrimPrefix(parts[0], "+"), "", true), shown, field)
	case shared.platform != "" && profile(parts, shared) != "":
		c.add(Handle, shared.platform+":"+profile(parts, shared), shown, field)
	default:
		c.add(URL, wholeURL(host, path, u.Query()), shown, field)
	}
}

// notProfiles are first parts of paths that name no person.
var notProfiles = []string{
	"profile.php", "groups", "group", "p", "reel", "reels", "watch", "video", "videos", "shorts", "explore", "hashtag",
	"photo", "photo.php", "story.php", "stories", "share", "sharer", "events", "pages", "marketplace", "joinchat", "channel",
	"c", "playlist", "i", "search", "home", "login", "r", "in", "add", "user", "u", "wall", "live", "t", "s", "pin", "discover",
}

// profile returns the handle that a path of a shared host names, or "".
func profile(parts []string, h sharedHost) string {
	if len(h.before) > 0 {
		if len(parts) < 2 || !slices.Contains(h.before, strings.ToLower(parts[0])) {
			return ""
		}
		return handleValue(parts[1])
	}
	first := strings.ToLower(parts[0])
	if slices.Contains(notProfiles, first) || strings.HasPrefix(first, "+") {
		return ""
	}
	// A video or a post of a person is the person's.
	if h.platform == "youtube" && !strings.HasPrefix(first, "@") {
		return ""
	}
	return handleValue(first)
}

// tracking are parameters of an address that say who shared it, not what it
// shows.
var tracking = regexp.MustCompile(`^(utm_.*|usp|fbclid|gclid|igsh|igshid|si|ref|ref_src|feature|mibextid|_rdr|_t|_r)$`)

// wholeURL returns the value of an address on a shared host.
func wholeURL(host, path string, query url.Values) string {
	v := host + "/" + norm.NFC.String(strings.ToValidUTF8(path, ""))
	for name := range query {
		if tracking.MatchString(name) {
			query.Del(name)
		}
	}
	if q := query.Encode(); q != "" { // sorted by name
		v += "?" + q
	}
	if host == "youtu.be" {
		v = "youtube.com/watch?v=" + path
	}
	if len(v) > MaxValue {
		sum := sha256.Sum256([]byte(v))
		v = host + "/sha256:" + hex.EncodeToString(sum[:])
	}
	return v
}

var refang = strings.NewReplacer("hxxp", "http", "hXXp", "http", "[.]", ".", "(.)", ".", "[:]", ":", "[dot]", ".", "(dot)", ".")

// parseURL reads an address in any of the forms in which people write one, or
// returns nil.
func parseURL(s string) *url.URL {
	s = strings.TrimSpace(norm.NFKC.String(strings.ToValidUTF8(s, "")))
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
		s = s[:i]
	}
	s = strings.TrimRight(refang.Replace(s), ".,;:!?)]}>\"'»”")
	if !strings.Contains(s, "://") {
		s = "http://" + strings.TrimPrefix(s, "//")
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return nil
	}
	return u
}

// hostValue returns a host in ASCII and small letters, without the www that
// some write, or "" for what is none. It is idempotent.
func hostValue(host string) string {
	host, err := idna.Lookup.ToASCII(strings.TrimRight(host, "."))
	if err != nil || !strings.Contains(host, ".") {
		return ""
	}
	for _, p := range []string{"www.", "m.", "mobile."} {
		if rest, ok := strings.CutPrefix(host, p); ok && strings.Contains(rest, ".") {
			return hostValue(rest)
		}
	}
	return host
}

// domain returns the part of a host that its owner registered: at a host of
// many blogs, the blog's.
func domain(host string) string {
	d, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return host // an IP address
	}
	return d
}

// listed reports whether a host ends in a suffix that is registered.
func listed(host string) bool {
	suffix, icann := publicsuffix.PublicSuffix(host)
	return icann || strings.Contains(suffix, ".") // a private one
}

// An address in a text begins with its scheme or www, or is one of a shared
// host with a path.
var urlInText = regexp.MustCompile(`(?i)\b(?:h(?:tt|xx)ps?://|www\.|(?:t|wa)\.me/|(?:facebook|instagram|tiktok|twitter|youtube|snapchat|onlyfans|vk|drive\.google)\.com/|youtu\.be/)[^\s<>"'“”«»]+`)

// Of a bare name only the endings that no sentence has count.
var nameInText = regexp.MustCompile(`(?i)(?:^|[\s(:,;])((?:[a-z0-9-]{1,63}\.){1,4}(?:com|net|org|info|xyz|onion))(?:[/\s),;!?]|\.?$|\.\s)`)

// A handle in a text begins with its sign.
var handleInText = regexp.MustCompile(`(?i)(?:^|[\s(:,;])(@ ?[a-z0-9._-]{3,64})`)

// freeText adds what is unmistakable in a text.
func (c *collector) freeText(text, field string) {
	text = norm.NFKC.String(strings.ToValidUTF8(text, ""))
	for _, s := range urlInText.FindAllString(text, MaxKeys) {
		c.address(s, field, s)
	}
	rest := urlInText.ReplaceAllString(text, " ")
	for _, s := range emailAddress.FindAllString(rest, MaxKeys) {
		c.add(Email, emailValue(s), s, field)
	}
	rest = emailAddress.ReplaceAllString(rest, " ")
	for _, at := range []*regexp.Regexp{atInWords, atAnyHost} {
		for _, m := range at.FindAllStringSubmatch(rest, MaxKeys) {
			c.add(Email, emailValue(m[1]+"@"+m[2]), m[0], field)
		}
		rest = at.ReplaceAllString(rest, " ")
	}
	for _, m := range nameInText.FindAllStringSubmatch(rest, MaxKeys) {
		c.address(m[1], field, m[1])
	}
	c.namedHandles(rest, field)
	for _, m := range handleInText.FindAllStringSubmatch(rest, MaxKeys) {
		if h := handleValue(m[1]); telling(h) && !c.hasHandle(h) {
			c.add(Handle, ":"+h, m[1], field)
		}
	}
	c.phones(rest, field)
}

// namedHandles adds the handles in a text that stand before or after the name
// of their platform: "john_doe92 on Instagram", "insta: john_doe92". They need
// a letter, and a digit or a sign, so that they are no words.
func (c *collector) namedHandles(text, field string) {
	list := strings.Fields(text)
	for i, w := range list {
		platform, known := platforms()[strings.Join(words(fold(w)), "")]
		if !known {
			continue
		}
		for _, at := range []int{i - 1, i - 2, i + 1, i + 2} {
			if at < 0 || at >= len(list) {
				continue
			}
			h := handleValue(list[at])
			n, digit := letters(h)
			if n > 0 && (digit || strings.ContainsAny(h, "._")) && telling(h) {
				c.add(Handle, platform+":"+h, list[at]+" "+w, field)
			}
		}
	}
}

// hasHandle reports whether a handle is known with its platform.
func (c *collector) hasHandle(handle string) bool {
	return slices.ContainsFunc(c.keys, func(k Key) bool { return k.Kind == Handle && strings.HasSuffix(k.Value, ":"+handle) })
}

// addresses adds what stands in a field that asks for addresses: there they
// need neither scheme nor www.
func (c *collector) addresses(text, field string) {
	for _, s := range strings.Fields(text) {
		if strings.Contains(s, ".") && (strings.Contains(s, "://") || !emailAddress.MatchString(s)) {
			c.address(s, field, s)
		}
	}
}
