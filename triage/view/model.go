package view

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"tocsin/triage"
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

// closeCase takes away all that shows a case.
func (m *model) closeCase(id string) {
	m.panes = slices.DeleteFunc(m.panes, func(p pane) bool {
		t, ok := p.(*textPane)
		return ok && t.id == id
	})
}

func (m *model) say(s string) { m.status, m.wrong = s, false }

func (m *model) fail(err error) { m.status, m.wrong = keyed(told(err)), true }

// tell shows how far the job under way is.
func (m *model) tell(s string) { m.send(progressMsg(s)) }

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
