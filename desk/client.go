package desk

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrHungUp means that the desk closed the connection without an answer, as it
// does to a key that is not on the roster in force there.
var ErrHungUp = errors.New("the desk hung up without a word, as it does when this key is not on its roster")

// maxClientConns is how many connections a client has at once at most, of the
// desk's maxConns; further requests wait.
const maxClientConns = 4

// A Client speaks to one desk. Its methods may be used by several goroutines.
type Client struct {
	http *http.Client
}

// NewClient returns a client of the desk that dial connects to, which must
// prove the key server; own is the case worker's or auditor's key. Nothing is
// dialled yet.
func NewClient(dial Dial, own ed25519.PrivateKey, server ed25519.PublicKey) (*Client, error) {
	config, err := pinned(own, func(k ed25519.PublicKey) error {
		if !k.Equal(server) {
			return ErrKey
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		// Where to comes from the caller, never from a URL, a redirect or a
		// proxy variable in the environment.
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := dial(ctx)
			if err != nil {
				return nil, err
			}
			return stallConn{conn}, nil
		},
		TLSClientConfig:     config,
		TLSHandshakeTimeout: Stall,
		MaxIdleConns:        maxClientConns,
		MaxIdleConnsPerHost: maxClientConns,
		MaxConnsPerHost:     maxClientConns,
		IdleConnTimeout:     Stall / 2,
		DisableCompression:  true,
	}
	return &Client{&http.Client{
		Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// A Head is where the store stands: the signed roster in force and the latest
// signed checkpoint. Neither is verified here.
type Head struct {
	Roster     []byte
	Checkpoint []byte
}

// Head asks where the store stands.
func (c *Client) Head(ctx context.Context) (*Head, error) {
	h := new(Head)
	err := c.do(ctx, http.MethodGet, "/v1/head", nil, func(f *Frame) (err error) {
		switch {
		case f.Kind == Roster && h.Roster == nil:
			h.Roster, err = f.Bytes()
		case f.Kind == Checkpoint && h.Checkpoint == nil:
			h.Checkpoint, err = f.Bytes()
		default:
			err = unexpected(f)
		}
		return err
	})
	if err == nil && (h.Roster == nil || h.Checkpoint == nil) {
		err = fmt.Errorf("%w: a head has a roster and a checkpoint", ErrMalformed)
	}
	if err != nil {
		return nil, fmt.Errorf("asking the desk for its head: %w", err)
	}
	return h, nil
}

// Leaves calls fn with each leaf from index from to to-1 in order. It asks for
// MaxLeaves at a time.
func (c *Client) Leaves(ctx context.Context, from, to int64, fn func(index int64, leaf []byte) error) error {
	for next := from; next < to; {
		last := min(to, next+MaxLeaves)
		err := c.do(ctx, http.MethodGet, fmt.Sprintf("/v1/leaves?from=%d&to=%d", next, last), nil, func(f *Frame) error {
			if f.Kind != Leaf || f.Index != next || next == last {
				return unexpected(f)
			}
			leaf, err := f.Bytes()
			if err != nil {
				return err
			}
			next++
			return fn(f.Index, leaf)
		})
		if err == nil && next < last {
			err = fmt.Errorf("%w: leaves up to %d were asked for, %d came", ErrMalformed, last, next)
		}
		if err != nil {
			return fmt.Errorf("asking the desk for leaves from %d: %w", next, err)
		}
	}
	return nil
}

// objectKinds are the kinds of frame that answer a request for objects, as
// bits: an index has each of them once at most.
var objectKinds = map[Kind]uint8{Roster: 1, Record: 2, Envelope: 4, Message: 8, Absent: 16}

// Objects calls fn with each frame that the desk sends for the leaves at those
// indices, MaxObjects at most. A frame that no such request has, or has once
// more, is ErrMalformed, so that the answer ends. Which frames came, and what
// is in them, is for fn to check; so is the size of one it did not want, before
// it returns nil and the frame is skipped.
func (c *Client) Objects(ctx context.Context, indices []int64, fn func(*Frame) error) error {
	var body bytes.Buffer
	open := make(map[int64]uint8, len(indices)) // kinds that may still come
	for _, i := range indices {
		fmt.Fprintf(&body, "%d\n", i)
		for _, bit := range objectKinds {
			open[i] |= bit
		}
	}
	err := c.do(ctx, http.MethodPost, "/v1/objects", &body, func(f *Frame) error {
		bit := objectKinds[f.Kind]
		if open[f.Index]&bit == 0 {
			return unexpected(f)
		}
		open[f.Index] &^= bit
		return fn(f)
	})
	if err != nil {
		return fmt.Errorf("asking the desk for objects: %w", err)
	}
	return nil
}

// Push delivers a signed leaf and, if it is a message's, its ciphertext of size
// bytes. It returns the leaf's index; pushing the same leaf again gives the
// same one. That the ledger really holds it is for the caller to verify.
func (c *Client) Push(ctx context.Context, leaf []byte, size int64, message io.Reader) (index int64, err error) {
	return c.push(ctx, leaf, Message, size, message)
}

// PushEnvelope delivers the signed leaf of a rekey with its envelope; what it
// returns is as for Push.
func (c *Client) PushEnvelope(ctx context.Context, leaf []byte, size int64, envelope io.Reader) (index int64, err error) {
	return c.push(ctx, leaf, Envelope, size, envelope)
}

func (c *Client) push(ctx context.Context, leaf []byte, kind Kind, size int64, body io.Reader) (index int64, err error) {
	pr, pw := io.Pipe()
	go func() {
		w := NewWriter(pw)
		err := w.Write(Statement, 0, leaf)
		if err == nil && body != nil {
			err = w.Stream(kind, 0, size, body)
		}
		if err == nil {
			err = w.Close()
		}
		pw.CloseWithError(err)
	}()
	defer pr.Close() // ends the goroutine if the desk answers early
	index = -1
	err = c.do(ctx, http.MethodPost, "/v1/push", pr, func(f *Frame) error {
		if f.Kind != Accepted || index >= 0 {
			return unexpected(f)
		}
		index = f.Index
		return nil
	})
	if err == nil && index < 0 {
		err = fmt.Errorf("%w: no index came back", ErrMalformed)
	}
	if err != nil {
		return 0, fmt.Errorf("pushing to the desk: %w", err)
	}
	return index, nil
}

// do sends a request and hands each frame of the answer to fn.
func (c *Client) do(ctx context.Context, method, path string, body io.Reader, fn func(*Frame) error) error {
	frames, answer, err := c.ask(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer answer.Close()
	for {
		f, err := frames.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = fn(f)
		}
		if err != nil {
			return err
		}
	}
}

// ask sends a request and returns the frames of the answer, which the caller
// must Close.
func (c *Client) ask(ctx context.Context, method, path string, body io.Reader) (*Reader, io.Closer, error) {
	// The host is a name for nobody: DialContext knows where to.
	req, err := http.NewRequestWithContext(ctx, method, "https://desk"+path, body)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("User-Agent", "") // say nothing about the program
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, transportError(err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		reason, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
		return nil, nil, &Error{resp.StatusCode, strings.TrimSpace(string(reason))}
	}
	return NewReader(resp.Body), resp.Body, nil
}

// transportError replaces what net/http says of a refusal by what it means.
func transportError(err error) error {
	// "https://desk/v1/…" would puzzle: that host is a placeholder.
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	op := (*net.OpError)(nil)
	if errors.Is(err, io.EOF) || errors.As(err, &op) && op.Op == "remote error" {
		return ErrHungUp
	}
	return err
}

func unexpected(f *Frame) error {
	return fmt.Errorf("%w: a frame %q with index %d is out of place", ErrMalformed, byte(f.Kind), f.Index)
}

// stallConn gives up when the other side has moved no byte for Stall.
type stallConn struct{ net.Conn }

func (c stallConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(Stall)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c stallConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(Stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
