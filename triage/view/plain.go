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

	"tocsin/triage"
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
