package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"tocsin/desk"
	"tocsin/intake"
	"tocsin/onion"
	"tocsin/vault"
)

type serveCmd struct {
	Data   string `required:"" type:"existingdir" placeholder:"DIR" help:"The data directory, with a store."`
	Listen string `placeholder:"ADDR" help:"Where witnesses come in, as host:port, in plain HTTP unless --tls-name is given; port 0 takes a free one. May be left out with --onion."`
	Desk   string `placeholder:"ADDR" help:"Where case workers and auditors come in, as host:port, in mutual TLS. Without it, and without --onion, they can't."`
	Config string `type:"existingfile" placeholder:"FILE" help:"Limits of this machine, as JSON; see below."`

	tlsFlags
	onionFlags
}

// Validate is called by kong.
func (c *serveCmd) Validate() error {
	if c.Listen == "" && !c.Onion {
		return errors.New("there is no way in for witnesses: give --listen, --onion or both")
	}
	if c.Listen == "" && c.TLSName != "" {
		return errors.New("--tls-name goes with --listen")
	}
	return errors.Join(c.tlsFlags.Validate(), c.onionFlags.Validate())
}

// Help is shown by intake serve --help.
func (serveCmd) Help() string {
	c := intake.DefaultConfig()
	return fmt.Sprintf(`Prints "listening on http://…" for each way in when it is ready; an onion service is found some seconds to minutes later, see intake status. On SIGTERM it takes nothing new, lets uploads in progress go on for a while, and exits with 0; a second SIGTERM ends it at once. Nothing that was accepted is lost either way.

At midnight (UTC) it publishes the ledger of the days before: receipts are made against it, and intake cosign has it signed.

Nothing is logged about requests. Times in the log are days. Headers in which a proxy says who connected (X-Forwarded-For) are not read.

With all listeners open the server confines itself: it can then read and write its store and nothing else, make and connect no socket, and start no program. With --tls-name it also keeps its certificates, reads what name service and TLS need, and connects to ports 443 and 53. A process of its own speaks to tor and has the onion services' keys.

What --config may hold, with what holds otherwise:

  {
    "streams": %d,                reports with files coming in at once
    "bodies": %d,                reports of any kind coming in at once
    "min_bytes_per_second": %d,  slowest average rate of an upload; more when places run low
    "rate_window_seconds": %d,    time over which it is averaged; longest silence
    "header_bytes": %d,        largest request header
    "header_seconds": %d,         time to send it
    "idle_seconds": %d,           time that an unused connection is kept
    "drain_seconds": %d,          time that uploads get after SIGTERM
    "free_disk_bytes": %d, free space below which no report with files is let in
    "reports_per_hour": %d,     reports and additions in an hour; half may have files
    "file_bytes_per_hour": %d, bytes that those with files may bring in an hour
    "numbers_max_age_days": %d,  age past which a telephone number is called doubtful
    "address": ""                https://… of this site, for posters; that of --tls-name
  }

How large reports and files may be is in the roster's policy.

Example:

  intake serve --data ./data --listen 127.0.0.1:8080 --desk 0.0.0.0:8443
  intake serve --data ./data --onion
  intake serve --data ./data --onion --listen :443 --tls-name tips.example.org --acme-agree`,
		c.Streams, c.Bodies, c.MinBytesPerSecond, c.RateWindowSeconds, c.HeaderBytes,
		c.HeaderSeconds, c.IdleSeconds, c.DrainSeconds, c.FreeDiskBytes, c.ReportsPerHour, c.FileBytesPerHour, c.NumbersMaxAgeDays)
}

// Run serves until ctx is done or something that can't be mended happens.
func (c *serveCmd) Run(ctx context.Context, t terminal) (err error) {
	if err := harden(); err != nil {
		return err
	}
	config := intake.DefaultConfig()
	if c.Config != "" {
		if config, err = intake.LoadConfig(c.Config); err != nil {
			return err
		}
	}
	if config.Address == "" && c.TLSName != "" {
		config.Address = "https://" + c.TLSName
	}
	log := intake.NewLog(t.err)
	v, k, err := openVault(c.Data, vault.Options{FreeFloor: config.FreeDiskBytes, Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if err := k.named(&v.Roster().Roster); err != nil {
		return err
	}
	web, err := intake.New(v, config, log)
	if err != nil {
		return err
	}
	notify, err := newNotifier()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &servers{web: web, failed: make(chan error, 8)}
	// Whatever was started is stopped before the vault closes.
	defer func() {
		notify.tell("STOPPING=1")
		err = errors.Join(err, s.stop(cancel))
	}()
	needs, err := c.open(ctx, s, v, k, log, t)
	if err != nil {
		return err
	}
	if err := confine(needs, log); err != nil {
		return err
	}
	s.serve(ctx, log)
	publish(ctx, v, log)
	s.running.Go(func() { publishDaily(ctx, func() { publish(ctx, v, log) }) })
	notify.tell("READY=1")
	go notify.watch(ctx, web.Alive)
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return err
	case err := <-web.Failed():
		return fmt.Errorf("stopping, nothing that was accepted is lost: %w", err)
	}
}

// open makes every listener and starts tor, so that nothing need be opened
// once the server is confined. It returns what must stay in reach.
func (c *serveCmd) open(ctx context.Context, s *servers, v *vault.Vault, k *keys, log *slog.Logger, t terminal) (reach, error) {
	needs := reach{write: []string{filepath.Join(c.Data, vault.DBName), filepath.Join(c.Data, vault.BlobsDir)}}
	control, err := listenUnix(filepath.Join(c.Data, socketFile))
	if err != nil {
		return needs, err
	}
	s.control = controlServer(v, k, s.onions, func() {
		if err := s.setClients(v); err != nil {
			log.Error("the roster in force does not hold for the desk's onion service", "error", err)
		}
	}, log)
	s.add(control, s.control.Serve)
	if c.Desk != "" || c.Onion {
		if s.desk, err = desk.NewServer(v, k.desk, log); err != nil {
			return needs, err
		}
	}
	if c.Desk != "" {
		l, err := net.Listen("tcp", c.Desk)
		if err != nil {
			return needs, err
		}
		s.add(l, s.desk.Serve)
		fmt.Fprintf(t.err, "desk listening on %s\n", l.Addr())
	}
	if c.Onion {
		if err := c.openOnion(ctx, s, log, t); err != nil {
			return needs, err
		}
		if err := s.setClients(v); err != nil {
			return needs, err
		}
	}
	if c.Listen != "" {
		l, err := net.Listen("tcp", c.Listen)
		if err != nil {
			return needs, err
		}
		scheme, name := "http", l.Addr().String()
		if c.TLSName != "" {
			scheme, name = "https", c.TLSName
		}
		l, more, err := c.wrap(l, c.Data, log)
		if err != nil {
			return needs, err
		}
		needs.write, needs.read, needs.ports = append(needs.write, more.write...), more.read, more.ports
		s.add(l, s.web.Serve)
		fmt.Fprintf(t.err, "listening on %s://%s\n", scheme, name)
	}
	return needs, nil
}

// openOnion makes the two onion services.
func (c *serveCmd) openOnion(ctx context.Context, s *servers, log *slog.Logger, t terminal) error {
	port := c.needsPort(ctx, log)
	services := []*onion.Service{{Name: webService, Port: webPort}, {Name: deskService, Port: deskPort, Private: true}}
	for _, service := range services {
		service.Dir = keyDir(c.Data, service.Name)
		key, err := onion.OpenKey(service.Dir)
		if err != nil {
			return err
		}
		var l net.Listener
		if l, service.Target, err = listenOnion(c.Data, service.Name, port); err != nil {
			return err
		}
		if service.Private {
			s.add(l, s.desk.Serve)
			fmt.Fprintf(t.err, "desk listening for case workers on %s:%d\n", key.Address(), service.Port)
		} else {
			s.web.Announce(key.Address())
			s.add(l, s.web.Serve)
			fmt.Fprintf(t.err, "listening on http://%s\n", key.Address())
		}
	}
	var err error
	s.onion, err = c.start(c.Data, services, t.err)
	s.onionAlone = c.Listen == ""
	return err
}

// servers are what runs.
type servers struct {
	web     *intake.Server
	control *http.Server
	desk    *desk.Server   // nil without one
	onion   *onion.Process // nil without one
	waiting []func() error // opened, not serving yet
	opened  []net.Listener
	failed  chan error // with room for one error of each
	running sync.WaitGroup

	onionAlone bool       // witnesses come in no other way
	clients    sync.Mutex // held while the onion keys of the roster in force are passed on
}

// add keeps a listener to be served once the server is confined.
func (s *servers) add(l net.Listener, serve func(net.Listener) error) {
	s.opened = append(s.opened, l)
	s.waiting = append(s.waiting, func() error { return serve(l) })
}

// serve begins to answer on everything that was added.
func (s *servers) serve(ctx context.Context, log *slog.Logger) {
	if s.onion != nil {
		go s.mourn(ctx, log)
	}
	for _, serve := range s.waiting {
		s.running.Go(func() {
			if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) {
				s.failed <- err
			}
		})
	}
}

// publish publishes what the ledger had at midnight. A server that can't goes on
// taking reports, and tries again later.
func publish(ctx context.Context, v *vault.Vault, log *slog.Logger) {
	if err := v.Publish(ctx); err != nil && ctx.Err() == nil {
		log.Error("the ledger was not published and is tried again within the hour", "error", err)
	}
}

// publishDaily calls publish at each midnight, UTC, until ctx is done, and once
// an hour besides: a timer knows nothing of a clock that is set, or of a machine
// that slept. What is published does not depend on the hour.
func publishDaily(ctx context.Context, publish func()) {
	for {
		now := time.Now().UTC()
		midnight := now.Truncate(24 * time.Hour).Add(24 * time.Hour)
		timer := time.NewTimer(min(midnight.Sub(now), time.Hour))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			publish()
		}
	}
}

// onions tells how the onion services stand, if there are any.
func (s *servers) onions() *onion.Status {
	if s.onion == nil {
		return nil
	}
	o := s.onion.Status()
	return &o
}

// mourn waits for the end of the process that keeps the onion services. It
// can't be started again from here. A server that has no other way in ends with
// it, so that its service manager starts both anew.
func (s *servers) mourn(ctx context.Context, log *slog.Logger) {
	select {
	case <-ctx.Done():
		return
	case <-s.onion.Done():
	}
	err := fmt.Errorf("the process that keeps the onion services ended: %v", s.onion.Err())
	if s.onionAlone {
		s.failed <- err
		return
	}
	log.Error("restart the server to have its onion services back", "error", err)
}

// setClients lets those find the desk's onion service whom the roster in force
// names.
func (s *servers) setClients(v *vault.Vault) error {
	if s.onion == nil {
		return nil
	}
	// The lock keeps an older roster from being passed on last.
	s.clients.Lock()
	defer s.clients.Unlock()
	return s.onion.SetClients(deskService, v.Roster().OnionKeys())
}

// deskDrain is how long a case worker's transfer may still go on when the web
// has stopped: it can be taken up again where it was cut.
const deskDrain = 5 * time.Second

// stop ends what was started: the web first, so that nothing new comes in;
// case workers may go on while its uploads do; and tor last, because some of
// them come through it. Then cancel ends the rest.
func (s *servers) stop(cancel context.CancelFunc) error {
	errs := []error{s.web.Drain(context.Background())}
	if s.desk != nil {
		stopping, done := context.WithTimeout(context.Background(), deskDrain)
		defer done()
		if err := s.desk.Shutdown(stopping); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			errs = append(errs, err)
		}
	}
	cancel()
	if s.control != nil {
		errs = append(errs, s.control.Close())
	}
	for _, l := range s.opened {
		_ = l.Close() // closed already where it was served
	}
	if s.onion != nil {
		errs = append(errs, s.onion.Close())
	}
	s.running.Wait()
	return errors.Join(errs...)
}
