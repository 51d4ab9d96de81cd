package main

import (
	"cmp"
	"context"
	"errors"

	"tocsin/audit"
	"tocsin/desk"
	"tocsin/onion"
	"tocsin/seal/roster"
)

// deskFlags say how the desk is reached.
type deskFlags struct {
	Desk            string `placeholder:"ADDR" help:"Check the store over the intake's desk, at that host:port or onion address, instead of a snapshot. It needs --memory, with your keys in it (audit setup)."`
	SOCKS           string `name:"socks" default:"127.0.0.1:9050" placeholder:"ADDR" help:"Where your tor takes connections, for an onion address: host:port, or a socket's path; 127.0.0.1:9050 if not given."`
	TorControl      string `placeholder:"ADDR" help:"Your tor's control port or socket, through which it is handed your key; /run/tor/control if that is there, else 127.0.0.1:9051."`
	TorPasswordFile string `type:"existingfile" placeholder:"FILE" help:"Holds the control port's password; without it tor's cookie is used."`
}

// check is called by the command once all flags are read.
func (f *deskFlags) check(store, memory string) error {
	switch {
	case store == "" && f.Desk == "":
		return errors.New("missing: the snapshot's directory, or --desk")
	case store != "" && f.Desk != "":
		return errors.New("either a snapshot's directory or --desk, not both")
	case f.Desk != "" && memory == "":
		return errors.New("--desk needs --memory, the directory in which audit setup made your keys")
	}
	return nil
}

// fetch asks the desk for the store. What is spooled lies, without a name, in
// the memory. It returns also what to call when done.
func (f *deskFlags) fetch(ctx context.Context, m *audit.Memory, dir string, t terminal) (_ *desk.Store, done func(), err error) {
	held, err := roster.Open(m.Roster, m.OrgKey)
	if err != nil {
		return nil, nil, err
	}
	key, err := m.DeskKey()
	if err != nil {
		return nil, nil, err
	}
	tor := desk.Tor{SOCKS: f.SOCKS, Control: onion.Control{Addr: cmp.Or(f.TorControl, onion.UsualControl()), PasswordFile: f.TorPasswordFile}}
	connect, closeTor, err := tor.Dial(f.Desk, m.OnionKey)
	if err != nil {
		return nil, nil, err
	}
	client, err := desk.NewClient(connect, key, held.Intake.Desk)
	if err != nil {
		closeTor()
		return nil, nil, err
	}
	update, clear := t.progress()
	store, err := client.Store(ctx, dir, update)
	clear()
	if err != nil {
		client.Close()
		closeTor()
		return nil, nil, err
	}
	return store, func() {
		store.Close() // it was only read
		client.Close()
		closeTor()
	}, nil
}
