package main

import (
	"bytes"
	"context"
	"encoding/json"
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

	"tocsin/onion"
	"tocsin/vault"
)

// The control socket lets the same user's intake snapshot and intake
// update-roster reach a running server, which alone has the store open. It is
// HTTP over a unix socket that only its owner can connect to.

// maxRosterSize bounds a roster that comes in over the socket, in bytes;
// package roster refuses larger ones than this anyway.
const maxRosterSize = 2 << 20

// maxStatusSize bounds the server's word on itself, in bytes.
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
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		// A reader that went away is no matter.
		_ = json.NewEncoder(w).Encode(status{Version: version(), Roster: v.Roster().Number, Onion: onions()})
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

func (c *controlClient) status(ctx context.Context) (*status, error) {
	body, err := c.do(ctx, "GET", "/status", nil)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	s := new(status)
	if err := json.NewDecoder(io.LimitReader(body, maxStatusSize)).Decode(s); err != nil {
		return nil, fmt.Errorf("reading the running server's answer: %w", err)
	}
	return s, nil
}

func (c *controlClient) updateRoster(ctx context.Context, signed []byte) error {
	body, err := c.do(ctx, "POST", "/roster", bytes.NewReader(signed))
	if err != nil {
		return err
	}
	return body.Close()
}
