package testtor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A Client is a running tor that reaches the network's onion services.
type Client struct {
	SOCKS      string // address of its SOCKS port
	Control    string // address of its control port
	CookieFile string // what to authenticate with there
	DataDir    string

	network *Network
	tor     *tor
}

// Client starts a client and returns once it is bootstrapped. Its data
// directory is named after it, so a client that was closed comes back with its
// state. The lines go into its torrc. The SOCKS port has the flag
// ExtendedErrors: a refusal says what failed.
func (n *Network) Client(ctx context.Context, name string, lines ...string) (*Client, error) {
	t, err := n.run(ctx, name, append(torrc{"SocksPort 127.0.0.1:auto ExtendedErrors"}, lines...))
	if err != nil {
		return nil, fmt.Errorf("starting a Tor client: %w", err)
	}
	c := &Client{CookieFile: cookieFile(t.dataDir), DataDir: t.dataDir, network: n, tor: t}
	err = t.wait(ctx, 60*time.Second, "bootstrapping", func() (bool, error) {
		phase, err := t.info(ctx, "status/bootstrap-phase")
		return strings.Contains(phase, " PROGRESS=100 "), err
	})
	if err == nil {
		c.Control, err = controlAddress(t.dataDir)
	}
	if err == nil {
		var listeners string
		listeners, err = t.info(ctx, "net/listeners/socks")
		// The port is ours; sockets are of the caller's lines.
		for l := range strings.FieldsSeq(listeners) {
			if l = strings.Trim(l, `"`); !strings.HasPrefix(l, "unix:") {
				c.SOCKS = l
			}
		}
	}
	if err != nil {
		n.end(t)
		return nil, fmt.Errorf("starting a Tor client: %w", err)
	}
	n.log("client " + name + " is bootstrapped")
	return c, nil
}

// Command sends a line to the control port and returns the lines of the reply
// without their codes; data follows its line after a line end. A refusal is a
// [*net/textproto.Error]. All commands go over one connection.
func (c *Client) Command(ctx context.Context, line string) ([]string, error) {
	return c.tor.command(ctx, line)
}

// NewIdentity makes the client forget its circuits, its cached descriptors,
// what it knows of failures, and the keys that ONION_CLIENT_AUTH_ADD gave it
// without Flags=Permanent. Within ten seconds of the last time tor puts it off.
func (c *Client) NewIdentity(ctx context.Context) error {
	_, err := c.Command(ctx, "SIGNAL NEWNYM")
	return err
}

// Descriptor fetches the descriptor of an onion service as the network has it
// now; [DecryptDescriptor] opens it.
func (c *Client) Descriptor(ctx context.Context, address string) ([]byte, error) {
	id := strings.TrimSuffix(address, ".onion")
	events, err := dialControl(ctx, c.DataDir)
	if err != nil {
		return nil, err
	}
	defer events.close()
	if _, err := events.command(ctx, "SETEVENTS HS_DESC_CONTENT"); err != nil {
		return nil, err
	}
	if _, err := c.Command(ctx, "HSFETCH "+id); err != nil {
		return nil, err
	}
	limit := time.Now().Add(30 * time.Second)
	for {
		event, err := events.event(ctx, limit)
		if err != nil {
			return nil, c.tor.failed("the descriptor of "+address, err)
		}
		// HS_DESC_CONTENT <address> <descriptor id> <directory> and, on the
		// next lines, what that directory had: nothing, or a descriptor.
		head, content, _ := strings.Cut(event, "\n")
		if strings.HasPrefix(head, "HS_DESC_CONTENT "+id+" ") && strings.HasPrefix(content, "hs-descriptor ") {
			return []byte(content), nil
		}
	}
}

// Close ends the client.
func (c *Client) Close() error { return c.network.end(c.tor) }

// A Service is a running tor that forwards an onion service.
type Service struct {
	Address string // with .onion

	network *Network
	tor     *tor
}

// Service starts a plain tor that forwards port 80 of a new onion service to
// target, an address of the kind that HiddenServicePort takes. It returns once
// the descriptor is uploaded. The lines go into the torrc after those of the
// service, such as "HiddenServicePoWDefensesEnabled 1". A service that was
// closed comes back with its address.
func (n *Network) Service(ctx context.Context, name, target string, lines ...string) (*Service, error) {
	hs := filepath.Join(n.dir, name, "service")
	t, err := n.run(ctx, name, append(torrc{
		"SocksPort 0",
		"DisableNetwork 1", // until somebody listens to the events
		"HiddenServiceDir " + quote(hs),
		"HiddenServicePort 80 " + target,
	}, lines...))
	if err != nil {
		return nil, fmt.Errorf("starting an onion service: %w", err)
	}
	s := &Service{network: n, tor: t}
	if err := s.publish(ctx, filepath.Join(hs, "hostname")); err != nil {
		n.end(t)
		return nil, fmt.Errorf("starting an onion service: %w", err)
	}
	n.log("service " + name + " is published")
	return s, nil
}

// publish lets the service into the network and waits until every directory
// that tor uploaded to has answered.
func (s *Service) publish(ctx context.Context, hostname string) error {
	b, err := os.ReadFile(hostname)
	if err != nil {
		return err
	}
	s.Address = strings.TrimSpace(string(b))
	events, err := dialControl(ctx, s.tor.dataDir)
	if err != nil {
		return err
	}
	defer events.close()
	if _, err := events.command(ctx, "SETEVENTS HS_DESC"); err != nil {
		return err
	}
	if _, err := s.tor.command(ctx, "SETCONF DisableNetwork=0"); err != nil {
		return err
	}
	limit := time.Now().Add(90 * time.Second)
	waiting, uploaded := 0, false
	for waiting > 0 || !uploaded {
		event, err := events.event(ctx, limit)
		if err != nil {
			return s.tor.failed("the descriptor's upload", err)
		}
		f := strings.Fields(event) // HS_DESC <action> <address> …
		if len(f) < 2 {
			continue
		}
		switch f[1] {
		case "UPLOAD":
			waiting++
		case "UPLOADED":
			waiting--
			uploaded = true
		case "FAILED":
			waiting--
		}
	}
	return nil
}

// Close ends the service.
func (s *Service) Close() error { return s.network.end(s.tor) }
