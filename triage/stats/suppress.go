package stats

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Least is the smallest count above zero that is published, and the fewest that
// a published group has.
const Least = 5

// A Count is a number of reports as it is published.
type Count struct {
	form countForm
	n    int // exact: the number; above: one less than the least that it can be
}

type countForm int

const (
	exact    countForm = iota
	below              // 1 to Least-1
	above              // more than n, but not all
	withheld           // neither none nor all; more would tell
)

// String returns the number, "<5", ">95", or "withheld".
func (c Count) String() string {
	switch c.form {
	case below:
		return "<" + strconv.Itoa(Least)
	case above:
		return ">" + strconv.Itoa(c.n)
	case withheld:
		return "withheld"
	}
	return strconv.Itoa(c.n)
}

// MarshalText makes a Count the same in JSON.
func (c Count) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// least is the smallest number that c can stand for, as far as it tells.
func (c Count) least() int {
	switch c.form {
	case below, withheld:
		return 1
	case above:
		return c.n + 1
	}
	return c.n
}

// A base is how many reports a count can be of at most, as readers know it:
// known, less some that they don't know exactly, hidden counts of up to four.
type base struct{ known, hidden int }

// less takes off c, which was published of n.
func (b base) less(c Count, n int) base {
	if c.form == exact {
		b.known -= n
	} else {
		b.hidden++
	}
	return b
}

// margin is how near a count may not come to all of b.
func (b base) margin() int { return Least * max(1, b.hidden) }

// narrow reports whether what is few of b and what is all but few overlap.
func (b base) narrow() bool { return b.known < Least+b.margin() }

// count says n, which is of b at most. All but a few, and where b is not known
// exactly what comes near it, would tell the few that are missing.
func (b base) count(n int) Count {
	switch {
	case n == 0, n == b.known && b.hidden == 0:
		return Count{n: n}
	case b.narrow():
		return Count{form: withheld}
	case n < Least:
		return Count{form: below}
	case n > b.known-b.margin():
		return Count{above, b.known - b.margin()}
	}
	return Count{n: n}
}

// others is the code of the row in which the small are joined. No destination, country
// or category is called that.
const others = "(others)"

// A Row of a table.
type Row struct {
	Code  string `json:"code"` // see Table
	Count Count  `json:"count"`
}

// joinMonths returns the periods of a year up to month last. A period begins
// with a month in which something came and ends with the month in which it has
// five; what is left of the year joins the period before it. A month in which
// nothing came stands alone, unless it is within a period.
func joinMonths(months [12]int, last int) []Row {
	type period struct{ from, to, n int }
	var list []period
	open := false
	for m := range last {
		if open {
			p := &list[len(list)-1]
			p.to, p.n = m, p.n+months[m]
			open = p.n < Least
			continue
		}
		list = append(list, period{m, m, months[m]})
		open = months[m] > 0 && months[m] < Least
	}
	if open {
		p := list[len(list)-1]
		list = list[:len(list)-1]
		for i := len(list) - 1; ; i-- {
			if i < 0 { // fewer than five in all
				list = append(list, p)
				break
			}
			if list[i].n > 0 {
				list[i].to, list[i].n = p.to, list[i].n+p.n
				list = list[:i+1]
				break
			}
		}
	}
	rows := []Row{}
	for _, p := range list {
		code := fmt.Sprintf("%02d", p.from+1)
		if p.to > p.from {
			code += fmt.Sprintf("-%02d", p.to+1)
		}
		rows = append(rows, Row{code, Count{n: p.n}})
	}
	return rows
}

// joinOne makes the table of a question with one answer for each of total
// reports; "" is none, or one that must not be told. A code whose count is small
// joins the others, and so does the smallest of the rest until what is in there
// besides lost, how many readers know to be in there anyway, is none or five.
func joinOne(answers []string, lost int) []Row {
	counts := make(map[string]int)
	for _, a := range answers {
		counts[a]++
	}
	rest := counts[""]
	delete(counts, "")
	codes := byCount(counts)
	for len(codes) > 0 {
		least := codes[len(codes)-1]
		if n := rest - lost; counts[least] >= Least && (n <= 0 || n >= Least) {
			break
		}
		rest += counts[least]
		codes = codes[:len(codes)-1]
	}
	rows := []Row{}
	for _, c := range codes {
		rows = append(rows, Row{c, Count{n: counts[c]}})
	}
	if rest > 0 {
		rows = append(rows, Row{others, Count{n: rest}})
	}
	return rows
}

// joinSeveral makes the table of a question with any number of answers for each
// report, of which b have one at most. A code whose count is small joins
// the others, which count the reports with any of those in it, and so does the
// smallest of the rest until that is none or five.
func joinSeveral(answers [][]string, b base) []Row {
	counts := make(map[string]int)
	for _, list := range answers {
		for _, a := range distinct(list) {
			counts[a]++
		}
	}
	codes := byCount(counts)
	small := make(map[string]bool)
	rest := 0
	for len(codes) > 0 {
		least := codes[len(codes)-1]
		// That a code is named says that it has five, which of few reports says
		// how many the others can have.
		if counts[least] >= Least && (rest == 0 || rest >= Least) && !b.narrow() {
			break
		}
		small[least] = true
		codes = codes[:len(codes)-1]
		rest = 0
		for _, list := range answers {
			if slices.ContainsFunc(list, func(a string) bool { return small[a] }) {
				rest++
			}
		}
	}
	rows := []Row{}
	for _, c := range codes {
		rows = append(rows, Row{c, b.count(counts[c])})
	}
	// Rows that say the same must not tell by their order which is more.
	slices.SortStableFunc(rows, func(x, y Row) int {
		return cmp.Or(cmp.Compare(y.Count.least(), x.Count.least()), cmp.Compare(x.Code, y.Code))
	})
	if rest > 0 {
		rows = append(rows, Row{others, b.count(rest)})
	}
	return rows
}

// byCount sorts codes, the most frequent first.
func byCount(counts map[string]int) []string {
	return slices.SortedFunc(maps.Keys(counts), func(x, y string) int {
		return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y))
	})
}

func distinct(list []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

// A Share is a range in hundredths: at least From, and less than To, or up to
// all of it if To is 100.
type Share struct {
	From int `json:"from_percent"`
	To   int `json:"to_percent"`
}

// share says which part n is of all, or nil if few are known to be in all: of
// known at least, as readers know it. A step of the range is five reports.
func share(n, all, known int) *Share {
	if known < 4*Least || n > all {
		return nil
	}
	for _, step := range []int{1, 5, 10, 20, 25} {
		if step*known >= 100*Least {
			k := min(100*n/all/step, 100/step-1)
			return &Share{k * step, (k + 1) * step}
		}
	}
	return nil
}
