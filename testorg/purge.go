package testorg

import "tocsin/ledger"

// Hold signs that a worker, who had seen the case's leaves up to the one with
// that index, holds a case.
func (o *Org) Hold(w Worker, id ledger.CaseID, after int64) *ledger.Leaf {
	return o.sign(w, &ledger.Leaf{Event: ledger.EventHeld, Case: id, Rule: "inquiry", After: after})
}

// Release signs that a worker, who had seen the case's leaves up to the one with
// that index, lets a case go that was held.
func (o *Org) Release(w Worker, id ledger.CaseID, after int64) *ledger.Leaf {
	return o.sign(w, &ledger.Leaf{Event: ledger.EventReleased, Case: id, After: after})
}

// ProposePurge signs that a worker, who had seen the case's leaves up to the one
// with that index, would have it purged under a rule.
func (o *Org) ProposePurge(w Worker, id ledger.CaseID, rule string, after int64) *ledger.Leaf {
	return o.sign(w, &ledger.Leaf{Event: ledger.EventPurgeProposed, Case: id, Rule: rule, After: after})
}

// Purge signs that a worker, who had seen the case's leaves up to the one with
// that index, purges a case under a rule.
func (o *Org) Purge(w Worker, id ledger.CaseID, rule string, after int64) *ledger.Leaf {
	return o.sign(w, &ledger.Leaf{Event: ledger.EventPurged, Case: id, Rule: rule, After: after})
}

func (o *Org) sign(w Worker, l *ledger.Leaf) *ledger.Leaf {
	l.Done = ledger.DayOf(o.Day)
	l.Sign(o.Instance(), w.Name, w.Desk)
	return l
}
