package links

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin/report"
)

// A story is what happened; witnesses tell parts of it.
type story struct {
	place, plate, flight, phone, handle, url, email *thing
}

// corpus makes the reports.
func (g *teller) corpus() []*toldReport {
	known := make(map[string]*thing) // things that are the same by what they are called
	same := func(name string, t *thing) *thing {
		if k := known[name]; k != nil {
			return k
		}
		known[name] = t
		return t
	}
	place := func(t *thing) *thing { return same(t.name[0]+"|"+t.city.names[0], t) }
	var earlier []*story
	var list []*toldReport
	for len(list) < corpusSize {
		s := new(story)
		var before *story
		if len(earlier) > 0 {
			before = earlier[g.IntN(len(earlier))]
		}
		// Two stories in one house, now and then; the few names that a language
		// has here are no reason for more.
		for s.place == nil || s.place.stories > 1 {
			s.place = place(g.newPlace())
		}
		switch {
		case before != nil && g.chance(0.1) && before.place.stories < 2: // something else in the same place
			s.place = before.place
		case before != nil && g.chance(0.08): // the next house
			s.place = place(&thing{id: g.id(), name: g.common(), city: before.place.city, at: g.beside(before.place.at, 600)})
		case g.chance(0.03): // houses that are called almost alike
			pair := strings.Split(g.one("Lotus Palace|Lotus Place", "Marina Inn|Marine Inn", "Royal House 1|Royal House 2", "Soi 6 Bar|Soi 8 Bar"), "|")
			s.place = place(&thing{id: g.id(), name: []string{pair[g.IntN(2)]}, city: g.towns[g.IntN(5)], at: g.beside(g.towns[0].at, 2500)})
		}
		s.place.stories++
		if g.chance(0.3) {
			s.plate = g.newPlate()
			if before != nil && before.plate != nil && g.chance(0.3) {
				s.plate.plate = g.near(before.plate.plate)
			}
			s.plate = same("plate "+s.plate.plate, s.plate)
		}
		if g.chance(0.3) {
			s.flight = g.newFlight()
			if before != nil && before.flight != nil && g.chance(0.3) { // another month
				f := *before.flight
				f.id, f.day = g.id(), f.day.AddDate(0, 1+g.IntN(3), g.IntN(9)-4)
				s.flight = &f
			}
		}
		if g.chance(0.3) {
			s.phone = g.newPhone(s.place.city)
			if before != nil && before.phone != nil && g.chance(0.3) {
				p := *before.phone
				p.id, p.home = g.id(), p.home[:3]+g.near(p.home[3:])
				s.phone = &p
			}
			s.phone = same("phone "+s.phone.prefix+s.phone.home, s.phone)
		}
		if g.chance(0.35) {
			s.handle = g.newHandle()
			if before != nil && before.handle != nil && g.chance(0.2) {
				s.handle.handle = g.near(before.handle.handle)
			}
			s.handle = same("handle "+s.handle.on+s.handle.handle, s.handle)
		}
		if g.chance(0.3) {
			s.url = g.newURL()
			s.url = same("url "+s.url.url, s.url)
		}
		if g.chance(0.2) {
			s.email = g.newEmail()
			s.email = same("email "+s.email.email, s.email)
		}
		earlier = append(earlier, s)
		for n := 1 + g.IntN(4); n > 0 && len(list) < corpusSize; n-- {
			list = append(list, g.witness(s, fmt.Sprintf("%04d", len(list))))
		}
	}
	return list
}

// accountsOf are what witnesses write around an address or a number.
var accountsOf = map[string][]string{
	"en": {"He gave her this: %s and left.", "contact %s (from the poster)"},
	"fr": {"Il lui a donné ceci : %s, puis il est parti.", "sur l'affiche : %s"},
	"nl": {"Hij gaf haar dit: %s en ging weg.", "op de affiche stond %s"},
	"de": {"Er gab ihr das: %s. Dann ging er.", "auf dem Plakat stand %s"},
	"ru": {"Он дал ей %s и ушёл."}, "ar": {"أعطاها %s ثم غادر."}, "hi": {"उसने उसे %s दिया।"}, "bn": {"সে তাকে %s দিল।"},
	"vi": {"Ông ta đưa cho cô bé %s rồi đi."}, "th": {"เขาให้ %s แล้วก็ไป"}, "tr": {"Ona %s verdi ve gitti."},
	"sr": {"Дао јој је %s и отишао.", "Dao joj je %s i otišao."},
}

// witness writes one witness's report of a story.
func (g *teller) witness(s *story, id string) *toldReport {
	r := &toldReport{Report: new(report.Report), id: id, what: make(map[Kind]string)}
	tongue := g.tongue(s.place.city.street)
	r.Language = tongue
	var account []string
	tell := func(text string) {
		account = append(account, fmt.Sprintf(g.one(accountsOf[tongue]...), text))
	}
	tell("…")
	g.tellPlace(r, s.place, tongue)
	if s.plate != nil && g.chance(0.8) {
		r.what[Plate] = key(Plate, s.plate)
		g.set(r, "suspect.plate", g.plateAs(s.plate.plate, tongue))
	}
	if s.flight != nil && g.chance(0.8) {
		r.what[Flight] = key(Flight, s.flight)
		g.tellFlight(r, s.flight, tongue)
	}
	if s.handle != nil && g.chance(0.8) {
		r.what[Handle] = key(Handle, s.handle)
		g.tellHandle(r, s.handle, tell)
	}
	if s.phone != nil && g.chance(0.8) {
		r.what[Phone] = key(Phone, s.phone)
		text := g.phoneAs(s.phone, r.Where.Country, tongue)
		if r.Online.Handle == "" && g.chance(0.15) {
			g.set(r, "online.platform", g.one("WhatsApp", "whatsapp", "Viber", "ватсап"))
			g.set(r, "online.handle", g.one(s.phone.prefix+s.phone.home, text))
		} else {
			tell(text)
		}
	}
	if s.url != nil && g.chance(0.8) {
		r.what[URL] = key(URL, s.url)
		g.tellURL(r, s.url.url, tell)
	}
	if s.email != nil && g.chance(0.8) {
		r.what[Email] = key(Email, s.email)
		tell(g.emailAs(s.email.email))
	}
	g.set(r, "what.seen", strings.Join(account, "\n"))
	if err := r.Validate(); err != nil {
		g.t.Fatal(err)
	}
	return r
}

func (g *teller) set(r *toldReport, field, value string) {
	if err := r.Set(field, value); err != nil {
		g.t.Fatal(err)
	}
}

func (g *teller) tellPlace(r *toldReport, p *thing, tongue string) {
	if g.chance(0.95) {
		g.set(r, "where.country", p.city.country)
	}
	if g.chance(0.95) {
		city := g.say(p.city.names, tongue)
		if g.chance(0.3) {
			city = g.dress(city)
		}
		g.set(r, "where.city", city)
	}
	if g.chance(0.85) {
		r.what[Place] = key(Place, p)
		name := g.dress(g.say(p.name, tongue))
		switch {
		case g.chance(0.02): // within a phrase
			name = g.one("in front of ", "opposite ", "next to ") + name
		case g.chance(0.02):
			name += g.one(", room 214", ", 2nd floor", " (behind the market)", " "+r.Where.City, ", "+r.Where.City)
		}
		g.set(r, "where.place", name)
	}
	if g.chance(0.25) {
		r.what[Near] = key(Near, p)
		sigma := 40.0
		if g.chance(0.05) { // the wrong street
			sigma = 400
		}
		at := g.beside(p.at, sigma)
		decimals := g.IntN(3) + 4
		if g.chance(0.04) { // the town
			decimals = 2
		}
		g.set(r, "where.coordinates", strconv.FormatFloat(at.lat, 'f', decimals, 64)+g.one(",", ", ")+strconv.FormatFloat(at.lon, 'f', decimals, 64))
	}
}

// script writes digits as the language's phones may.
func (g *teller) script(s, tongue string) string {
	zero, ok := map[string]rune{"ar": '٠', "hi": '०', "bn": '০', "th": '๐'}[tongue]
	if !ok || g.chance(0.5) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return zero + r - '0'
		}
		return r
	}, s)
}

func (g *teller) plateAs(p, tongue string) string {
	switch {
	case g.chance(0.03): // seen wrong
		p = g.near(p)
	case g.chance(0.03): // half seen
		return p[:len(p)-2] + g.one("??", "..", "")
	}
	cyrillic := strings.NewReplacer("A", "А", "B", "В", "E", "Е", "K", "К", "M", "М", "H", "Н", "O", "О", "P", "Р", "C", "С", "T", "Т", "Y", "У", "X", "Х")
	switch g.IntN(8) {
	case 0:
		p = strings.ToLower(p)
	case 1:
		p = strings.ReplaceAll(p, "-", " ")
	case 2:
		p = strings.NewReplacer("-", "", " ", "").Replace(p)
	case 3:
		p = strings.NewReplacer("-", ".", " ", ".").Replace(p)
	case 4:
		p = g.one("white Toyota ", "blanche, ", "plate: ", "nummerplaat ", "черный джип ") + p
	case 5:
		p += g.one(" (Belgian)", " (van)", " red", " Bangkok", "")
	}
	if tongue == "ru" || tongue == "sr" && g.chance(0.3) {
		p = cyrillic.Replace(p)
	}
	if g.chance(0.02) {
		p = g.one("B ", "NL-", "TH ") + p
	}
	return g.script(p, tongue)
}

func (g *teller) tellFlight(r *toldReport, f *thing, tongue string) {
	code, number := f.flight[:2], f.flight[2:]
	icao := map[string]string{"SN": "BEL", "TK": "THY", "TG": "THA", "EK": "UAE", "KL": "KLM", "AF": "AFR", "JU": "ASL", "SU": "AFL", "VN": "HVN", "AT": "RAM", "QR": "QTR", "XR": "CAI"}
	said := f.flight
	switch g.IntN(9) {
	case 0:
		said = code + " " + number
	case 1:
		said = strings.ToLower(said)
	case 2:
		said = code + "-" + number
	case 3:
		said = g.one("flight ", "vol ", "vlucht ", "Flug ", "рейс ") + code + number
	case 4:
		said = code + fmt.Sprintf("%04s", number)
	case 5:
		said = number
		g.set(r, "suspect.airline", g.dress(f.airline))
	case 6:
		said = f.airline + " " + number
	case 7:
		if g.chance(0.3) {
			said = icao[code] + number
		}
	}
	if g.chance(0.02) {
		said = g.slips(said, 1)
	}
	g.set(r, "suspect.flight", g.script(said, tongue))
	around := f.day.AddDate(0, 0, g.IntN(4))
	switch {
	case g.chance(0.5):
		g.set(r, "when.date", around.Format(time.DateOnly))
	case g.chance(0.1):
		g.set(r, "when.date", f.day.Format("2006-01"))
	case g.chance(0.08): // no day
	default:
		day := f.day.Format(g.one("2006-01-02", "2/1/2006", "02.01.2006", "2 January 2006", "2-1-2006", "2 Jan 2006"))
		switch g.IntN(4) {
		case 0:
			day = "from " + day + " to " + f.day.AddDate(0, 0, 14).Format("2/1/2006")
		case 1:
			month := map[string]string{"fr": "fév", "nl": "feb", "de": "Febr.", "ru": "февраля", "tr": "Şubat"}[tongue]
			if f.day.Month() == time.February && month != "" {
				day = f.day.Format("2 ") + month + f.day.Format(" 2006")
			}
		}
		g.set(r, "suspect.travel_dates", day)
	}
}

func (g *teller) tellHandle(r *toldReport, h *thing, tell func(string)) {
	called := map[string][]string{
		"instagram": {"Instagram", "insta", "IG", "инстаграм"}, "tiktok": {"TikTok", "Tik Tok", "тикток"}, "telegram": {"Telegram", "telegram", "Телеграм", "TG"},
		"snapchat": {"Snapchat", "snap", "Snap Chat"}, "facebook": {"Facebook", "FB", "facebook.com", "fb messenger"}, "x": {"Twitter", "X", "X (Twitter)"},
	}
	profiles := map[string]string{"instagram": "instagram.com/", "tiktok": "www.tiktok.com/@", "telegram": "t.me/", "snapchat": "snapchat.com/add/", "facebook": "m.facebook.com/", "x": "x.com/"}
	said := h.handle
	switch g.IntN(6) {
	case 0:
		said = "@" + said
	case 1:
		said = strings.ToUpper(said[:1]) + said[1:]
	case 2:
		said = "@ " + strings.ToUpper(said)
	}
	switch {
	case g.chance(0.03):
		said = g.slips(said, 1)
	case g.chance(0.06): // a handle in a text is not looked for
		tell(said + " " + g.one(called[h.on]...))
		return
	}
	switch g.IntN(5) {
	case 0:
		g.set(r, "online.url", g.one("https://", "http://", "")+profiles[h.on]+strings.ToLower(h.handle)+g.one("", "/", "?igshid=abc"))
		return
	case 1:
		tell("https://" + profiles[h.on] + h.handle)
		return
	}
	g.set(r, "online.handle", said)
	if g.chance(0.94) {
		g.set(r, "online.platform", g.one(called[h.on]...))
	}
}

func (g *teller) phoneAs(p *thing, country, tongue string) string {
	group := func(s, sep string) string {
		var b strings.Builder
		for i, c := range s {
			if i > 1 && i%3 == 2 {
				b.WriteString(sep)
			}
			b.WriteRune(c)
		}
		return b.String()
	}
	home := group(p.home, g.one(" ", "-", ".", ""))
	text := "+" + p.prefix + g.one(" ", "", "-") + home
	switch g.IntN(6) {
	case 0:
		text = "00" + p.prefix + g.one(" ", "") + home
	case 1:
		if p.trunk == "0" {
			text = "+" + p.prefix + " (0)" + home
		}
	case 2, 3:
		if country != "" && (p.city.country == country || g.chance(0.3)) {
			text = p.trunk + g.one("", " ", "-") + home
		}
	}
	if g.chance(0.03) {
		text = g.near(text[:4]) + text[4:]
	}
	return g.script(text, tongue)
}

func (g *teller) tellURL(r *toldReport, u string, tell func(string)) {
	shared := strings.HasPrefix(u, "youtube.com") || strings.HasPrefix(u, "drive.google.com")
	if host, _, _ := strings.Cut(u, "/"); !shared && g.chance(0.5) {
		u = host + g.one("", "/", "/index.html", "/contact?x=1")
	}
	said := g.one("https://", "http://", "https://www.", "hxxps://") + u
	switch {
	case strings.HasPrefix(u, "youtube.com") && g.chance(0.5):
		said = g.one("https://youtu.be/"+u[len("youtube.com/watch?v="):]+"?si=xyz", "https://m."+u+"&feature=share")
	case shared && g.chance(0.3):
		said = "https://" + strings.Replace(u, "/view", "/view"+g.one("?usp=sharing", "?usp=drive_link", ""), 1)
	case g.chance(0.03):
		said = g.slips(said, 1)
	}
	switch {
	case r.Online.URL == "" && g.chance(0.6):
		g.set(r, "online.url", g.one(said, u, "www."+u, said+"\n"))
	case g.chance(0.08): // a bare name in a text is not looked for
		tell(u)
	default:
		tell(said)
	}
}

func (g *teller) emailAs(e string) string {
	name, host, _ := strings.Cut(e, "@")
	switch g.IntN(8) {
	case 0:
		return strings.ToUpper(e)
	case 1:
		return strings.ToUpper(e[:1]) + e[1:]
	case 2:
		return name + g.one("[at]", " (at) ", "[@]") + host
	case 3:
		if host == "gmail.com" {
			return name[:2] + "." + name[2:] + "@" + g.one("gmail.com", "googlemail.com")
		}
	case 4:
		if g.chance(0.3) {
			return name + " at " + host
		}
	case 5:
		return "<" + e + ">"
	}
	if g.chance(0.03) {
		return g.slips(e, 1)
	}
	return e
}
