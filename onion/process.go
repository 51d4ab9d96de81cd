package onion

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// A Process is the child that runs [Keep]. It alone speaks to tor and has the
// keys: the server that started it can confine itself to where neither is in
// reach. Its methods may be used by several goroutines.
type Process struct {
	cmd   *exec.Cmd
	leash io.WriteCloser // the child ends when this is closed, by us or by our death
	done  chan struct{}
	err   error // how the child ended, set before done is closed

	sending sync.Mutex // held while an order is written

	mu     sync.Mutex
	status Status // guarded by mu
}

// Start starts cmd, which must call [Keep] on its standard input and output.
func Start(cmd *exec.Cmd, spec Spec) (*Process, error) {
	for _, service := range spec.Services {
		if err := service.check(); err != nil {
			return nil, err
		}
	}
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	// A group of its own: Ctrl-C is for the server, which lets uploads through
	// tor come to their end first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the keeper of the onion services: %w", err)
	}
	p := &Process{cmd: cmd, leash: leash, done: make(chan struct{})}
	go p.listen(out)
	return p, p.send(spec)
}

// listen takes in what the child says, until it ends.
func (p *Process) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s Status
		if json.Unmarshal(lines.Bytes(), &s) == nil {
			p.mu.Lock()
			p.status = s
			p.mu.Unlock()
		}
	}
	_, _ = io.Copy(io.Discard, out)
	p.err = p.cmd.Wait()
	p.mu.Lock()
	p.status = Status{Services: p.status.Services, Trouble: &Trouble{
		"the process that keeps the onion services ended", "restart the server; a service manager does it by itself",
	}}
	for i := range p.status.Services {
		p.status.Services[i].Added = false
	}
	p.mu.Unlock()
	close(p.done)
}

func (p *Process) send(v any) error {
	p.sending.Lock()
	defer p.sending.Unlock()
	if err := json.NewEncoder(p.leash).Encode(v); err != nil {
		return fmt.Errorf("telling the keeper of the onion services: %w", err)
	}
	return nil
}

// SetClients says whose keys the private service of that name lets in from now
// on: x25519 public keys in base32. If they are others than before, the service
// is taken back, everyone's connections to it are cut, and it is published
// anew, with new introduction points, so that the descriptor that a removed
// client still has leads nowhere.
func (p *Process) SetClients(service string, clients []string) error {
	return p.send(order{service, clients})
}

// Status returns how things stood a moment ago.
func (p *Process) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// Done is closed when the child has ended, which it does only after Close or
// for what can't be mended from here; Err then says how.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is how the child ended, once it has.
func (p *Process) Err() error { return p.err }

// Close takes the services back, ends our own tor and waits for the child's end.
func (p *Process) Close() error {
	_ = p.leash.Close() // closed already if the child died
	select {
	case <-p.done:
		return nil
	case <-time.After(2 * endTime):
		// Killing it is not for us: a confined process may signal nobody. It
		// ends when it finds its input closed.
		return errors.New("the process that keeps the onion services does not end")
	}
}
