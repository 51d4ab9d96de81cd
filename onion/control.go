package onion

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cretz/bine/control"
)

// answerTime bounds how long tor may take to answer a control command. It
// answers from memory; one that takes longer hangs, and is treated as dead.
const answerTime = 10 * time.Second

// A Control says where a tor's control port is and how to get in.
type Control struct {
	Addr         string // "host:port", or a socket's path
	PasswordFile string // holds the password; without it tor's cookie is used
}

// UsualControl returns where a tor's control port most likely is on this
// machine: Debian's socket if there is one, else the port that tor(1) names.
func UsualControl() string {
	const debian = "/run/tor/control"
	if _, err := os.Stat(debian); err == nil {
		return debian
	}
	return "127.0.0.1:9051"
}

// network splits an address into what net.Dial wants: a path has a slash
// before any colon, host:port has not.
func network(addr string) (network, address string) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return "unix", path
	}
	if strings.ContainsRune(addr, '/') {
		return "unix", addr
	}
	return "tcp", addr
}

// A conn is an authenticated control connection. Requests go one at a time;
// events come in meanwhile.
type conn struct {
	raw     net.Conn
	control *control.Conn
	mu      sync.Mutex // held during a request: bine's own order of locks deadlocks with two
	done    chan struct{}
	err     error // why the connection ended, set before done is closed
}

// connect opens a control connection. Events of the given codes are handed to
// handle, in order, from one goroutine; it must not make requests.
func (c Control) connect(ctx context.Context, handle func(control.Event), events ...control.EventCode) (*conn, error) {
	var d net.Dialer
	kind, addr := network(c.Addr)
	raw, err := d.DialContext(ctx, kind, addr)
	if err != nil {
		return nil, fmt.Errorf("connecting to tor's control port: %w", err)
	}
	t := &conn{raw: raw, control: control.NewConn(textproto.NewConn(raw)), done: make(chan struct{})}
	if err := t.authenticate(c.PasswordFile); err != nil {
		raw.Close()
		return nil, fmt.Errorf("authenticating to tor's control port: %w", err)
	}
	received := make(chan control.Event, 64)
	go func() {
		for e := range received {
			handle(e)
		}
	}()
	if err := t.bounded(func() error { return t.control.AddEventListener(received, events...) }); err != nil {
		raw.Close()
		close(received)
		return nil, fmt.Errorf("subscribing to tor's events: %w", err)
	}
	go func() {
		// Returns when the connection ends, and only then: closing the
		// connection is how it is stopped.
		t.err = t.control.HandleEvents(context.Background())
		raw.Close()
		t.mu.Lock() // a request that is being answered may still relay events
		close(received)
		t.mu.Unlock()
		close(t.done)
	}()
	return t, nil
}

// authenticate proves that we may control this tor. A password that was given
// is used even if tor offers its cookie too, because the cookie may be another
// user's to read.
func (t *conn) authenticate(passwordFile string) error {
	if passwordFile == "" {
		return t.bounded(func() error { return t.control.Authenticate("") })
	}
	password, err := os.ReadFile(passwordFile)
	if err != nil {
		return err
	}
	defer clear(password)
	// In hex, which tor takes as well as a quoted string and which needs no
	// escaping.
	_, err = t.request("AUTHENTICATE %s", hex.EncodeToString([]byte(strings.TrimRight(string(password), "\r\n"))))
	return err
}

// errHangs means that tor holds the connection and answers nothing.
var errHangs = errors.New("tor does not answer")

// bounded runs a request and closes the connection under one that tor does not
// answer.
func (t *conn) bounded(request func() error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	late := time.AfterFunc(answerTime, func() { t.raw.Close() })
	err := request()
	if !late.Stop() {
		return errHangs
	}
	return err
}

// request sends a command and returns the lines of its answer.
func (t *conn) request(format string, args ...any) ([]string, error) {
	r, err := t.send(format, args...)
	if err != nil {
		return nil, err
	}
	return r.DataWithReply(), nil
}

// send sends a command and returns its answer.
func (t *conn) send(format string, args ...any) (r *control.Response, err error) {
	err = t.bounded(func() (err error) {
		r, err = t.control.SendRequest(format, args...)
		return err
	})
	return r, err
}

// info asks for one value.
func (t *conn) info(key string) (string, error) {
	lines, err := t.request("GETINFO %s", key)
	if err != nil {
		return "", err
	}
	value, ok := strings.CutPrefix(lines[0], key+"=")
	if !ok {
		return "", fmt.Errorf("tor answers %q to GETINFO %s", lines[0], key)
	}
	return value, nil
}

// close ends the connection, and with it the services added through it.
func (t *conn) close() {
	t.raw.Close()
	<-t.done
}

// refused reports whether an error is tor's answer with that code.
func refused(err error, code int) bool {
	var e *textproto.Error
	return errors.As(err, &e) && e.Code == code
}

// SameUser reports whether that tor runs as this user or as root, and so can
// reach a socket in a directory that only this user enters. It tries until ctx
// is done.
func (c Control) SameUser(ctx context.Context) (bool, error) {
	for {
		uid, err := c.uid(ctx)
		if err == nil {
			return uid == "0" || uid == strconv.Itoa(os.Getuid()), nil
		}
		select {
		case <-ctx.Done():
			return false, err
		case <-time.After(reconnectFirst):
		}
	}
}

func (c Control) uid(ctx context.Context) (string, error) {
	t, err := c.connect(ctx, func(control.Event) {})
	if err != nil {
		return "", err
	}
	defer t.close()
	return t.info("process/uid")
}
