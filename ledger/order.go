package ledger

import "fmt"

// An Order holds leaves against what a vault would have appended. It knows no
// key: signatures are for others to check. The zero Order is ready.
type Order struct {
	n        int64
	day      Day
	awaiting bool   // a case was opened by the leaf before
	opened   CaseID // that case, whose report must come next
	cases    map[CaseID]bool
	purged   map[CaseID]bool
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
	switch {
	case o.n == 0 && l.Event != EventRoster:
		return fmt.Errorf("%w: the first leaf is not a roster", ErrMalformed)
	case l.Day < o.day:
		return fmt.Errorf("%w: its day %s is before %s, that of a leaf before it", ErrMalformed, l.Day, o.day)
	case o.awaiting && (!isReport(l) || l.Case != o.opened):
		return fmt.Errorf("%w: the report of case %s must come here", ErrMalformed, o.opened)
	case l.Event == EventRoster:
		return nil
	case l.Event == EventCase && o.cases[l.Case]:
		return fmt.Errorf("%w: case %s was opened before", ErrMalformed, l.Case)
	case l.Event == EventCase:
		return nil
	case !o.cases[l.Case]:
		return fmt.Errorf("%w: case %s was not opened before", ErrMalformed, l.Case)
	case o.purged[l.Case]:
		return fmt.Errorf("%w: case %s was purged before", ErrMalformed, l.Case)
	case isReport(l) && !o.awaiting:
		// Anybody can seal to the recipient in a case's record: a report that
		// came later would take the place of what the witness told.
		return fmt.Errorf("%w: a second report of case %s", ErrMalformed, l.Case)
	}
	return nil
}

func (o *Order) take(l *Leaf) {
	if o.cases == nil {
		o.cases, o.purged = map[CaseID]bool{}, map[CaseID]bool{}
	}
	o.n, o.day = o.n+1, max(o.day, l.Day)
	o.awaiting, o.opened = l.Event == EventCase, l.Case
	switch l.Event {
	case EventCase:
		o.cases[l.Case] = true
	case EventPurged:
		o.purged[l.Case] = true
	}
}
