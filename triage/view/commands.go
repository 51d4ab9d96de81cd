package view

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"tocsin/report"
	"tocsin/triage"
	"tocsin/triage/screen"
)

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
		{"tell", "NAMES", "tell the witness, in general terms, to whom it was handed; without names it says what there is", true, (*plain).tellWitness},
		{"hold", "WORD/TEXT", "hold it: nobody may purge it; the word is for all to read, a text after a slash is sealed", true, (*plain).hold},
		{"release", "", "let it go that was held", true, func(p *plain, _ string) error {
			return p.change(func() (string, error) { return p.work.release(p.id) })
		}},
		{"purge", "RULE", "propose to destroy it, or sign as the last one; without a rule it says how far each is", true, (*plain).purge},
		{"reply", "", "reply to the witness: it asks for lines", true, (*plain).reply},
		{"files", "", "list the files; none is opened", true, func(p *plain, _ string) error { return p.text(p.work.files) }},
		{"links", "", "what the case has in common with others", true, func(p *plain, _ string) error {
			p.say("%s", p.links.text(p.id))
			return nil
		}},
		{"pull", "", "get what is new from the desk, over the network", false, func(p *plain, _ string) error { return p.network(p.work.pull) }},
		{"push", "", "deliver what you did to the desk, over the network", false, func(p *plain, _ string) error { return p.network(p.work.push) }},
		{"deliver", "", "bring the sealed bags that are due to their destinations, over the network", false, func(p *plain, _ string) error { return p.network(p.work.deliver) }},
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
	to := names(args)
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
	if yes, err := p.agrees("hand over to " + screen.Line(strings.Join(to, ", "))); err != nil || !yes {
		return err
	}
	return p.change(func() (string, error) { return p.work.route(p.id, to, reason) })
}

// agrees asks before something is done.
func (p *plain) agrees(to string) (bool, error) {
	line, err := p.ask(to + ", yes or no")
	if err != nil {
		return false, err
	}
	yes := strings.TrimSpace(line) == "yes"
	if !yes {
		p.say("Nothing was done.")
	}
	return yes, nil
}

// names are what spaces or commas part.
func names(args string) []string {
	return strings.FieldsFunc(args, func(r rune) bool { return r == ' ' || r == ',' })
}

func (p *plain) tellWitness(args string) error {
	handed, err := p.work.handedTo(p.id)
	if err != nil {
		return err
	}
	to := names(args)
	if len(to) == 0 {
		p.say("There are: %s.", strings.Join(report.Authorities(), ", "))
		if len(handed) > 0 {
			p.say("By the roster it was handed to: %s.", strings.Join(handed, ", "))
		}
		return nil
	}
	return p.change(func() (string, error) { return p.work.tellWitness(p.id, to) })
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
