package triage

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
	"tocsin/seal/roster"
	"tocsin/triage/bagit"
	"tocsin/triage/sshsig"
)

// A custodyLeaf is one event of the case as the ledger has it, with what a
// third party needs to verify it: that it stands in the ledger, and, of what a
// case worker did, that this case worker signed it. It says nothing of what
// was told.
type custodyLeaf struct {
	Index       int64  `json:"index"` // in the ledger; -1 if it is not there yet
	Event       string `json:"event"`
	Kind        string `json:"kind,omitempty"` // of a message
	Day         string `json:"day"`            // when it entered the ledger
	Destination string `json:"destination,omitempty"`
	Digest      string `json:"sha256,omitempty"` // of the bytes that it speaks of
	Proof       string `json:"proof,omitempty"`  // C2SP tlog-proof, under data/

	// What a case worker did.
	By        string `json:"by,omitempty"`
	Done      string `json:"done,omitempty"`      // the day by the worker's clock
	Roster    uint64 `json:"roster,omitempty"`    // that was in force then
	Key       string `json:"key,omitempty"`       // the worker's in that roster, as OpenSSH writes it
	Statement string `json:"statement,omitempty"` // what was signed
	Signature string `json:"signature,omitempty"` // Ed25519, in base64
}

// signingNamespace is what a manifest's signature is for, see PROTOCOL.sshsig.
const signingNamespace = "tocsin-handover"

// signing lets this home's worker sign the bag's manifest with the desk key,
// as ssh-keygen -Y sign would. Such a signature begins with the namespace, and
// can't be taken for one of an event or a TLS handshake.
func (h *Home) signing(b *bag, p *provenance, w *roster.Worker) error {
	key, err := h.deskKey()
	if err != nil {
		return err
	}
	p.SigningKey, p.Fingerprint = sshsig.PublicKey(w.Desk), sshsig.Fingerprint(w.Desk)
	b.sign = func(manifest []byte) ([]bagit.Tag, error) {
		allowed := fmt.Appendf(nil, "%s namespaces=%q %s\n", w.Name, signingNamespace, p.SigningKey)
		return []bagit.Tag{
			{Name: "allowed_signers", Content: allowed},
			{Name: "manifest-sha512.txt.sig", Content: sshsig.Sign(key, signingNamespace, manifest)},
		}, nil
	}
	return nil
}

// gatherCustody puts the chain of custody into the bag: each leaf of the case
// in the provenance and in custody.txt, its proof, and of what was signed the
// statement, the signature and the key, as files that openssl takes.
func (h *Home) gatherCustody(b *bag, p *provenance, current *roster.Signed, m *mirror) error {
	var text bytes.Buffer
	fmt.Fprintf(&text, custodyHead, p.Case, p.Origin, p.LedgerKey, p.Instance)
	var force *roster.Signed
	for i, l := range m.leaves {
		if l.Event == ledger.EventRoster {
			var err error
			if force, err = h.rosterOf(m, l); err != nil {
				return err
			}
		}
		if l.Case != b.opened.ID || l.Event == ledger.EventRoster {
			continue
		}
		name := fmt.Sprintf("%03d", i)
		proof, err := m.prove(int64(i), []byte(p.Checkpoint))
		if err != nil {
			return err
		}
		path := "proofs/" + name + ".tlog-proof"
		b.payload = append(b.payload, payload{path, proof})
		if err := b.custody(p, &text, name, custodyLeaf{Index: int64(i), Proof: path}, l, force); err != nil {
			return err
		}
	}
	queue, err := h.Queue()
	if err != nil {
		return err
	}
	queued := 0
	for _, q := range queue {
		if q.Leaf.Case == b.opened.ID && !m.has(q.Leaf) {
			queued++
			name := fmt.Sprintf("queued-%d", queued)
			if err := b.custody(p, &text, name, custodyLeaf{Index: -1}, q.Leaf, current); err != nil {
				return err
			}
		}
	}
	b.payload = append(b.payload, payload{"custody.txt", text.Bytes()})
	return nil
}

const custodyHead = `Chain of custody of case %s
ledger %s
ledger key %s
instance %s

Each leaf below stands in the ledger, but for those called queued, which are
signed and on their way there; the file "proof" says so in the form C2SP
tlog-proof, for the ledger key above. What a case worker did, that case
worker signed; in the directory of these files:

  openssl pkeyutl -verify -pubin -inkey custody/NNN.pem -rawin -in custody/NNN.statement -sigfile custody/NNN.signature

That the key was that case worker's says the organisation's roster of that
number: ask the organisation for it.
`

// custody adds one leaf.
func (b *bag) custody(p *provenance, text *bytes.Buffer, name string, c custodyLeaf, l *ledger.Leaf, force *roster.Signed) error {
	c.Event, c.Kind, c.Day, c.Destination = string(l.Event), l.Kind, string(l.Day), l.Destination
	if l.Digest != (ledger.Digest{}) {
		c.Digest = l.Digest.String()
	}
	fmt.Fprintf(text, "\nleaf %s\nday %s\nevent %s\n", name, c.Day, c.Event)
	for _, line := range []struct{ name, value string }{
		{"kind", c.Kind}, {"destination", c.Destination}, {"sha256", c.Digest}, {"proof", c.Proof},
	} {
		if line.value != "" {
			fmt.Fprintf(text, "%s %s\n", line.name, line.value)
		}
	}
	if l.IsSigned() {
		w := force.Worker(l.By) // pull has verified it: there is a roster, and the worker is on it
		if w == nil {
			return fmt.Errorf("%w: leaf %s names %q, who is not a case worker of roster %d", ErrRefused, name, l.By, force.Number)
		}
		statement := l.Statement(force.Instance())
		key, err := marshalPublic(w.Desk)
		if err != nil {
			return err
		}
		c.By, c.Done, c.Roster, c.Key = l.By, string(l.Done), force.Number, sshsig.PublicKey(w.Desk)
		c.Statement, c.Signature = string(statement), base64.StdEncoding.EncodeToString(l.Signature)
		fmt.Fprintf(text, "by %s\ndone %s\nroster %d\nkey %s\nfingerprint %s\nsignature %s\n",
			c.By, c.Done, c.Roster, c.Key, sshsig.Fingerprint(w.Desk), c.Signature)
		b.payload = append(b.payload,
			payload{"custody/" + name + ".statement", statement},
			payload{"custody/" + name + ".signature", l.Signature},
			payload{"custody/" + name + ".pem", key})
	}
	p.Custody = append(p.Custody, c)
	return nil
}

// prove returns the proof that a leaf is in the ledger of a checkpoint, which
// is the mirror's.
func (m *mirror) prove(index int64, checkpoint []byte) ([]byte, error) {
	leaf, err := m.leaves[index].Marshal()
	if err != nil {
		return nil, fmt.Errorf("proving leaf %d: %w", index, err)
	}
	path, err := tlog.ProveRecord(m.checkpoint.Size, index, m.hashes)
	if err != nil {
		return nil, fmt.Errorf("proving leaf %d: %w", index, err)
	}
	return ledger.FormatProof(&ledger.Proof{Index: index, Leaf: leaf, Path: path, Checkpoint: checkpoint}), nil
}

// marshalPublic writes a key as openssl reads it.
func marshalPublic(key ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("writing a public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}
