package onion

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cretz/bine/control"
)

// maxStreams is how many connections one client's circuit may have open at
// once; tor refuses more. Browsers open six to a host.
const maxStreams = 32

// A Service is an onion service: where its key is and what stands behind it.
type Service struct {
	Name   string // what status and log call it
	Dir    string // of its key, see [OpenKey]
	Port   int    // of the onion address
	Target string // where tor forwards to: "unix:" and an absolute path, or "127.0.0.1:port"
	// Private services are found only by the clients given to
	// [Process.SetClients]: others can't even decrypt the descriptor.
	Private bool

	key *Key // loaded by open
}

var (
	// ErrTarget means that tor could not be told to forward there.
	ErrTarget = errors.New("tor can't forward to a path with blanks or quotes in it; use another directory")

	targetForm = regexp.MustCompile(`^(unix:/[^\s"'\\,]+|127\.0\.0\.1:[0-9]+)$`)
	clientForm = regexp.MustCompile(`^[A-Z2-7]{52}$`)
)

// id is the address as tor's control protocol wants it.
func (s *Service) id() string { return strings.TrimSuffix(s.key.Address(), ".onion") }

func (s *Service) check() error {
	if !targetForm.MatchString(s.Target) {
		return fmt.Errorf("onion service %s: %q: %w", s.Name, s.Target, ErrTarget)
	}
	return nil
}

// open checks the service and loads its key.
func (s *Service) open() (err error) {
	if err := s.check(); err != nil {
		return err
	}
	s.key, err = OpenKey(s.Dir)
	return err
}

// add publishes the service, to the given clients only if it is private.
//
// bine's AddOnion knows neither ClientAuthV3 nor the proof-of-work arguments,
// so the command of control-spec (ADD_ONION) is written here. Flags: DiscardPK,
// because the key is ours and need not come back over the connection; V3Auth for
// client authorization. The service is not detached: it goes when
// the connection does, so that a killed server leaves nothing published that
// nobody answers.
func (t *conn) add(s *Service, clients []string) error {
	var b strings.Builder
	flags := "DiscardPK"
	if s.Private {
		flags += ",V3Auth"
	}
	fmt.Fprintf(&b, "ADD_ONION %s Flags=%s MaxStreams=%d", s.key.blob(), flags, maxStreams)
	fmt.Fprintf(&b, " PoWDefensesEnabled=1 Port=%d,%s", s.Port, s.Target)
	for _, c := range clients {
		if !clientForm.MatchString(c) {
			return fmt.Errorf("publishing the onion service %s: %q is not a client's public key", s.Name, c)
		}
		fmt.Fprintf(&b, " ClientAuthV3=%s", c)
	}
	_, err := t.request("%s", b.String())
	switch {
	case refused(err, control.StatusErrSyntaxErrorArg):
		// An argument that this tor does not know; of what we send, the
		// proof-of-work one is the youngest.
		return fmt.Errorf("publishing the onion service %s: tor refuses the settings; version 0.4.9.2 or later is needed: %w", s.Name, redact(err, s.key))
	case err != nil:
		return fmt.Errorf("publishing the onion service %s: %w", s.Name, redact(err, s.key))
	}
	return nil
}

// remove takes the service back. What is connected through it stays so, and
// can even open new streams on its circuit: see cut.
func (t *conn) remove(s *Service) error {
	if _, err := t.request("DEL_ONION %s", s.id()); err != nil {
		return fmt.Errorf("taking the onion service %s back: %w", s.Name, err)
	}
	return nil
}

// cut closes the circuits on which clients are connected to the service.
func (t *conn) cut(s *Service) error {
	lines, err := t.request("GETINFO circuit-status")
	if err != nil {
		return fmt.Errorf("looking for circuits to the onion service %s: %w", s.Name, err)
	}
	// One circuit comes on the line of the answer, several in a block below.
	for line := range strings.Lines(strings.TrimPrefix(strings.Join(lines, "\n"), "circuit-status=")) {
		fields := strings.Fields(line)
		if !slices.Contains(fields, "PURPOSE=HS_SERVICE_REND") || !slices.Contains(fields, "REND_QUERY="+s.id()) {
			continue
		}
		// One that closed by itself meanwhile is unknown by now.
		if _, err := t.request("CLOSECIRCUIT %s", fields[0]); err != nil && !refused(err, control.StatusErrUnrecognizedEntity) {
			return fmt.Errorf("closing a circuit to the onion service %s: %w", s.Name, err)
		}
	}
	return nil
}

// redact keeps the key out of an error in which tor quotes what it was sent.
func redact(err error, k *Key) error {
	if strings.Contains(err.Error(), k.blob()[len("ED25519-V3:"):]) {
		return errors.New("tor refuses the command")
	}
	return err
}
