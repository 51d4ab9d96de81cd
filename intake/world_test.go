package intake

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// A world is a whole intake on a loopback address: organisation, roster, store
// and server, all real.
type world struct {
	t      testing.TB
	dir    string
	vault  *vault.Vault
	server *Server
	url    string
	addr   string
	log    *lockedBuffer

	days   *atomic.Int64 // that the store's clock is ahead
	org    note.Signer
	roster roster.Roster
	worker *age.HybridIdentity
	desk   ed25519.PrivateKey // the case worker's
}

// A lockedBuffer is a log that a test may read while the server writes it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// setup is what a test may choose of a world.
type setup struct {
	config    func(*Config)
	policy    func(*roster.Policy)
	vault     func(*vault.Options)
	server    func(*Server)
	directory string // "" for a new one
}

func newWorld(t testing.TB, o setup) *world {
	t.Helper()
	w := &world{t: t, dir: o.directory, log: new(lockedBuffer), days: new(atomic.Int64)}
	if w.dir == "" {
		w.dir = t.TempDir()
	}
	orgKey, orgPub, err := note.GenerateKey(rand.Reader, "test-organisation")
	must(t, err)
	w.org, err = note.NewSigner(orgKey)
	must(t, err)
	ledgerKey, ledgerPub, err := note.GenerateKey(rand.Reader, "test.example/intake")
	must(t, err)
	signer, err := note.NewSigner(ledgerKey)
	must(t, err)
	intakeDesk, _, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	var workerDesk ed25519.PublicKey
	workerDesk, w.desk, err = ed25519.GenerateKey(rand.Reader)
	must(t, err)
	w.worker, err = age.GenerateHybridIdentity()
	must(t, err)
	police, err := age.GenerateHybridIdentity()
	must(t, err)
	w.roster = roster.Roster{
		Number: 1, Day: "2026-01-02", Organisation: "Test", Origin: "test.example/intake",
		Intake:       roster.Intake{Ledger: ledgerPub, Desk: intakeDesk},
		Workers:      []roster.Worker{{Name: "alice", Recipient: w.worker.Recipient().String(), Desk: workerDesk}},
		Destinations: []roster.Destination{{Name: "police", Title: "Police", Recipient: police.Recipient().String(), Delivery: roster.DeliveryOutbox}},
		Policy:       roster.DefaultPolicy(),
	}
	if o.policy != nil {
		o.policy(&w.roster.Policy)
	}
	signed, err := w.roster.Sign(w.org)
	must(t, err)
	options := vault.Options{Signer: signer, Now: w.now}
	if o.vault != nil {
		o.vault(&options)
	}
	must(t, vault.Create(w.dir, signed, orgPub, options))
	w.vault, err = vault.Open(w.dir, orgPub, options)
	must(t, err)
	config := DefaultConfig()
	config.DrainSeconds = 0
	if o.config != nil {
		o.config(&config)
	}
	w.server, err = New(w.vault, config, NewLog(w.log))
	must(t, err)
	// Long enough to be one; alike_test.go is about how long it should be.
	w.server.metronome.beat = time.Millisecond
	if o.server != nil {
		o.server(w.server)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w.addr = l.Addr().String()
	w.url = "http://" + w.addr
	served := make(chan error, 1)
	go func() { served <- w.server.Serve(l) }()
	t.Cleanup(func() {
		if err := w.server.Drain(context.Background()); err != nil {
			t.Errorf("draining: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serving: %v", err)
		}
		if err := w.vault.Close(); err != nil {
			t.Errorf("closing the vault: %v", err)
		}
	})
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An answer is a response that was read whole.
type answer struct {
	status int
	header http.Header
	body   string
}

var transport = &http.Transport{DisableCompression: true}

func (w *world) do(req *http.Request) answer {
	w.t.Helper()
	// Transparent decompression off: answers are looked at as they are sent.
	resp, err := transport.RoundTrip(req)
	must(w.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(w.t, err)
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func (w *world) get(path string, header ...string) answer {
	w.t.Helper()
	req, err := http.NewRequest("GET", w.url+path, nil)
	must(w.t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return w.do(req)
}

// An entry is one part of a form.
type entry struct {
	name, value string
	file        string // for a file, its name
	noFile      bool   // a file field in which nothing was chosen
}

// encode writes a form as a browser does.
func encode(t testing.TB, entries ...entry) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, e := range entries {
		h := textproto.MIMEHeader{}
		disposition := fmt.Sprintf(`form-data; name="%s"`, e.name)
		if e.file != "" || e.noFile {
			disposition += fmt.Sprintf(`; filename="%s"`, e.file)
			h.Set("Content-Type", "application/octet-stream")
		}
		h.Set("Content-Disposition", disposition)
		part, err := m.CreatePart(h)
		must(t, err)
		_, err = io.WriteString(part, e.value)
		must(t, err)
	}
	must(t, m.Close())
	return b.Bytes(), m.FormDataContentType()
}

// post sends a form with its length declared.
func (w *world) post(path string, entries ...entry) answer {
	w.t.Helper()
	body, contentType := encode(w.t, entries...)
	req, err := http.NewRequest("POST", w.url+path, bytes.NewReader(body))
	must(w.t, err)
	req.Header.Set("Content-Type", contentType)
	return w.do(req)
}

// newCodename opens the form and takes the codename out of it.
func (w *world) newCodename(lang string) string {
	w.t.Helper()
	p := w.get("/" + lang + "/report")
	if p.status != http.StatusOK {
		w.t.Fatalf("the form came with status %d", p.status)
	}
	c := hiddenCodename(w.t, p.body)
	if _, err := seal.ParseCodename(c); err != nil {
		w.t.Fatalf("the form holds no codename: %v", err)
	}
	return c
}

func hiddenCodename(t testing.TB, html string) string {
	t.Helper()
	const before = `<input type="hidden" name="codename" value="`
	_, rest, ok := strings.Cut(html, before)
	if !ok {
		t.Fatal("the page holds no codename field")
	}
	c, _, _ := strings.Cut(rest, `"`)
	return c
}

// now is the store's clock.
func (w *world) now() time.Time { return time.Now().AddDate(0, 0, int(w.days.Load())) }

// midnight lets the day pass, and what came in on it be published.
func (w *world) midnight() {
	w.t.Helper()
	w.days.Add(1)
	must(w.t, w.vault.Publish(w.t.Context()))
}

// leaves counts the ledger's leaves: 1 for the roster, 2 for each report.
func (w *world) leaves() int {
	w.t.Helper()
	c, err := ledger.OpenCheckpoint(w.vault.Checkpoint(), w.roster.Intake.Ledger)
	must(w.t, err)
	return int(c.Size)
}

// wantReports checks how many reports are kept.
func (w *world) wantReports(n int) {
	w.t.Helper()
	if got := w.leaves(); got != 1+2*n {
		w.t.Errorf("%d leaves in the ledger, want %d for %d reports", got, 1+2*n, n)
	}
}

// want checks an answer's status and that it is the page of that refusal, in
// that language.
func (p answer) want(t testing.TB, s *Server, lang string, kind string) {
	t.Helper()
	if status := refusals[kind]; p.status != status {
		t.Errorf("status %d, want %d for %q", p.status, status, kind)
	}
	heading := escaped(s.languages.ByCode(lang).T("refusal." + kind + ".heading"))
	if !strings.Contains(p.body, heading) {
		t.Errorf("the page does not say %q:\n%s", heading, p.body)
	}
}

// escaped is text as html/template writes it.
func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "'", "&#39;", `"`, "&#34;", "<", "&lt;", ">", "&gt;", "+", "&#43;").Replace(s)
}

// open opens a kept report as the case worker.
func (w *world) open(codename string) (*seal.Message, map[string]string) {
	w.t.Helper()
	c, err := seal.ParseCodename(codename)
	must(w.t, err)
	instance := w.vault.Roster().Instance()
	cred, err := c.Derive(instance)
	must(w.t, err)
	found, err := w.vault.FindTag(cred.Tag)
	must(w.t, err)
	messages, err := w.vault.Messages(found.ID)
	must(w.t, err)
	objects, err := w.vault.Objects(messages[0].Index - 1)
	must(w.t, err)
	var envelope []byte
	for _, o := range objects {
		if o.Name == "envelope" {
			envelope, err = io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
			must(w.t, err)
		}
		must(w.t, o.Close())
	}
	key, err := seal.OpenEnvelope(envelope, w.worker)
	must(w.t, err)
	ct, err := w.vault.OpenMessage(messages[0].Index)
	must(w.t, err)
	defer ct.Close()
	files := make(map[string]string)
	m, err := seal.ReadMessage(ct, ct.Size(), key.Identity(), seal.Context{
		Instance: instance.String(), Case: found.ID.String(), Kind: seal.KindReport,
		Record: fmt.Sprintf("%x", sha256.Sum256(found.Marshal())),
	}, func(f seal.File, content io.Reader) error {
		b, err := io.ReadAll(content)
		files[f.Name] = string(b)
		return err
	})
	must(w.t, err)
	return m, files
}
