package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Server is the mail server that takes a case worker's mail.
type Server struct {
	Host, Port  string
	ImplicitTLS bool   // from the first byte (RFC 8314), as on port 465; else STARTTLS
	From        string // plain address of the sender
	User        string // "" if the server asks for none
	Password    string
	CAFile      string // certificates to believe in place of the system's, or ""
}

// The times that RFC 5321 (4.5.3.2) asks a client to wait at least, and how
// much a server may say in one connection: the answers of a real one take less
// than 16 KiB, certificates included.
const (
	dialTime  = time.Minute
	writeTime = 3 * time.Minute
	replyTime = 5 * time.Minute
	endTime   = 10 * time.Minute // until the server answers for a whole mail
	maxTalk   = 1 << 20
)

var (
	// ErrNoTLS means that the server offers no STARTTLS. Nothing was sent.
	ErrNoTLS = errors.New("the mail server offers no TLS (STARTTLS), and nothing is sent without it")
	// ErrTooLarge means that the mail would be larger than the server takes.
	ErrTooLarge = errors.New("the sealed bag is too large for the mail server")
)

// Send mails the bag and returns what the server answered when it took it.
//
// An answer of the 5xx kind is a permanent error, and so is a bag that is too
// large, before a byte of it is sent; everything else may be tried again. What
// the server took is its to bring further: a refusal later comes as a mail to
// the sender's address.
func (s *Server) Send(ctx context.Context, l *Letter, b *Bag) (answer string, err error) {
	c, conn, err := s.connect(ctx)
	if err != nil {
		return "", s.failed(ctx, "connecting to", err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := s.secure(c); err != nil {
		return "", s.failed(ctx, "securing the connection to", err)
	}
	if s.User != "" {
		if err := s.authenticate(c); err != nil {
			return "", s.failed(ctx, "authenticating to", err)
		}
	}
	m := l.write(s.From, b)
	if err := offer(c, s.From, l.To, m.size()); err != nil {
		return "", s.failed(ctx, "offering the bag to", err)
	}
	w := c.Text.DotWriter()
	if _, err := m.WriteTo(w); err != nil {
		// The writer is left open: closing it would end the mail as if it
		// were whole.
		return "", s.failed(ctx, "sending the bag to", err)
	}
	conn.patience = endTime
	if err := w.Close(); err != nil {
		return "", s.failed(ctx, "sending the bag to", err)
	}
	// Commit point: with 250 the mail is the server's. A connection that is
	// lost before that answer leaves open whether it is.
	_, answer, err = c.Text.ReadResponse(250)
	if err != nil {
		return "", s.failed(ctx, "waiting for the answer of", err)
	}
	_ = c.Quit() // whether the goodbye arrives changes nothing
	return answer, nil
}

// connect greets the server, under TLS already if that is implicit.
func (s *Server) connect(ctx context.Context) (*smtp.Client, *guarded, error) {
	d := &net.Dialer{Timeout: dialTime}
	plain, err := d.DialContext(ctx, "tcp", net.JoinHostPort(s.Host, s.Port))
	if err != nil {
		return nil, nil, err
	}
	g := &guarded{Conn: plain, left: maxTalk, patience: replyTime}
	stop := context.AfterFunc(ctx, func() { plain.Close() })
	defer stop()
	var conn net.Conn = g
	if s.ImplicitTLS {
		config, err := s.tls()
		if err != nil {
			plain.Close()
			return nil, nil, err
		}
		conn = tls.Client(g, config)
	}
	c, err := smtp.NewClient(conn, s.Host) // closes it if it fails
	if err != nil {
		return nil, nil, err
	}
	return c, g, nil
}

// secure upgrades the connection to TLS if it is not yet.
func (s *Server) secure(c *smtp.Client) error {
	// "localhost" tells the server nothing of the case worker's machine.
	if err := c.Hello("localhost"); err != nil || s.ImplicitTLS {
		return err
	}
	if offered, _ := c.Extension("STARTTLS"); !offered {
		return ErrNoTLS
	}
	config, err := s.tls()
	if err != nil {
		return err
	}
	return c.StartTLS(config)
}

func (s *Server) tls() (*tls.Config, error) {
	config := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12}
	if s.CAFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, fmt.Errorf("reading the mail server's CA: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", s.CAFile)
	}
	return config, nil
}

// authenticate shows the password, which happens under TLS only: secure was
// called.
func (s *Server) authenticate(c *smtp.Client) error {
	_, mechanisms := c.Extension("AUTH")
	if !slices.Contains(strings.Fields(strings.ToUpper(mechanisms)), "PLAIN") {
		return permanent{errors.New("it does not take a user name and password (AUTH PLAIN)")}
	}
	return c.Auth(smtp.PlainAuth("", s.User, s.Password, s.Host))
}

// offer says who writes to whom and how much, up to where the mail itself is
// awaited. net/smtp declares no size, so that its Mail is not used.
func offer(c *smtp.Client, from, to string, size int64) error {
	param := ""
	if ok, most := c.Extension("SIZE"); ok {
		param = fmt.Sprintf(" SIZE=%d", size)
		if n, err := strconv.ParseInt(most, 10, 64); err == nil && n > 0 && size > n { // 0: it does not say
			return permanent{fmt.Errorf("%w, which takes mails of %d bytes, and this one would have %d", ErrTooLarge, n, size)}
		}
	}
	for _, step := range []struct {
		code    int
		command string
	}{
		{250, fmt.Sprintf("MAIL FROM:<%s>%s", from, param)},
		{25, fmt.Sprintf("RCPT TO:<%s>", to)},
		{354, "DATA"},
	} {
		id, err := c.Text.Cmd("%s", step.command)
		if err != nil {
			return err
		}
		c.Text.StartResponse(id)
		_, _, err = c.Text.ReadResponse(step.code)
		c.Text.EndResponse(id)
		if err != nil {
			return err
		}
	}
	return nil
}

// failed says what was being done and marks the server's own refusals.
func (s *Server) failed(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	wrapped := fmt.Errorf("%s %s: %w", doing, net.JoinHostPort(s.Host, s.Port), err)
	if no, ok := errors.AsType[*textproto.Error](err); ok && no.Code >= 500 {
		return permanent{wrapped}
	}
	return wrapped
}

// guarded is a connection that neither waits for ever nor is talked to without
// end.
type guarded struct {
	net.Conn
	left     int           // bytes that may still be read
	patience time.Duration // for each read
}

func (g *guarded) Read(p []byte) (int, error) {
	if g.left <= 0 {
		return 0, errors.New("the mail server says too much")
	}
	if err := g.SetReadDeadline(time.Now().Add(g.patience)); err != nil {
		return 0, err
	}
	n, err := g.Conn.Read(p[:min(len(p), g.left)])
	g.left -= n
	return n, err
}

func (g *guarded) Write(p []byte) (int, error) {
	if err := g.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return 0, err
	}
	return g.Conn.Write(p)
}

var _ io.WriterTo = (*message)(nil)
