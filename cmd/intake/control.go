package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/onion"
	"tocsin/vault"
)

// The control socket lets the same user's intake snapshot, intake cosign and
// intake update-roster reach a running server, which alone has the store open. It is
// HTTP over a unix socket that only its owner can connect to.

// maxRosterSize bounds a roster that comes in over the socket, in bytes;
// package roster refuses larger ones than this anyway.
const maxRosterSize = 2 << 20

// maxStatusSize bounds the server's word on itself and on what it published,
// and cosignatures for it, in bytes.
const maxStatusSize = 1 << 20

// controlServer answers on the socket.
// roster is called when another one came into force; onions, if there are any
// onion services, tells how they stand.
func controlServer(v *vault.Vault, k *keys, onions func() *onion.Status, roster func(), l *slog.Logger) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /snapshot", func(w http.ResponseWriter, r *http.Request) {
		err := v.WriteSnapshot(paced{w, http.NewResponseController(w)}, func(size int64) {
			w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		})
		if err != nil {
			// The length was announced: cutting the connection is what tells
			// the other side.
			l.Error("a snapshot broke off", "error", err)
			panic(http.ErrAbortHandler)
		}
	})
	mux.HandleFunc("POST /roster", func(w http.ResponseWriter, r *http.Request) {
		signed, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRosterSize))
		if err == nil {
			err = usable(signed, v.Roster().OrgKey, k)
		}
		if err == nil {
			err = v.UpdateRoster(r.Context(), signed)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		l.Info("roster in force", "number", v.Roster().Number)
		roster()
	})
	answer := func(w http.ResponseWriter, what any, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		// A reader that went away is no matter.
		_ = json.NewEncoder(w).Encode(what)
	}
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		s, err := statusOf(v, onions())
		answer(w, s, err)
	})
	mux.HandleFunc("GET /published", func(w http.ResponseWriter, r *http.Request) {
		p, err := publicationOf(v)
		answer(w, p, err)
	})
	mux.HandleFunc("GET /consistency", func(w http.ResponseWriter, r *http.Request) {
		from, err1 := strconv.ParseInt(r.URL.Query().Get("from"), 10, 64)
		to, err2 := strconv.ParseInt(r.URL.Query().Get("to"), 10, 64)
		err := errors.Join(err1, err2)
		var proof tlog.TreeProof
		if err == nil {
			proof, err = v.Consistency(from, to)
		}
		answer(w, proof, err)
	})
	mux.HandleFunc("POST /cosigned", func(w http.ResponseWriter, r *http.Request) {
		signed, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxStatusSize))
		if err == nil {
			err = v.Cosign(r.Context(), signed)
		}
		answer(w, nil, err)
	})
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
}

// snapshotStall is how long the reader of a snapshot may take in nothing: as
// long as it is being written, the store keeps what it had at its beginning.
const snapshotStall = time.Minute

// paced gives each write its deadline.
type paced struct {
	io.Writer
	rc *http.ResponseController
}

func (p paced) Write(b []byte) (int, error) {
	if err := p.rc.SetWriteDeadline(time.Now().Add(snapshotStall)); err != nil {
		return 0, err
	}
	return p.Writer.Write(b)
}

// A controlClient talks to a running server.
type controlClient struct{ http *http.Client }

// dialControl returns a client of the server that runs on that data
// directory, or nil if none does.
func dialControl(dir string) *controlClient {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", filepath.Join(dir, socketFile))
	}
	c, err := dial(context.Background(), "", "")
	if err != nil {
		// No server, or one that is about to go. Whether the store is free
		// its lock will say.
		return nil
	}
	c.Close()
	return &controlClient{&http.Client{Transport: &http.Transport{DialContext: dial}}}
}

func (c *controlClient) do(ctx context.Context, method, path string, body io.Reader) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://intake"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the running server: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	return nil, fmt.Errorf("the running server refused: %s", strings.TrimSpace(string(said)))
}

func (c *controlClient) snapshot(ctx context.Context, dir, to string) error {
	db, err := c.do(ctx, "GET", "/snapshot", nil)
	if err != nil {
		return err
	}
	defer db.Close()
	return vault.ReceiveSnapshot(ctx, dir, to, db)
}

// get asks for what path answers and reads it into what.
func (c *controlClient) get(ctx context.Context, path string, what any) error {
	body, err := c.do(ctx, "GET", path, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(io.LimitReader(body, maxStatusSize)).Decode(what); err != nil {
		return fmt.Errorf("reading the running server's answer: %w", err)
	}
	return nil
}

func (c *controlClient) status(ctx context.Context) (*status, error) {
	s := new(status)
	return s, c.get(ctx, "/status", s)
}

func (c *controlClient) published(ctx context.Context) (*publication, error) {
	p := new(publication)
	return p, c.get(ctx, "/published", p)
}

func (c *controlClient) consistency(ctx context.Context, from, to int64) (tlog.TreeProof, error) {
	var proof tlog.TreeProof
	err := c.get(ctx, fmt.Sprintf("/consistency?from=%d&to=%d", from, to), &proof)
	return proof, err
}

func (c *controlClient) cosigned(ctx context.Context, signed []byte) error {
	body, err := c.do(ctx, "POST", "/cosigned", bytes.NewReader(signed))
	if err != nil {
		return err
	}
	return body.Close()
}

func (c *controlClient) updateRoster(ctx context.Context, signed []byte) error {
	body, err := c.do(ctx, "POST", "/roster", bytes.NewReader(signed))
	if err != nil {
		return err
	}
	return body.Close()
}
