package links

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// An Index holds the keys of cases and finds those that meet. It takes a case
// as a text that names it, whatever that is. It is not safe for use by several
// goroutines while one adds.
type Index struct {
	grid   grid
	metres float64

	keys    map[string][]Key // by case
	entries map[[2]string]*entry
	buckets map[string][]*entry
}

// An entry is one value of one kind, with those who have it: values are
// compared once, however many cases share them.
type entry struct {
	kind    Kind
	value   string
	place   namedPlace // of a Place
	point   point      // of Near
	holders []holder
}

type holder struct {
	id  string
	key Key
}

// NewIndex returns an empty index in which points up to so many metres apart
// are near each other; [DefaultMetres] if it is not more than 0.
func NewIndex(metres float64) *Index {
	if !(metres > 0) {
		metres = DefaultMetres
	}
	return &Index{
		grid: newGrid(metres), metres: metres,
		keys: make(map[string][]Key), entries: make(map[[2]string]*entry), buckets: make(map[string][]*entry),
	}
}

// Add adds the keys of a case, which was not added before.
func (x *Index) Add(id string, keys []Key) {
	x.keys[id] = append(x.keys[id], keys...)
	for _, k := range keys {
		at := [2]string{string(k.Kind), k.Value}
		e := x.entries[at]
		if e == nil {
			e = newEntry(k)
			x.entries[at] = e
			for _, b := range x.bucketsOf(e) {
				x.buckets[b] = append(x.buckets[b], e)
			}
		}
		e.holders = append(e.holders, holder{id, k})
	}
}

func newEntry(k Key) *entry {
	e := &entry{kind: k.Kind, value: k.Value}
	switch k.Kind {
	case Place:
		e.place = parsePlace(k.Value)
	case Near:
		e.point, _ = parsePoint(k.Value)
	}
	return e
}

// bucketsOf returns the buckets in which an entry lies. Kinds whose values are
// the same or not need none.
func (x *Index) bucketsOf(e *entry) []string {
	prefix := string(e.kind) + "\x00"
	var list []string
	switch e.kind {
	case Place:
		list = placeBuckets(e.place)
	case Near:
		list = []string{x.grid.cell(e.point)}
	case Flight:
		number, _, _ := strings.Cut(e.value, " ")
		list = []string{number}
	case Phone:
		list = []string{lastDigits(e.value)}
	case Handle:
		_, handle, _ := strings.Cut(e.value, ":")
		list = []string{handle}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	for i := range list {
		list[i] = prefix + list[i]
	}
	return list
}

// meeting returns the entries whose values meet that of e, itself included if
// the value says enough, in an order of their own.
func (x *Index) meeting(e *entry) []*entry {
	buckets := x.bucketsOf(e)
	if buckets == nil {
		return []*entry{e}
	}
	if e.kind == Near {
		buckets = nil
		for _, b := range x.grid.around(e.point) {
			buckets = append(buckets, string(Near)+"\x00"+b)
		}
	}
	var list []*entry
	seen := make(map[*entry]bool)
	for _, b := range buckets {
		for _, o := range x.buckets[b] {
			if !seen[o] {
				seen[o] = true
				if x.meet(e, o) {
					list = append(list, o)
				}
			}
		}
	}
	if e.kind == Place && x.inSeveralCities(e.place) {
		list = slices.DeleteFunc(list, func(o *entry) bool { return o != e && (e.place.town == "" || o.place.town == "") })
	}
	return list
}

// inSeveralCities reports whether the cases name houses of one name in more
// than one city of a country: who says the name without its city may then mean
// any of them. Cities that are a slip apart are one.
func (x *Index) inSeveralCities(p namedPlace) bool {
	var towns []string
	for _, o := range x.buckets[string(Place)+"\x00"+inCountry(p)] {
		if o.place.town != "" {
			towns = append(towns, o.place.town)
		}
	}
	if len(towns) < 2 {
		return false
	}
	// Against the first in the alphabet, so that the order of adding is nothing.
	first := []rune(slices.Min(towns))
	return slices.ContainsFunc(towns, func(t string) bool { return !oneSlip(first, []rune(t)) })
}

func (x *Index) meet(a, b *entry) bool {
	switch a.kind {
	case Place:
		return samePlace(a.place, b.place)
	case Near:
		return a.point.metres(b.point) <= x.metres
	case Flight:
		return sameFlight(a.value, b.value)
	case Phone:
		return samePhone(a.value, b.value)
	case Handle:
		return sameHandle(a.value, b.value)
	}
	return a.value == b.value
}

// A Link says that two cases have something in common, and what. Ours is the
// key of the case that was asked for.
type Link struct {
	Case   string `json:"case"` // the other
	Kind   Kind   `json:"kind"`
	Ours   Key    `json:"ours"`
	Theirs Key    `json:"theirs"`
	// Why says how the two values meet.
	Why string `json:"why"`
}

// Of returns the links of a case, by kind, the most telling first, and then by
// the other case's name.
func (x *Index) Of(id string) []Link {
	var list []Link
	for _, k := range x.keys[id] {
		e := x.entries[[2]string{string(k.Kind), k.Value}]
		for _, o := range x.meeting(e) {
			for _, h := range o.holders {
				if h.id != id {
					list = append(list, Link{h.id, k.Kind, k, h.key, x.why(e, o)})
				}
			}
		}
	}
	order := Kinds()
	slices.SortFunc(list, func(a, b Link) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)),
			strings.Compare(a.Case, b.Case), strings.Compare(a.Ours.Value, b.Ours.Value), strings.Compare(a.Theirs.Value, b.Theirs.Value),
		)
	})
	return list
}

func (x *Index) why(a, b *entry) string {
	switch a.kind {
	case Plate:
		return "the same plate"
	case Phone:
		if a.value != b.value {
			return "the same phone number, once without its country"
		}
		return "the same phone number"
	case Email:
		return "the same e-mail address"
	case Handle:
		if a.value == b.value {
			return "the same handle"
		}
		return "the same handle, on another platform or on one that was not said"
	case URL:
		if strings.Contains(a.value, "/") {
			return "the same address online"
		}
		return "the same site"
	case Flight:
		return fmt.Sprintf("the same flight, with at most %d days between", flightDays)
	case Place:
		p, q := a.place, b.place
		switch {
		case p.town == "" || q.town == "":
			return "the same name in the same country; the city was not said"
		case p.name != q.name:
			return "the same city, and a name that differs by one letter"
		case p.town != q.town:
			return "the same name, in a city that differs by one letter"
		}
		return "the same name in the same city"
	case Near:
		return fmt.Sprintf("%.0f m apart", a.point.metres(b.point))
	}
	return ""
}

// Cluster returns the cases that a case hangs together with, itself included,
// over any number of links, sorted.
func (x *Index) Cluster(id string) []string {
	seen := map[string]bool{id: true}
	done := make(map[*entry]bool)
	list := []string{id}
	for i := 0; i < len(list); i++ {
		for _, k := range x.keys[list[i]] {
			e := x.entries[[2]string{string(k.Kind), k.Value}]
			if done[e] {
				continue
			}
			done[e] = true
			for _, o := range x.meeting(e) {
				for _, h := range o.holders {
					if !seen[h.id] {
						seen[h.id] = true
						list = append(list, h.id)
					}
				}
			}
		}
	}
	slices.Sort(list)
	return list
}

// Clusters returns the clusters of two cases and more, the largest first, and
// then by their first case.
func (x *Index) Clusters() [][]string {
	var list [][]string
	seen := make(map[string]bool)
	for id := range x.keys {
		if seen[id] {
			continue
		}
		c := x.Cluster(id)
		for _, member := range c {
			seen[member] = true
		}
		if len(c) > 1 {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b []string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a[0], b[0]))
	})
	return list
}
