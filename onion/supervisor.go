package onion

import (
	"context"
	"errors"
	"log/slog"
	"net/textproto"
	"slices"
	"sync"
	"time"

	"github.com/cretz/bine/control"
)

const (
	// look is how often the supervisor looks whether all is well.
	look = 2 * time.Second
	// stalled is how long the start may stay at one percentage. On a slow
	// line the consensus alone takes a minute. When tor complains, doubtful is
	// long enough: it may take minutes until it has counted enough failures to
	// call that urgent.
	stalled  = 2 * time.Minute
	doubtful = 15 * time.Second
	// unpublished is how long after the last upload a descriptor is taken
	// for gone: its lifetime is three hours (rend-spec-v3, 2.4).
	unpublished = 3 * time.Hour
	// firstUpload is how long the first upload may take once tor has started.
	firstUpload = 3 * time.Minute
	// reconnectFirst and reconnectMost bound the pause before tor's control
	// port is tried again: twice as long each time, from the start when
	// something was published.
	reconnectFirst = 200 * time.Millisecond
	reconnectMost  = 30 * time.Second
	// ownMost is the same for our own tor, which comes up in about a second
	// whenever it was started anew.
	ownMost = time.Second
)

// A supervisor keeps services published. Its fields above mu are set before run
// and not changed after; its methods may be used by several goroutines.
type supervisor struct {
	control  Control
	services []*Service
	socks    string // path of the socket for fetching our own page; "" if tor is not ours
	killTor  func() // ends our own tor, which is then started anew; nil if tor is not ours
	log      *slog.Logger

	changed chan struct{} // of one: the clients are others now

	mu      sync.Mutex
	clients map[string][]string // of private services, by name; guarded by mu
	state   state               // guarded by mu
	said    Trouble             // logged last; guarded by mu
}

func newSupervisor(c Control, services []*Service, log *slog.Logger) (*supervisor, error) {
	for _, service := range services {
		if err := service.open(); err != nil {
			return nil, err
		}
	}
	s := &supervisor{control: c, services: services, log: log, changed: make(chan struct{}, 1), clients: map[string][]string{}}
	s.state.reset(time.Now(), services)
	return s, nil
}

// setClients says whose keys the private service of that name lets in from
// now on: x25519 public keys in base32. If they are others than before, the
// service is taken back, everyone's connections to it are cut, and it is
// published anew, with new introduction points, so that the descriptor that a
// removed client still has leads nowhere.
func (s *supervisor) setClients(name string, clients []string) {
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

// run keeps the services published until ctx is done, and then takes them back.
func (s *supervisor) run(ctx context.Context) {
	failures, most := 0, reconnectMost
	if s.killTor != nil {
		most = ownMost
	}
	for pause := reconnectFirst; ; pause = min(2*pause, most) {
		published, err := s.session(ctx)
		if ctx.Err() != nil {
			return
		}
		failures++
		if published {
			pause, failures = reconnectFirst, 0
		}
		s.lost(err, failures)
		if errors.Is(err, errHangs) && s.killTor != nil {
			s.killTor()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// session is one connection to tor: it ends with an error when tor does.
func (s *supervisor) session(ctx context.Context) (published bool, err error) {
	t, err := s.control.connect(ctx, s.event,
		control.EventCodeStatusClient, control.EventCodeStatusGeneral, control.EventCodeHSDesc, control.EventCodeNetworkLiveness)
	if err != nil {
		return false, err
	}
	defer t.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
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
		// Who was removed while nobody watched may still be connected to a
		// private service, if this tor is the one of then.
		if service.Private {
			if err := t.cut(service); err != nil {
				return false, err
			}
		}
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
			// A tor that hangs sends no events, and keeps its connections.
			if _, err := t.info("traffic/read"); err != nil {
				return true, err
			}
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

// publish adds a service, or leaves a private one out that nobody may find. A
// private service that tor does not take is trouble, but keeps no other from
// being published.
func (s *supervisor) publish(t *conn, service *Service) error {
	s.mu.Lock()
	clients := s.clients[service.Name]
	s.mu.Unlock()
	added := !service.Private || len(clients) > 0
	if added {
		err := t.add(service, clients)
		if answered := (*textproto.Error)(nil); err != nil && service.Private && errors.As(err, &answered) {
			s.trouble(&Trouble{err.Error(), "see the onion keys on the roster"})
			added, err = false, nil
		}
		if err != nil {
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
func (s *supervisor) republish(t *conn, service *Service, cut bool) error {
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

// event takes in what tor says. It must not make requests.
func (s *supervisor) event(e control.Event) {
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
			if b.Urgent {
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
func (s *supervisor) trouble(t *Trouble) {
	s.mu.Lock()
	s.state.trouble = t
	known := s.said == *t
	s.said = *t
	s.mu.Unlock()
	if !known {
		s.log.Warn("onion: "+t.What, "do", t.Do)
	}
}

// patience is how many attempts to connect may fail before that is trouble:
// our own tor takes a moment to start.
const patience = 10

// lost says that there is no connection to tor, and why, after so many failures
// in a row. What ended tor says more than that it ended; what kept us from
// connecting before says less than what does now.
func (s *supervisor) lost(err error, failures int) {
	s.mu.Lock()
	kept := s.state.trouble
	if kept != nil && !kept.ended() {
		kept = nil
	}
	s.state.reset(time.Now(), s.services)
	s.state.trouble = kept
	s.mu.Unlock()
	own := s.killTor != nil
	if kept == nil && (failures >= patience || !own || errors.Is(err, errHangs)) {
		trouble := troubleControl(err, own)
		s.trouble(&trouble)
	}
}

func (s *supervisor) connected(version, phase string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.reset(time.Now(), s.services)
	s.state.version = version
	if b, ok := parseBootstrap(phase); ok {
		s.state.bootstrapped(b, time.Now())
		if b.Urgent {
			s.state.trouble = b.Warning
		}
	}
}
