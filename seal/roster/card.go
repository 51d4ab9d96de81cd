package roster

import (
	"bytes"
	"fmt"
)

// maxCard bounds a card read from a file; a worker's takes about 2 KiB.
const maxCard = 8 << 10

const (
	workerHeader = "tocsin.worker.v1"
	intakeHeader = "tocsin.intake.v1"
)

// MarshalCard returns the worker's public card: what a new case worker gives
// to the organisation, over a channel where it can't be swapped.
func (w *Worker) MarshalCard() []byte {
	return append([]byte(workerHeader+"\n"), w.lines()...)
}

// lines are how a case worker stands in a card and in a roster alike. A worker
// without an onion key has one line less.
func (w *Worker) lines() []byte {
	b := fmt.Appendf(nil, "worker %s\nrecipient %s\ndesk %s\n", w.Name, w.Recipient, MarshalDeskKey(w.Desk))
	if w.Onion != "" {
		b = fmt.Appendf(b, "onion %s\n", w.Onion)
	}
	return b
}

// worker reads what lines wrote.
func (s *lines) worker() Worker {
	w := Worker{Name: s.value("worker"), Recipient: s.value("recipient"), Desk: s.desk("desk")}
	if s.peek("onion ") {
		w.Onion = s.value("onion")
	}
	return w
}

// ParseWorkerCard reads a worker's public card.
func ParseWorkerCard(text []byte) (*Worker, error) {
	s, err := openCard(text, workerHeader)
	if err != nil {
		return nil, fmt.Errorf("worker's card: %w", err)
	}
	w := s.worker()
	if err := s.end(); err != nil {
		return nil, fmt.Errorf("worker's card: %w", err)
	}
	if err := w.Validate(); err != nil {
		return nil, err
	}
	if !bytes.Equal(w.MarshalCard(), text) {
		return nil, fmt.Errorf("worker's card: %w: not in canonical form", ErrMalformed)
	}
	return &w, nil
}

// An IntakeCard is what the intake server gives to the organisation: the
// origin it was set up under and its public keys.
type IntakeCard struct {
	Origin string
	Intake Intake
}

// Marshal returns the card's text.
func (c *IntakeCard) Marshal() []byte {
	return fmt.Appendf(nil, "%s\norigin %s\nledger %s\ndesk %s\n", intakeHeader, c.Origin, c.Intake.Ledger, MarshalDeskKey(c.Intake.Desk))
}

// ParseIntakeCard reads an intake's public card.
func ParseIntakeCard(text []byte) (*IntakeCard, error) {
	s, err := openCard(text, intakeHeader)
	if err != nil {
		return nil, fmt.Errorf("intake's card: %w", err)
	}
	c := &IntakeCard{Origin: s.value("origin"), Intake: Intake{Ledger: s.value("ledger"), Desk: s.desk("desk")}}
	if err := s.end(); err != nil {
		return nil, fmt.Errorf("intake's card: %w", err)
	}
	if err := validOrigin(c.Origin); err != nil {
		return nil, fmt.Errorf("intake's card: %w: origin: %v", ErrMalformed, err)
	}
	if err := c.Intake.validate(c.Origin); err != nil {
		return nil, err
	}
	if !bytes.Equal(c.Marshal(), text) {
		return nil, fmt.Errorf("intake's card: %w: not in canonical form", ErrMalformed)
	}
	return c, nil
}

func openCard(text []byte, header string) (*lines, error) {
	if len(text) > maxCard {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrMalformed, maxCard)
	}
	s := newLines(text)
	return s, s.header(header)
}
