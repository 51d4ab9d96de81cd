package view

import (
	"context"
	"errors"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"tocsin/triage"
)

// A job works on the home.
type job struct {
	what  string // that is under way, for the status
	quick bool   // keys wait for it
	long  bool   // over the network: it can be stopped, and nothing waits for it
	do    func(ctx context.Context) (then func(*model) tea.Cmd, err error)
	// failed is called after the error was shown; may be nil.
	failed func(*model) tea.Cmd

	stop context.CancelFunc
}

// start puts a job at the end of those that wait. While one is under way that
// takes long, it is refused: the answer would come when nobody thinks of the
// question any more.
func (m *model) start(j *job) tea.Cmd {
	if len(m.jobs) > 0 && m.jobs[0].long {
		m.fail(errors.New("still " + m.jobs[0].what + "; try again after that, or stop it with Esc in the list"))
		return nil
	}
	m.jobs = append(m.jobs, j)
	if len(m.jobs) > 1 {
		return nil
	}
	return m.next()
}

// next begins the first of the jobs.
func (m *model) next() tea.Cmd {
	j := m.jobs[0]
	ctx, stop := context.WithCancel(m.ctx)
	j.stop = stop
	if j.quick || j.long {
		m.going = j.what + "…"
	}
	return func() tea.Msg {
		defer stop()
		m.told = time.Now()
		then, err := j.do(ctx)
		return doneMsg{j, then, err}
	}
}

// quick reports whether keys have to wait.
func (m *model) quick() bool {
	return slices.ContainsFunc(m.jobs, func(j *job) bool { return j.quick })
}

// done takes what a job brought, and begins the next.
func (m *model) done(d doneMsg) tea.Cmd {
	m.jobs, m.going = m.jobs[1:], ""
	var cmds []tea.Cmd
	if len(m.jobs) > 0 {
		cmds = append(cmds, m.next())
	}
	switch {
	case d.err != nil:
		m.fail(d.err)
		if d.job.failed != nil {
			cmds = append(cmds, d.job.failed(m))
		}
	case d.then != nil:
		cmds = append(cmds, d.then(m))
	}
	for len(m.typed) > 0 && !m.quick() && !m.over {
		k := m.typed[0]
		m.typed = m.typed[1:]
		cmds = append(cmds, m.press(k))
	}
	return tea.Batch(cmds...)
}

// load reads the inbox, at the start or after the screen was locked.
func (m *model) load() tea.Cmd {
	return m.start(&job{
		what: "opening", quick: true,
		do: func(ctx context.Context) (func(*model) tea.Cmd, error) {
			me, err := m.work.self()
			if err != nil {
				return nil, err
			}
			b, err := m.work.inbox(ctx, m.tell)
			if err != nil {
				return nil, err
			}
			return func(m *model) tea.Cmd {
				m.me = me
				m.panes = []pane{&listPane{}}
				m.take(b)
				m.say("? shows the keys")
				return m.link()
			}, nil
		},
		failed: func(m *model) tea.Cmd {
			m.panes = []pane{newLockPane()}
			return nil
		},
	})
}

// refresh reads the inbox again, after something changed, and goes on with then,
// which may be nil.
func (m *model) refresh(then func(*model) tea.Cmd) tea.Cmd {
	if m.inbox == nil {
		return nil
	}
	return m.start(&job{
		what: "opening",
		do: func(ctx context.Context) (func(*model) tea.Cmd, error) {
			b, err := m.work.inbox(ctx, m.tell)
			if err != nil {
				return nil, err
			}
			return func(m *model) tea.Cmd {
				m.take(b)
				if then == nil || m.inbox == nil {
					return nil
				}
				return then(m)
			}, nil
		},
	})
}

// take shows another inbox, unless the screen was locked meanwhile: then it
// holds none.
func (m *model) take(b *triage.Inbox) {
	if l, ok := m.panes[0].(*listPane); ok {
		m.inbox = b
		l.search(m)
	}
}

// lock drops keys and texts, from the screen at once and from the home when
// nothing works on it any more.
func (m *model) lock() tea.Cmd {
	m.inbox, m.links, m.panes = nil, nil, []pane{newLockPane()}
	m.jobs = append(m.jobs, &job{
		what: "locking", quick: true,
		do: func(context.Context) (func(*model) tea.Cmd, error) {
			m.linking.Wait() // it reads what is forgotten
			m.work.Home.Forget()
			return func(m *model) tea.Cmd {
				m.say("locked: keys and texts are forgotten")
				return nil
			}, nil
		},
	})
	if len(m.jobs) > 1 {
		m.jobs[0].stop()
		return nil
	}
	return m.next()
}
