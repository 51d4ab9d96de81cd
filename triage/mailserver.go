package triage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"unicode"

	"tocsin/seal/roster"
	"tocsin/triage/delivery"
)

// ErrNoMail means that this home knows no mail server.
var ErrNoMail = errors.New("no mail server is set on this machine; type: triage mail set --server HOST:PORT --from ADDRESS")

const (
	mailHeader = "tocsin.mail.v1"
	// implicitTLS is the port on which TLS begins with the first byte (RFC
	// 8314); on every other the connection is upgraded with STARTTLS.
	implicitTLS = "465"
	maxSetting  = 1000 // bytes of one setting
)

// NewMailServer checks a mail server's settings. The server is host:port; ca is
// "" or a file of certificates to believe in place of the system's; a user has
// a password.
func NewMailServer(server, from, user, password, ca string) (*delivery.Server, error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil || host == "" || port == "" {
		return nil, fmt.Errorf("%q is not a mail server's host:port, such as mail.example.org:587", server)
	}
	if !roster.ValidAddress(from) {
		return nil, fmt.Errorf("%q is not a plain mail address, such as desk@example.org", from)
	}
	if (user == "") != (password == "") {
		return nil, errors.New("a mail server's user needs a password, and a password a user")
	}
	for _, v := range []string{host, port, user, password, ca} {
		if len(v) > maxSetting || strings.ContainsFunc(v, unicode.IsControl) {
			return nil, errors.New("a mail server's setting must be one short line")
		}
	}
	if ca != "" && !filepath.IsAbs(ca) {
		return nil, fmt.Errorf("%s: the mail server's CA must be given by its whole path", ca)
	}
	return &delivery.Server{Host: host, Port: port, ImplicitTLS: port == implicitTLS, From: from, User: user, Password: password, CAFile: ca}, nil
}

// marshalMail returns the settings' lines. Those that are empty are left out.
func marshalMail(s *delivery.Server) []byte {
	b := fmt.Appendf(nil, "%s\nserver %s\nfrom %s\n", mailHeader, net.JoinHostPort(s.Host, s.Port), s.From)
	for _, o := range [][2]string{{"ca", s.CAFile}, {"user", s.User}, {"password", s.Password}} {
		if o[1] != "" {
			b = fmt.Appendf(b, "%s %s\n", o[0], o[1])
		}
	}
	return b
}

// parseMail reads what marshalMail wrote.
func parseMail(text []byte) (*delivery.Server, error) {
	header, rest, _ := strings.Cut(string(text), "\n")
	if header != mailHeader {
		return nil, fmt.Errorf("its first line is not %q: %w", mailHeader, ErrVersion)
	}
	v := map[string]string{}
	for line := range strings.Lines(rest) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		v[key] = value
	}
	s, err := NewMailServer(v["server"], v["from"], v["user"], v["password"], v["ca"])
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(marshalMail(s), text) {
		return nil, errors.New("the file is damaged")
	}
	return s, nil
}

// SetMail keeps the mail server's settings in the home. They are this machine's
// own: a roster could point nobody's mail elsewhere. If there is a password, the
// file is protected as the keys are, by their passphrase, which is asked for, or by
// their plugin. The caller holds the lock.
func (h *Home) SetMail(s *delivery.Server) error {
	text := marshalMail(s)
	if s.Password == "" {
		return writeFile(h.path(mailFile), text)
	}
	id, err := h.pluginIdentity()
	if err != nil {
		return err
	}
	if id != nil {
		defer clear(text)
		sealed, err := sealToPlugin(text, id)
		if err != nil {
			return fmt.Errorf("sealing %s: %w", h.path(mailFile), err)
		}
		return writeFile(h.path(mailFile), sealed)
	}
	// Opening the worker's key asks for the passphrase, if there is one.
	plain, err := h.readKey("worker.key")
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w; type: triage keygen --name NAME", h.Dir, ErrNoKey)
	}
	if err != nil {
		return fmt.Errorf("reading the worker key: %w", err)
	}
	clear(plain)
	return h.writeKey(h.path(mailFile), text, h.passphrase)
}

// mailServer returns what SetMail kept, or ErrNoMail.
func (h *Home) mailServer() (*delivery.Server, error) {
	text, err := h.readKey(mailFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoMail
	}
	if err != nil {
		return nil, err
	}
	defer clear(text)
	s, err := parseMail(text)
	if err != nil {
		return nil, fmt.Errorf("the mail server's settings: %w; type: triage mail set", err)
	}
	return s, nil
}
