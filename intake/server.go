package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"

	"tocsin/vault"
)

// A Server answers witnesses. Its Handler is safe for concurrent use; nothing
// about a witness outlives the request.
type Server struct {
	vault  *vault.Vault
	config Config
	log    *slog.Logger

	languages *Languages
	gazetteer *gazetteer
	directory *directory
	hotlines  []Page // of the directory, that the form names
	pages     map[string]*pageTemplate
	style     *stylesheet
	handler   http.Handler
	http      *http.Server
	origin    http.CrossOriginProtection

	now      func() time.Time // what bodies are timed by
	window   time.Duration    // of the minimum rate
	patience time.Duration    // how long a report with files waits for a place

	bodies   chan struct{} // a place for each request body being read
	visits   chan struct{} // a place among them for each witness who comes back
	large    chan struct{} // a place for each form with much text
	streams  chan struct{} // a place for each report with files
	crowd    crowd         // who holds places of the first two kinds
	derives  chan struct{} // a place for each codename being derived
	guesses  chan struct{} // a place in the queue for that, for who comes back
	stopping atomic.Bool

	connections *connections
	full        atomic.Bool // the disk was full when last asked

	hour       *hour
	metronome  metronome
	recipients recipientCache
	fixedPages fixedPages
	blanks     blanks
	failed     chan error // of one: the store can't go on

	onion string // address of the onion service, or ""; set before Serve
}

// New returns a server over an open vault. The caller closes the vault, after
// Drain.
func New(v *vault.Vault, c Config, log *slog.Logger) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	s := &Server{
		vault:    v,
		config:   c,
		log:      log,
		now:      time.Now,
		window:   c.window(),
		patience: 10 * time.Second,
		bodies:   make(chan struct{}, c.Bodies),
		visits:   make(chan struct{}, max(1, c.Bodies/2)),
		large:    make(chan struct{}, max(1, c.Bodies/largeShare)),
		streams:  make(chan struct{}, c.Streams),
		// A derivation is 8 MiB of memory and a core: more at once than cores
		// would only make all of them slower.
		derives: make(chan struct{}, runtime.GOMAXPROCS(0)),
		guesses: make(chan struct{}, runtime.GOMAXPROCS(0)),
		failed:  make(chan error, 1),
		// Browsers keep a few connections open for each request body.
		connections: newConnections(4 * c.Bodies),
		hour:        newHour(c, time.Now),
		metronome:   newMetronome(),
	}
	var err error
	if s.languages, err = loadLanguages(localeFiles); err != nil {
		return nil, err
	}
	// That no entry was checked in the future is for a test to see: a machine
	// whose clock is slow has to start all the same.
	if s.directory, err = loadDirectory(directoryFile, time.Unix(1<<40, 0)); err != nil {
		return nil, err
	}
	s.hotlines = hotlinesOf(s.directory)
	if s.pages, err = loadPages(); err != nil {
		return nil, err
	}
	if s.style, err = loadStylesheet(); err != nil {
		return nil, err
	}
	// A roster with a recipient that can't be sealed to must stop the start,
	// not the first report.
	if _, err := s.workers(); err != nil {
		return nil, err
	}
	s.gazetteer = newGazetteer(s.languages)
	s.handler = s.routes()
	s.http = s.newHTTPServer()
	return s, nil
}

// Handler returns what answers requests: pages, headers and refusals. Serve
// adds the limits that belong to connections.
func (s *Server) Handler() http.Handler { return s.handler }

// Failed hands out an error when the store can't go on (vault.ErrFailed): the
// caller should drain the server, close the vault and start anew.
func (s *Server) Failed() <-chan error { return s.failed }

// Announce makes every page name the onion service of that address, to those
// who come in another way. It must be called before Serve.
func (s *Server) Announce(onion string) { s.onion = onion }

// Alive returns nil if pages can be made and the store answers.
func (s *Server) Alive(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	if err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.handler.ServeHTTP(discard{http.Header{}}, req)
		if _, err = s.vault.FindTag([32]byte{}); errors.Is(err, vault.ErrNotFound) {
			err = nil
		}
	}()
	select {
	case <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// discard takes a page that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// A step answers an exchange, or says why not.
type step func(*exchange) error

func (s *Server) routes() http.Handler {
	// SkipClean: a path that is not exactly ours does not exist. The router
	// would redirect "//en/" and put what was typed into a Location.
	m := mux.NewRouter().SkipClean(true)
	get := func(path string, f step) { m.Handle(path, s.serve(f)).Methods(http.MethodGet, http.MethodHead) }
	post := func(path string, f step) { m.Handle(path, s.serve(s.reading(f, s.bodies))).Methods(http.MethodPost) }
	back := func(path string, f step) {
		m.Handle(path, s.serve(s.reading(f, s.visits, s.bodies))).Methods(http.MethodPost)
	}

	m.Handle(s.style.path, s.style).Methods(http.MethodGet, http.MethodHead)
	get("/", s.home)
	for _, l := range s.languages.all {
		at := "/" + l.Code + "/"
		get("/"+l.Code, s.home)
		get(at, s.home)
		for _, name := range []string{"danger", "intervene"} {
			get(at+name, s.choose(name))
			post(at+name, s.chosen(name))
		}
		for _, testify := range []bool{false, true} {
			get(at+action(testify), s.form(testify))
			post(at+action(testify), s.submit(testify))
			post(at+action(testify)+"/again", s.again(testify))
		}
		get(at+"support", s.support)
		get(at+"relay", s.relay)
		back(at+"received", s.with(s.received, "typed"))
		get(at+"return", s.returnForm)
		back(at+"return", s.with(s.comeBack, "once", "seen", "text"))
		post(at+"return/again", s.returnAgain)
		back(at+"add", s.add)
		back(at+"proof", s.with(s.proofPage))
		back(at+"proof/file", s.proofFile)
		back(at+"withdraw", s.with(s.withdraw, "sure"))
	}
	m.NotFoundHandler = s.serve(func(*exchange) error { return refuse("not-found", nil, nil) })
	m.MethodNotAllowedHandler = s.serve(func(x *exchange) error {
		x.w.Header().Set("Allow", allowed(m, x.r))
		return refuse("method", nil, nil)
	})
	return s.protect(m)
}

// allowed lists the methods that the path takes (RFC 9110, section 10.2.1).
func allowed(m *mux.Router, r *http.Request) string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		asked, found := *r, mux.RouteMatch{}
		asked.Method = method
		if m.Match(&asked, &found) && found.MatchErr == nil {
			methods = append(methods, method)
		}
	}
	return strings.Join(methods, ", ")
}

// serve turns a step into a handler that answers what the step refuses.
func (s *Server) serve(f step) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{s: s, w: w, r: r, rc: http.NewResponseController(w), lang: s.languages.OfRequest(r)}
		if r.ContentLength != 0 && r.Body != nil {
			x.openBody()
			x.body.brief = true // until it has a place
		}
		if err := f(x); err != nil {
			x.refuse(refusalOf(err, x.body))
		}
	})
}

// reading guards a step that reads a body: it must come from our own pages,
// find a place of each kind, and not begin while the server is stopping.
func (s *Server) reading(f step, places ...chan struct{}) step {
	return func(x *exchange) error {
		if x.body == nil {
			return refuse("malformed", nil, nil)
		}
		if s.stopping.Load() {
			return refuse("stopping", nil, nil)
		}
		// Our pages with a form see to it that their Origin comes, over plain
		// HTTP too: see pages/form.html. Who sends neither that nor
		// Sec-Fetch-Site is no browser.
		if err := s.origin.Check(x.r); err != nil {
			return refuse("cross-origin", nil, err)
		}
		if err := s.crowd.enter(x, places); err != nil {
			return err
		}
		defer s.crowd.leave(x)
		defer x.leaveLarge()
		x.body.brief = false
		if err := f(x); err != nil {
			// Answered here and not by serve: reading on what a refused client
			// still sends keeps its place occupied.
			x.refuse(refusalOf(err, x.body))
		}
		return nil
	}
}

// protect puts on every answer what browsers must know, and turns a panic into
// a page that says nothing of it.
func (s *Server) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for _, kv := range securityHeaders {
			h.Set(kv[0], kv[1])
		}
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		// The language of a page may come from Accept-Language.
		h.Set("Vary", "Accept-Language")
		defer func() {
			switch e := recover(); e {
			case nil:
			case http.ErrAbortHandler:
				panic(e)
			default:
				logPanic(s.log)
				s.afterPanic(w, r)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// afterPanic tells the witness that it was us. If an answer had begun
// already, the connection is cut instead, so that half a page is not taken
// for a whole one.
func (s *Server) afterPanic(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if recover() != nil {
			panic(http.ErrAbortHandler)
		}
	}()
	if w.Header().Get("Content-Length") != "" {
		panic(http.ErrAbortHandler)
	}
	x := &exchange{s: s, w: w, r: r, rc: http.NewResponseController(w), lang: s.languages.OfRequest(r)}
	if r.ContentLength != 0 {
		x.openBody()
	}
	x.answer(http.StatusInternalServerError, s.refusalPage(x.lang, &notice{Kind: "internal"}))
}

// documentHeaders are those of securityHeaders that say nothing to a browser that
// loads a stylesheet.
var documentHeaders = []string{
	"X-Frame-Options", "Cross-Origin-Opener-Policy", "Permissions-Policy", "X-Robots-Tag", "X-DNS-Prefetch-Control",
}

// securityHeaders go with every answer, but for documentHeaders with the
// stylesheet, which also replaces Cache-Control.
var securityHeaders = [][2]string{
	{"Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
	{"Referrer-Policy", "no-referrer"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"}, // for browsers that don't know frame-ancestors
	{"Cache-Control", "no-store"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Permissions-Policy", "camera=(), geolocation=(), microphone=(), browsing-topics=()"},
	{"X-Robots-Tag", "noarchive"},
	{"X-DNS-Prefetch-Control", "off"},
}
