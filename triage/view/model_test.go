package view

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"tocsin/ledger"
	"tocsin/triage"
)

// A hand presses keys and looks at each screen that comes. What the model
// starts is done before the next key.
type hand struct {
	t    testing.TB
	m    *model
	quit bool
	seen string // the last screen, without its styles
}

func newHand(t testing.TB, o Options) *hand {
	t.Helper()
	h := &hand{t: t, m: newModel(t.Context(), o)}
	h.m.send = func(tea.Msg) {} // how far a job is
	h.do(h.m.Init())
	h.look()
	return h
}

func (h *hand) do(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case tea.BatchMsg:
		for _, c := range msg {
			h.do(c)
		}
	case tea.QuitMsg:
		h.quit = true
	case nil:
	default:
		h.send(msg)
	}
}

func (h *hand) send(msg tea.Msg) {
	h.t.Helper()
	h.do(h.m.update(msg))
	h.look()
}

// press presses keys by their names; what is no name is typed.
func (h *hand) press(keys ...string) {
	h.t.Helper()
	for _, k := range keys {
		if code, ok := map[string]rune{
			"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown, "home": tea.KeyHome, "end": tea.KeyEnd,
			"pgdown": tea.KeyPgDown, "pgup": tea.KeyPgUp, "left": tea.KeyLeft, "right": tea.KeyRight,
			"backspace": tea.KeyBackspace, "delete": tea.KeyDelete,
		}[k]; ok {
			h.send(tea.KeyPressMsg{Code: code})
			continue
		}
		if name, ok := strings.CutPrefix(k, "ctrl+"); ok {
			h.send(tea.KeyPressMsg{Code: rune(name[0]), Mod: tea.ModCtrl})
			continue
		}
		for _, r := range k {
			code := r
			if r == ' ' {
				code = tea.KeySpace
			}
			h.send(tea.KeyPressMsg{Code: code, Text: string(r)})
		}
	}
}

// styles are the sequences that the view makes itself.
var styles = regexp.MustCompile(`\x1b\[(|1|2|7|1;31)m`)

// look holds the screen to what is promised of each.
func (h *hand) look() {
	h.t.Helper()
	v := h.m.View()
	h.seen = styles.ReplaceAllString(v.Content, "")
	if !v.AltScreen {
		h.t.Fatal("not on the alternate screen")
	}
	if v.WindowTitle != "" {
		h.t.Fatal("the window has a title")
	}
	mustBeHarmless(h.t, h.seen)
	if h.m.over {
		return
	}
	lines := strings.Split(h.seen, "\n")
	if len(lines) != h.m.size.h && !h.m.small() {
		h.t.Fatalf("%d lines:\n%s", len(lines), h.seen)
	}
	for _, line := range lines {
		if n := h.m.size.method.StringWidth(line); n > h.m.size.w {
			h.t.Fatalf("%d cells: %q", n, line)
		}
	}
	if c := v.Cursor; c != nil && (c.X < 0 || c.Y < 0 || c.X >= h.m.size.w || c.Y >= h.m.size.h) {
		h.t.Fatalf("the cursor is at %d,%d", c.X, c.Y)
	}
}

// mustBeHarmless fails for every character that acts on a terminal or hides.
func mustBeHarmless(t testing.TB, s string) {
	t.Helper()
	for _, r := range s {
		if r != '\n' && (unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp, unicode.Variation_Selector)) {
			t.Fatalf("%U reaches the terminal in %q", r, s)
		}
	}
}

func (h *hand) sees(texts ...string) {
	h.t.Helper()
	for _, s := range texts {
		if !strings.Contains(h.seen, s) {
			h.t.Fatalf("%q is not on the screen:\n%s", s, h.seen)
		}
	}
}

func (h *hand) seesNot(texts ...string) {
	h.t.Helper()
	for _, s := range texts {
		if strings.Contains(h.seen, s) {
			h.t.Fatalf("%q is on the screen:\n%s", s, h.seen)
		}
	}
}

// shows reports whether a text that a case worker could look for is there.
func (h *hand) shows(s string) bool { return strings.Contains(h.seen, s) }

// TestHostileTextOnTheScreen takes each text through all that the view shows of
// a report, and of what else came from elsewhere; look judges each screen.
func TestHostileTextOnTheScreen(t *testing.T) {
	s := newStation(t)
	texts := corpus(t)
	for _, text := range texts {
		s.tell(text, map[string]string{"danger.now": "yes", "where.country": "TH"})
	}
	s.pull()
	for _, method := range []ansi.Method{ansi.WcWidth, ansi.GraphemeWidth} {
		h := newHand(t, s.options())
		h.m.size.method = method
		h.press("/", "mark", "enter")
		for i := range h.m.list().rows {
			if i > 0 {
				h.press("down")
			}
			h.press("enter")
			if !h.shows("Seen") {
				t.Fatalf("no case:\n%s", h.seen)
			}
			h.press("pgdown", "pgdown", "end", "f", "esc", "p", "pgdown", "enter", "esc", "esc", "esc")
		}
		h.send(tea.WindowSizeMsg{Width: 133, Height: 40})
		for range h.m.list().rows {
			h.press("up", "enter", "esc")
		}
		h.send(tea.WindowSizeMsg{Width: 80, Height: 24})
		for name, text := range texts {
			h.m.fail(fmt.Errorf("%s: %s", name, text))
			h.look()
			h.m.say(text)
			h.look()
			h.m.jobs = []*job{{what: text}}
			h.send(progressMsg(text))
			h.m.jobs = nil
			h.m.going = ""
			h.send(askMsg{text, make(chan string, 1)})
			h.press("esc", "/")
			h.send(tea.PasteMsg{Content: text})
			h.press("left", "left", "x", "esc", "n")
			h.send(tea.PasteMsg{Content: text})
			h.press("up", "home", "right", "x", "end", "backspace", "delete", "esc", "y")
			h.press("m")
			h.send(tea.PasteMsg{Content: text})
			h.press("enter")
			if _, ok := h.m.top().(*editPane); !ok {
				h.press("m")
			}
			for len(h.m.panes) > 1 {
				h.press("esc", "y")
			}
			h.m.push(&choosePane{name: text, help: text, choices: []choice{{text, text, true}}, several: true})
			h.m.push(&confirmPane{what: text})
			h.look()
			h.press("n")
			h.press("esc")
		}
	}
}

// A report's text stands in no place and in no style of a heading.
func TestTextDoesNotStandAsAHeading(t *testing.T) {
	s := newStation(t)
	s.tell("a\nURGENT: b\nDO NOT REPLY: c\n"+strings.Repeat("x", 300)+"URGENT", nil)
	s.pull()
	h := newHand(t, s.options())
	h.press("enter")
	for range 5 {
		for line := range strings.Lines(h.m.View().Content) {
			if strings.Contains(line, "\x1b[1;31m URGENT") || strings.Contains(line, "\x1b[1;31m DO NOT") || strings.Contains(line, "\x1b[1m xx") {
				t.Errorf("stands out: %q", line)
			}
		}
		h.press("pgdown")
	}
}

func TestTheDayOnTheScreen(t *testing.T) {
	s := newStation(t)
	id := s.tell("MARK-SEEN the first", map[string]string{"where.country": "KH"}).String()
	h := newHand(t, s.options())
	h.sees("No case yet")
	h.press("g")
	h.sees("1 case: 1 open", "> "+id[:8], "KH", "NEWS", "MARK-SEEN the first")
	h.press("enter")
	h.sees("case "+id+", received", "What happened")
	h.press("n", "a note")
	h.press("enter", "of two lines", "ctrl+s")
	h.sees("the note is sealed and queued for push")
	h.press("a")
	h.sees("assigned to alice, queued for push")
	h.press("a")
	h.sees("the case says so already")
	h.press("A", "down")
	h.sees("> worker-1")
	h.press("enter")
	h.sees("assigned to worker-1")
	h.press("m", "one two", "enter")
	h.sees("marks changed")
	h.press("m", "-one", "enter", "p", "enter")
	h.sees("Hand over case "+id, "[ ] police")
	h.press("enter")
	h.sees("nothing is chosen")
	h.press(" ", "enter")
	h.sees("Hand case " + id + " over to police?")
	h.press("n")
	h.sees("[x] police")
	h.press("down", "down", " ", "enter")
	h.sees("say why. It leaves")
	h.press("enter")
	h.sees("nothing was typed yet")
	h.press("because", "enter")
	h.sees("Reason: because")
	h.press("y")
	h.sees("sealed for police, justice into the outbox")
	h.press("r", "which flight", "esc", "n", "?", "ctrl+s")
	h.sees("the reply is sealed and queued for push")
	c, err := s.home.Find(id)
	ok(t, err)
	shown, err := s.home.Show(c)
	ok(t, err)
	if shown.Desk.Assigned != "worker-1" || fmt.Sprint(shown.Desk.Marks) != "[two]" || shown.Desk.Notes[0].Text != "a note\nof two lines" ||
		len(shown.HandedOver) != 2 || shown.Messages[len(shown.Messages)-1].Text != "which flight?" {
		t.Errorf("%+v", shown)
	}
	h.press("esc")
	h.sees("handed", "worker-1", "1 to push")
	h.press("P")
	h.sees("delivered: 10 events")
	if queue, err := s.home.Queue(); err != nil || len(queue) != 0 {
		t.Errorf("%d are queued: %v", len(queue), err)
	}
	h.press("q")
	if !h.quit || strings.TrimSpace(h.seen) != "" {
		t.Errorf("after quitting: %v %q", h.quit, h.seen)
	}
}

// The keys that need the network work in an open case, which shows what came of
// it, and is shown no more once it is destroyed.
func TestNetworkInAnOpenCase(t *testing.T) {
	s := newStation(t)
	id := s.tell("MARK-SEEN", nil).String()
	s.pull()
	h := newHand(t, s.options())
	h.press("enter", "D")
	h.sees("no bag is due to be delivered", "case "+id)
	h.press("n", "MARK-NOTE", "ctrl+s", "end")
	h.sees("MARK-NOTE", "queued: type triage push")
	h.press("P")
	h.sees("delivered: 2 events", "case "+id, "MARK-NOTE")
	h.seesNot("queued: type triage push")
	h.press("X", "down", "enter", "y", "P")
	h.sees("delivered: 1 event", "case "+id)
	s.colleague(s.org.Purge, id, ledger.RuleRequest)
	h.press("g")
	h.sees("was purged", "CASE     STATE")
	h.seesNot("MARK-SEEN", "MARK-NOTE")
	s.tell("another", nil)
	h.press("g", "enter", "L")
	h.sees("Passphrase")
}

// What was typed is there until it is sealed.
func TestNothingTypedIsLost(t *testing.T) {
	s := newStation(t)
	s.tell("a tip", nil)
	s.pull()
	h := newHand(t, s.options())
	other := &triage.Home{Dir: s.home.Dir, Now: s.home.Now}
	ok(t, other.Lock())
	h.press("r", "MARK-TYPED", "ctrl+s")
	h.sees("another triage is at work here", "MARK-TYPED")
	h.press("ctrl+c")
	h.sees("neither sent nor saved")
	h.press("n")
	h.sees("MARK-TYPED")
	other.Unlock()
	h.press("ctrl+s")
	h.sees("the reply is sealed")
	h.seesNot("MARK-TYPED")
	h.press("n", "x", "esc", "y")
	h.sees("thrown away")
	h.press("n", "x", "ctrl+c", "ctrl+c")
	if !h.quit {
		t.Error("a second Ctrl-C does not quit")
	}
}

// Locked, the model holds nothing of a case.
func TestLockForgets(t *testing.T) {
	s := newStation(t)
	s.tell("MARK-SEEN", nil)
	s.pull()
	h := newHand(t, s.options())
	h.press("enter", "esc", "/", "mark", "enter", "L")
	h.sees("locked")
	h.seesNot("MARK", "mark", "alice")
	if h.m.inbox != nil || strings.Contains(fmt.Sprintf("%+v", h.m.panes[0]), "MARK") {
		t.Error("the model still holds it")
	}
	h.press("j", "n", "backspace", "backspace", "enter")
	h.sees("MARK-SEEN")
}

// Also while something works on the home: it is stopped, and what it brings is
// not taken.
func TestLockWhileAtWork(t *testing.T) {
	s := newStation(t)
	s.tell("MARK-SEEN", nil)
	s.pull()
	for _, start := range []func(*model) tea.Cmd{
		func(m *model) tea.Cmd { return m.refresh((*model).link) },
		func(m *model) tea.Cmd { return m.network("pulling", m.work.pull) },
	} {
		h := newHand(t, s.options())
		atWork := start(h.m)
		h.press("L")
		h.sees("locked")
		h.seesNot("MARK", "alice")
		h.do(atWork)
		h.sees("locked: keys and texts are forgotten", "Passphrase (Enter alone")
		if h.m.inbox != nil || h.m.links != nil || len(h.m.jobs) > 0 || len(h.m.panes) != 1 {
			t.Errorf("the model still holds %+v", h.m)
		}
		h.press("enter")
		h.sees("MARK-SEEN")
	}
}

// While keys wait for a job, they are done in their order after it; what takes
// long lets others through, and refuses.
func TestKeysWait(t *testing.T) {
	s := newStation(t)
	s.tell("a tip", nil)
	s.pull()
	h := newHand(t, s.options())
	var slow []tea.Cmd
	slow = append(slow, h.m.update(tea.KeyPressMsg{Code: tea.KeyEnter}))
	for _, r := range "nhello" {
		slow = append(slow, h.m.update(tea.KeyPressMsg{Code: r, Text: string(r)}))
	}
	for _, cmd := range slow {
		h.do(cmd)
	}
	h.sees("Note in case", "hello")
	h.press("esc", "y", "esc")
	h.m.jobs = []*job{{what: "pulling", long: true, stop: func() { h.m.say("stopped it") }}}
	h.press("down", "enter")
	h.sees("still pulling")
	h.press("esc")
	h.sees("stopped it")
}

func TestSmallTerminals(t *testing.T) {
	s := newStation(t)
	h := newHand(t, s.options())
	for _, size := range [][2]int{{79, 24}, {80, 23}, {20, 3}, {1, 1}} {
		h.send(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		if size[0] > 70 {
			h.sees("80 by 24", "triage --plain")
		}
		h.press("n", "q")
		if h.quit {
			t.Fatal("a key that nobody saw a meaning of quit it")
		}
	}
	h.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	h.sees("No case yet")
}

func TestHintsFit(t *testing.T) {
	for _, p := range []pane{
		&listPane{}, &listPane{typing: true}, &textPane{id: "x"}, &textPane{enter: func(*model) tea.Cmd { return nil }, does: "choose to whom it goes"},
		&choosePane{}, &choosePane{several: true}, &confirmPane{}, newLockPane(), newSecretPane(askMsg{}), &editPane{several: true, verb: "send"},
	} {
		if n := len(p.hint()); n > minWidth {
			t.Errorf("%d cells: %s", n, p.hint())
		}
	}
}

// The home on the disk holds nothing that was shown or typed.
func TestNothingOnTheDisk(t *testing.T) {
	s := newStation(t)
	s.tell("MARK-SEEN", nil)
	s.pull()
	h := newHand(t, s.options())
	h.press("enter", "n", "MARK-NOTE", "ctrl+s", "r", "MARK-REPLY")
	ok(t, filepath.WalkDir(s.home.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), "MARK-") {
			t.Errorf("%s", path)
		}
		return err
	}))
}

// What cases have in common is said in the list, and why on a screen of its own.
func TestLinksAreShown(t *testing.T) {
	s := newStation(t)
	for _, plate := range []string{"1-ABC-234", "1 abc 234", "9-XYZ-999"} {
		s.tell("a car", map[string]string{"suspect.plate": plate, "where.city": "", "where.place": ""})
	}
	s.pull()
	h := newHand(t, s.options())
	if n := strings.Count(h.seen, "LINKED 1"); n < 2 {
		t.Fatalf("%d cases are linked:\n%s", n, h.seen)
	}
	for range 3 {
		h.press("l")
		if strings.Contains(h.seen, "has in common with another") {
			h.press("esc", "down")
			continue
		}
		h.sees("here:   1", "there:  1")
		h.press("esc", "L", "enter")
		h.sees("LINKED 1")
		mustSay(t, dialogue(t, s.options(), "2", "links", "1", "links", "3", "links"), "LINKED 1", "there:  1")
		return
	}
	t.Error("no case shows its link")
}
