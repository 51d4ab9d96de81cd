package testtor

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// replyLimit is how long tor may take to answer one control command.
const replyLimit = 30 * time.Second

// A control is a connection to a tor's control port. It has one user at a
// time, and after an error that is not a [textproto.Error] no further use.
type control struct {
	net  net.Conn
	text *textproto.Conn
}

// dialControl connects to the control port of the tor whose data directory
// this is, and authenticates with its cookie.
func dialControl(ctx context.Context, dataDir string) (*control, error) {
	address, err := controlAddress(dataDir)
	if err != nil {
		return nil, err
	}
	cookie, err := os.ReadFile(cookieFile(dataDir))
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &control{net: nc, text: textproto.NewConn(nc)}
	if _, err := c.command(ctx, "AUTHENTICATE "+hex.EncodeToString(cookie)); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// controlAddress reads which control port tor took.
func controlAddress(dataDir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dataDir, controlPortName))
	if err != nil {
		return "", err
	}
	// A socket, if the torrc asks for one too, is on a line of its own.
	for line := range strings.Lines(string(b)) {
		if address, found := strings.CutPrefix(strings.TrimSpace(line), "PORT="); found {
			return address, nil
		}
	}
	return "", fmt.Errorf("%s holds %q, not a port", controlPortName, b)
}

func cookieFile(dataDir string) string { return filepath.Join(dataDir, "control_auth_cookie") }

func (c *control) close() { c.text.Close() }

// command sends a command and returns the lines of the reply without their
// codes. Data that belongs to a line follows it after a line end. A refusal is
// a [*textproto.Error].
func (c *control) command(ctx context.Context, line string) ([]string, error) {
	verb, _, _ := strings.Cut(line, " ")
	release := c.bind(ctx, time.Now().Add(replyLimit))
	defer release()
	if err := c.text.PrintfLine("%s", line); err != nil {
		return nil, fmt.Errorf("sending %s to tor: %w", verb, err)
	}
	for {
		code, lines, err := c.read()
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, fmt.Errorf("waiting for tor's answer to %s: %w", verb, ctx.Err())
		case err != nil:
			return nil, fmt.Errorf("reading tor's answer to %s: %w", verb, err)
		case code == 650: // an event
		case code < 200 || code > 299:
			return nil, fmt.Errorf("%s: %w", verb, &textproto.Error{Code: code, Msg: strings.Join(lines, "\n")})
		default:
			return lines, nil
		}
	}
}

// event returns the next event of those that SETEVENTS asked for.
func (c *control) event(ctx context.Context, limit time.Time) (string, error) {
	release := c.bind(ctx, limit)
	defer release()
	for {
		code, lines, err := c.read()
		if err != nil {
			return "", err
		}
		if code == 650 {
			return strings.Join(lines, "\n"), nil
		}
	}
}

// bind makes reads and writes fail at the limit and when ctx ends, until it is
// released.
func (c *control) bind(ctx context.Context, limit time.Time) (release func()) {
	c.net.SetDeadline(limit)
	stop := context.AfterFunc(ctx, func() { c.net.SetDeadline(time.Unix(1, 0)) })
	return func() { stop() }
}

// read reads one reply or event.
func (c *control) read() (code int, lines []string, err error) {
	for {
		line, err := c.text.ReadLine()
		if err != nil {
			return 0, nil, err
		}
		if len(line) < 4 {
			return 0, nil, fmt.Errorf("%q is no line of a reply", line)
		}
		if code, err = strconv.Atoi(line[:3]); err != nil {
			return 0, nil, fmt.Errorf("%q is no line of a reply", line)
		}
		text := line[4:]
		switch line[3] {
		case ' ':
			return code, append(lines, text), nil
		case '+':
			data, err := c.text.ReadDotLines()
			if err != nil {
				return 0, nil, err
			}
			text += "\n" + strings.Join(data, "\n")
		}
		lines = append(lines, text)
	}
}
