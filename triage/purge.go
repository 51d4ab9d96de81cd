package triage

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

// A Purgeable case may be proposed to be purged under a rule, or was.
type Purgeable struct {
	ID       string   `json:"case"`
	Day      string   `json:"day"` // when it came
	Rule     string   `json:"rule"`
	From     string   `json:"from,omitempty"` // the first day on which the rule lets it be purged
	Proposed []string `json:"proposed"`       // case workers who signed
	Missing  int      `json:"missing"`        // how many more must sign
	Told     bool     `json:"told"`           // it was handed over to somebody
}

// Purgeable lists the cases that the rule retention lets be purged today, and
// those that somebody proposed under any rule; none that is held. It goes by
// the ledger and the queue, and needs no key.
func (h *Home) Purgeable() ([]Purgeable, error) {
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	cases, err := h.Cases()
	if err != nil {
		return nil, err
	}
	list := []Purgeable{}
	for _, c := range cases {
		if c.retired() || c.Held {
			continue
		}
		for _, rule := range ledger.Rules() {
			p := c.purgeable(rule, r)
			old := p.From != "" && p.From <= string(h.today())
			if old || len(p.Proposed) > 0 {
				list = append(list, p)
			}
		}
	}
	return list, nil
}

// Purges says of each rule how far it lets a case be purged. It fails for a case
// that is held, or in which nothing is done any more. It goes by the ledger and
// the queue, and needs no key.
func (h *Home) Purges(c *Case) ([]Purgeable, error) {
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	if err := c.free(); err != nil {
		return nil, err
	}
	var list []Purgeable
	for _, rule := range ledger.Rules() {
		list = append(list, c.purgeable(rule, r))
	}
	return list, nil
}

// free returns an error for a case that is retired or held.
func (c *Case) free() error {
	if c.Held {
		return fmt.Errorf("case %s: %w; type: triage release %s", c.ID, ledger.ErrHeld, c.ID.String()[:8])
	}
	return c.there()
}

func (c *Case) purgeable(rule string, r *roster.Signed) Purgeable {
	p := Purgeable{ID: c.ID.String(), Day: string(c.Day), Rule: rule, Told: len(c.Handed) > 0, Proposed: []string{}}
	p.Proposed = append(p.Proposed, c.custody.Proposed(rule, r)...)
	if rule == ledger.RuleRetention {
		p.From = string(c.custody.Due(r.Policy.RetentionDays))
	}
	p.Missing = max(0, r.Policy.Signers()-len(p.Proposed))
	return p
}

// Destroys reports whether that case worker's signature is the last that a purge
// lacks.
func (p *Purgeable) Destroys(worker string) bool {
	return p.Missing == 0 || p.Missing == 1 && !slices.Contains(p.Proposed, worker)
}

// A Purging is what became of a wish to purge a case.
type Purging struct {
	Purgeable
	Queued string   `json:"queued,omitempty"` // path of the event; empty if this worker had signed before and others must
	Purges bool     `json:"purges"`           // the event purges the case; otherwise it proposes to
	Copies []string `json:"copies"`           // paths of bags that stay, see [Home.Copies]
}

// Purge queues the signed event that a case is purged under a rule, if as many
// colleagues as the policy asks for have proposed it since its last message,
// hold or release; otherwise the signed proposal, once. What it queues the desk
// judges by its own day and ledger; nothing is destroyed before that. The
// caller holds the lock.
func (h *Home) Purge(c *Case, rule string) (*Purging, error) {
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	card, err := h.Card()
	if err != nil {
		return nil, err
	}
	if err := c.free(); err != nil {
		return nil, err
	}
	p := &Purging{Purgeable: c.purgeable(rule, r), Copies: []string{}}
	copies, err := h.Copies([]*Case{c})
	if err != nil {
		return nil, err
	}
	p.Copies = append(p.Copies, copies...)
	switch {
	case !slices.Contains(ledger.Rules(), rule):
		return nil, fmt.Errorf("%q is no rule that a case may be purged under; there are: %s", rule, strings.Join(ledger.Rules(), ", "))
	case c.waits():
		return nil, fmt.Errorf("case %s: what you did in it waits to be pushed, and a purge comes after it; type: triage push, and this again", c.ID)
	case rule == ledger.RuleRetention && (p.From == "" || p.From > string(h.today())):
		return nil, fmt.Errorf("case %s: %w: it may be purged under %s from %s on", c.ID, ledger.ErrEarly, rule, p.From)
	case r.Policy.Signers() > len(r.Workers):
		return nil, fmt.Errorf("%d case workers must sign for a purge, and roster %d has %d; the organisation changes that with: triage org set-policy --purge-signers N", r.Policy.Signers(), r.Number, len(r.Workers))
	}
	signed := slices.Contains(p.Proposed, card.Name)
	if !signed {
		p.Proposed = append(p.Proposed, card.Name)
		p.Missing = max(0, p.Missing-1)
	}
	l := &ledger.Leaf{Event: ledger.EventPurgeProposed, Case: c.ID, Rule: rule, After: c.last}
	switch {
	case p.Missing == 0:
		// With this worker, who signs the purge itself.
		l = &ledger.Leaf{Event: ledger.EventPurged, Case: c.ID, Rule: rule, After: c.last}
		p.Purges = true
	case signed:
		return p, nil
	}
	p.Queued, err = h.enqueue(l, nil)
	return p, err
}
