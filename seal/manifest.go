package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Version is the version of the message format.
const Version = 1

// Kind says what a message is.
type Kind string

// The kinds of messages.
const (
	KindReport   Kind = "report"   // what a witness told first
	KindAddition Kind = "addition" // what the witness told later
	KindReply    Kind = "reply"    // what a case worker answered
	KindNote     Kind = "note"     // what a case worker told colleagues
	KindDraft    Kind = "draft"    // what a case worker may come to answer; never leaves the home
)

func (k Kind) valid() bool {
	return k == KindReport || k == KindAddition || k == KindReply || k == KindNote || k == KindDraft
}

// bodyName is what the first entry of a message's archive is called.
func bodyName(k Kind) string {
	switch k {
	case KindReport:
		return "report.json"
	case KindNote:
		return "note.json"
	case KindDraft:
		return "draft.json"
	}
	return "message.json"
}

// Context is where a message belongs. It stands in the manifest, under the
// same authentication as the rest, so that ciphertext copied to another case
// or another instance is refused there.
//
// A recipient's key is public: the context shows a message out of place, not
// who wrote it. Authorship comes from the ledger.
//
// A report, and no other kind, has the digest of the record that the store
// keeps of its case in the clear: the case's recipient, the witness's, and the
// tag. Whoever opens the report can tell whether that record is still the one
// that was there when the witness sent it.
type Context struct {
	Instance string `json:"instance"` // roster.Instance in hexadecimal
	Case     string `json:"case"`     // the case's identifier as it is shown
	Kind     Kind   `json:"kind"`
	Record   string `json:"record,omitempty"` // SHA-256 in lower-case hexadecimal
}

const maxContext = 128 // bytes each of instance and case

func (c Context) validate() error {
	if !c.Kind.valid() {
		return fmt.Errorf("%w: unknown kind of message", ErrContext)
	}
	for _, s := range []string{c.Instance, c.Case} {
		if s == "" || len(s) > maxContext {
			return fmt.Errorf("%w: instance and case must have 1 to %d bytes", ErrContext, maxContext)
		}
	}
	if !c.recordFits() {
		return fmt.Errorf("%w: a report, and nothing else, has the digest of its case's record", ErrContext)
	}
	return nil
}

func (c Context) recordFits() bool {
	if c.Kind == KindReport {
		return isDigest(c.Record)
	}
	return c.Record == ""
}

// is reports whether c is what a reader wants, who may leave the record open.
func (c Context) is(want Context) bool {
	if want.Record == "" {
		want.Record = c.Record
	}
	return c == want
}

// File is one attachment. Name and Type are what the witness's browser said,
// at most 255 and 127 characters of it: any characters at all. Path is ours:
// "files/001" and so on, safe to create. Parts is 1 if the archive holds the
// file under Path, and otherwise in how many pieces Path.part0001, … it does.
type File struct {
	Path   string `json:"path"`
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // lower-case hexadecimal
	Parts  int    `json:"parts"`
}

// Manifest is the last entry of a message's archive and says what is in it.
type Manifest struct {
	Version int `json:"version"`
	Context
	Body       string `json:"body"` // "report.json", "message.json" or "note.json"
	BodySHA256 string `json:"body_sha256"`
	Files      []File `json:"files"`
}

func (m *Manifest) marshal() ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encoding the manifest: %w", err)
	}
	return append(b, '\n'), nil
}

// parseManifest reads a manifest, without comparing it with anything. The
// version comes first: a later one may have fields that this program would
// take for a mistake. json.Unmarshal also sees to it that nothing follows.
func parseManifest(b []byte) (*Manifest, error) {
	var v struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, fmt.Errorf("%w: the manifest is not JSON", ErrContents)
	}
	if v.Version != Version {
		return nil, fmt.Errorf("%w: the message has version %d and this program reads version %d", ErrVersion, v.Version, Version)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	m := new(Manifest)
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("%w: the manifest is not one of version %d", ErrContents, Version)
	}
	return m, nil
}

// describes checks that the manifest says what the headers of the archive say.
func (m *Manifest) describes(l *layout) error {
	if !m.Kind.valid() || m.Body != bodyName(m.Kind) || m.Body != l.bodyName {
		return fmt.Errorf("%w: the manifest speaks of another body", ErrContents)
	}
	if !m.recordFits() {
		return fmt.Errorf("%w: the manifest of a report, and no other, names its case's record", ErrContents)
	}
	if len(m.Files) != len(l.files) {
		return fmt.Errorf("%w: the manifest speaks of %d files, and there are %d", ErrContents, len(m.Files), len(l.files))
	}
	for i, f := range m.Files {
		if f.Path != filePath(i+1) || f.Size != l.files[i].size || f.Parts != parts(f.Size) || !isDigest(f.SHA256) {
			return fmt.Errorf("%w: the manifest does not describe file %d", ErrContents, i+1)
		}
	}
	return nil
}

// isDigest reports whether s is a SHA-256 in lower-case hexadecimal.
func isDigest(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size && hex.EncodeToString(b) == s
}
