package view

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"tocsin/report"
	"tocsin/triage"
	"tocsin/triage/screen"
)

// Plain is the view as a dialogue: it asks with a prompt, a person types one
// line, and lines come back. It writes no escape sequence and moves no cursor,
// so that a screen reader reads it as it comes. The home asks for its
// passphrase as it does for every verb. It ends with the command quit, with in,
// or with ctx.
func Plain(ctx context.Context, in io.Reader, out io.Writer, o Options) error {
	p := &plain{ctx: ctx, work: &work{Options: o}, in: lines(in), out: bufio.NewWriter(out)}
	reading := o.Home.Reading
	defer func() { o.Home.Reading = reading }()
	return p.run()
}

// A plain dialogue.
type plain struct {
	ctx  context.Context
	work *work
	in   <-chan string
	out  *bufio.Writer

	inbox *triage.Inbox // nil while locked
	links *linked       // what its cases have in common
	query string
	rows  []triage.Summary
	next  int    // the first row that was not listed yet
	id    string // of the case that is open, or empty
	me    string
}

// maxLine is the longest line that is taken, in bytes.
const maxLine = 1 << 20

// lines reads lines until in ends or one is too long.
func lines(in io.Reader) <-chan string {
	c := make(chan string)
	go func() {
		defer close(c)
		s := bufio.NewScanner(in)
		s.Buffer(nil, maxLine)
		for s.Scan() {
			c <- s.Text()
		}
	}()
	return c
}

var errQuit = errors.New("quit")

// say writes lines; what is put into them is cleaned.
func (p *plain) say(format string, args ...any) {
	for line := range strings.SplitSeq(clean(fmt.Sprintf(format, args...)), "\n") {
		p.out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// ask prompts for a line.
func (p *plain) ask(prompt string) (string, error) {
	p.out.WriteString(prompt + "> ")
	if err := p.out.Flush(); err != nil {
		return "", err
	}
	select {
	case line, ok := <-p.in:
		if !ok {
			return "", errQuit
		}
		return line, nil
	case <-p.ctx.Done():
		return "", ErrEnded
	}
}

func (p *plain) run() error {
	p.say("Tocsin. Type help for the commands, quit to leave.")
	if err := p.reload(); err != nil {
		return err
	}
	p.list()
	for {
		prompt := "list"
		switch {
		case p.inbox == nil:
			prompt = "locked"
		case p.id != "":
			prompt = "case " + p.id[:8]
		}
		line, err := p.ask(prompt)
		if err == nil {
			err = p.command(strings.TrimSpace(line))
		}
		switch {
		case errors.Is(err, errQuit):
			return p.out.Flush()
		case errors.Is(err, ErrEnded):
			return err
		case err != nil:
			p.say("Error: %s", told(err))
		}
	}
}

// reload reads the inbox.
func (p *plain) reload() error {
	me, err := p.work.self()
	if err != nil {
		return err
	}
	b, err := p.work.inbox(p.ctx, p.tell())
	if err != nil {
		return err
	}
	l, err := newLinked(b)
	if err != nil {
		return err
	}
	p.me, p.inbox, p.links = me, b, l
	return p.search(p.query)
}

// tell tells how far something is, each tenth of the way.
func (p *plain) tell() teller {
	last := ""
	return func(s string) {
		done, rest, _ := strings.Cut(strings.TrimPrefix(s, "reading "), " of ")
		of, _, _ := strings.Cut(rest, " ")
		n, _ := strconv.Atoi(done)
		all, _ := strconv.Atoi(of)
		if all < 100 || n*10/all == (n-1)*10/all {
			return
		}
		if s != last {
			last = s
			p.say("%s", s)
			_ = p.out.Flush() // the next write fails as well
		}
	}
}

func (p *plain) search(query string) error {
	q, err := triage.ParseQuery(query)
	if err != nil {
		return err
	}
	p.query, p.rows, p.next = query, nil, 0
	for _, s := range p.inbox.Search(q) {
		if query != "" || s.Purged == "" && !s.Withdrawn {
			p.rows = append(p.rows, s)
		}
	}
	return nil
}

// page is how many cases are listed at once.
const page = 10

// list lists the next cases.
func (p *plain) list() {
	if p.next == 0 {
		p.say("%s.", count(len(p.rows), "case"))
	}
	end := min(p.next+page, len(p.rows))
	for ; p.next < end; p.next++ {
		p.say("%d. %s", p.next+1, strings.Join(whole(&p.rows[p.next], p.links.with(p.rows[p.next].ID)), ". "))
	}
	if left := len(p.rows) - p.next; left > 0 {
		p.say("%d more: type more.", left)
	}
}

// A command of the dialogue.
type command struct {
	name, args, help string
	onCase           bool // it is about the open case
	do               func(p *plain, args string) error
}

func commands() []command {
	return []command{
		{"list", "", "the cases from the first on, without a search", false, func(p *plain, _ string) error {
			p.id = ""
			err := p.search("")
			p.list()
			return err
		}},
		{"more", "", "the next cases of the list", false, func(p *plain, _ string) error { p.list(); return nil }},
		{"search", "WORDS", "the cases with these words or filters: country:TH, state:overdue, news:yes", false, (*plain).find},
		{"open", "NUMBER", "open a case of the list, by its number or its ID; the number alone does too", false, (*plain).open},
		{"show", "", "the open case again", true, func(p *plain, _ string) error { return p.open(p.id) }},
		{"close", "", "leave the open case", true, func(p *plain, _ string) error { p.id = ""; return nil }},
		{"take", "", "assign it to yourself", true, func(p *plain, _ string) error { return p.assign(p.me) }},
		{"assign", "NAME", "assign it to a case worker; without a name it says who there is, and - is nobody", true, (*plain).assign},
		{"note", "TEXT", "write a note that case workers read and no witness; without a text it asks for lines", true, (*plain).note},
		{"mark", "MARKS", "put marks on it, or take those off that have a hyphen before them", true, func(p *plain, args string) error {
			return p.change(func() (string, error) { return p.work.note(p.id, marks(args)) })
		}},
		{"propose", "", "what the rules propose, and why", true, func(p *plain, _ string) error {
			_, text, err := p.work.propose(p.id)
			if err == nil {
				p.say("%s", text)
			}
			return err
		}},
		{"route", "NAMES", "hand it over to destinations of the roster; without names it says who there is", true, (*plain).route},
		{"reply", "", "reply to the witness: it asks for lines", true, (*plain).reply},
		{"files", "", "list the files; none is opened", true, func(p *plain, _ string) error { return p.text(p.work.files) }},
		{"links", "", "what the case has in common with others", true, func(p *plain, _ string) error {
			p.say("%s", p.links.text(p.id))
			return nil
		}},
		{"pull", "", "get what is new from the desk, over the network", false, func(p *plain, _ string) error { return p.network(p.work.pull) }},
		{"push", "", "deliver what you did to the desk, over the network", false, func(p *plain, _ string) error { return p.network(p.work.push) }},
		{"lock", "", "forget keys and texts; unlock asks for the passphrase", false, func(p *plain, _ string) error {
			p.work.Home.Forget()
			p.inbox, p.links, p.rows, p.id, p.query = nil, nil, nil, "", ""
			p.say("Locked. Type unlock to go on.")
			return nil
		}},
		{"help", "", "these commands", false, (*plain).help},
		{"quit", "", "leave", false, func(*plain, string) error { return errQuit }},
	}
}

// command does what a line says.
func (p *plain) command(line string) error {
	name, args, _ := strings.Cut(line, " ")
	args = strings.TrimSpace(args)
	if p.inbox == nil && name != "quit" && name != "help" && name != "" {
		if name != "unlock" {
			return errors.New("locked; type unlock, and then your passphrase when it is asked for")
		}
		if err := p.reload(); err != nil {
			return err
		}
		p.list()
		return nil
	}
	if _, err := strconv.Atoi(name); err == nil {
		name, args = "open", name
	}
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	switch {
	case name == "":
		return nil
	case i < 0:
		return fmt.Errorf("there is no command %q; type help", name)
	case all[i].onCase && p.id == "":
		return fmt.Errorf("%s is for an open case; type open and its number first", name)
	}
	return all[i].do(p, args)
}

func (p *plain) help(string) error {
	for _, c := range commands() {
		p.say("%s: %s", strings.TrimSpace(c.name+" "+c.args), c.help)
	}
	return nil
}

func (p *plain) find(args string) error {
	if err := p.search(args); err != nil {
		return err
	}
	p.id = ""
	p.list()
	return nil
}

func (p *plain) open(args string) error {
	id := args
	if n, err := strconv.Atoi(args); err == nil {
		if n < 1 || n > len(p.rows) {
			return fmt.Errorf("there is no case %d in the list; type list", n)
		}
		id = p.rows[n-1].ID
	}
	text, problem, err := p.work.open(id)
	if err != nil {
		return err
	}
	c, err := p.work.Home.Find(id)
	if err != nil {
		return err
	}
	p.id = c.ID.String()
	p.say("%s", text)
	if problem != "" {
		p.say("Error: %s", problem)
	}
	return p.again()
}

// again reads the inbox and keeps the numbers of the list, which a person has
// in mind.
func (p *plain) again() error {
	b, err := p.work.inbox(p.ctx, p.tell())
	if err != nil {
		return err
	}
	p.inbox = b
	now := map[string]triage.Summary{}
	for _, s := range b.List() {
		now[s.ID] = s
	}
	for i := range p.rows {
		p.rows[i] = now[p.rows[i].ID]
	}
	return nil
}

func (p *plain) change(do func() (string, error)) error {
	said, err := do()
	if err != nil {
		return err
	}
	p.say("Done: %s.", said)
	return p.again()
}

func (p *plain) assign(to string) error {
	if to == "" {
		names, err := p.work.workers()
		if err == nil {
			p.say("Case workers: %s.", strings.Join(names, ", "))
		}
		return err
	}
	return p.change(func() (string, error) { return p.work.note(p.id, &triage.Note{Assign: to}) })
}

// write asks for lines. It returns false if they are thrown away. Text is lost
// to no error: what can't be sent is offered again.
func (p *plain) write(what string, send func(text string) (string, error)) error {
	p.say("Type the %s. A line with only a full stop ends it; a line with only !cancel throws it away.", what)
	var text []string
	for {
		line, err := p.ask(what)
		if err != nil {
			return err
		}
		switch strings.TrimSpace(line) {
		case "!cancel":
			p.say("Thrown away; nothing was sent.")
			return nil
		case ".":
			err := p.change(func() (string, error) { return send(strings.Join(text, "\n")) })
			if err == nil {
				return nil
			}
			p.say("Error: %s", told(err))
			p.say("Your text is still here: a full stop tries again, !cancel throws it away.")
		default:
			text = append(text, typedText(line))
		}
	}
}

func (p *plain) note(args string) error {
	send := func(text string) (string, error) { return p.work.note(p.id, &triage.Note{Text: text}) }
	if args == "" {
		return p.write("note", send)
	}
	return p.change(func() (string, error) { return send(typedText(args)) })
}

func (p *plain) reply(string) error {
	p.say("The witness reads it when they come back. At most %d characters.", report.MaxMessage)
	return p.write("reply", func(text string) (string, error) { return p.work.reply(p.id, text) })
}

func (p *plain) route(args string) error {
	proposed, _, err := p.work.propose(p.id)
	if err != nil {
		return err
	}
	to := strings.FieldsFunc(args, func(r rune) bool { return r == ' ' || r == ',' })
	if len(to) == 0 {
		list, err := p.work.destinations()
		for _, d := range list {
			line := d.Name + ", " + d.Title
			if why := proposedAs(proposed, d.Name); why != "" {
				line += ", " + why
			}
			p.say("%s", line)
		}
		return err
	}
	needed, said, err := needsReason(proposed, to)
	if err != nil {
		return err
	}
	reason := ""
	if needed {
		p.say("%s, in one line. It leaves with the case. An empty line does nothing.", said)
		line, err := p.ask("reason")
		if reason = typedText(line); err != nil || strings.TrimSpace(reason) == "" {
			return err
		}
	}
	line, err := p.ask("hand over to " + screen.Line(strings.Join(to, ", ")) + ", yes or no")
	if err != nil {
		return err
	}
	if strings.TrimSpace(line) != "yes" {
		p.say("Nothing was handed over.")
		return nil
	}
	return p.change(func() (string, error) { return p.work.route(p.id, to, reason) })
}

func (p *plain) text(of func(id string) (string, error)) error {
	text, err := of(p.id)
	if err == nil {
		p.say("%s", text)
	}
	return err
}

func (p *plain) network(do func(context.Context, teller) (string, error)) error {
	said, err := do(p.ctx, p.tell())
	if err != nil {
		return err
	}
	p.say("Done: %s.", said)
	if err := p.reload(); err != nil {
		return err
	}
	p.id = ""
	p.list()
	return nil
}
