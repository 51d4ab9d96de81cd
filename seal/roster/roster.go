// Package roster is the one file that says who is who: the case workers, the
// destinations, the keys of the intake and the policy, signed by the
// organisation's offline key.
//
// A roster is a signed note (golang.org/x/mod/sumdb/note, Ed25519) whose text
// has one canonical form: [Parse] accepts nothing that [Roster.Marshal] would
// not have written. Nobody but the organisation can change it; callers hand
// [Open] the organisation's verifier key, which they got from elsewhere, and
// hold every new roster against the one before with [Signed.Follows].
//
// The package checks the form of age recipients, not their curve points: it
// can be linked where nothing that opens a sealed thing may be. Whoever seals
// parses them with package seal first.
package roster

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
)

// Limits of a roster; a signed roster outside them is refused.
const (
	MaxWorkers      = 100
	MaxDestinations = 100
	MaxAuditors     = 20
	maxNumber       = 1<<62 - 1 // so that a number fits an int64 in any program that reads one
	maxTitle        = 200       // bytes of an organisation's or destination's title
	maxNote         = 1 << 20   // bytes of a signed roster, above what 200 hybrid recipients take
)

var (
	// ErrVersion is returned for a roster or card of a version that this
	// program does not know.
	ErrVersion = errors.New("unknown version: a newer program is needed to read it")
	// ErrMalformed is returned for a text that is not a roster or card in
	// its canonical form.
	ErrMalformed = errors.New("malformed")
)

// A Roster is what the organisation signs.
type Roster struct {
	Number       uint64 // starts at 1 and only grows
	Day          string // day of signing, 2006-01-02
	Organisation string // for people
	Origin       string // names the ledger and with it the instance; never changes
	Intake       Intake
	Workers      []Worker
	Destinations []Destination
	Auditors     []Auditor
	Cosigners    []Cosigner
	Policy       Policy
}

// Intake holds the public keys of the intake server.
type Intake struct {
	Ledger string            // note verifier key that signs checkpoints; its name is the origin
	Desk   ed25519.PublicKey // authenticates the desk's side of mutual TLS
}

// A Worker is a case worker.
type Worker struct {
	Name      string            // short name: lower-case letters, digits, hyphens
	Recipient string            // age hybrid recipient, age1pq1…
	Desk      ed25519.PublicKey // authenticates to the desk and signs events
	Onion     string            // finds the desk's onion service: x25519 public key in base32, as tor writes it; "" if there is none
}

// Policy is what the organisation has decided for its instance.
type Policy struct {
	DeadlineHours int   // a report is to be processed within so many hours
	RetentionDays int   // a case at rest may be purged after so many days
	MaxReport     int64 // bytes of one report with its attachments, before sealing
	MaxFile       int64 // bytes of one attachment
	MaxFiles      int   // attachments in one report
	Attachments   bool  // whether attachments are taken at all
	Withdraw      bool  // whether a witness may destroy a report that no case worker has read yet
	PurgeSigners  int   // how many case workers must sign for a case to be purged; 0 is as if it were 2
	Quorum        int   // how many of the cosigners must have signed a checkpoint that counts as cosigned
}

// MaxPurgeSigners is the most case workers that a policy may ask for.
const MaxPurgeSigners = 10

// Signers returns how many case workers must sign for a case to be purged: what
// the policy says, or two where it says nothing, so that nobody does it alone.
// More than there are case workers means that nothing can be purged.
func (p *Policy) Signers() int { return cmp.Or(p.PurgeSigners, 2) }

// DefaultPolicy returns what a new organisation starts with: the 48 hours of
// ECPAT's quality standards, a year's retention, 20 attachments of 256 MiB
// and 1 GiB in all.
func DefaultPolicy() Policy {
	return Policy{
		DeadlineHours: 48,
		RetentionDays: 365,
		MaxReport:     1 << 30,
		MaxFile:       256 << 20,
		MaxFiles:      20,
		Attachments:   true,
	}
}

// Worker returns the case worker of that name, or nil.
func (r *Roster) Worker(name string) *Worker {
	for i := range r.Workers {
		if r.Workers[i].Name == name {
			return &r.Workers[i]
		}
	}
	return nil
}

// WorkerByDesk returns the case worker whose desk key it is, or nil.
func (r *Roster) WorkerByDesk(key ed25519.PublicKey) *Worker {
	for i := range r.Workers {
		if r.Workers[i].Desk.Equal(key) {
			return &r.Workers[i]
		}
	}
	return nil
}

// Destination returns the destination of that name, or nil.
func (r *Roster) Destination(name string) *Destination {
	for i := range r.Destinations {
		if r.Destinations[i].Name == name {
			return &r.Destinations[i]
		}
	}
	return nil
}

// Recipients returns the case workers' age recipients in roster order: those
// that every envelope is sealed to.
func (r *Roster) Recipients() []string {
	out := make([]string, len(r.Workers))
	for i, w := range r.Workers {
		out[i] = w.Recipient
	}
	return out
}

// OnionKeys returns the keys of those case workers and auditors who may find
// the desk's onion service, in roster order.
func (r *Roster) OnionKeys() []string {
	var out []string
	for _, w := range r.Workers {
		out = append(out, w.Onion)
	}
	for _, a := range r.Auditors {
		out = append(out, a.Onion)
	}
	return slices.DeleteFunc(out, func(key string) bool { return key == "" })
}

const rosterHeader = "tocsin.roster.v1"

// Marshal returns the roster's canonical text.
func (r *Roster) Marshal() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nnumber %d\nday %s\norganisation %s\norigin %s\n",
		rosterHeader, r.Number, r.Day, r.Organisation, r.Origin)
	fmt.Fprintf(&b, "\nintake\nledger %s\ndesk %s\n", r.Intake.Ledger, MarshalDeskKey(r.Intake.Desk))
	for _, w := range r.Workers {
		b.WriteByte('\n')
		b.Write(w.lines())
	}
	for _, d := range r.Destinations {
		b.WriteByte('\n')
		b.Write(d.lines())
	}
	for _, a := range r.Auditors {
		b.WriteByte('\n')
		b.Write(a.lines())
	}
	for _, c := range r.Cosigners {
		b.WriteByte('\n')
		b.Write(c.lines())
	}
	p := r.Policy
	fmt.Fprintf(&b, "\npolicy\ndeadline-hours %d\nretention-days %d\nmax-report %d\nmax-file %d\nmax-files %d\nattachments %s\n",
		p.DeadlineHours, p.RetentionDays, p.MaxReport, p.MaxFile, p.MaxFiles, yesNo(p.Attachments))
	if p.Withdraw {
		b.WriteString("withdraw yes\n")
	}
	if p.PurgeSigners != 0 {
		fmt.Fprintf(&b, "purge-signers %d\n", p.PurgeSigners)
	}
	if p.Quorum != 0 {
		fmt.Fprintf(&b, "quorum %d\n", p.Quorum)
	}
	return b.Bytes()
}

// Parse reads a roster's canonical text and checks it with [Roster.Validate].
// It returns ErrVersion or ErrMalformed, wrapped with the line at fault.
func Parse(text []byte) (*Roster, error) {
	if len(text) > maxNote {
		return nil, fmt.Errorf("roster: %w: larger than %d bytes", ErrMalformed, maxNote)
	}
	s := newLines(text)
	if err := s.header(rosterHeader); err != nil {
		return nil, fmt.Errorf("roster: %w", err)
	}
	r := &Roster{
		Number:       s.uint("number"),
		Day:          s.value("day"),
		Organisation: s.value("organisation"),
		Origin:       s.value("origin"),
	}
	s.blank()
	s.exact("intake")
	r.Intake.Ledger = s.value("ledger")
	r.Intake.Desk = s.desk("desk")
	s.blank()
	for s.peek("worker ") {
		r.Workers = append(r.Workers, s.worker())
		s.blank()
	}
	for s.peek("destination ") {
		r.Destinations = append(r.Destinations, s.destination())
		s.blank()
	}
	for s.peek("auditor ") {
		r.Auditors = append(r.Auditors, s.auditor())
		s.blank()
	}
	for s.peek("cosigner ") {
		r.Cosigners = append(r.Cosigners, s.cosigner())
		s.blank()
	}
	s.exact("policy")
	r.Policy = Policy{
		DeadlineHours: int(s.uint("deadline-hours")),
		RetentionDays: int(s.uint("retention-days")),
		MaxReport:     int64(s.uint("max-report")),
		MaxFile:       int64(s.uint("max-file")),
		MaxFiles:      int(s.uint("max-files")),
		Attachments:   s.value("attachments") == "yes",
	}
	if s.peek("withdraw ") {
		r.Policy.Withdraw = s.value("withdraw") == "yes"
	}
	if s.peek("purge-signers ") {
		r.Policy.PurgeSigners = int(s.uint("purge-signers"))
	}
	if s.peek("quorum ") {
		r.Policy.Quorum = int(s.uint("quorum"))
	}
	if err := s.end(); err != nil {
		return nil, fmt.Errorf("roster: %w", err)
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	// One roster has one form: what differs from our own writing in a byte
	// (a leading zero, "Yes", a carriage return) is refused.
	if !bytes.Equal(r.Marshal(), text) {
		return nil, fmt.Errorf("roster: %w: not in canonical form", ErrMalformed)
	}
	return r, nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
