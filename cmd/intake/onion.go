package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/intake"
	"tocsin/onion"
)

// onionFlags are the flags of intake serve about Tor.
type onionFlags struct {
	Onion           bool   `help:"Publish the witness's page as an onion service, and the desk as one that only the roster's case workers and auditors find."`
	Tor             string `default:"tor" placeholder:"PATH" help:"The tor that is started and kept running."`
	Torrc           string `type:"existingfile" placeholder:"FILE" help:"More lines for that tor's configuration, such as bridges."`
	TorControl      string `placeholder:"ADDR" help:"Attach to a tor that runs already, by its control port (host:port) or socket (path), instead of starting one."`
	TorPasswordFile string `type:"existingfile" placeholder:"FILE" help:"Holds the password of that control port; without it tor's cookie is used."`
}

// Validate is called by kong.
func (f *onionFlags) Validate() error {
	switch {
	case !f.Onion && (f.Tor != "tor" || f.Torrc != "" || f.TorControl != "" || f.TorPasswordFile != ""):
		return errors.New("--tor, --torrc, --tor-control and --tor-password-file mean nothing without --onion")
	case f.TorControl != "" && (f.Tor != "tor" || f.Torrc != ""):
		return errors.New("--tor and --torrc are about a tor of our own, --tor-control about another's")
	case f.TorControl == "" && f.TorPasswordFile != "":
		return errors.New("--tor-password-file goes with --tor-control")
	}
	return nil
}

// The onion services. Their ports are what clients type: a browser's own, and
// the one that triage assumes.
const (
	webService  = "web"
	deskService = "desk"
	webPort     = 80
	deskPort    = 443
)

// onionDir is where the keys and the sockets of the onion services lie.
func onionDir(data string) string { return filepath.Join(data, "onion") }

// keyDir is where the key of one of them lies.
func keyDir(data, service string) string { return filepath.Join(onionDir(data), service) }

// control is how another's tor is attached to.
func (f *onionFlags) control() onion.Control {
	return onion.Control{Addr: f.TorControl, PasswordFile: f.TorPasswordFile}
}

// listenOnion makes the listener behind an onion service, and returns where
// tor must forward to. A unix socket that only this user and its tor reach is
// best; a tor of another user's can't enter the data directory, and gets a
// port on loopback.
func listenOnion(data, service string, port bool) (net.Listener, string, error) {
	if port {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, "", fmt.Errorf("listening for the onion service: %w", err)
		}
		return l, l.Addr().String(), nil
	}
	name, err := filepath.Abs(filepath.Join(onionDir(data), service+".sock"))
	if err != nil {
		return nil, "", err
	}
	l, err := listenUnix(name)
	return l, "unix:" + name, err
}

// askTime is how long another's tor may take to start beside us before it is
// taken for one that can't reach our sockets.
const askTime = 10 * time.Second

// needsPort asks the tor that we attach to whose it is, and waits for it a
// while: at boot it may come up after us.
func (f *onionFlags) needsPort(ctx context.Context, log *slog.Logger) bool {
	if f.TorControl == "" {
		return false
	}
	asking, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	same, err := f.control().SameUser(asking)
	switch {
	case err != nil:
		log.Warn("the tor of --tor-control can't be asked whose it is; the onion services get ports on loopback, which other users of this machine reach too", "error", err)
	case !same:
		log.Info("the tor of --tor-control is another user's; the onion services get ports on loopback")
	}
	return err != nil || !same
}

// listenUnix makes a socket that only this user can connect to. The caller has
// the store open, so a socket that is already there belongs to a server that
// died.
func listenUnix(name string) (net.Listener, error) {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("making a socket: %w", err)
	}
	l, err := net.Listen("unix", name)
	if err != nil {
		return nil, fmt.Errorf("making a socket (its path may have about 100 characters): %w", err)
	}
	if err := os.Chmod(name, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("making a socket: %w", err), l.Close())
	}
	return l, nil
}

// start starts the process that keeps the services published.
func (f *onionFlags) start(data string, services []*onion.Service, stderr io.Writer) (*onion.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the program that keeps the onion services: %w", err)
	}
	spec := onion.Spec{Services: services, Tor: f.Tor, Torrc: f.Torrc}
	if spec.Dir, err = filepath.Abs(filepath.Join(data, "tor")); err != nil {
		return nil, err
	}
	if f.TorControl != "" {
		control := f.control()
		spec.Attach = &control
	}
	keeper := exec.Command(self, "keep-onion")
	keeper.Stderr = stderr
	// tor would speak to the service manager in the server's place.
	keeper.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "NOTIFY_SOCKET=") || strings.HasPrefix(kv, "WATCHDOG_")
	})
	return onion.Start(keeper, spec)
}

// keepOnionCmd is the child process of a server with onion services. It is not
// confined, because it starts tor; it hears of no witness.
type keepOnionCmd struct{}

// Run keeps the services until standard input ends, which it does when the
// server closes it or dies.
func (keepOnionCmd) Run(t terminal) error {
	if err := harden(); err != nil {
		return err
	}
	return onion.Keep(os.Stdin, t.out, intake.NewLog(t.err))
}

type onionCmd struct {
	Address onionAddressCmd `cmd:"" help:"Print the address of the onion service."`
}

type onionAddressCmd struct {
	Data string `required:"" type:"existingdir" placeholder:"DIR" help:"The data directory."`
	Desk bool   `help:"The desk's address, for case workers and auditors, instead of the witnesses'."`
}

// Help is shown by intake onion address --help.
func (onionAddressCmd) Help() string {
	return `The key behind the address is made the first time, by this or by intake serve --onion, and never written over: whoever loses it loses the address, whoever copies it can pose as this service.

Back it up as a whole directory, DIR/onion/web (and DIR/onion/desk), where it is as safe as the address is dear to you; to restore, put the directory back before the first start. It has the form of tor's HiddenServiceDir, so that any tor can serve the address from a copy of it.

Example:

  intake onion address --data ./data
  intake onion address --data ./data --desk`
}

// Run prints the address.
func (c *onionAddressCmd) Run(t terminal) error {
	service, port := webService, ""
	if c.Desk {
		service, port = deskService, ":"+strconv.Itoa(deskPort)
	}
	key, err := onion.OpenKey(keyDir(c.Data, service))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.out, key.Address()+port)
	return err
}
