package roster

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"tocsin/report"
)

// A Destination is an authority that cases are handed over to. What is
// optional is "" and has no line in the text: a roster from before those
// fields were known reads as it did.
type Destination struct {
	Name      string // short name
	Title     string // for people
	Recipient string // age hybrid recipient
	Delivery  string // DeliveryOutbox, "mail ADDRESS" or "command NAME"
	Kind      string // one of report.Authorities; "" means other
	Country   string // of the authority, ISO 3166-1 alpha-2, or ""
	Language  string // of the first page of what it is handed: one of PageLanguages; "" means en
	Ack       string // signs its acknowledgements: "ssh-ed25519 AAAA…" or a minisign public key "RW…", or ""
}

const (
	// DeliveryOutbox puts the sealed bag into a directory from which a person
	// takes it.
	DeliveryOutbox = "outbox"

	deliveryMail    = "mail "
	deliveryCommand = "command "
)

// PageLanguages returns the languages that a first page can be written in.
func PageLanguages() []string { return []string{"fr", "nl", "de", "en"} }

// Mail returns the address that the sealed bag is mailed to, if it is mailed.
func (d *Destination) Mail() (address string, ok bool) {
	return strings.CutPrefix(d.Delivery, deliveryMail)
}

// Command returns the name of the case worker's own command that the sealed
// bag is given to, if it is.
func (d *Destination) Command() (name string, ok bool) {
	return strings.CutPrefix(d.Delivery, deliveryCommand)
}

// lines are how a destination stands in a roster.
func (d *Destination) lines() []byte {
	b := fmt.Appendf(nil, "destination %s\ntitle %s\nrecipient %s\ndelivery %s\n", d.Name, d.Title, d.Recipient, d.Delivery)
	for _, o := range d.optional() {
		if *o.value != "" {
			b = fmt.Appendf(b, "%s %s\n", o.key, *o.value)
		}
	}
	return b
}

// destination reads what lines wrote.
func (s *lines) destination() Destination {
	d := Destination{
		Name:      s.value("destination"),
		Title:     s.value("title"),
		Recipient: s.value("recipient"),
		Delivery:  s.value("delivery"),
	}
	for _, o := range d.optional() {
		if s.peek(o.key + " ") {
			*o.value = s.value(o.key)
		}
	}
	return d
}

// An optionalLine is there only if its value is not "".
type optionalLine struct {
	key   string
	value *string
}

// optional lists a destination's optional lines in their order.
func (d *Destination) optional() []optionalLine {
	return []optionalLine{
		{"kind", &d.Kind}, {"country", &d.Country}, {"language", &d.Language}, {"acknowledges-with", &d.Ack},
	}
}

// Validate returns an ErrMalformed that says what is wrong with the destination.
func (d *Destination) Validate() error {
	if !ValidName(d.Name) {
		return fmt.Errorf("roster: %w: destination %q: a name is 1 to 32 lower-case letters, digits and hyphens", ErrMalformed, d.Name)
	}
	bad := func(format string, args ...any) error {
		return fmt.Errorf("roster: %w: destination %s: %s", ErrMalformed, d.Name, fmt.Sprintf(format, args...))
	}
	switch {
	case !validTitle(d.Title):
		return bad("title must be one line of at most %d bytes", maxTitle)
	case !ValidRecipient(d.Recipient):
		return bad("not an age hybrid recipient (age1pq1…)")
	case !d.validDelivery():
		return bad("unknown delivery %q; there are: outbox, mail ADDRESS, command NAME", d.Delivery)
	case d.Kind != "" && !slices.Contains(report.Authorities(), d.Kind):
		return bad("unknown kind %q; there are: %s", d.Kind, strings.Join(report.Authorities(), ", "))
	case d.Country != "" && !report.IsCountry(d.Country):
		return bad("country %q is not a code of ISO 3166-1 such as BE", d.Country)
	case d.Language != "" && !slices.Contains(PageLanguages(), d.Language):
		return bad("no first page can be written in the language %q; there are: %s", d.Language, strings.Join(PageLanguages(), ", "))
	case d.Ack != "" && !validAck(d.Ack):
		return bad("the key of its acknowledgements is neither an ssh-ed25519 line without a comment nor a minisign public key (RW…)")
	}
	return nil
}

// addressForm is the part of RFC 5321's Mailbox that is in use: a dot-string
// and a domain of names, in ASCII. There is nothing in it that an SMTP command
// or a mail's header could be ended with.
var addressForm = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+)*@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

// ValidAddress reports whether s is a plain mail address, such as
// desk@police.example: ASCII, no quotes, no comments, within RFC 5321's limits
// (64 bytes before the @, 254 in all).
func ValidAddress(s string) bool {
	return len(s) <= 254 && strings.IndexByte(s, '@') <= 64 && addressForm.MatchString(s)
}

func (d *Destination) validDelivery() bool {
	if address, ok := d.Mail(); ok {
		return ValidAddress(address)
	}
	if name, ok := d.Command(); ok {
		return ValidName(name)
	}
	return d.Delivery == DeliveryOutbox
}

// validAck checks the outward form of a key. An OpenSSH line is the key type
// and the base64 of that type and the key, each after its length (RFC 8709,
// section 4); minisign's is the base64 of "Ed", eight bytes of key number and
// the key (minisign's "Signature format").
func validAck(s string) bool {
	encoded, ssh := strings.CutPrefix(s, "ssh-ed25519 ")
	b, err := base64.StdEncoding.Strict().DecodeString(encoded)
	// The decoder passes over line ends; writing it again doesn't.
	if err != nil || base64.StdEncoding.EncodeToString(b) != encoded {
		return false
	}
	if ssh {
		return len(b) == 51 && bytes.HasPrefix(b, []byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"))
	}
	return len(b) == 42 && bytes.HasPrefix(b, []byte("Ed"))
}
