// Package ledger is the tamper-evident log of everything that happened to
// every case: an RFC 6962 Merkle tree whose leaves hold digests, days and the
// case workers' signatures, and no content.
//
// A leaf is a short text with one canonical form. [ParseLeaf] accepts nothing
// that [Leaf.Marshal] would not have written, so that a digest of a leaf is a
// digest of what it says. Tree hashes and proofs are those of
// golang.org/x/mod/sumdb/tlog; checkpoints are signed notes in the form of
// C2SP tlog-checkpoint, which any reader of that format verifies.
//
// The package keeps nothing: package vault stores leaves and hashes in one
// transaction with what they speak of, and callers that remember a checkpoint
// prove with tlog.CheckTree that a later one only added to it.
package ledger

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unique"
)

var (
	// ErrVersion is returned for a leaf of a version that this program does
	// not know.
	ErrVersion = errors.New("unknown version: a newer program is needed to read it")
	// ErrMalformed is returned for what is not in its canonical form.
	ErrMalformed = errors.New("malformed")
	// ErrSignature is returned for a signature that does not verify.
	ErrSignature = errors.New("signature does not verify")
	// ErrProof is returned for a leaf that the proof beside it does not prove
	// to be in the tree.
	ErrProof = errors.New("the leaf is not proved to be in the ledger")
)

// Event says what a leaf records.
type Event string

// The events of version 1.
const (
	EventRoster       Event = "roster"       // a roster came into force
	EventCase         Event = "case"         // a case was opened by a report
	EventMessage      Event = "message"      // a message was added to a case
	EventRekey        Event = "rekey"        // an envelope was sealed again
	EventHandedOver   Event = "handed-over"  // a case was sealed to a destination
	EventAcknowledged Event = "acknowledged" // a destination confirmed a hand-over
	EventHeld         Event = "held"         // a case worker stopped the retention clock
	EventReleased     Event = "released"     // a case worker let it go on
	EventPurged       Event = "purged"       // an envelope was destroyed under a rule
	EventRead         Event = "read"         // a case worker opened the report for the first time
	EventWithdrawn    Event = "withdrawn"    // the witness destroyed the envelope of a report that nobody had read

	EventPurgeProposed Event = "purge-proposed" // a case worker signed that the envelope may be destroyed under a rule
)

// The kinds of message.
const (
	KindReport   = "report"   // what opened the case
	KindAddition = "addition" // what the witness sent later
	KindReply    = "reply"    // what a case worker wrote to the witness
	KindNote     = "note"     // what case workers say to each other and decide; the witness never sees it
)

// MaxLeaf bounds an encoded leaf, in bytes.
const MaxLeaf = 2048

// A Leaf is one event. Which fields it has depends on the event, see the
// table below; all others must be zero.
type Leaf struct {
	Event Event
	Day   Day // when it entered the ledger, set by the vault

	Case        CaseID
	Number      uint64 // roster: its number; rekey: the number of the roster it was sealed for
	Kind        string // message: KindReport, KindAddition, KindReply or KindNote
	Size        int64  // bytes of ciphertext that Digest covers
	Digest      Digest // roster: the signed note; case: its record; message, hand-over, acknowledgement: the bytes themselves
	Envelope    Digest // case, rekey: the envelope
	Destination string // handed-over, acknowledged
	Rule        string // held: a word for why; purge-proposed, purged: the rule it happened under, see Rules
	Once        Digest // addition: stands for the form it was sent from, so that one sent twice is told
	Secret      Digest // withdrawn: what only the witness knew; see Withdraws
	After       int64  // held, released, purge-proposed, purged: the index of the last leaf of the case that the worker had seen

	// What a case worker did, the worker signs; see Sign.
	Done      Day    // the day by the worker's clock
	By        string // the worker's name
	Signature []byte // Ed25519
}

// signed are the fields that end every leaf a case worker answers for.
var signed = []string{"done", "by", "signature"}

// fields lists, for each event, the fields after the day, in order.
var fields = map[Event][]string{
	EventRoster:       {"number", "digest"},
	EventCase:         {"case", "digest", "envelope"},
	EventMessage:      {"case", "kind", "size", "digest"}, // and, for an addition, once; for a reply or a note, signed
	EventRekey:        append([]string{"case", "number", "envelope"}, signed...),
	EventHandedOver:   append([]string{"case", "destination", "size", "digest"}, signed...),
	EventAcknowledged: append([]string{"case", "destination", "size", "digest"}, signed...),
	EventHeld:         append([]string{"case", "rule", "after"}, signed...),
	EventReleased:     append([]string{"case", "after"}, signed...),
	EventPurged:       append([]string{"case", "rule", "after"}, signed...),
	EventRead:         append([]string{"case"}, signed...),
	EventWithdrawn:    {"case", "secret"},

	EventPurgeProposed: append([]string{"case", "rule", "after"}, signed...),
}

// fields returns the names of the fields that such a leaf has after the day,
// or nil for an unknown event.
func (l *Leaf) fields() []string {
	f := fields[l.Event]
	switch {
	case l.Event == EventMessage && l.Kind == KindAddition:
		f = append(f[:len(f):len(f)], "once")
	case l.Event == EventMessage && (l.Kind == KindReply || l.Kind == KindNote):
		f = append(f[:len(f):len(f)], signed...)
	}
	return f
}

// IsSigned reports whether such a leaf bears a case worker's signature.
func (l *Leaf) IsSigned() bool {
	f := l.fields()
	return len(f) > 0 && f[len(f)-1] == "signature"
}

// Withdraws reports whether the leaf proves that the witness withdrew the
// case: nobody signs it, but its secret is what the commitment in the case's
// record is the SHA-256 of, which the codename alone gives.
func (l *Leaf) Withdraws(commitment Digest) bool {
	return l.Event == EventWithdrawn && Digest(sha256.Sum256(l.Secret[:])) == commitment
}

// Retires reports whether nothing may follow the leaf in its case: the
// envelope is destroyed with it.
func (l *Leaf) Retires() bool { return l.Event == EventPurged || l.Event == EventWithdrawn }

// PreventsWithdrawal reports whether the witness can't withdraw the case any
// more after the leaf: a case worker has seen the report, or holds the case.
func (l *Leaf) PreventsWithdrawal() bool {
	switch l.Event {
	case EventRead, EventHandedOver, EventAcknowledged, EventHeld:
		return true
	case EventMessage:
		return l.Kind == KindReply || l.Kind == KindNote
	}
	return false
}

const leafHeader = "tocsin.leaf.v1 "

// Marshal returns the canonical encoding: a first line that names format,
// version and event, then one line "field value" for each field of the event.
// It returns ErrMalformed for a leaf that ParseLeaf would not read.
func (l *Leaf) Marshal() ([]byte, error) {
	b := l.encode()
	// Reading it back checks every field, and that no field was set that
	// the event does not have and that would silently be lost.
	p, err := ParseLeaf(b)
	if err != nil {
		return nil, err
	}
	if string(p.Signature) != string(l.Signature) {
		return nil, fmt.Errorf("leaf: %w: %s bears no signature", ErrMalformed, l.Event)
	}
	x, y := *p, *l
	x.Signature, y.Signature = nil, nil
	if !x.equal(&y) {
		return nil, fmt.Errorf("leaf: %w: a field is set that %s does not have", ErrMalformed, l.Event)
	}
	return b, nil
}

func (l *Leaf) equal(m *Leaf) bool {
	for _, f := range allFields {
		if l.get(f) != m.get(f) {
			return false
		}
	}
	return l.Event == m.Event && l.Day == m.Day
}

var allFields = []string{"case", "number", "kind", "size", "digest", "envelope", "destination", "rule", "once", "secret", "after", "done", "by", "signature"}

func (l *Leaf) encode() []byte {
	b := make([]byte, 0, MaxLeaf/4)
	b = append(b, leafHeader...)
	b = append(append(b, l.Event...), "\nday "...)
	b = append(append(b, l.Day...), '\n')
	for _, f := range l.fields() {
		b = append(append(b, f...), ' ')
		b = append(append(b, l.get(f)...), '\n')
	}
	return b
}

func (l *Leaf) get(field string) string {
	switch field {
	case "case":
		return l.Case.String()
	case "number":
		return strconv.FormatUint(l.Number, 10)
	case "kind":
		return l.Kind
	case "size":
		return strconv.FormatInt(l.Size, 10)
	case "digest":
		return l.Digest.String()
	case "envelope":
		return l.Envelope.String()
	case "destination":
		return l.Destination
	case "rule":
		return l.Rule
	case "once":
		return l.Once.String()
	case "secret":
		return l.Secret.String()
	case "after":
		return strconv.FormatInt(l.After, 10)
	case "done":
		return string(l.Done)
	case "by":
		return l.By
	case "signature":
		return base64.StdEncoding.EncodeToString(l.Signature)
	}
	panic("ledger: no field " + field)
}

// ParseLeaf reads a leaf. It returns ErrVersion for a leaf of another
// version and ErrMalformed for anything that is not in canonical form.
func ParseLeaf(b []byte) (*Leaf, error) {
	if len(b) > MaxLeaf {
		return nil, fmt.Errorf("leaf: %w: larger than %d bytes", ErrMalformed, MaxLeaf)
	}
	text, ok := strings.CutSuffix(string(b), "\n")
	if !ok {
		return nil, fmt.Errorf("leaf: %w: it does not end with a newline", ErrMalformed)
	}
	lines := strings.Split(text, "\n")
	event, ok := strings.CutPrefix(lines[0], leafHeader)
	if !ok {
		if strings.HasPrefix(lines[0], "tocsin.leaf.v") {
			return nil, fmt.Errorf("leaf %q: %w", lines[0], ErrVersion)
		}
		return nil, fmt.Errorf("leaf: %w: it does not begin with %q", ErrMalformed, leafHeader)
	}
	l := &Leaf{Event: Event(shared(event))}
	if fields[l.Event] == nil {
		return nil, fmt.Errorf("leaf: unknown event %q: %w", event, ErrVersion)
	}
	lines = lines[1:]
	day, ok := strings.CutPrefix(first(lines), "day ")
	if !ok {
		return nil, fmt.Errorf("leaf: %w: a day is expected", ErrMalformed)
	}
	var err error
	if l.Day, err = ParseDay(shared(day)); err != nil {
		return nil, fmt.Errorf("leaf: day: %w", err)
	}
	lines = lines[1:]
	// The list of fields is asked for anew at each step: the kind of a
	// message, once read, decides what follows its digest.
	for i := 0; i < len(l.fields()); i++ {
		f := l.fields()[i]
		v, ok := strings.CutPrefix(first(lines), f+" ")
		if !ok {
			return nil, fmt.Errorf("leaf: %w: %s: field %q is expected", ErrMalformed, event, f)
		}
		if err := l.set(f, v); err != nil {
			return nil, fmt.Errorf("leaf: %s: %s: %w", event, f, err)
		}
		lines = lines[1:]
	}
	if len(lines) > 0 {
		return nil, fmt.Errorf("leaf: %w: %s: unexpected line", ErrMalformed, event)
	}
	if string(l.encode()) != string(b) {
		return nil, fmt.Errorf("leaf: %w: not in canonical form", ErrMalformed)
	}
	return l, nil
}

func first(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[0]
}

// nameForm is the form of a worker's or destination's name and of a rule's;
// it is roster.ValidName's with dots, which rules may have.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,63}$`)

func (l *Leaf) set(field, v string) (err error) {
	switch field {
	case "case":
		l.Case, err = ParseCaseID(v)
	case "number":
		l.Number, err = strconv.ParseUint(v, 10, 63)
	case "kind":
		l.Kind = shared(v)
		if v != KindReport && v != KindAddition && v != KindReply && v != KindNote {
			err = fmt.Errorf("%w: unknown kind %q", ErrVersion, v)
		}
	case "size":
		l.Size, err = strconv.ParseInt(v, 10, 63)
		if err == nil && l.Size < 0 {
			err = fmt.Errorf("%w: negative", ErrMalformed)
		}
	case "digest":
		l.Digest, err = ParseDigest(v)
	case "envelope":
		l.Envelope, err = ParseDigest(v)
	case "destination":
		l.Destination, err = name(v)
	case "rule":
		l.Rule, err = name(v)
	case "once":
		l.Once, err = ParseDigest(v)
	case "secret":
		l.Secret, err = ParseDigest(v)
	case "after":
		l.After, err = strconv.ParseInt(v, 10, 63)
		if err == nil && l.After < 0 {
			err = fmt.Errorf("%w: negative", ErrMalformed)
		}
	case "done":
		l.Done, err = ParseDay(shared(v))
	case "by":
		l.By, err = name(v)
	case "signature":
		l.Signature, err = base64.StdEncoding.Strict().DecodeString(v)
		if err == nil && len(l.Signature) != 64 {
			err = fmt.Errorf("%w: not 64 bytes", ErrMalformed)
		}
	}
	if numErr := (*strconv.NumError)(nil); errors.As(err, &numErr) {
		err = fmt.Errorf("%w: not a number", ErrMalformed)
	}
	if corrupt := base64.CorruptInputError(0); errors.As(err, &corrupt) {
		err = fmt.Errorf("%w: not base64", ErrMalformed)
	}
	return err
}

func name(v string) (string, error) {
	if !nameForm.MatchString(v) {
		return "", fmt.Errorf("%w: %q is not a name", ErrMalformed, v)
	}
	return shared(v), nil
}

// shared returns a string that is equal to s and one for all leaves, so that
// one who keeps many leaves does not keep their texts.
func shared(s string) string { return unique.Make(s).Value() }
