package view

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"tocsin/triage"
	"tocsin/triage/screen"
)

// The smallest terminal that is drawn on.
const (
	minWidth  = 80
	minHeight = 24
)

// A model is what is on the screen. Panes lie on each other; the last is seen
// and gets the keys.
type model struct {
	work *work
	send func(tea.Msg) // to itself, from a job
	ctx  context.Context

	size  area
	panes []pane
	inbox *triage.Inbox // nil while locked
	links *linked       // what its cases have in common; nil until that is known
	me    string

	linking sync.WaitGroup // what finds links

	jobs  []*job    // the first is under way
	typed []tea.Msg // keys that wait for a quick job
	told  time.Time // when the job under way last told how far it is; the job's

	status string // what the last key did
	wrong  bool   // it did not, and this is why
	going  string // what is under way, shown instead
	over   bool   // nothing is to be shown any more
}

// An area is what a pane draws on.
type area struct {
	w, h int
	cells
}

// A pane is what fills the screen between the title and the status.
type pane interface {
	// title is one line: what this is.
	title(m *model) string
	// draw returns at most a.h lines of at most a.w cells, cleaned and styled,
	// and where the cursor stands, or -1, -1.
	draw(m *model, a area) (lines []string, x, y int)
	// key takes a key, or pasted text.
	key(m *model, k key) tea.Cmd
	// hint names the keys.
	hint() string
}

// A key is a keystroke, or text that was typed or pasted.
type key struct {
	name string // "enter", "ctrl+s", "a"
	text string
}

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

// What a job sends to the model.
type (
	doneMsg struct {
		job  *job
		then func(*model) tea.Cmd
		err  error
	}
	progressMsg string
	askMsg      struct {
		prompt string
		answer chan<- string // closed for none
	}
)

// What others send.
type (
	minuteMsg struct{} // a minute has passed
	endMsg    struct{} // the program is to end at once
)

func newModel(ctx context.Context, o Options) *model {
	m := &model{ctx: ctx, work: &work{Options: o}, size: area{w: minWidth, h: minHeight}}
	m.panes = []pane{&listPane{}}
	return m
}

// Init reads the inbox.
func (m *model) Init() tea.Cmd { return m.load() }

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

// list is the pane at the bottom, if the screen is not locked.
func (m *model) list() *listPane {
	if l, ok := m.panes[0].(*listPane); ok {
		return l
	}
	return &listPane{}
}

func (m *model) top() pane { return m.panes[len(m.panes)-1] }

func (m *model) push(p pane) { m.panes = append(m.panes, p) }

// close takes one pane away, wherever it lies.
func (m *model) close(p pane) {
	if i := slices.Index(m.panes, p); i > 0 {
		m.panes = slices.Delete(m.panes, i, i+1)
	}
}

func (m *model) say(s string) { m.status, m.wrong = s, false }

func (m *model) fail(err error) { m.status, m.wrong = told(err), true }

// tell shows how far the job under way is.
func (m *model) tell(s string) { m.send(progressMsg(s)) }

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

// Update takes a message.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	return m, m.update(msg)
}

func (m *model) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.size.w, m.size.h = msg.Width, msg.Height
	case tea.ModeReportMsg:
		// The library measures so from here on, see its mode 2027.
		if msg.Mode == ansi.ModeUnicodeCore && (msg.Value == ansi.ModeReset || msg.Value == ansi.ModeSet || msg.Value == ansi.ModePermanentlySet) {
			m.size.method = ansi.GraphemeWidth
		}
	case tea.KeyPressMsg, tea.PasteMsg:
		return m.press(msg)
	case doneMsg:
		return m.done(msg)
	case progressMsg:
		if len(m.jobs) > 0 {
			m.going = m.jobs[0].what + ": " + string(msg)
		}
	case askMsg:
		m.push(newSecretPane(msg))
	case linkedMsg:
		if m.inbox != nil {
			m.links = msg.links
		}
	case minuteMsg:
		if m.inbox != nil {
			m.list().search(m)
		}
	case endMsg:
		return m.end()
	}
	return nil
}

// maxTyped is how many keys wait for a quick job.
const maxTyped = 1000

// press takes a key.
func (m *model) press(msg tea.Msg) tea.Cmd {
	var k key
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		k = key{msg.String(), msg.Key().Text}
	case tea.PasteMsg:
		k = key{text: msg.Content}
	}
	if k.name == "ctrl+c" {
		return m.leave()
	}
	if m.small() {
		return nil
	}
	if _, asked := m.top().(*secretPane); m.quick() && !asked {
		if k.name == "esc" {
			m.jobs[0].stop()
		} else if len(m.typed) < maxTyped {
			m.typed = append(m.typed, msg)
		}
		return nil
	}
	m.say("")
	return m.top().key(m, k)
}

// leave ends the program, unless typed text would be lost: then it asks.
func (m *model) leave() tea.Cmd {
	for _, p := range m.panes {
		if e, ok := p.(*editPane); ok && !e.empty() && !m.asking() {
			m.push(&confirmPane{
				what: "There is text that was neither sent nor saved. Leave and lose it?",
				yes:  func(m *model) tea.Cmd { return m.end() },
			})
			return nil
		}
	}
	return m.end()
}

func (m *model) asking() bool {
	_, ok := m.top().(*confirmPane)
	return ok
}

// end empties the screen and ends the program.
func (m *model) end() tea.Cmd {
	m.over = true
	for _, j := range m.jobs {
		if j.stop != nil {
			j.stop()
		}
	}
	return tea.Quit
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

func (m *model) small() bool { return m.size.w < minWidth || m.size.h < minHeight }

// View draws.
func (m *model) View() tea.View {
	v := tea.NewView("")
	v.AltScreen = true
	switch {
	case m.over:
		v.SetContent(" ") // what is left on a terminal without an alternate screen
	case m.small():
		v.SetContent(strings.Join(m.size.wrap("This view needs 80 by 24 characters. Please make the window larger, or leave with Ctrl-C and type: triage --plain", max(1, m.size.w)), "\n"))
	default:
		p, a := m.top(), m.size
		said := m.said()
		a.h -= 2 + len(said)
		lines, x, y := p.draw(m, a)
		for len(lines) < a.h {
			lines = append(lines, "")
		}
		all := slices.Concat(
			[]string{styled(reverse, a.line(p.title(m), a.w))}, lines[:a.h],
			said, []string{styled(faint, a.line(p.hint(), a.w))},
		)
		v.SetContent(strings.Join(all, "\n"))
		if x >= 0 {
			v.Cursor = tea.NewCursor(min(x, a.w-1), y+1)
		}
	}
	return v
}

// said is the status: one line, or some more if something went wrong and what
// to do about it is long to tell.
func (m *model) said() []string {
	switch {
	case m.going != "":
		return []string{m.size.line(m.going, m.size.w)}
	case !m.wrong:
		return []string{m.size.line(m.status, m.size.w)}
	}
	lines := m.size.wrap("! "+m.status, m.size.w)
	lines = lines[:min(len(lines), 5)]
	for i := range lines {
		lines[i] = styled(alarm, lines[i])
	}
	return lines
}

// typedText returns what of s may stand in a text that a person writes: no
// character that acts on a terminal, and the joiners that some scripts need.
func typedText(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\u200c' || r == '\u200d' || r == '\ufe0f':
			return r
		case r == '\n' || screen.Text(string(r)) == "\n":
			return '\n'
		case r == '\t':
			return ' '
		case screen.Text(string(r)) != string(r):
			return -1
		}
		return r
	}, s)
}
