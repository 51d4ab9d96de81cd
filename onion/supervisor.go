package onion

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/cretz/bine/control"
)

const (
	// look is how often the supervisor looks whether all is well.
	look = 2 * time.Second
	// stalled is how long the start may stay at one percentage. On a slow
	// line the consensus alone takes a minute.
	stalled = 2 * time.Minute
	// unpublished is how long after the last upload a descriptor is taken
	// for gone: its lifetime is three hours (rend-spec-v3, 2.4).
	unpublished = 3 * time.Hour
	// firstUpload is how long the first upload may take once tor has started.
	firstUpload = 3 * time.Minute
	// reconnectFirst and reconnectMost bound the pause before tor's control
	// port is tried again: twice as long each time, from the start when
	// something was published.
	reconnectFirst = 500 * time.Millisecond
	reconnectMost  = 30 * time.Second
)

// A Supervisor keeps services published. Its fields are set before Run and not
// changed after; its methods may be used by several goroutines.
type Supervisor struct {
	control  Control
	services []*Service
	keeper   *Keeper
	socks    string // path of the socket for fetching our own page; "" if tor is not ours
	log      *slog.Logger

	changed chan struct{} // of one: the clients are others now

	mu      sync.Mutex
	clients map[string][]string // of private services, by name; guarded by mu
	state   state               // guarded by mu
}

// Attach returns a supervisor of services on a tor that somebody else runs.
func Attach(c Control, services []*Service, log *slog.Logger) (*Supervisor, error) {
	return newSupervisor(c, services, log)
}

// Own returns a supervisor of services on a tor of our own, which it starts.
// dir is tor's directory, torrc the path of more lines for its configuration
// (bridges, for one) or "". keeper, started once, must call [Keep] with the
// path that it finds as its last argument, which is appended.
//
// The caller calls Close when Run has returned.
func Own(dir, torrc string, keeper *exec.Cmd, services []*Service, log *slog.Logger) (*Supervisor, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s, err := newSupervisor(Control{Addr: controlSocket(dir)}, services, log)
	if err != nil {
		return nil, err
	}
	s.socks = socksSocket(dir)
	name, err := writeTorrc(dir, torrc)
	if err != nil {
		return nil, err
	}
	keeper.Args = append(keeper.Args, name)
	s.keeper, err = startKeeper(keeper, s.heard)
	return s, err
}

func newSupervisor(c Control, services []*Service, log *slog.Logger) (*Supervisor, error) {
	for _, service := range services {
		if err := service.check(); err != nil {
			return nil, err
		}
	}
	s := &Supervisor{control: c, services: services, log: log, changed: make(chan struct{}, 1), clients: map[string][]string{}}
	s.state.reset(time.Now(), services)
	return s, nil
}

// Close ends our own tor, if there is one.
func (s *Supervisor) Close() error {
	if s.keeper == nil {
		return nil
	}
	return s.keeper.Close()
}

// SetClients says whose keys the private service of that name lets in from
// now on: x25519 public keys in base32. If they are others than before, the
// service is taken back, everyone's connections to it are cut, and it is
// published anew, with new introduction points, so that the descriptor that a
// removed client still has leads nowhere.
func (s *Supervisor) SetClients(name string, clients []string) {
	s.mu.Lock()
	same := slices.Equal(s.clients[name], clients)
	s.clients[name] = slices.Clone(clients)
	s.mu.Unlock()
	if same {
		return
	}
	select {
	case s.changed <- struct{}{}:
	default: // said already
	}
}

// errKeeper means that the keeper ended, which can't be mended from here.
var errKeeper = errors.New("the process that keeps tor running ended")

// Run keeps the services published until ctx is done, and then takes them
// back. It returns an error only for what it can't mend by trying again.
func (s *Supervisor) Run(ctx context.Context) error {
	var dead <-chan struct{}
	if s.keeper != nil {
		dead = s.keeper.done
	}
	failures := 0
	for pause := reconnectFirst; ; pause = min(2*pause, reconnectMost) {
		published, err := s.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		failures++
		if published {
			pause, failures = reconnectFirst, 0
		}
		s.lost(err, failures)
		select {
		case <-ctx.Done():
			return nil
		case <-dead:
			return fmt.Errorf("%w: %v", errKeeper, s.keeper.err)
		case <-time.After(pause):
		}
	}
}

// session is one connection to tor: it ends with an error when tor does.
func (s *Supervisor) session(ctx context.Context) (published bool, err error) {
	t, err := s.control.connect(ctx, s.event,
		control.EventCodeStatusClient, control.EventCodeStatusGeneral, control.EventCodeHSDesc, control.EventCodeNetworkLiveness)
	if err != nil {
		return false, err
	}
	defer t.close()
	version, err := t.info("version")
	if err != nil {
		return false, err
	}
	phase, err := t.info("status/bootstrap-phase")
	if err != nil {
		return false, err
	}
	if s.socks != "" {
		// A fetch that a lost connection cut short could not close it.
		if _, err := t.request("SETCONF SocksPort=0"); err != nil {
			return false, err
		}
	}
	s.connected(version, phase)
	select {
	case <-s.changed: // what follows takes the clients as they are now
	default:
	}
	for _, service := range s.services {
		if err := s.publish(t, service); err != nil {
			return false, err
		}
	}
	fetched := make(chan struct{}, 1)
	fetching := false
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return true, nil
		case <-t.done:
			return true, errors.New("tor's control connection ended")
		case <-s.changed:
			for _, service := range s.services {
				if !service.Private {
					continue
				}
				if err := s.republish(t, service, true); err != nil {
					return true, err
				}
			}
		case <-fetched:
			fetching = false
		case <-ticker.C:
			for _, service := range s.inspect(time.Now()) {
				if err := s.republish(t, service, false); err != nil {
					return true, err
				}
			}
			if service := s.toFetch(time.Now()); service != nil && !fetching {
				fetching = true
				go func() {
					s.fetched(service, s.fetch(ctx, t, service))
					fetched <- struct{}{}
				}()
			}
		}
	}
}

// publish adds a service, or leaves a private one out that nobody may find.
func (s *Supervisor) publish(t *conn, service *Service) error {
	s.mu.Lock()
	clients := s.clients[service.Name]
	s.mu.Unlock()
	added := !service.Private || len(clients) > 0
	if added {
		if err := t.add(service, clients); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.added(service, added, time.Now())
	return nil
}

// republish takes a service back and adds it again, and cuts those off who are
// connected if that is asked for.
func (s *Supervisor) republish(t *conn, service *Service, cut bool) error {
	s.mu.Lock()
	was := s.state.of(service).added
	s.mu.Unlock()
	if was {
		if err := t.remove(service); err != nil {
			return err
		}
		if cut {
			if err := t.cut(service); err != nil {
				return err
			}
		}
	}
	return s.publish(t, service)
}

// heard takes in what the keeper says.
func (s *Supervisor) heard(n notice) {
	switch n.Kind {
	case noticeMissing:
		s.trouble(&troubleMissing)
	case noticeEnded:
		trouble := troubleEnded(n.Text)
		s.trouble(&trouble)
	case noticeLog:
		switch severity, text := clean(n.Text); severity {
		case "warn":
			s.log.Warn("tor: " + text)
		case "err":
			s.log.Error("tor: " + text)
		case "notice":
			s.log.Info("tor: " + text)
		}
	}
}

// event takes in what tor says. It must not make requests.
func (s *Supervisor) event(e control.Event) {
	switch e := e.(type) {
	case *control.StatusEvent:
		if e.Type == control.EventCodeStatusGeneral {
			if trouble, ok := parseGeneral(e.Raw); ok {
				s.trouble(&trouble)
			}
			return
		}
		if b, ok := parseBootstrap(e.Raw); ok {
			s.mu.Lock()
			s.state.bootstrapped(b, time.Now())
			s.mu.Unlock()
			if b.Warning != nil {
				s.trouble(b.Warning)
			}
		}
	case *control.HSDescEvent:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.state.descriptor(e.Address, e.Action, time.Now())
	case *control.NetworkLivenessEvent:
		switch e.Raw {
		case "DOWN":
			s.trouble(&troubleNoNetwork)
		case "UP":
			s.mu.Lock()
			s.state.over(&troubleNoNetwork)
			s.mu.Unlock()
		}
	}
}

// trouble keeps and logs a trouble, once while it lasts.
func (s *Supervisor) trouble(t *Trouble) {
	s.mu.Lock()
	known := s.state.trouble != nil && *s.state.trouble == *t
	s.state.trouble = t
	s.mu.Unlock()
	if !known {
		s.log.Warn("onion: "+t.What, "do", t.Do)
	}
}

// patience is how many attempts to connect may fail before that is trouble:
// our own tor takes a moment to start.
const patience = 5

// lost says that there is no connection to tor, and why, after so many failures
// in a row.
func (s *Supervisor) lost(err error, failures int) {
	s.mu.Lock()
	kept := s.state.trouble // what ended tor says more than that it ended
	s.state.reset(time.Now(), s.services)
	s.state.trouble = kept
	s.mu.Unlock()
	if kept == nil && (failures >= patience || s.keeper == nil) {
		trouble := troubleControl(err, s.keeper != nil)
		s.trouble(&trouble)
	}
}

func (s *Supervisor) connected(version, phase string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.reset(time.Now(), s.services)
	s.state.version = version
	if b, ok := parseBootstrap(phase); ok {
		s.state.bootstrapped(b, time.Now())
		s.state.trouble = b.Warning
	}
}
