package ledger

import (
	"cmp"
	"fmt"
)

// An Order holds leaves against what a vault would have appended. It knows no
// key: signatures are for others to check. The zero Order is ready.
type Order struct {
	n        int64
	day      Day
	awaiting bool   // a case was opened by the leaf before
	opened   CaseID // that case, whose report must come next
	cases    map[CaseID]standing
}

// standing is what became of a case so far.
type standing struct {
	seen    string // the last kind of leaf that shows that a case worker has seen the report, or ""
	retired Event  // purged or withdrawn, or ""
}

// Add takes the next leaf and says what of it can't follow those before. A
// leaf that can't is taken all the same, so that one fault is told once and
// not again with every leaf that builds on it.
func (o *Order) Add(l *Leaf) error {
	err := o.judge(l)
	o.take(l)
	return err
}

func isReport(l *Leaf) bool { return l.Event == EventMessage && l.Kind == KindReport }

// judge changes nothing.
func (o *Order) judge(l *Leaf) error {
	is, opened := o.cases[l.Case]
	switch {
	case o.n == 0 && l.Event != EventRoster:
		return fmt.Errorf("%w: the first leaf is not a roster", ErrMalformed)
	case l.Day < o.day:
		return fmt.Errorf("%w: its day %s is before %s, that of a leaf before it", ErrMalformed, l.Day, o.day)
	case o.awaiting && (!isReport(l) || l.Case != o.opened):
		return fmt.Errorf("%w: the report of case %s must come here", ErrMalformed, o.opened)
	case l.Event == EventRoster:
		return nil
	case l.Event == EventCase && opened:
		return fmt.Errorf("%w: case %s was opened before", ErrMalformed, l.Case)
	case l.Event == EventCase:
		return nil
	case !opened:
		return fmt.Errorf("%w: case %s was not opened before", ErrMalformed, l.Case)
	case is.retired != "":
		return fmt.Errorf("%w: case %s was %s before", ErrMalformed, l.Case, is.retired)
	case l.Event == EventWithdrawn && is.seen != "":
		return fmt.Errorf("%w: case %s was withdrawn after %s", ErrMalformed, l.Case, is.seen)
	case isReport(l) && !o.awaiting:
		// Anybody can seal to the recipient in a case's record: a report that
		// came later would take the place of what the witness told.
		return fmt.Errorf("%w: a second report of case %s", ErrMalformed, l.Case)
	}
	return nil
}

func (o *Order) take(l *Leaf) {
	if o.cases == nil {
		o.cases = map[CaseID]standing{}
	}
	o.n, o.day = o.n+1, max(o.day, l.Day)
	o.awaiting, o.opened = l.Event == EventCase, l.Case
	is, opened := o.cases[l.Case]
	switch {
	case l.Event == EventRoster || !opened && l.Event != EventCase:
		return
	case l.Retires():
		is.retired = l.Event
	case l.PreventsWithdrawal():
		is.seen = cmp.Or(l.Kind, string(l.Event))
	}
	o.cases[l.Case] = is
}
