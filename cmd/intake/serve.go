package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"tocsin/desk"
	"tocsin/intake"
	"tocsin/vault"
)

type serveCmd struct {
	Data   string `required:"" type:"existingdir" placeholder:"DIR" help:"The data directory, with a store."`
	Listen string `required:"" placeholder:"ADDR" help:"Where witnesses come in, as host:port, in plain HTTP; port 0 takes a free one."`
	Desk   string `placeholder:"ADDR" help:"Where case workers come in, as host:port, in mutual TLS. Without it they can't."`
	Config string `type:"existingfile" placeholder:"FILE" help:"Limits of this machine, as JSON; see below."`
}

// Help is shown by intake serve --help.
func (serveCmd) Help() string {
	c := intake.DefaultConfig()
	return fmt.Sprintf(`Prints "listening on http://…" when it is ready. On SIGTERM it takes nothing new, lets uploads in progress go on for a while, and exits with 0; a second SIGTERM ends it at once. Nothing that was accepted is lost either way.

Nothing is logged about requests. Times in the log are days.

What --config may hold, with what holds otherwise:

  {
    "streams": %d,                reports with files coming in at once
    "bodies": %d,                reports of any kind coming in at once
    "min_bytes_per_second": %d,  slowest average rate of an upload
    "rate_window_seconds": %d,    time over which it is averaged; longest silence
    "header_bytes": %d,        largest request header
    "header_seconds": %d,         time to send it
    "idle_seconds": %d,           time that an unused connection is kept
    "drain_seconds": %d,          time that uploads get after SIGTERM
    "free_disk_bytes": %d, free space below which no upload is let in
    "numbers_max_age_days": %d   age past which a telephone number is called doubtful
  }

How large reports and files may be is in the roster's policy.

Example:

  intake serve --data ./data --listen 127.0.0.1:8080 --desk 0.0.0.0:8443`,
		c.Streams, c.Bodies, c.MinBytesPerSecond, c.RateWindowSeconds, c.HeaderBytes,
		c.HeaderSeconds, c.IdleSeconds, c.DrainSeconds, c.FreeDiskBytes, c.NumbersMaxAgeDays)
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
	s := &servers{failed: make(chan error, 3)}
	// Whatever was started is stopped before the vault closes.
	defer func() { err = errors.Join(err, s.stop()) }()

	control, err := listenControl(c.Data)
	if err != nil {
		return err
	}
	s.control = controlServer(v, k, log)
	s.start(func() error { return s.control.Serve(control) })
	if c.Desk != "" {
		if err := s.startDesk(c.Desk, v, k, log, t); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	s.web = web
	s.start(func() error { return web.Serve(l) })
	if _, err := fmt.Fprintf(t.err, "listening on http://%s\n", l.Addr()); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return err
	case err := <-web.Failed():
		return fmt.Errorf("stopping, nothing that was accepted is lost: %w", err)
	}
}

// servers are what runs. Fields are nil until started.
type servers struct {
	web     *intake.Server
	desk    *desk.Server
	control *http.Server
	failed  chan error // with room for one error of each
}

func (s *servers) start(serve func() error) {
	go func() {
		if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
}

func (s *servers) startDesk(addr string, v *vault.Vault, k *keys, log *slog.Logger, t terminal) error {
	server, err := desk.NewServer(v, k.desk, log)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s.desk = server
	s.start(func() error { return server.Serve(l) })
	_, err = fmt.Fprintf(t.err, "desk listening on %s\n", l.Addr())
	return err
}

// deskDrain is how long a case worker's transfer may still go on when the web
// has stopped: it can be taken up again where it was cut.
const deskDrain = 5 * time.Second

// stop ends what was started: the web first, so that nothing new comes in;
// case workers may go on while its uploads do.
func (s *servers) stop() error {
	var errs []error
	if s.web != nil {
		errs = append(errs, s.web.Drain(context.Background()))
	}
	if s.desk != nil {
		stopping, cancel := context.WithTimeout(context.Background(), deskDrain)
		defer cancel()
		if err := s.desk.Shutdown(stopping); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			errs = append(errs, err)
		}
	}
	if s.control != nil {
		errs = append(errs, s.control.Close())
	}
	return errors.Join(errs...)
}
