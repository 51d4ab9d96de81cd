package onion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// fetchTime bounds one fetch: an onion service that answers takes seconds.
	fetchTime = 90 * time.Second
	// fetchBeat is how often the page is fetched when that works, fetchRetry
	// when it does not.
	fetchBeat  = 30 * time.Minute
	fetchRetry = 30 * time.Second
	// fetchPatience is how many failures in a row make the service be
	// published anew, and republishPause how long it is then left alone.
	fetchPatience  = 3
	republishPause = 5 * time.Minute
)

// toFetch returns the service whose page is due to be fetched, or nil.
func (s *supervisor) toFetch(now time.Time) *Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, service := range s.services {
		at := s.state.of(service)
		if service.Private || at.uploads == 0 {
			continue
		}
		wait := fetchBeat
		if !at.fetch.OK && !at.fetch.Skipped {
			wait = fetchRetry
		}
		if at.fetch.At.IsZero() || now.Sub(at.fetch.At) > wait {
			return service
		}
	}
	return nil
}

// fetch fetches a service's page the way a witness does: through Tor, over a
// circuit of its own. Our own tor has no SOCKS port; it opens one for the
// seconds that this takes, on a socket in its private directory.
func (s *supervisor) fetch(ctx context.Context, t *conn, service *Service) Fetch {
	f := Fetch{At: time.Now()}
	err := func() error {
		socks, err := s.openSOCKS(t)
		if err != nil {
			return err
		}
		if s.socks != "" {
			// Not RESETCONF, which would open tor's default port. It fails only
			// if tor is gone.
			defer func() { _, _ = t.request("SETCONF SocksPort=0") }()
		}
		ctx, cancel := context.WithTimeout(ctx, fetchTime)
		defer cancel()
		client := &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
				return dialSOCKS(ctx, socks, address)
			},
			DisableKeepAlives: true,
		}}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s:%d/", service.key.Address(), service.Port), nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("the page answers %s", resp.Status)
		}
		return nil
	}()
	if err != nil {
		f.Why = err.Error()
	}
	f.OK, f.Skipped = err == nil, errors.Is(err, errNoSocket)
	return f
}

var errNoSocket = errors.New("this tor has no SOCKS socket (SocksPort unix:/…) to fetch through")

// openSOCKS returns the socket through which tor takes client connections. Of
// a tor that is not ours only a unix socket will do: a confined server may
// open no connection to a port.
func (s *supervisor) openSOCKS(t *conn) (string, error) {
	if s.socks != "" {
		_, err := t.request(`SETCONF SocksPort="unix:%s OnionTrafficOnly ExtendedErrors"`, s.socks)
		return s.socks, err
	}
	listeners, err := t.info("net/listeners/socks")
	if err != nil {
		return "", err
	}
	for l := range strings.FieldsSeq(listeners) {
		if path, ok := strings.CutPrefix(strings.Trim(l, `"`), "unix:"); ok {
			return path, nil
		}
	}
	return "", errNoSocket
}

// fetched keeps the outcome of a fetch. A page that came is the best sign that
// whatever troubled tor before is over.
func (s *supervisor) fetched(service *Service, f Fetch) {
	s.mu.Lock()
	at := s.state.of(service)
	switch {
	case f.OK:
		s.state.trouble, s.said = nil, Trouble{}
	case !f.Skipped:
		f.Fails = at.fetch.Fails + 1
	}
	at.fetch = f
	s.mu.Unlock()
	if f.Fails >= fetchPatience {
		s.trouble(&troubleUnreachable)
	}
}
