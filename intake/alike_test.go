package intake

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"tocsin/ledger"
)

// headerShape is what an observer of an encrypted line can tell of an answer's
// head: its length. Names and each value's length are held, so that two
// differences can't make up for each other.
func headerShape(p answer) string {
	var all []string
	for name, values := range p.header {
		for _, v := range values {
			all = append(all, fmt.Sprintf("%s: %d", name, len(v)))
		}
	}
	sort.Strings(all)
	return fmt.Sprintf("status %d, %d bytes, %s", p.status, len(p.body), strings.Join(all, ", "))
}

// Whatever a codename leads to, the answer looks the same from outside, in every
// language.
func TestAnswersLookAlike(t *testing.T) {
	w := newWorld(t, setup{policy: mayWithdraw})
	one, several, gone := w.sent(), w.sent(), w.sent()
	w.reply(one, "Which room?")
	w.post("/en/add", w.addForm(several, "more")...)
	for _, e := range []ledger.Event{ledger.EventRead, ledger.EventHandedOver, ledger.EventAcknowledged} {
		w.event(several, e)
	}
	for range 4 {
		w.tell(several, strings.Repeat("Which room? ", 100), "police")
	}
	w.destroy("en", gone)
	w.midnight()
	codenames := []struct{ what, codename string }{
		{"never issued", w.newCodename("en")},
		{"a case without a reply", w.sent()},
		{"a case with one reply", one},
		{"a case with several", several},
		{"a case that was destroyed", gone},
		{"too few words", "zoom zoom"},
		{"other letters", "слова"},
		{"no words", ""},
		{"far too much", strings.Repeat("zoom ", 1000)},
	}
	for _, l := range w.server.languages.all {
		for path, more := range map[string][]entry{
			"return":   nil,
			"received": {{name: "typed", value: "zoom"}},
			"proof":    nil,
			"withdraw": nil,
		} {
			want := ""
			for _, c := range codenames {
				p := w.post("/"+l.Code+"/"+path, append([]entry{{name: "codename", value: c.codename}}, more...)...)
				got := headerShape(p)
				if want == "" {
					want = got
				}
				if got != want || len(p.body) != leastPage {
					t.Errorf("%s/%s: %s gets %s;\n%s gets %s", l.Code, path, c.what, got, codenames[0].what, want)
				}
			}
		}
	}
}

// A page beyond the step is filled up to the next.
func TestLongAnswersComeInSteps(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.sent()
	sizes := make(map[int]bool)
	for range 8 {
		w.reply(codename, strings.Repeat("a", 9_000))
		p := w.post("/en/return", entry{name: "codename", value: codename})
		sizes[len(p.body)] = true
		if tail := strings.TrimRight(p.body, "\n"); !strings.HasSuffix(tail, "</html>") {
			t.Error("the page is not whole")
		}
	}
	if len(sizes) != 2 || !sizes[leastPage] || !sizes[2*leastPage] {
		t.Errorf("pages of %v bytes", sizes)
	}
}

// Answers leave at whole multiples of the beat, counted from when the request
// had been read; one that falls on a beat leaves with the next.
func TestMetronome(t *testing.T) {
	const beat = 250 * time.Millisecond
	from := time.Date(2026, 1, 1, 0, 0, 0, 7, time.UTC)
	for _, tc := range []struct{ took, leaves time.Duration }{
		{0, beat},
		{time.Nanosecond, beat},
		{13 * time.Millisecond, beat},
		{beat - 1, beat},
		{beat, 2 * beat},
		{beat + 1, 2 * beat},
		{7*beat + beat/2, 8 * beat},
	} {
		clock, asleep := from.Add(tc.took), 0
		m := metronome{beat, func() time.Time { return clock }, func(_ context.Context, d time.Duration) {
			clock, asleep = clock.Add(d), asleep+1
		}}
		m.wait(t.Context(), from)
		if got := clock.Sub(from); got != tc.leaves || asleep != 1 {
			t.Errorf("after %v the answer leaves at %v, want %v", tc.took, got, tc.leaves)
		}
	}
	if m := newMetronome(); m.beat != beat {
		t.Errorf("the server's beat is %v", m.beat)
	}
}

// The server's own metronome sleeps, and a witness who goes away wakes it.
func TestMetronomeWakesWhenTheWitnessLeaves(t *testing.T) {
	m := newMetronome()
	m.beat = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.wait(ctx, time.Now()) // or the test does not end
	m.beat = time.Millisecond
	from := time.Now()
	if m.wait(t.Context(), from); time.Since(from) < m.beat {
		t.Error("it did not sleep")
	}
}

// Every answer to a codename waits for the beat once, whatever it leads to, the
// file of a proof too; and only after the request has been read.
func TestEveryAnswerWaits(t *testing.T) {
	waited := make(chan time.Duration, 10)
	w := newWorld(t, setup{policy: mayWithdraw, server: func(s *Server) {
		at := time.Now()
		s.metronome.beat = time.Hour
		s.metronome.now = func() time.Time { at = at.Add(time.Minute); return at }
		s.metronome.sleep = func(_ context.Context, d time.Duration) { waited <- d }
	}})
	codename := w.sent()
	for _, path := range []string{"return", "received", "add", "proof", "proof/file", "withdraw"} {
		for _, c := range []string{codename, w.newCodename("en"), "zoom"} {
			form := []entry{{name: "codename", value: c}}
			if path == "add" {
				form = append(form, entry{name: "once", value: strings.Repeat("ab", 32)}, entry{name: "text", value: "more"})
			}
			w.post("/en/"+path, form...)
			select {
			case d := <-waited:
				if d != 59*time.Minute {
					t.Errorf("%s: it waits for %v, a minute after the request was read", path, d)
				}
			default:
				t.Errorf("%s: the answer did not wait", path)
			}
			if len(waited) > 0 {
				t.Errorf("%s: the answer waited again for %v", path, <-waited)
			}
		}
	}
}

// mannWhitney is the standardised rank sum of a among a and b (H. Mann and
// D. Whitney, 1947), with ties at their mean rank: under the hypothesis that
// both are of one distribution, normal with deviation 1 for samples as large as
// here.
func mannWhitney(a, b []time.Duration) float64 {
	type sample struct {
		d   time.Duration
		ofA bool
	}
	var all []sample
	for _, d := range a {
		all = append(all, sample{d, true})
	}
	for _, d := range b {
		all = append(all, sample{d, false})
	}
	slices.SortFunc(all, func(x, y sample) int { return int(x.d - y.d) })
	sum := 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].d == all[i].d {
			j++
		}
		for _, s := range all[i:j] {
			if s.ofA {
				sum += float64(i+1+j) / 2
			}
		}
		i = j
	}
	n, m := float64(len(a)), float64(len(b))
	return (sum - n*(n+m+1)/2) / math.Sqrt(n*m*(n+m+1)/12)
}

// unlikely is the deviation that two samples of one distribution exceed less
// than once in a million times, in either direction.
const unlikely = 4.9

func TestMannWhitney(t *testing.T) {
	ms := func(list ...int) (all []time.Duration) {
		for _, n := range list {
			all = append(all, time.Duration(n)*time.Millisecond)
		}
		return all
	}
	for _, tc := range []struct {
		a, b []time.Duration
		want float64
	}{
		{ms(1, 2, 3), ms(4, 5, 6), -1.9640},
		{ms(4, 5, 6), ms(1, 2, 3), 1.9640},
		{ms(1, 4, 5), ms(2, 3, 6), -0.2182},
		{ms(1, 1, 1), ms(1, 1, 1), 0},
	} {
		if got := mannWhitney(tc.a, tc.b); math.Abs(got-tc.want) > 1e-4 {
			t.Errorf("%v against %v: %v, want %v", tc.a, tc.b, got, tc.want)
		}
	}
}

// timing measures how long the answers to two codenames take, of each the same
// number. Their order is drawn: whatever else the machine does falls on both
// alike, and nothing but the codename can tell them apart.
func (w *world) timing(n int, one, other string) (a, b []time.Duration) {
	w.t.Helper()
	order := make([]bool, 2*n)
	for i := range n {
		order[i] = true
	}
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for _, first := range order {
		codename, into := other, &b
		if first {
			codename, into = one, &a
		}
		from := time.Now()
		p := w.post("/en/return", entry{name: "codename", value: codename})
		*into = append(*into, time.Since(from))
		if p.status != 200 {
			w.t.Fatalf("status %d", p.status)
		}
	}
	return a, b
}

// How long an answer takes does not tell whether there is a case: over many
// tries the times for the codename of a case with answers and for one that was
// never issued are of one distribution. Without the beat, a case with much more
// behind it is told at once, which shows that the comparison can.
func TestTimeTellsNothing(t *testing.T) {
	w := newWorld(t, setup{})
	codename, much, never := w.sent(), w.sent(), w.newCodename("en")
	for i := range 100 { // each is opened to be shown
		w.reply(much, "Which room?")
		if i < 3 {
			w.reply(codename, "Which room?")
		}
	}
	sleep := w.server.metronome.sleep
	w.server.metronome.sleep = func(context.Context, time.Duration) {}
	w.timing(3, much, never)
	a, b := w.timing(40, much, never)
	z := mannWhitney(a, b)
	t.Logf("without the beat, much against nothing: medians %v and %v, deviation %.1f", median(a), median(b), z)
	if z < unlikely {
		t.Errorf("without the beat the times deviate by %.1f only: the test would see nothing", z)
	}
	a, b = w.timing(20, codename, never)
	t.Logf("without the beat: medians %v and %v, deviation %.1f", median(a), median(b), mannWhitney(a, b))
	// Short, so that the test is, and longer than the work beside whatever else
	// this machine does.
	w.server.metronome.sleep = sleep
	w.server.metronome.beat = 3 * median(a)
	a, b = w.timing(60, codename, never)
	z = mannWhitney(a, b)
	t.Logf("with a beat of %v: medians %v and %v, deviation %.1f", w.server.metronome.beat, median(a), median(b), z)
	if math.Abs(z) > unlikely {
		t.Errorf("with the beat the times deviate by %.1f, more than %.1f", z, unlikely)
	}
}

func median(list []time.Duration) time.Duration {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}
