package seal

import "sort"

// Words with slips. What is known of a codename here is the public list and
// nothing else: which words are somebody's is not asked.

// maxMended is how many letters eight words have at most, each with a letter
// too many; what is longer is not searched, which bounds the work.
const maxMended = codenameWords * (9 + 1)

// An entry is a word that letters can be read as.
type entry struct {
	word   uint16
	length int // in letters, as typed
	slips  int // 0 or 1
}

// A walk looks in the list for the words that letters begin with, with at most
// one slip each. One word may be found several times.
type walk struct {
	list    *wordlist
	letters []byte
	found   []entry
}

// beginnings returns every word that b begins with. The caller wipes it.
func (l *wordlist) beginnings(b []byte) []entry {
	w := walk{list: l, letters: b}
	w.on(0, len(l.sorted), 0, 0, 0)
	return w.found
}

// on continues with the words from lo to hi in the order of the letters: they
// share their first depth letters, which are what the first n letters typed
// spell, with slips.
func (w *walk) on(lo, hi, depth, n, slips int) {
	k := w.list.sorted[lo]
	if len(w.list.word(k)) == depth { // no word begins another, so it is alone
		w.add(entry{k, n, slips})
		if slips == 0 && n < len(w.letters) {
			w.add(entry{k, n + 1, 1}) // a letter too many at the end
		}
		return
	}
	typed := byte(0)
	if n < len(w.letters) {
		typed = w.letters[n]
		if from, to := w.narrow(lo, hi, depth, typed); from < to {
			w.on(from, to, depth+1, n+1, slips)
		}
	}
	if slips > 0 {
		return
	}
	if n < len(w.letters) {
		w.on(lo, hi, depth, n+1, 1) // a letter too many
	}
	for from := lo; from < hi; {
		right := w.list.word(w.list.sorted[from])[depth]
		_, to := w.narrow(from, hi, depth, right)
		w.on(from, to, depth+1, n, 1) // a letter missing
		if n < len(w.letters) && right != typed {
			w.on(from, to, depth+1, n+1, 1) // one taken for another
			if n+1 < len(w.letters) && right == w.letters[n+1] && len(w.list.word(w.list.sorted[from])) > depth+1 {
				if from, to := w.narrow(from, to, depth+1, typed); from < to {
					w.on(from, to, depth+2, n+2, 1) // two swapped
				}
			}
		}
		from = to
	}
}

// add is append, but leaves nothing behind where found was before.
func (w *walk) add(e entry) {
	if len(w.found) == cap(w.found) {
		grown := append(make([]entry, 0, 2*cap(w.found)+16), w.found...)
		clear(w.found)
		w.found = grown
	}
	w.found = append(w.found, e)
}

// narrow returns which of the words from lo to hi have that letter after depth
// others.
func (w *walk) narrow(lo, hi, depth int, letter byte) (from, to int) {
	at := func(i int) byte { return w.list.word(w.list.sorted[i])[depth] }
	from = lo + sort.Search(hi-lo, func(i int) bool { return at(lo+i) >= letter })
	to = from + sort.Search(hi-from, func(i int) bool { return at(from+i) > letter })
	return from, to
}

// eachMended reads eight words that the person kept apart. A word of the list
// is left as it is.
func (l *wordlist) eachMended(letters []byte, starts []int) (Codename, error) {
	var c Codename
	for i, from := range starts {
		to := len(letters)
		if i+1 < len(starts) {
			to = starts[i+1]
		}
		if c.words[i] = l.mended(letters[from:to]); c.words[i] == 0 {
			return Codename{}, &CodenameError{Word: i + 1}
		}
	}
	return c, nil
}

// mended returns the word of the list that b is, or else the only one that is a
// slip away, or 0.
func (l *wordlist) mended(b []byte) uint16 {
	if k := l.index[string(b)]; k != 0 {
		return k
	}
	entries := l.beginnings(b)
	defer clear(entries)
	return only(entries, func(e entry) bool { return e.length == len(b) })
}

// only returns the word of the entries that are good, or 0 if they are not all
// of one word.
func only(entries []entry, good func(entry) bool) uint16 {
	var word uint16
	for _, e := range entries {
		switch {
		case !good(e) || e.word == word:
		case word != 0:
			return 0
		default:
			word = e.word
		}
	}
	return word
}

// A tally is what the best reading of some letters takes: fewest slips, then
// fewest words.
type tally struct{ slips, words int }

// never is more slips than any reading has.
const never = maxMended + 1

func (t tally) better(than tally) bool {
	return t.slips < than.slips || t.slips == than.slips && t.words < than.words
}

// cutMended cuts letters, at most maxMended of them, into eight words with the
// fewest slips in all. They are refused if that gives two codenames, or if
// another number of words needs fewer slips: then a word was left out, or is
// too many.
func (l *wordlist) cutMended(letters []byte) (Codename, error) {
	end := len(letters)
	// What begins at each letter that a reading gets to, and the best reading
	// up to there, of any number of words.
	var entries [maxMended + 1][]entry
	defer func() {
		for _, e := range entries {
			clear(e)
		}
	}()
	var upTo [maxMended + 1]tally
	for at := 1; at <= end; at++ {
		upTo[at] = tally{slips: never}
	}
	furthest := 0
	for at := range end {
		if upTo[at].slips == never {
			continue
		}
		furthest = at
		entries[at] = l.beginnings(letters[at:])
		for _, e := range entries[at] {
			t := tally{upTo[at].slips + e.slips, upTo[at].words + 1}
			if next := &upTo[at+e.length]; t.better(*next) {
				*next = t
			}
		}
	}
	if upTo[end].slips == never {
		return Codename{}, &CodenameError{Word: upTo[furthest].words + 1}
	}

	// left[n][at] is how many slips it takes to read n words from there to the
	// end.
	var left [codenameWords + 1][maxMended + 1]int
	for n := range left {
		for at := range left[n] {
			left[n][at] = never
		}
	}
	left[0][end] = 0
	for n := 1; n <= codenameWords; n++ {
		for at := range end {
			for _, e := range entries[at] {
				left[n][at] = min(left[n][at], e.slips+left[n-1][at+e.length])
			}
		}
	}
	if upTo[end].slips < left[codenameWords][0] {
		return Codename{}, &CodenameError{Words: upTo[end].words}
	}

	// Walk along all best readings at once: they may differ in where a word
	// ends, since a letter too many belongs to either neighbour, but not in
	// which word it is.
	var c Codename
	var here [maxMended + 1]bool
	here[0] = true
	for i := range c.words {
		n := codenameWords - i
		var next [maxMended + 1]bool
		for at := range end {
			if !here[at] {
				continue
			}
			word := only(entries[at], func(e entry) bool {
				best := e.slips+left[n-1][at+e.length] == left[n][at]
				if best {
					next[at+e.length] = true
				}
				return best
			})
			if word == 0 || c.words[i] != 0 && word != c.words[i] {
				return Codename{}, &CodenameError{Word: i + 1}
			}
			c.words[i] = word
		}
		here = next
	}
	return c, nil
}
