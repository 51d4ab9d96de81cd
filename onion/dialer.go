package onion

import (
	"context"
	"crypto/ecdh"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync"

	"github.com/cretz/bine/control"
)

// A Dialer reaches private onion services through a tor that runs already. Its
// methods may be used by several goroutines.
type Dialer struct {
	SOCKS   string  // "host:port" or a socket's path
	Control Control // where the client's key is handed to tor
	Key     *ecdh.PrivateKey

	mu    sync.Mutex
	given map[string]bool // services that tor has the key for; true if it had none before; guarded by mu
}

// ErrNoControl means that the key could not be handed to tor.
var ErrNoControl = errors.New("tor's control port can't be used to hand it the key")

// Dial connects to address, an onion service's with a port. The first time it
// hands tor the client's key for it (ONION_CLIENT_AUTH_ADD), in memory only.
func (d *Dialer) Dial(ctx context.Context, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dialling an onion service: %w", err)
	}
	if !ValidAddress(host) {
		return nil, fmt.Errorf("dialling an onion service: %s is mistyped: its checksum does not fit", host)
	}
	if err := d.give(ctx, strings.TrimSuffix(host, ".onion")); err != nil {
		return nil, err
	}
	return dialSOCKS(ctx, d.SOCKS, address)
}

// give hands tor the key for a service, once.
func (d *Dialer) give(ctx context.Context, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.given[id]; ok {
		return nil
	}
	t, err := d.Control.connect(ctx, func(control.Event) {})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoControl, err)
	}
	defer t.close()
	r, err := t.send("ONION_CLIENT_AUTH_ADD %s x25519:%s", id, base64.StdEncoding.EncodeToString(d.Key.Bytes()))
	// 252: the key opened a descriptor that tor had fetched before.
	if err != nil && !refused(err, 252) {
		// tor does not quote the key, but nothing says that it never will.
		return fmt.Errorf("%w: tor refuses it", ErrNoControl)
	}
	if d.given == nil {
		d.given = map[string]bool{}
	}
	// 251: it had a key for this service already, from somebody who may go on
	// needing it.
	d.given[id] = r.Err.Code != control.StatusOkUnnecessary
	return nil
}

// Close takes back the keys that tor had not before, so that nobody else who
// uses it reaches the services.
func (d *Dialer) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.given, func(_ string, ours bool) bool { return !ours })
	if len(d.given) == 0 {
		return nil
	}
	t, err := d.Control.connect(context.Background(), func(control.Event) {})
	if err != nil {
		return fmt.Errorf("taking the key back from tor: %w", err)
	}
	defer t.close()
	var errs []error
	for id := range d.given {
		if _, err := t.request("ONION_CLIENT_AUTH_REMOVE %s", id); err != nil {
			errs = append(errs, fmt.Errorf("taking the key back from tor: %w", err))
		}
	}
	d.given = nil
	return errors.Join(errs...)
}
