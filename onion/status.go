package onion

import "time"

// A Status is how things stand, for the operator. Its times are of tor's and
// the server's own doings, never of a witness's.
type Status struct {
	Tor       string          `json:"tor"`       // its version; "" while it does not answer
	Bootstrap int             `json:"bootstrap"` // percent of its start
	Phase     string          `json:"phase"`
	Trouble   *Trouble        `json:"trouble,omitempty"`
	Services  []ServiceStatus `json:"services"`
}

// A ServiceStatus is how one service stands.
type ServiceStatus struct {
	Name     string    `json:"name"`
	Address  string    `json:"address"`
	Private  bool      `json:"private"`
	Clients  int       `json:"clients,omitempty"` // that a private service lets in
	Added    bool      `json:"added"`             // tor was told to publish it
	Uploads  int       `json:"uploads"`           // of its descriptor, since it was added
	Failures int       `json:"failed_uploads"`
	Uploaded time.Time `json:"uploaded,omitzero"` // when last
	Fetch    *Fetch    `json:"fetch,omitempty"`   // of its page through Tor; a private one's is not fetched
}

// A Fetch is an attempt of the server to fetch its own page through Tor.
type Fetch struct {
	OK      bool      `json:"ok"`
	At      time.Time `json:"at"`
	Why     string    `json:"why,omitempty"`     // it failed or was skipped
	Skipped bool      `json:"skipped,omitempty"` // there is no way to try
	Fails   int       `json:"fails,omitempty"`   // in a row
}

// Well reports whether everything is as it should be: tor has started, each
// service that may be published is, and a page that may be fetched was.
func (s *Status) Well() bool {
	if s.Trouble != nil || s.Bootstrap != 100 || len(s.Services) == 0 {
		return false
	}
	for _, service := range s.Services {
		switch {
		case service.Private && service.Clients == 0: // nobody may find it
		case !service.Added || service.Uploads == 0:
			return false
		case service.Private: // is not fetched
		case service.Fetch == nil || !service.Fetch.OK && !service.Fetch.Skipped:
			return false
		}
	}
	return true
}

// status returns how things stand.
func (s *supervisor) status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Status{Tor: s.state.version, Bootstrap: s.state.bootstrap.Percent, Phase: s.state.bootstrap.Phase, Trouble: s.state.trouble}
	for _, service := range s.services {
		at := s.state.of(service)
		status := ServiceStatus{
			Name: service.Name, Address: service.key.Address(), Private: service.Private,
			Added: at.added, Uploads: at.uploads, Failures: at.failures, Uploaded: at.uploaded,
		}
		if service.Private {
			status.Clients = len(s.clients[service.Name])
		}
		if !at.fetch.At.IsZero() {
			fetch := at.fetch
			status.Fetch = &fetch
		}
		out.Services = append(out.Services, status)
	}
	return out
}

// A state is what is known of tor in this session.
type state struct {
	version   string
	bootstrap bootstrap
	advanced  time.Time // when the bootstrap last came further
	trouble   *Trouble
	services  map[string]*serviceState // by address without ".onion"
}

type serviceState struct {
	added    bool
	since    time.Time // when it was added, or tor was ready to upload, whichever is later
	uploads  int
	failures int
	uploaded time.Time
	fetch    Fetch
}

func (s *state) reset(now time.Time, services []*Service) {
	*s = state{advanced: now, services: map[string]*serviceState{}}
	for _, service := range services {
		s.services[service.id()] = &serviceState{}
	}
}

func (s *state) of(service *Service) *serviceState { return s.services[service.id()] }

func (s *state) added(service *Service, added bool, now time.Time) {
	fetch := s.of(service).fetch // what was seen of it stays known
	*s.of(service) = serviceState{added: added, since: now, fetch: fetch}
}

func (s *state) bootstrapped(b bootstrap, now time.Time) {
	if b.Percent > s.bootstrap.Percent {
		s.advanced = now
		if b.Warning == nil {
			s.trouble = nil // it goes on
		}
	}
	if b.Percent == 100 && s.bootstrap.Percent < 100 {
		for _, at := range s.services {
			at.since = now
		}
	}
	s.bootstrap = b
}

// over ends a trouble, if it is the one there is.
func (s *state) over(t *Trouble) {
	if s.trouble != nil && *s.trouble == *t {
		s.trouble = nil
	}
}

// descriptor takes in an HS_DESC event.
func (s *state) descriptor(id, action string, now time.Time) {
	at, ours := s.services[id]
	if !ours {
		return
	}
	switch action {
	case "UPLOADED":
		at.uploads++
		at.uploaded = now
		s.over(&troubleUnpublished)
	case "FAILED":
		at.failures++
	}
}

// inspect looks whether all is well, keeps what is not, and returns the
// services that must be published anew.
func (s *supervisor) inspect(now time.Time) (again []*Service) {
	var trouble *Trouble
	s.mu.Lock()
	if s.state.bootstrap.Percent < 100 {
		idle, b := now.Sub(s.state.advanced), s.state.bootstrap
		switch {
		case s.state.trouble != nil:
		case idle > doubtful && b.Warning != nil:
			trouble = b.Warning
		case idle > stalled:
			t := troubleStalled(b, idle.Truncate(time.Minute))
			trouble = &t
		}
	} else {
		for _, service := range s.services {
			at := s.state.of(service)
			if !at.added {
				continue
			}
			late := at.uploads == 0 && now.Sub(at.since) > firstUpload || at.uploads > 0 && now.Sub(at.uploaded) > unpublished
			if late {
				trouble = &troubleUnpublished
			}
			if late || at.fetch.Fails >= fetchPatience && now.Sub(at.since) > republishPause {
				again = append(again, service)
			}
		}
	}
	s.mu.Unlock()
	if trouble != nil {
		s.trouble(trouble)
	}
	return again
}
