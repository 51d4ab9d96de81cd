package triage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/triage/bagit"
)

// A bag is what leaves for a destination, but for the attachments' contents.
type bag struct {
	opened   *opened
	name     string // of its directory and, with an ending, of its file
	payload  []payload
	sources  []Entry // messages it is made from
	carriers []Entry // those of them with attachments
	files    []bagFile
	withheld []withheld
	info     []bagit.Info

	unreadable []said // a note for each addition that is not in it
	sign       func(manifest []byte) ([]bagit.Tag, error)
}

// withheld is report.Withheld as it stands in provenance.json.
type withheld struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

type payload struct {
	path    string // under data/
	content []byte
}

// A bagFile is an attachment in the bag.
type bagFile struct {
	Path    string `json:"path"`    // under data/
	Message int64  `json:"message"` // index in the ledger of what it came with
	Type    string `json:"type"`    // what the witness's browser said
	Size    int64  `json:"size"`    // bytes
	SHA256  string `json:"sha256"`
}

// A bagMessage is an addition or a reply in the bag.
type bagMessage struct {
	Path string `json:"path"`
	Kind string `json:"kind"`
	Day  string `json:"day"`
	Text string `json:"-"`
}

// A source is a sealed message that the bag was made from.
type source struct {
	Index  int64  `json:"index"` // in the ledger; -1 for a reply that is not there yet
	Kind   string `json:"kind"`
	Day    string `json:"day"`
	Size   int64  `json:"size"` // bytes of ciphertext
	SHA256 string `json:"sha256"`
}

const provenanceVersion = 1

// reasonName says why attachments lose their names.
const reasonName = "a file's name can name its owner, and the witness has not consented to be identified; its number and ending are kept"

// A provenance is what provenance.json says: where the contents come from and
// what stayed behind.
type provenance struct {
	Version      int           `json:"version"`
	Case         string        `json:"case"`
	Instance     string        `json:"instance"`
	Organisation string        `json:"organisation"`
	Origin       string        `json:"origin"` // of the ledger
	Destination  string        `json:"destination"`
	Routed       string        `json:"routed"` // day
	By           string        `json:"by"`     // case worker
	Roster       uint64        `json:"roster"` // number of the one in force
	CaseLeaf     int64         `json:"case_leaf"`
	Checkpoint   string        `json:"checkpoint"`  // signed, C2SP tlog-checkpoint
	LedgerKey    string        `json:"ledger_key"`  // verifies it
	SigningKey   string        `json:"signing_key"` // of the case worker, as in allowed_signers
	Fingerprint  string        `json:"fingerprint"` // of that key, as ssh-keygen -l shows it
	Sealed       []source      `json:"sealed"`
	Custody      []custodyLeaf `json:"custody"` // every leaf of the case
	Files        []bagFile     `json:"files"`
	Messages     []bagMessage  `json:"messages"`
	When         *instant      `json:"when,omitempty"` // date and time of the facts, where they are one instant for certain
	Consent      string        `json:"consent"`
	Withheld     []withheld    `json:"withheld"`
	Notes        []string      `json:"notes"`
	Decision     *Decision     `json:"decision,omitempty"` // why it goes there
}

// gather reads all messages of a case, without their attachments' contents,
// and makes what the bag says of them.
func (h *Home) gather(o *opened, r *roster.Signed, m *mirror, d *roster.Destination, with With) (*bag, error) {
	card, err := h.Card()
	if err != nil {
		return nil, err
	}
	head, err := h.readHead()
	if err != nil {
		return nil, err
	}
	b := &bag{opened: o, withheld: []withheld{}}
	p := &provenance{
		Version: provenanceVersion, Case: o.ID.String(), Instance: o.roster.Instance().String(),
		Organisation: r.Organisation, Origin: r.Origin, Destination: d.Name, Routed: string(h.today()),
		By: card.Name, Roster: r.Number, CaseLeaf: o.Index, Checkpoint: string(head.Checkpoint),
		LedgerKey: m.roster.Intake.Ledger, Files: []bagFile{}, Messages: []bagMessage{},
	}
	p.Decision = with.Decision
	if err := h.signing(b, p, card); err != nil {
		return nil, err
	}
	told, altered, err := h.gatherMessages(b, p)
	if err != nil {
		return nil, err
	}
	if err := h.gatherCustody(b, p, r, m); err != nil {
		return nil, err
	}
	b.name = bagName(o.Case, b.sources, with)
	p.Files = append(p.Files, b.files...)
	p.When = whenOf(told)
	p.Consent = consentLabel(told.Consent)
	p.Withheld = b.withheld
	said := append(notes(told.Consent, len(b.files) > 0, altered), b.unreadable...)
	for _, n := range said {
		p.Notes = append(p.Notes, english.say(n.Key, n.Args...))
	}
	page, err := firstPage(&pageData{Report: told, Provenance: p, Destination: d, Received: string(o.Day),
		Bag: b.name + bagEnding, Policy: r.Policy, Notes: said})
	if err != nil {
		return nil, err
	}
	text, err := marshalReadable(p)
	if err != nil {
		return nil, fmt.Errorf("writing the provenance: %w", err)
	}
	b.payload = append([]payload{{"report.html", page}}, b.payload...)
	b.payload = append(b.payload, payload{"provenance.json", text})
	if with.CaseUCO {
		linked, err := caseUCO(told, p)
		if err != nil {
			return nil, fmt.Errorf("writing the case as CASE/UCO: %w", err)
		}
		b.payload = append(b.payload, payload{caseFile, linked})
	}
	b.info = []bagit.Info{
		{Label: "Source-Organization", Value: r.Organisation},
		{Label: "External-Identifier", Value: o.ID.String()},
		{Label: "Bagging-Date", Value: string(h.today())},
		{Label: "Bag-Software-Agent", Value: "tocsin triage, provenance version " + strconv.Itoa(provenanceVersion)},
	}
	return b, nil
}

// handedKinds are the messages that leave. What case workers write to each
// other, and what this program does not know, stays.
var handedKinds = map[string]bool{ledger.KindReport: true, ledger.KindAddition: true, ledger.KindReply: true}

// bagEnding ends the name of a sealed bag.
const bagEnding = ".tar.age"

// gatherMessages puts the report, additions and replies into the bag, less
// what the witness did not consent to, and returns the report as it leaves and
// whether the case's record was altered. A reply without words, which only
// tells the witness who has the case, and an addition that only tells that replies
// were read are nothing to hand over.
func (h *Home) gatherMessages(b *bag, p *provenance) (told *report.Report, altered bool, err error) {
	for _, e := range b.opened.Messages {
		if !handedKinds[e.Leaf.Kind] {
			continue
		}
		var visit func(seal.File, io.Reader) error
		if e.Leaf.Kind == ledger.KindAddition {
			// One with a broken attachment must not break the bag half-way.
			visit = func(_ seal.File, content io.Reader) error {
				_, err := io.Copy(io.Discard, content)
				return err
			}
		}
		msg, err := h.read(b.opened, e, visit)
		if err == nil && told == nil { // the report comes first, see oneReport
			altered = b.opened.altered(msg)
			told, err = b.addReport(msg)
		} else if err == nil {
			var note *report.Message
			if note, err = parseNote(msg); err == nil && note.Text == "" && len(msg.Files) == 0 {
				continue
			}
			if err == nil {
				err = b.addMessage(p, e.Leaf, note, told.Consent)
			}
		}
		if err != nil && e.Leaf.Kind == ledger.KindAddition && h.intact(e) {
			b.unreadable = append(b.unreadable, said{"note.unreadable", []any{e.Index}})
			continue
		}
		if err != nil {
			return nil, false, fmt.Errorf("case %s: %w", b.opened.ID, err)
		}
		b.sources = append(b.sources, e)
		b.addFiles(e, msg.Files, told.Consent)
		p.Sealed = append(p.Sealed, source{e.Index, e.Leaf.Kind, string(e.Leaf.Day), e.Leaf.Size, e.Leaf.Digest.String()})
	}
	return told, altered, nil
}

func (b *bag) addReport(msg *seal.Message) (*report.Report, error) {
	whole, err := parseReport(msg)
	if err != nil {
		return nil, err
	}
	told, held := whole.Withhold()
	for _, w := range held {
		b.withheld = append(b.withheld, withheld(w))
	}
	data, err := told.Marshal()
	if err != nil {
		return nil, err
	}
	b.payload = append(b.payload, payload{"report.json", data}, payload{"report.schema.json", report.Schema})
	return told, nil
}

func (b *bag) addMessage(p *provenance, l *ledger.Leaf, note *report.Message, consent report.Consent) error {
	if consent != report.ConsentDirect {
		// As in a report, what this program does not know stays behind.
		note = &report.Message{Language: note.Language, Day: note.Day, Text: note.Text}
	}
	data, err := note.Marshal()
	if err != nil {
		return err
	}
	path := fmt.Sprintf("messages/%03d-%s.json", len(p.Messages)+1, l.Kind)
	b.payload = append(b.payload, payload{path, data})
	p.Messages = append(p.Messages, bagMessage{Path: path, Kind: l.Kind, Day: string(l.Day), Text: note.Text})
	return nil
}

// addFiles names a message's attachments as they will be called in the bag.
func (b *bag) addFiles(e Entry, files []seal.File, consent report.Consent) {
	if e.Leaf.Kind == ledger.KindReply || len(files) == 0 {
		return
	}
	named := consent == report.ConsentDirect
	if !named && len(b.files) == 0 {
		b.withheld = append(b.withheld, withheld{"files.name", reasonName})
	}
	b.carriers = append(b.carriers, e)
	for _, f := range files {
		b.files = append(b.files, bagFile{
			Path:    "files/" + numberedName(len(b.files)+1, f.Name, named),
			Message: e.Index, Type: f.Type, Size: f.Size, SHA256: f.SHA256,
		})
	}
}

// notes says what a reader could otherwise take wrongly.
func notes(c report.Consent, files, altered bool) []said {
	list := []said{{Key: "note.times"}, {Key: "note.words"}}
	if altered {
		// The report is no less urgent for it: it is handed over all the same.
		list = append(list, said{Key: "note.altered"})
	}
	if files {
		list = append(list, said{Key: "note.files"})
	}
	if c != report.ConsentDirect {
		list = append(list, said{Key: "note.anonymous"})
	}
	return list
}

// marshalReadable encodes v for people as well as programs.
func marshalReadable(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
