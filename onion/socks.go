package onion

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/net/proxy"
)

// ErrNoSOCKS means that nothing answers where a tor should listen for SOCKS.
var ErrNoSOCKS = errors.New("no tor answers at the SOCKS address")

// ErrUnreachable means that Tor did not find the onion service, or that it
// does not let this client in: to a client without a key the two look alike.
var ErrUnreachable = errors.New("the onion service can't be reached: it may be down, or not let this key in")

// dialSOCKS connects to an onion address through a tor's SOCKS port, over a
// circuit that nothing else uses.
func dialSOCKS(ctx context.Context, socks, address string) (net.Conn, error) {
	// tor keeps streams with different credentials on different circuits
	// (tor(1), IsolateSOCKSAuth), and believes any.
	isolation := &proxy.Auth{User: rand.Text(), Password: "tocsin"}
	kind, addr := network(socks)
	d, err := proxy.SOCKS5(kind, addr, isolation, reach{kind, addr})
	if err != nil {
		return nil, err
	}
	c, err := d.(proxy.ContextDialer).DialContext(ctx, "tcp", address)
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, ErrNoSOCKS):
		return nil, fmt.Errorf("%w %s", ErrNoSOCKS, socks)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("reaching an onion service: %w", ctx.Err())
	}
	return nil, fmt.Errorf("%w (%s)", ErrUnreachable, answer(err))
}

// reach connects to the SOCKS port itself, to tell its failure from those
// behind it.
type reach struct{ kind, addr string }

func (r reach) Dial(_, _ string) (net.Conn, error) {
	return r.DialContext(context.Background(), r.kind, r.addr)
}

func (r reach) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, r.kind, r.addr)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSOCKS, err)
	}
	return c, nil
}

// answers are the replies that tor gives beyond those of RFC 1928, on a port
// with ExtendedErrors (tor(1), SocksPort).
var answers = map[string]string{
	"unknown code: 240": "no descriptor was found",
	"unknown code: 241": "its descriptor is invalid",
	"unknown code: 242": "its introduction points did not answer",
	"unknown code: 243": "no rendezvous came about",
	"unknown code: 244": "it asks for a client's key",
	"unknown code: 245": "it does not take this client's key",
	"unknown code: 246": "the address is not a valid one",
	"unknown code: 247": "its introduction points did not answer in time",
}

// answer is what the SOCKS port said, without the addresses around it.
func answer(err error) string {
	text := err.Error()
	text = text[strings.LastIndex(text, "->")+1:]
	if _, said, ok := strings.Cut(text, ": "); ok {
		text = said
	}
	if known, ok := answers[text]; ok {
		return known
	}
	return text
}
