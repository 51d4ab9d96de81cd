package seal

import (
	"bytes"
	"fmt"
	"io"

	"filippo.io/age"
)

// CaseKey is the age identity of one case. Whoever holds it reads the whole
// case; destroying every envelope that holds it destroys the case.
type CaseKey struct {
	identity *age.HybridIdentity
}

// NewCaseKey makes a fresh case key.
func NewCaseKey() (*CaseKey, error) {
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, fmt.Errorf("making a case key: %w", err)
	}
	return &CaseKey{id}, nil
}

// Recipient returns what messages of the case are sealed to.
func (k *CaseKey) Recipient() *age.HybridRecipient { return k.identity.Recipient() }

// Identity returns what opens messages of the case.
func (k *CaseKey) Identity() age.Identity { return k.identity }

// The plaintext of an envelope: a line with the secret key, so that it is an
// identity file for the age program.
const (
	secretKeySize = len("AGE-SECRET-KEY-PQ-1") + 52 + 6
	envelopeSize  = secretKeySize + len("\n")
)

// Envelope seals the case key to every case worker, as ParseRecipients returned
// them. The result is an age file whose length depends only on their number.
func (k *CaseKey) Envelope(workers []*age.HybridRecipient) ([]byte, error) {
	to, err := recipients(workers)
	if err != nil {
		return nil, fmt.Errorf("sealing an envelope: %w", err)
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, to...)
	if err != nil {
		return nil, fmt.Errorf("sealing an envelope: %w", err)
	}
	line := append([]byte(k.identity.String()), '\n')
	defer clear(line)
	if _, err := w.Write(line); err != nil {
		return nil, fmt.Errorf("sealing an envelope: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("sealing an envelope: %w", err)
	}
	return sealed.Bytes(), nil
}

// OpenEnvelope takes the case key out of an envelope with a case worker's
// identity. It fails with ErrKey, ErrDamaged or, for an age file that holds
// something else, ErrContents.
//
// An envelope does not say which case it is for. Callers compare Recipient
// with the one in the case's record.
func OpenEnvelope(envelope []byte, id age.Identity) (*CaseKey, error) {
	src := &source{r: bytes.NewReader(envelope)}
	plain, size, err := src.open(int64(len(envelope)), id)
	if err != nil {
		return nil, fmt.Errorf("opening an envelope: %w", err)
	}
	if size != int64(envelopeSize) {
		return nil, fmt.Errorf("opening an envelope: %w: it holds no case key", ErrContents)
	}
	line := make([]byte, envelopeSize)
	defer clear(line)
	if _, err := plain.ReadAt(line, 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("opening an envelope: %w", src.fault(err))
	}
	key, ok := bytes.CutSuffix(line, []byte("\n"))
	if !ok {
		return nil, fmt.Errorf("opening an envelope: %w: it holds no case key", ErrContents)
	}
	identity, err := age.ParseHybridIdentity(string(key))
	if err != nil {
		// The parser's error may quote what it read.
		return nil, fmt.Errorf("opening an envelope: %w: it holds no case key", ErrContents)
	}
	return &CaseKey{identity}, nil
}
