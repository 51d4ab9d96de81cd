package view

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"tocsin/triage"
)

// A listPane is the inbox.
type listPane struct {
	rows   []triage.Summary
	sum    string // how many they are
	at     int    // the row that is chosen
	first  int    // the row at the top
	query  field
	typing bool   // the query gets the keys
	bad    string // why the query finds nothing new
}

// search fills the rows anew and stays at the same case. Without a query, what
// was purged or withdrawn is left out, as triage list does.
func (l *listPane) search(m *model) {
	if m.inbox == nil {
		l.rows = nil
		return
	}
	q, err := triage.ParseQuery(l.query.text)
	l.bad = ""
	if err != nil {
		l.bad = told(err)
		return
	}
	before := ""
	if s := l.chosen(); s != nil {
		before = s.ID
	}
	all := l.query.text != ""
	l.rows = l.rows[:0]
	for _, s := range m.inbox.Search(q) {
		if all || s.Purged == "" && !s.Withdrawn {
			l.rows = append(l.rows, s)
		}
	}
	l.sum = l.counted()
	l.at = min(l.at, max(0, len(l.rows)-1))
	for i := range l.rows {
		if l.rows[i].ID == before {
			l.at = i
		}
	}
}

// chosen is the case at which the list stands, nil if there is none.
func (l *listPane) chosen() *triage.Summary {
	if l.at < len(l.rows) {
		return &l.rows[l.at]
	}
	return nil
}

func (l *listPane) title(m *model) string {
	if m.inbox == nil {
		return " Tocsin"
	}
	return " Tocsin  " + m.me + "  " + l.sum
}

// counted says how many cases the list has, and how many of them wait.
func (l *listPane) counted() string {
	open, overdue, push := 0, 0, 0
	for i := range l.rows {
		s := &l.rows[i]
		if s.Open() {
			open++
			if s.HoursLeft < 0 {
				overdue++
			}
		}
		if s.Queued {
			push++
		}
	}
	t := fmt.Sprintf("%s: %d open, %d OVERDUE", count(len(l.rows), "case"), open, overdue)
	if push > 0 {
		t += fmt.Sprintf(", %d to push", push)
	}
	return t
}

func (l *listPane) hint() string {
	if l.typing {
		return "Enter keep it  Esc end it    words, or country:TH state:overdue danger:yes"
	}
	return "Enter open  / search  a take  p propose  r reply  g pull  P push  ? keys  q quit"
}

// draw draws the search, the cases, and all of the one that is chosen.
func (l *listPane) draw(m *model, a area) ([]string, int, int) {
	x, y := -1, -1
	find := "Search: "
	var head string
	switch {
	case l.typing:
		var at int
		head, at = l.query.draw(a, len(find), a.w)
		head, x, y = find+head, at, 0
	case l.query.text != "":
		head = a.line(find+l.query.text+"   (/ changes it, Esc ends it)", a.w)
	default:
		head = a.line("", a.w)
	}
	lines := []string{head, styled(bold, header(a))}
	room := a.h - len(lines) - 5
	l.first = min(max(l.first, l.at-room+1), l.at)
	for i := l.first; i < min(l.first+room, len(l.rows)); i++ {
		lines = append(lines, drawRow(a, &l.rows[i], m.links.with(l.rows[i].ID), i == l.at))
	}
	if len(l.rows) == 0 && m.inbox != nil {
		said := "  No case yet. g pulls what is new."
		if l.query.text != "" {
			said = "  No case has all of that."
		}
		lines = append(lines, "", a.line(said, a.w))
	}
	for len(lines) < a.h-5 {
		lines = append(lines, "")
	}
	lines = append(lines, strings.Repeat("-", a.w))
	if l.bad != "" {
		return append(lines, styled(alarm, a.line("! "+l.bad, a.w))), x, y
	}
	if s := l.chosen(); s != nil {
		for _, part := range whole(s, m.links.with(s.ID)) {
			lines = append(lines, a.wrap(part, a.w)...)
		}
	}
	return lines[:min(len(lines), a.h)], x, y
}

// columns are the widths of a row's columns but the last, which has the rest:
// what can't wait, and what was told.
func (a area) columns() (state, category, assigned int) {
	if a.w < 120 {
		return 8, 12, 8
	}
	return 12, 28, 12
}

// columnsOf lays a row out.
func columnsOf(a area, mark, id, state, left, country, category, assigned, what string) string {
	s, c, n := a.columns()
	row := mark + a.line(id, 8) + " " + a.line(state, s) + " " + a.line(left, 7) + " " +
		a.line(country, 2) + " " + a.line(category, c) + " " + a.line(assigned, n) + " "
	return row + a.line(what, a.w-a.method.StringWidth(row))
}

func header(a area) string {
	return columnsOf(a, "  ", "CASE", "STATE", "LEFT", "IN", "CATEGORY", "ASSIGNED", "WHAT")
}

func drawRow(a area, s *triage.Summary, links int, chosen bool) string {
	mark := "  "
	if chosen {
		mark = "> "
	}
	what := strings.Join(append(signs(s, links), place(s)), "  ")
	state := s.State
	if n, _, _ := a.columns(); len(state) > n {
		state = shortStates[state]
	}
	text := columnsOf(a, mark, s.ID[:8], state, clock(s), s.Country, category(s), s.Assigned, what)
	switch {
	case chosen:
		return styled(reverse, text)
	case s.Problem != "" || s.Altered || s.Open() && (s.Danger || s.HoursLeft < 0):
		return styled(alarm, text)
	case !s.Open() && !s.Unheard:
		return styled(faint, text)
	}
	return text
}

// shortStates are the states that are too long for a narrow column.
var shortStates = map[string]string{
	triage.StateHandedOver:   "handed",
	triage.StateAcknowledged: "acknowl.",
	triage.StateWithdrawn:    "withdr.",
}

func (l *listPane) key(m *model, k key) tea.Cmd {
	if l.typing && l.move(m, k.name) {
		return nil
	}
	if l.typing {
		switch k.name {
		case "enter":
			l.typing = false
		case "esc":
			l.typing, l.query = false, field{}
			l.search(m)
		default:
			if l.query.key(m.size.cells, k) {
				l.search(m)
			}
		}
		return nil
	}
	if l.move(m, k.name) {
		return nil
	}
	switch k.name {
	case "home":
		l.at = 0
	case "end":
		l.at = max(0, len(l.rows)-1)
	case "/":
		l.typing = true
	case "esc":
		if len(m.jobs) > 0 && m.jobs[0].stop != nil {
			m.jobs[0].stop()
		} else if l.query.text != "" {
			l.query = field{}
			l.search(m)
		}
	case "q":
		return m.leave()
	case "enter":
		if s := l.chosen(); s != nil {
			return m.open(s.ID)
		}
	default:
		id := ""
		if s := l.chosen(); s != nil {
			id = s.ID
		}
		return m.act(k.name, id)
	}
	return nil
}

// move goes to another row, and reports whether the key says so.
func (l *listPane) move(m *model, name string) bool {
	page := max(1, m.size.h-10)
	by, ok := map[string]int{"up": -1, "down": 1, "pgup": -page, "pgdown": page}[name]
	if !ok && !l.typing {
		by, ok = map[string]int{"k": -1, "j": 1}[name]
	}
	if ok {
		l.at = max(0, min(l.at+by, len(l.rows)-1))
	}
	return ok
}

// keys is the help of the view.
const keys = `In the list and in an open case
  a    assign the case to yourself        A    to somebody of the roster
  n    write a note that case workers read, and no witness
  m    put marks on the case, or take them off
  p    what the rules propose, and why; from there, hand it over
  r    reply to the witness
  t    tell the witness, in general terms, to whom it was handed (--tell)
  h    hold the case: nobody may purge it    H    release it
  X    propose to purge the case, or sign as the last one, under a rule
  f    list the files; none is opened here
  l    what the case has in common with others, and why (triage links)
  g    get what is new from the desk (triage pull)
  P    deliver what you did to the desk (triage push)
  D    bring the sealed bags that are due to their destinations, where the
       roster says mail or command (triage deliver)
       The network is used by these three and by nothing else.
  L    lock: forget keys and texts, until the passphrase is typed
  ?    this help

In the list
  Up Down PgUp PgDn Home End, or j k   choose a case
  Enter   open the case: all that was told, and done. The first time, the
          signed note that it was read is queued, as triage show does
  /    search while you type: words, or filters such as
       country:TH  state:open  state:overdue  assigned:NAME  mark:NAME
       danger:yes  departure:yes  news:yes  day:2026-03  category:CODE
  Esc  end the search, or stop a pull, push or delivery
  q    quit

In an open case
  Up Down PgUp PgDn Home End   scroll        Esc or q   back to the list

Where text is written
  Ctrl-S   send or save it        Esc   leave it; asks if there is any
  Enter    begin a new line       arrows, Home, End   move

Everywhere
  Ctrl-C   quit

The list has what can't be read first, then a child in danger, then an imminent
departure, then what nobody was told of by its deadline, then news in what was
handed over. IN is the country. LEFT is the hours left of the time in which somebody must be told.
WHAT begins with what can't wait: DANGER (a child is in danger now), DEPARTURE
(one is imminent), NEWS (the witness wrote last), ALTERED (the record was
changed: do not reply), UNREADABLE, LINKED (with how many cases it has
something in common); then the marks.

Nothing leaves this machine before P or D. What was done stays queued, also after
quitting. If the program was killed and the terminal is in disorder, type:
reset`
