// Package testtor runs a private Tor network of real tor processes on
// loopback, for tests and for measuring. No program that is shipped imports it.
//
// A [Network] is one directory authority, which is a relay too, and four more
// relays: fewer are not reliable for v3 onion services. Beside them run any
// number of clients and of plain onion services. Nothing in the network
// reaches beyond 127.0.0.1, and it knows nobody's keys but its own.
//
// What the package guarantees:
//
//   - [Start] returns a network that a client can use at once, and each other
//     call returns once that which it started can be used.
//   - Every wait has a limit of its own. The error for one that passed holds
//     the end of that tor's log.
//   - No tor outlives the process that started it, however that ends.
//
// The caller gives a directory of its own for each network, and removes it.
package testtor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// relays is how many there are, with the authority.
const relays = 5

// A Network is a running private Tor network. It is safe for concurrent use.
type Network struct {
	dir     string
	program string
	logf    func(string, ...any)
	begun   time.Time

	mu     sync.Mutex
	tors   map[*tor]bool // those to stop; guarded by mu
	closed bool          // guarded by mu
}

// Start starts a network in dir and returns once a client can use it. logf, if
// it is not nil, gets a line for each step.
func Start(ctx context.Context, dir string, logf func(string, ...any)) (*Network, error) {
	program, err := exec.LookPath("tor")
	if err != nil {
		return nil, fmt.Errorf("tor is missing; on Debian: apt-get install tor (%w)", err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	n := &Network{dir: dir, program: program, logf: logf, begun: time.Now(), tors: map[*tor]bool{}}
	if err := n.start(ctx); err != nil {
		n.Close()
		return nil, fmt.Errorf("starting the Tor network: %w", err)
	}
	n.log("the network can be used")
	return n, nil
}

func (n *Network) start(ctx context.Context) error {
	dataDir, err := n.mkdir("relay0")
	if err != nil {
		return err
	}
	a, err := newAuthority(dataDir)
	if err != nil {
		return err
	}
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	if err := memberTorrc(a, ports[0], ports[1]).write(n.Torrc()); err != nil {
		return err
	}
	// The relays publish themselves when they start and wait long before they
	// do it again, so the authority must be there first.
	authority, err := n.relay(ctx, 0, authorityTorrc(ports[0], ports[1]))
	if err != nil {
		return err
	}
	n.log("the authority is up")
	all := make([]*tor, relays)
	all[0] = authority
	err = inParallel(relays-1, func(i int) (err error) {
		all[i+1], err = n.relay(ctx, i+1, torrc{"ORPort 127.0.0.1:auto"})
		return err
	})
	if err != nil {
		return err
	}
	n.log("the relays are up")
	err = authority.wait(ctx, 30*time.Second, "the relays' descriptors", func() (bool, error) {
		known, err := authority.info(ctx, "desc/all-recent")
		return strings.Count("\n"+known, "\nrouter ") == relays, err
	})
	if err != nil {
		return err
	}
	n.log("the authority knows the relays")
	if err := vote(ctx, authority); err != nil {
		return err
	}
	n.log("there is a consensus")
	// A relay that does not have the consensus takes no onion descriptors, and
	// a client that comes now would back off for ten seconds.
	return inParallel(relays, func(i int) error {
		if i > 0 {
			// Makes it ask for the consensus at once.
			if _, err := all[i].command(ctx, "SIGNAL RELOAD"); err != nil {
				return err
			}
		}
		return all[i].wait(ctx, 40*time.Second, "directory information", func() (bool, error) {
			enough, err := all[i].info(ctx, "status/enough-dir-info")
			return enough == "1", err
		})
	})
}

// relay starts the relay of that number.
func (n *Network) relay(ctx context.Context, number int, lines torrc) (*tor, error) {
	name := fmt.Sprintf("relay%d", number)
	dataDir, err := n.mkdir(name)
	if err != nil {
		return nil, err
	}
	if err := writeBandwidth(dataDir, time.Now()); err != nil {
		return nil, err
	}
	return n.run(ctx, name, append(relayTorrc(name), lines...))
}

// vote makes the authority vote in a few seconds and waits for the consensus.
// Votes happen where the wall clock is a multiple of the interval plus the
// offset.
func vote(ctx context.Context, authority *tor) error {
	offset := (time.Now().Unix() + voteDelay + 1) % voteInterval
	_, err := authority.command(ctx, fmt.Sprintf(
		"SETCONF TestingV3AuthInitialVotingInterval=%d TestingV3AuthVotingStartOffset=%d", voteInterval, offset))
	if err != nil {
		return err
	}
	return authority.wait(ctx, 30*time.Second, "a consensus", func() (bool, error) {
		known, err := authority.info(ctx, "ns/all")
		return strings.Count("\n"+known, "\nr ") == relays, err
	})
}

// Torrc is the path of a file with the lines that make any tor a member of
// this network and no others: no data directory and no ports. A torrc can
// %include it.
func (n *Network) Torrc() string { return filepath.Join(n.dir, "network.torrc") }

// Close ends all processes of the network. The error tells of those that had
// ended by themselves.
func (n *Network) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	var errs []error
	for t := range n.tors {
		errs = append(errs, t.stop())
		delete(n.tors, t)
	}
	return errors.Join(errs...)
}

// mkdir makes the data directory of the tor of that name.
func (n *Network) mkdir(name string) (string, error) {
	dataDir := filepath.Join(n.dir, name)
	return dataDir, os.MkdirAll(dataDir, 0o700)
}

// run starts a tor of the network with these lines beside those that all have.
// The name is that of its directory under the network's; tor itself refuses
// one that is in use.
func (n *Network) run(ctx context.Context, name string, lines torrc) (*tor, error) {
	dataDir, err := n.mkdir(name)
	if err != nil {
		return nil, err
	}
	c := append(processTorrc(n.Torrc(), dataDir), lines...)
	if err := c.write(filepath.Join(dataDir, torrcName)); err != nil {
		return nil, err
	}
	t, err := startTor(ctx, n.program, name, dataDir)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		t.stop()
		return nil, errors.New("the Tor network is closed")
	}
	n.tors[t] = true
	return t, nil
}

// end ends one tor of the network.
func (n *Network) end(t *tor) error {
	n.mu.Lock()
	delete(n.tors, t)
	n.mu.Unlock()
	return t.stop()
}

func (n *Network) log(what string) {
	if n.logf != nil {
		n.logf("%5.1f s: %s", time.Since(n.begun).Seconds(), what)
	}
}

// freePorts returns ports of 127.0.0.1 that nobody has at the moment. Only the
// authority's must be known before it starts; all others tor chooses itself.
func freePorts(count int) ([]int, error) {
	ports := make([]int, count)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("looking for a free port: %w", err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// inParallel calls f for 0 to count-1 and returns all their errors.
func inParallel(count int, f func(int) error) error {
	errs := make([]error, count)
	var wg sync.WaitGroup
	for i := range count {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
