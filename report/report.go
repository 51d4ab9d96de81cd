// Package report holds what a witness tells: the fields, their limits, the
// categories, the JSON form, and what may leave with a witness's consent.
//
// A [Report] is filled with [Report.Set], checked with [Report.Validate] and
// stored with [Report.Marshal]; [Parse] reads it back. Every field is optional
// except an account of what happened or the address of something online, and
// "unknown" is an answer to every question of fact that offers choices.
//
// What the package guarantees:
//
//   - Text that came in through Set is valid UTF-8 in Unicode form NFC, its
//     lines end in a single "\n", and it holds no control character other
//     than "\n" and "\t".
//   - Limits count characters (Unicode code points), never bytes, so that an
//     account in Bengali may be as long as one in English.
//   - What a newer program wrote and this one does not know, at the top level
//     or within a section, comes out of Marshal as it went into Parse.
//   - No error holds a word of the witness, not even the name of an unknown
//     field, so that any of them may be logged.
//
// What callers must do: strip control and bidirectional characters again
// before text reaches a terminal, because a report may have been written by
// another program; escape for HTML; bound what they read from a client before
// they hand it to Set, with the Max of each [Field].
//
// The words about children are those of the Terminology Guidelines for the
// Protection of Children from Sexual Exploitation and Sexual Abuse (the
// "Luxembourg Guidelines"), in names, in choices and in comments.
package report

import "encoding/json"

// Version is the version of the JSON form that this package writes, and the
// only one that it reads. Adding an optional field keeps it; changing what a
// field means, or its type, raises it.
const Version = 1

// MaxSize is the largest JSON form, in bytes, that Parse reads and Marshal
// writes. A report with every field filled to its limit fits whatever its
// script; the rest is for fields of newer programs.
const MaxSize = 1 << 20

// Answers to a yes-or-no question. Unknown is also an answer to every other
// question of fact with choices, countries included. The empty string means
// that the question was not answered at all.
const (
	Yes     = "yes"
	No      = "no"
	Unknown = "unknown"
)

// Consent says who may come back to the witness. Any other value, the empty
// one included, is treated like [ConsentNone], the strictest.
type Consent string

const (
	ConsentDirect      Consent = "direct"      // the police may contact the witness
	ConsentCaseworkers Consent = "caseworkers" // only case workers may ask back, anonymously
	ConsentNone        Consent = "none"        // nobody comes back to the witness
)

// Report is one tip. The zero value is an empty report, ready for Set.
//
// Dates in it are as the witness gave them; Received is the only time that
// the program adds, and it is a day.
type Report struct {
	// Version is set by Parse. Marshal writes Version for 0.
	Version int
	// Language is the BCP 47 tag of the page that the witness filled in. It
	// is not a field of the form: the caller assigns it.
	Language string
	// Received is the day, UTC, as YYYY-MM-DD. The caller assigns it.
	Received string

	Danger   Danger
	What     What
	When     When
	Where    Where
	Online   Online
	Suspect  Suspect
	Child    Child
	Others   Others
	Evidence Evidence
	Witness  Witness
	Consent  Consent

	unknown unknown
}

// unknown keeps the members of a JSON object that this program has no field
// for, by name, as compact JSON.
type unknown map[string]json.RawMessage

// Danger is asked first: it decides whether a local emergency number comes
// before the form, and whether the case jumps the queue.
type Danger struct {
	Now       string // is a child in danger now? yes, no, unknown
	Departure string // is a departure or flight imminent? yes, no, unknown
	Details   string // who leaves, when, where to

	unknown unknown
}

// What keeps apart what was seen, what was heard and what is only suspected.
type What struct {
	Categories []string // codes of [Categories], "other", "unknown"
	Seen       string
	Heard      string
	Suspected  string
	Behaviour  string // behaviour and gestures
	Why        string // what made it suspicious

	unknown unknown
}

// When is when it happened, in the local time of the place.
type When struct {
	Date    string // YYYY-MM-DD, YYYY-MM or YYYY
	Time    string // HH:MM, 24 hours
	Roughly string // in the witness's words
	Ongoing string // is it still going on? yes, no, unknown

	unknown unknown
}

// Where is the place of the facts, and where suspect and child are now.
type Where struct {
	Country     string // ISO 3166-1 alpha-2, or unknown
	City        string
	PlaceKind   string // hotel, bar, beach, …
	Place       string // name of the hotel, bar, beach
	Address     string
	Coordinates string // "latitude,longitude" in decimal degrees (WGS 84)
	SuspectNow  string // exact current location of the suspect
	ChildNow    string // exact current location of the child

	unknown unknown
}

// Online is where on the Internet or on Tor it happened or can be seen.
type Online struct {
	URL      string // one address a line; not checked, any form is accepted
	Platform string
	Handle   string
	Date     string // as [When].Date
	Time     string // as [When].Time

	unknown unknown
}

// Suspect is the person believed to exploit the child, and how that person
// travels.
type Suspect struct {
	Name        string
	Description string
	Language    string
	Nationality string // ISO 3166-1 alpha-2, or unknown
	Residence   string // country, as Nationality
	CountryNow  string // where the suspect is believed to be now, as Nationality
	Role        string // tourist, resident, staff, …
	Vehicle     string
	Plate       string
	Flight      string
	Airline     string
	TourCompany string
	TravelDates string // in the witness's words

	unknown unknown
}

// Child is the exploited child. There is no field for a name: none is asked.
type Child struct {
	Description string
	Age         string // apparent age, in the witness's words
	Sex         string // girl, boy, other, unknown
	Language    string
	Missing     string // is the child missing? yes, no, unknown

	unknown unknown
}

// Others are third parties: who else saw it, who has intervened already.
type Others struct {
	Witnesses  string
	Intervened []string // hotel, guide, police, …, nobody, unknown
	Reaction   string   // what they did

	unknown unknown
}

// Evidence describes what the attached photographs show and what else exists.
// The files themselves are not part of the report.
type Evidence struct {
	Description string

	unknown unknown
}

// Witness is what the witness chose to say about themselves.
type Witness struct {
	Role    string // traveller, tourism professional, resident, other, unknown
	Present string // were they there themselves? yes, no, unknown
	Testify string // would they repeat it to the police or a judge? yes, no, unknown
	Country string // country they are in: ISO 3166-1 alpha-2, or unknown
	Contact string // how to reach them; leaves only under ConsentDirect

	unknown unknown
}
