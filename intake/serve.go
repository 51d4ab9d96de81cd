package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// newHTTPServer makes the server of connections. There is no WriteTimeout and
// no ReadTimeout: a large file over a bad line takes hours, so that each
// request has deadlines of its own (pacedBody, writeTime).
func (s *Server) newHTTPServer() *http.Server {
	// HTTP/1.1 only. Behind a TLS terminator or an onion service nothing is
	// gained by HTTP/2, whose streams share one connection's window and
	// buffers, and would let one client open hundreds of uploads at once.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           s.handler,
		Protocols:         &protocols,
		ReadHeaderTimeout: time.Duration(s.config.HeaderSeconds) * time.Second,
		IdleTimeout:       time.Duration(s.config.IdleSeconds) * time.Second,
		ConnState:         s.connections.changed,
		// net/http adds 4096 bytes of its own to this.
		MaxHeaderBytes: s.config.HeaderBytes - 4096,
		// What net/http logs by itself names the client's address.
		ErrorLog: log.New(io.Discard, "", 0),
	}
}

// Serve answers witnesses on the listener until Drain, and then returns nil.
// It may be called for several listeners.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(s.connections.listen(l)); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving witnesses: %w", err)
	}
	return nil
}

// Drain stops the server: no new connection and no new upload is taken, what
// is coming in may go on for the configured time or until ctx is done, and the
// rest is cut. A report that was cut was never acknowledged and leaves
// nothing. After Drain no request uses the vault.
func (s *Server) Drain(ctx context.Context) error {
	s.stopping.Store(true)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.config.DrainSeconds)*time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		if err := s.http.Close(); err != nil {
			return fmt.Errorf("cutting what was left: %w", err)
		}
		s.settle()
		return nil
	}
	if err != nil {
		return fmt.Errorf("stopping: %w", err)
	}
	return nil
}

// settle waits for the requests that were cut to notice: each holds a place
// until it is done with the vault, so holding all places means that none is.
func (s *Server) settle() {
	for range cap(s.bodies) {
		s.bodies <- struct{}{}
	}
}
