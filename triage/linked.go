package triage

import (
	"runtime"
	"sync"
	"sync/atomic"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/triage/links"
	"tocsin/triage/screen"
)

// A Linked home knows what its cases have in common. It is in memory only.
type Linked struct {
	*links.Index
	// Unread names the cases that could not be read, each with its reason, as
	// lines for a terminal. They may have links that are not known.
	Unread []string
}

// Linked opens every case, on all processors, and indexes what it has in
// common with others. Points are near each other up to so many metres apart;
// links.DefaultMetres if that is 0. Retired cases have no keys any more and
// are passed over.
func (h *Home) Linked(metres float64) (*Linked, error) {
	cases, err := h.Cases()
	if err != nil {
		return nil, err
	}
	l := &Linked{Index: links.NewIndex(metres)}
	if len(cases) == 0 {
		return l, nil
	}
	// Without the key there is one error to tell, not one for each case; and
	// with it called, several may open cases at once.
	if _, err := h.Identity(); err != nil {
		return nil, err
	}
	keys, errs := make([][]links.Key, len(cases)), make([]error, len(cases))
	var next atomic.Int64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(cases)); i = next.Add(1) - 1 {
				if !cases[i].retired() {
					keys[i], errs[i] = h.LinkKeys(cases[i])
				}
			}
		})
	}
	all.Wait()
	for i, c := range cases {
		if errs[i] != nil {
			l.Unread = append(l.Unread, screen.Line(errs[i].Error()))
			continue
		}
		l.Add(c.ID.String(), keys[i])
	}
	return l, nil
}

// LinkKeys returns what a case may have in common with others: of its report
// and of what its witness added. An addition that can't be read is passed
// over, as it is everywhere. The keys hold what a witness told: they are as
// secret as the report.
func (h *Home) LinkKeys(c *Case) ([]links.Key, error) {
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	o, err := h.open(c, r)
	if err != nil {
		return nil, err
	}
	var told *report.Report
	var additions []string
	for _, e := range c.Messages {
		if e.Leaf.Kind != ledger.KindReport && e.Leaf.Kind != ledger.KindAddition {
			continue
		}
		msg, err := h.read(o, e, nil)
		switch {
		case err != nil && e.Leaf.Kind == ledger.KindReport:
			return nil, err
		case err != nil:
		case e.Leaf.Kind == ledger.KindReport:
			if told, err = parseReport(msg); err != nil {
				return nil, err
			}
		default:
			if note, err := parseNote(msg); err == nil {
				additions = append(additions, note.Text)
			}
		}
	}
	return links.KeysOf(told, additions...), nil
}

// FieldLabel says in English what a field of a report asked, or whence a
// link's key is.
func FieldLabel(name string) string {
	if name == links.Addition {
		return "Added later"
	}
	if label, ok := fieldLabels[name]; ok {
		return label
	}
	return name
}
