package desk

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"tocsin/vault"
)

const (
	// Stall is how long one side lets the other move no byte.
	Stall = time.Minute
	// MaxLeaves is how many leaves one request may ask for.
	MaxLeaves = 4096
	// MaxObjects is how many leaves one request for objects may name.
	MaxObjects = 1024
	// MaxMessage is the largest sealed reply or note that is taken, in bytes.
	MaxMessage = 64 << 20

	// maxConns bounds connections, proven or not. Whoever fills it locks case
	// workers out for a while; without it they would eat the file descriptors
	// that witnesses need.
	maxConns      = 64
	headerTimeout = 20 * time.Second // also bounds the handshake
	idleTimeout   = 2 * time.Minute
	maxHeader     = 16 << 10
)

// A Server answers case workers and auditors. Its methods may be used by
// several goroutines.
type Server struct {
	vault *vault.Vault
	log   *slog.Logger
	http  *http.Server
	tls   *tls.Config

	mu    sync.Mutex
	under map[string]bool // auditors to whom the store is being sent; guarded by mu
}

// NewServer returns the server of that vault. key is the intake's desk key;
// it is an error when the roster in force names another one, because no case
// worker would accept it.
func NewServer(v *vault.Vault, key ed25519.PrivateKey, l *slog.Logger) (*Server, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, errors.New("desk key: not an Ed25519 private key")
	}
	if !v.Roster().Intake.Desk.Equal(key.Public()) {
		return nil, errors.New("desk key: the roster in force names another one; sign a roster with this intake's card")
	}
	s := &Server{vault: v, log: l, under: map[string]bool{}}
	var err error
	s.tls, err = pinned(key, func(k ed25519.PublicKey) error {
		if _, ok := s.party(k); !ok {
			return ErrKey
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for pattern, route := range map[string]struct {
		handler handler
		roles   []string
	}{
		"GET /v1/head":     {s.head, []string{worker, auditor}},
		"GET /v1/leaves":   {s.leaves, []string{worker}},
		"POST /v1/objects": {s.objects, []string{worker}},
		"POST /v1/push":    {s.push, []string{worker}},
		"GET /v1/store":    {s.store, []string{auditor}},
		"GET /v1/blobs":    {s.blobs, []string{auditor}},
	} {
		mux.Handle(pattern, s.guard(route.handler, route.roles...))
	}
	mux.Handle("/", s.guard(func(*answer, *http.Request, party) error {
		return &Error{http.StatusNotFound, "the desk has no such route; is the other side another version?"}
	}, worker, auditor))
	s.http = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		// net/http would log remote addresses here.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	return s, nil
}

// Serve answers on l, which it closes, until Shutdown; then it returns nil.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(tls.NewListener(newCapped(l, maxConns), s.tls))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving the desk: %w", err)
}

// Shutdown takes no new connection and waits for requests in progress until
// ctx ends; then it cuts them off.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("closing the desk: %w", err), s.http.Close())
	}
	return nil
}

// An Error is what the desk answers instead of frames.
type Error struct {
	Status int    // of HTTP
	Reason string // a sentence for a person
}

func (e *Error) Error() string { return "the desk refused: " + e.Reason }

// Roles, as the log calls them.
const (
	worker  = "worker"
	auditor = "auditor"
)

// A party is whom a key on the roster belongs to: a roster has it once.
type party struct{ role, name string }

// party looks a key up in the roster in force.
func (s *Server) party(key ed25519.PublicKey) (p party, ok bool) {
	r := s.vault.Roster()
	if w := r.WorkerByDesk(key); w != nil {
		return party{worker, w.Name}, true
	}
	if a := r.AuditorByDesk(key); a != nil {
		return party{auditor, a.Name}, true
	}
	return party{}, false
}

// A handler answers one request of a party who is on the roster. An *Error
// that comes before the first frame becomes the answer; after it, and for any
// other error, the stream is left without its last frame.
type handler func(*answer, *http.Request, party) error

// guard lets only those through who are on the roster now in one of the roles,
// whatever it was when the connection was made.
func (s *Server) guard(h handler, roles ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, err := peerKey(r.TLS)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		p, ok := s.party(key)
		if !ok {
			// Hang up: a key that is not on the roster gets no byte.
			panic(http.ErrAbortHandler)
		}
		defer func() {
			if v := recover(); v != nil {
				if v != http.ErrAbortHandler {
					s.log.Error("desk request panicked", p.role, p.name, "stack", string(debug.Stack()))
				}
				panic(http.ErrAbortHandler)
			}
		}()
		a := newAnswer(w)
		a.may = func() bool { now, ok := s.party(key); return ok && now == p }
		r.Body = &pacedBody{r.Body, a.ctl}
		if slices.Contains(roles, p.role) {
			err = h(a, r, p)
		} else {
			err = &Error{http.StatusForbidden, "the roster names this key in another role (" + p.role + ") than one that may ask for that"}
		}
		if err == nil {
			err = a.frames.Close()
		}
		if err == nil {
			return
		}
		var refusal *Error
		if errors.As(err, &refusal) && !a.begun {
			s.log.Info("desk request refused", p.role, p.name, "status", refusal.Status)
			a.refuse(refusal)
			return
		}
		// A network error names the address it came from: say less.
		if op := (*net.OpError)(nil); errors.As(err, &op) || errors.Is(err, ErrTruncated) {
			s.log.Info("desk connection lost", p.role, p.name)
		} else if errors.Is(err, errRemoved) {
			s.log.Info("desk connection cut: no longer on the roster", p.role, p.name)
		} else {
			s.log.Error("desk request failed", p.role, p.name, "err", err)
			if !a.begun {
				a.refuse(&Error{http.StatusInternalServerError, "the store failed; its operator finds the reason in its log"})
				return
			}
		}
		panic(http.ErrAbortHandler)
	})
}

// errRemoved ends an answer to a key that was taken out of the roster meanwhile.
var errRemoved = errors.New("no longer on the roster")

// An answer is a stream of frames; each write may take stall, and begins only
// while the party is on the roster.
type answer struct {
	w      http.ResponseWriter
	ctl    *http.ResponseController
	frames *Writer
	begun  bool
	may    func() bool
	stall  time.Duration
	until  time.Time // when it must have ended; zero for never
}

func newAnswer(w http.ResponseWriter) *answer {
	a := &answer{w: w, ctl: http.NewResponseController(w), stall: Stall}
	a.frames = NewWriter(a)
	return a
}

// Write implements io.Writer for the stream of frames.
func (a *answer) Write(p []byte) (int, error) {
	if !a.may() {
		return 0, errRemoved
	}
	if !a.begun {
		a.begun = true
		a.w.Header().Set("Content-Type", "application/octet-stream")
		a.w.Header().Set("Cache-Control", "no-store")
	}
	deadline := time.Now().Add(a.stall)
	if !a.until.IsZero() && a.until.Before(deadline) {
		deadline = a.until
	}
	if err := a.ctl.SetWriteDeadline(deadline); err != nil {
		return 0, err
	}
	return a.w.Write(p)
}

func (a *answer) refuse(e *Error) {
	// The request may not have been read to its end: do not reuse the connection.
	a.w.Header().Set("Connection", "close")
	a.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	a.w.WriteHeader(e.Status)
	io.WriteString(a, e.Reason+"\n")
}

// pacedBody is a request's body whose every read may take Stall.
type pacedBody struct {
	io.ReadCloser
	ctl *http.ResponseController
}

func (b *pacedBody) Read(p []byte) (int, error) {
	if err := b.ctl.SetReadDeadline(time.Now().Add(Stall)); err != nil {
		return 0, err
	}
	return b.ReadCloser.Read(p)
}
