package ledger

import "fmt"

// An Order holds leaves against what a vault would have appended. It knows no
// key: signatures are for others to check. The zero Order is ready.
type Order struct {
	n      int64
	day    Day
	report CaseID // of the case whose report must come next
	open   bool   // report is set
	cases  map[CaseID]bool
	purged map[CaseID]bool
}

// Add takes the next leaf and says what of it can't follow those before.
func (o *Order) Add(l *Leaf) error {
	if o.cases == nil {
		o.cases, o.purged = map[CaseID]bool{}, map[CaseID]bool{}
	}
	first, before := o.n == 0, o.day
	o.n, o.day = o.n+1, max(o.day, l.Day)
	isReport := l.Event == EventMessage && l.Kind == KindReport
	wanted, awaited := o.report, o.open
	o.open = false
	switch {
	case first && l.Event != EventRoster:
		return fmt.Errorf("%w: the first leaf is not a roster", ErrMalformed)
	case l.Day < before:
		return fmt.Errorf("%w: its day is before that of the leaf before it", ErrMalformed)
	case awaited && (!isReport || l.Case != wanted):
		return fmt.Errorf("%w: the report of case %s must come here", ErrMalformed, wanted)
	case isReport && !awaited:
		return fmt.Errorf("%w: a second report of case %s", ErrMalformed, l.Case)
	case l.Event == EventRoster:
		return nil
	case l.Event == EventCase && o.cases[l.Case]:
		return fmt.Errorf("%w: case %s was opened before", ErrMalformed, l.Case)
	case l.Event == EventCase:
		o.cases[l.Case], o.report, o.open = true, l.Case, true
		return nil
	case !o.cases[l.Case]:
		return fmt.Errorf("%w: case %s was not opened before", ErrMalformed, l.Case)
	case o.purged[l.Case]:
		return fmt.Errorf("%w: case %s was purged before", ErrMalformed, l.Case)
	case l.Event == EventPurged:
		o.purged[l.Case] = true
	}
	return nil
}
