package cosigner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"golang.org/x/net/netutil"
)

const (
	// maxConns bounds open connections; those beyond wait in the kernel's queue.
	maxConns     = 64
	readTimeout  = 20 * time.Second // for a whole request
	writeTimeout = time.Minute      // from its header on; a slow disk is in it
	idleTimeout  = 2 * time.Minute
	maxHeader    = 16 << 10
)

// A Server answers POST /add-checkpoint in plain HTTP: the submission prefix of
// C2SP tlog-witness is the server's own address, or what a proxy in front maps
// to it. It logs origins and sizes, and nothing of who asked.
type Server struct {
	cosigner *Cosigner
	log      *slog.Logger
	http     *http.Server
}

// NewServer returns the server of that cosigner.
func NewServer(c *Cosigner, l *slog.Logger) *Server {
	s := &Server{cosigner: c, log: l}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", s.addCheckpoint)
	s.http = &http.Server{
		Handler:        mux,
		ReadTimeout:    readTimeout,
		WriteTimeout:   writeTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeader,
		// net/http would log remote addresses here.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	return s
}

// Serve answers on l, which it closes, until Shutdown; then it returns nil.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(netutil.LimitListener(l, maxConns))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving the cosigner: %w", err)
}

// Shutdown takes no new connection and waits for requests in progress until
// ctx ends; then it cuts them off. What was recorded for those stays: the log
// asks again.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("closing the cosigner: %w", err), s.http.Close())
	}
	return nil
}

// addCheckpoint is the one call of C2SP tlog-witness.
func (s *Server) addCheckpoint(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("a request panicked", "stack", string(debug.Stack()))
			panic(http.ErrAbortHandler)
		}
	}()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		http.Error(w, fmt.Sprintf("the request is larger than %d bytes", maxRequest), http.StatusBadRequest)
		return
	}
	if err != nil {
		panic(http.ErrAbortHandler) // nobody is there to be answered
	}
	c, err := s.cosigner.Cosign(body)
	refusal := (*Refusal)(nil)
	switch {
	case errors.As(err, &refusal):
		s.refuse(w, refusal)
	case err != nil:
		s.log.Error("nothing is cosigned", "error", err)
		http.Error(w, "the cosigner failed; its operator finds the reason in its log", http.StatusInternalServerError)
	default:
		s.log.Info("cosigned", "origin", c.Origin, "old", c.Old, "size", c.Size)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write(c.Lines) // the log asks again if this is lost
	}
}

func (s *Server) refuse(w http.ResponseWriter, r *Refusal) {
	switch {
	case r.Recorded >= 0:
		s.log.Info("refused", "status", r.Status, "origin", r.Origin, "recorded", r.Recorded)
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(r.Status)
		fmt.Fprintf(w, "%d\n", r.Recorded)
		return
	case r.Status == http.StatusConflict:
		// The log signed two trees of one size: these two checkpoints prove it.
		s.log.Error("the log has forked", "origin", r.Origin, "checkpoint", string(r.Checkpoint))
	case r.Origin != "":
		s.log.Warn("refused", "status", r.Status, "origin", r.Origin, "reason", r.Reason, "checkpoint", string(r.Checkpoint))
	default:
		s.log.Info("refused", "status", r.Status) // what a stranger sent is not worth keeping
	}
	http.Error(w, r.Reason, r.Status)
}
