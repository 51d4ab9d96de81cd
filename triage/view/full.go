package view

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"

	"tocsin/triage/screen"
)

// ErrEnded means that the view was ended from outside: by a signal, or because
// the program that started it is gone. What was done until then is kept.
var ErrEnded = errors.New("the view was ended from outside; what was done is kept, and what was being typed is not")

// Full shows the view on a terminal, of which in and out are the two directions,
// until the person quits or ctx ends. It uses the home until then, its
// passphrase included; nobody else in the process may. It fails at once if the
// home has not joined.
func Full(ctx context.Context, in, out *os.File, o Options) error {
	if _, err := o.Home.Roster(); err != nil {
		return err
	}
	// The library would write what is on the screen into the files that these
	// name.
	for _, name := range []string{"TEA_TRACE", "TEA_DEBUG", "UV_DEBUG"} {
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("opening the view: %w", err)
		}
	}
	ask, reading := o.Home.Passphrase, o.Home.Reading
	defer func() { o.Home.Passphrase, o.Home.Reading = ask, reading }()
	jobs, stop := context.WithCancel(ctx)
	defer stop()
	m := newModel(jobs, o)
	return display(ctx, m, in, out, func(send func(tea.Msg)) {
		m.send = send
		o.Home.Passphrase = m.ask
	})
}

// patience is how long the program may take to put the terminal right by
// itself when it is told to end.
const patience = 2 * time.Second

// display runs a model on a terminal and leaves that as it was, whatever
// happens. ready is called with what sends to the model, before it begins.
func display(ctx context.Context, model tea.Model, in, out *os.File, ready func(send func(tea.Msg))) error {
	// From another's background the terminal could not be put right.
	signal.Ignore(syscall.SIGTTOU)
	defer signal.Reset(syscall.SIGTTOU)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer stop()

	g := &guard{model: model}
	p := tea.NewProgram(g, tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler())
	g.send = p.Send
	ready(p.Send)

	over, ended := make(chan struct{}), make(chan bool, 1)
	go func() { ended <- watch(ctx, p, over) }()
	_, err := p.Run()
	close(over)
	outside := <-ended
	switch {
	case g.crash != nil:
		return g.crash
	case outside:
		return ErrEnded
	case err != nil:
		return fmt.Errorf("the terminal: %w", err)
	}
	return nil
}

// watch tells the model that minutes pass, and to end when ctx does or when the
// parent process is gone: the terminal is another's then. It reports whether it
// told it to end.
func watch(ctx context.Context, p *tea.Program, over <-chan struct{}) bool {
	parent := os.Getppid()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for n := 1; ; n++ {
		select {
		case <-over:
			return false
		case <-ctx.Done():
		case <-second.C:
			if os.Getppid() == parent {
				if n%60 == 0 {
					p.Send(minuteMsg{})
				}
				continue
			}
		}
		break
	}
	go p.Send(endMsg{})
	select {
	case <-over:
	case <-time.After(patience):
		p.Kill()
		<-over
	}
	return true
}

// A guard keeps a panic of a model, or of one of its commands, from the
// terminal: it ends the program in good order, and the crash is told afterwards.
type guard struct {
	model tea.Model
	send  func(tea.Msg)
	crash error
}

type crashMsg struct{ err error }

func (g *guard) Init() (cmd tea.Cmd) {
	defer g.recover(&cmd)
	return g.watched(g.model.Init())
}

func (g *guard) Update(msg tea.Msg) (same tea.Model, cmd tea.Cmd) {
	same = g // also after a panic
	defer g.recover(&cmd)
	if c, ok := msg.(crashMsg); ok {
		g.crash = c.err
		return g, tea.Quit
	}
	if g.crash != nil {
		return g, tea.Quit
	}
	var next tea.Cmd
	g.model, next = g.model.Update(msg)
	return g, g.watched(next)
}

func (g *guard) View() (v tea.View) {
	blank := tea.NewView(" ")
	blank.AltScreen = true
	if g.crash != nil {
		return blank
	}
	defer func() {
		if r := recover(); r != nil {
			v, g.crash = blank, crashed(r)
			go g.send(crashMsg{g.crash})
		}
	}()
	return g.model.View()
}

func (g *guard) recover(cmd *tea.Cmd) {
	if r := recover(); r != nil {
		g.crash, *cmd = crashed(r), tea.Quit
	}
}

// watched is cmd with a panic made a message. Batches are watched each.
func (g *guard) watched(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	return func() (msg tea.Msg) {
		defer func() {
			if r := recover(); r != nil {
				msg = crashMsg{crashed(r)}
			}
		}()
		msg = cmd()
		if batch, ok := msg.(tea.BatchMsg); ok {
			for i := range batch {
				batch[i] = g.watched(batch[i])
			}
		}
		return msg
	}
}

// crashed makes an error of a panic: its kind and where it happened. Its value
// could be text of a report, unless it is the runtime's own.
func crashed(r any) error {
	what := fmt.Sprintf("%T", r)
	if e, ok := r.(runtime.Error); ok {
		what = screen.Line(e.Error())
	}
	where := strings.TrimSpace(screen.Text(string(debug.Stack())))
	return fmt.Errorf("the view crashed, and this is a mistake of the program: %s; nothing is lost that was queued\n%s", what, where)
}
