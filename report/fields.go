package report

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind is how a field is filled in.
type Kind string

const (
	Line    Kind = "line"    // one line of text
	Text    Kind = "text"    // text of several lines
	Choice  Kind = "choice"  // at most one of Field.Choices
	Choices Kind = "choices" // any number of Field.Choices, each once
)

// Format narrows what a Line or a Choice holds. Most fields have none.
type Format string

const (
	Date        Format = "date"        // a Line: YYYY-MM-DD, YYYY-MM or YYYY
	Time        Format = "time"        // a Line: HH:MM, 24 hours
	Coordinates Format = "coordinates" // a Line: "latitude,longitude" in decimal degrees
	Country     Format = "country"     // a Choice: ISO 3166-1 alpha-2 codes, then "unknown"
)

// Field describes one question of the form.
type Field struct {
	Name    string // as in the HTML form and in Set: "what.seen"; "consent"
	Section string // "what"; "consent"
	Kind    Kind
	Format  Format
	// Max is the most characters (Unicode code points) that one value holds;
	// in UTF-8 that is at most 4·Max bytes.
	Max     int
	Choices []string // for Choice and Choices, in the order of the form

	// Exactly one of the two is set: where the value lies in a report.
	text func(*Report) *string
	list func(*Report) *[]string
}

// Limits in characters. An account of 10,000 characters is about six printed
// pages.
const (
	maxAccount     = 10_000
	maxURL         = 4_000
	maxDescription = 2_000
	maxContact     = 1_000
	maxExact       = 500 // an address or an exact location
	maxLine        = 200
)

var (
	yesNo = []string{Yes, No, Unknown}

	placeKinds = []string{
		"hotel", "rental", "bar", "restaurant", "massage-spa", "beach",
		"street", "vehicle", "airport-station", "school", "institution",
		"private-home", "online", "other", Unknown,
	}
	suspectRoles = []string{
		"tourist", "business-traveller", "volunteer", "resident", "expatriate",
		"staff", "intermediary", "family", "other", Unknown,
	}
	sexes      = []string{"girl", "boy", "other", Unknown}
	intervened = []string{
		"hotel", "guide", "transport", "police", "embassy", "other", "nobody", Unknown,
	}
	witnessRoles = []string{"traveller", "tourism-professional", "resident", "other", Unknown}

	// A permission has no "unknown": not answering is the strictest tier.
	consents = []string{string(ConsentDirect), string(ConsentCaseworkers), string(ConsentNone)}

	countries = append(slices.Clone(countryCodes), Unknown)
)

// table lists the fields in the order of the form. It is the only place that
// joins a name to its place in a Report: Set, Get, Validate, the JSON form and
// the published schema all follow it.
var table = []Field{
	choice("danger.now", yesNo, func(r *Report) *string { return &r.Danger.Now }),
	choice("danger.departure", yesNo, func(r *Report) *string { return &r.Danger.Departure }),
	line("danger.details", maxExact, func(r *Report) *string { return &r.Danger.Details }),

	choices("what.categories", categoryCodes(), func(r *Report) *[]string { return &r.What.Categories }),
	text("what.seen", maxAccount, func(r *Report) *string { return &r.What.Seen }),
	text("what.heard", maxAccount, func(r *Report) *string { return &r.What.Heard }),
	text("what.suspected", maxAccount, func(r *Report) *string { return &r.What.Suspected }),
	text("what.behaviour", maxAccount, func(r *Report) *string { return &r.What.Behaviour }),
	text("what.why", maxAccount, func(r *Report) *string { return &r.What.Why }),

	formatted("when.date", Date, func(r *Report) *string { return &r.When.Date }),
	formatted("when.time", Time, func(r *Report) *string { return &r.When.Time }),
	line("when.roughly", maxLine, func(r *Report) *string { return &r.When.Roughly }),
	choice("when.ongoing", yesNo, func(r *Report) *string { return &r.When.Ongoing }),

	country("where.country", func(r *Report) *string { return &r.Where.Country }),
	line("where.city", maxLine, func(r *Report) *string { return &r.Where.City }),
	choice("where.place_kind", placeKinds, func(r *Report) *string { return &r.Where.PlaceKind }),
	line("where.place", maxLine, func(r *Report) *string { return &r.Where.Place }),
	line("where.address", maxExact, func(r *Report) *string { return &r.Where.Address }),
	formatted("where.coordinates", Coordinates, func(r *Report) *string { return &r.Where.Coordinates }),
	line("where.suspect_now", maxExact, func(r *Report) *string { return &r.Where.SuspectNow }),
	line("where.child_now", maxExact, func(r *Report) *string { return &r.Where.ChildNow }),

	text("online.url", maxURL, func(r *Report) *string { return &r.Online.URL }),
	line("online.platform", maxLine, func(r *Report) *string { return &r.Online.Platform }),
	line("online.handle", maxLine, func(r *Report) *string { return &r.Online.Handle }),
	formatted("online.date", Date, func(r *Report) *string { return &r.Online.Date }),
	formatted("online.time", Time, func(r *Report) *string { return &r.Online.Time }),

	line("suspect.name", maxLine, func(r *Report) *string { return &r.Suspect.Name }),
	text("suspect.description", maxDescription, func(r *Report) *string { return &r.Suspect.Description }),
	line("suspect.language", maxLine, func(r *Report) *string { return &r.Suspect.Language }),
	country("suspect.nationality", func(r *Report) *string { return &r.Suspect.Nationality }),
	country("suspect.residence", func(r *Report) *string { return &r.Suspect.Residence }),
	country("suspect.country_now", func(r *Report) *string { return &r.Suspect.CountryNow }),
	choice("suspect.role", suspectRoles, func(r *Report) *string { return &r.Suspect.Role }),
	line("suspect.vehicle", maxLine, func(r *Report) *string { return &r.Suspect.Vehicle }),
	line("suspect.plate", maxLine, func(r *Report) *string { return &r.Suspect.Plate }),
	line("suspect.flight", maxLine, func(r *Report) *string { return &r.Suspect.Flight }),
	line("suspect.airline", maxLine, func(r *Report) *string { return &r.Suspect.Airline }),
	line("suspect.tour_company", maxLine, func(r *Report) *string { return &r.Suspect.TourCompany }),
	line("suspect.travel_dates", maxLine, func(r *Report) *string { return &r.Suspect.TravelDates }),

	text("child.description", maxDescription, func(r *Report) *string { return &r.Child.Description }),
	line("child.age", maxLine, func(r *Report) *string { return &r.Child.Age }),
	choice("child.sex", sexes, func(r *Report) *string { return &r.Child.Sex }),
	line("child.language", maxLine, func(r *Report) *string { return &r.Child.Language }),
	choice("child.missing", yesNo, func(r *Report) *string { return &r.Child.Missing }),

	text("others.witnesses", maxDescription, func(r *Report) *string { return &r.Others.Witnesses }),
	choices("others.intervened", intervened, func(r *Report) *[]string { return &r.Others.Intervened }),
	text("others.reaction", maxDescription, func(r *Report) *string { return &r.Others.Reaction }),

	text("evidence.description", maxDescription, func(r *Report) *string { return &r.Evidence.Description }),

	choice("witness.role", witnessRoles, func(r *Report) *string { return &r.Witness.Role }),
	choice("witness.present", yesNo, func(r *Report) *string { return &r.Witness.Present }),
	choice("witness.testify", yesNo, func(r *Report) *string { return &r.Witness.Testify }),
	country("witness.country", func(r *Report) *string { return &r.Witness.Country }),
	text("witness.contact", maxContact, func(r *Report) *string { return &r.Witness.Contact }),

	choice("consent", consents, func(r *Report) *string { return (*string)(&r.Consent) }),
}

// sections lists the JSON objects of a report in the order of the form, with
// where each keeps what this program does not know.
var sections = []struct {
	name    string
	unknown func(*Report) *unknown
}{
	{"danger", func(r *Report) *unknown { return &r.Danger.unknown }},
	{"what", func(r *Report) *unknown { return &r.What.unknown }},
	{"when", func(r *Report) *unknown { return &r.When.unknown }},
	{"where", func(r *Report) *unknown { return &r.Where.unknown }},
	{"online", func(r *Report) *unknown { return &r.Online.unknown }},
	{"suspect", func(r *Report) *unknown { return &r.Suspect.unknown }},
	{"child", func(r *Report) *unknown { return &r.Child.unknown }},
	{"others", func(r *Report) *unknown { return &r.Others.unknown }},
	{"evidence", func(r *Report) *unknown { return &r.Evidence.unknown }},
	{"witness", func(r *Report) *unknown { return &r.Witness.unknown }},
}

// Fields returns every field in the order of the form. The slice and what is
// in it belong to the caller.
func Fields() []Field {
	fields := slices.Clone(table)
	for i := range fields {
		fields[i].Choices = slices.Clone(fields[i].Choices)
	}
	return fields
}

var byName = func() map[string]*Field {
	m := make(map[string]*Field, len(table))
	for i := range table {
		m[table[i].Name] = &table[i]
	}
	return m
}()

func line(name string, limit int, at func(*Report) *string) Field {
	return Field{Name: name, Section: section(name), Kind: Line, Max: limit, text: at}
}

func text(name string, limit int, at func(*Report) *string) Field {
	return Field{Name: name, Section: section(name), Kind: Text, Max: limit, text: at}
}

func formatted(name string, format Format, at func(*Report) *string) Field {
	return Field{Name: name, Section: section(name), Kind: Line, Format: format,
		Max: formatLimits[format], text: at}
}

func choice(name string, among []string, at func(*Report) *string) Field {
	return Field{Name: name, Section: section(name), Kind: Choice,
		Max: longest(among), Choices: among, text: at}
}

func country(name string, at func(*Report) *string) Field {
	f := choice(name, countries, at)
	f.Format = Country
	return f
}

func choices(name string, among []string, at func(*Report) *[]string) Field {
	return Field{Name: name, Section: section(name), Kind: Choices,
		Max: longest(among), Choices: among, list: at}
}

func longest(values []string) int {
	n := 0
	for _, v := range values {
		n = max(n, utf8.RuneCountInString(v))
	}
	return n
}

func section(name string) string {
	s, _, _ := strings.Cut(name, ".")
	return s
}
