package links

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// A score counts the pairs of reports that were linked by a kind.
type score struct{ right, wrong, missed int }

func (s score) precision() float64 { return float64(s.right) / float64(max(1, s.right+s.wrong)) }
func (s score) recall() float64    { return float64(s.right) / float64(max(1, s.right+s.missed)) }

func (s score) String() string {
	return fmt.Sprintf("precision %.3f  recall %.3f  (%d known pairs; %d linked wrongly, %d missed)", s.precision(), s.recall(), s.right+s.missed, s.wrong, s.missed)
}

// Of two reports that have something in common at least nine in ten are linked,
// and of those that are linked nineteen in twenty have. TOCSIN_LINKS=missed or
// wrong lists where it fails.
func TestCorpus(t *testing.T) {
	// Held out: the package was tuned on seeds 201 to 210, and these were first
	// and last looked at on 2026-11-24, when the tuning was over. Seeds 301 to 306
	// had been held out before: on 304 the kind near fell short, which led to a
	// shorter distance, so that they no longer count. Who tunes anew takes seeds
	// that nobody has looked at. The names of places and cities in testdata are
	// the same for every seed.
	for seed := uint64(401); seed <= 406; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { measure(t, newTeller(t, seed).corpus()) })
	}
}

func measure(t *testing.T, reports []*toldReport) {
	if len(reports) != corpusSize {
		t.Fatalf("%d reports", len(reports))
	}
	x := NewIndex(0)
	for _, r := range reports {
		x.Add(r.id, KeysOf(r.Report))
	}
	scores := make(map[Kind]*score)
	cases := new(score) // two cases, by whatever kind
	for _, k := range Kinds() {
		scores[k] = new(score)
	}
	for i, a := range reports {
		linked := make(map[string]map[Kind]Link)
		for _, l := range x.Of(a.id) {
			if linked[l.Case] == nil {
				linked[l.Case] = make(map[Kind]Link)
			}
			linked[l.Case][l.Kind] = l
		}
		for _, b := range reports[i+1:] {
			pair, known := linked[b.id], false
			for _, k := range Kinds() {
				same := a.what[k] != "" && a.what[k] == b.what[k]
				l, found := pair[k]
				known = known || same
				scores[k].count(same, found)
				if same != found {
					example(t, k, same, a, b, l)
				}
			}
			cases.count(known, len(pair) > 0)
		}
	}
	all := new(score)
	for _, k := range Kinds() {
		s := scores[k]
		all.right, all.wrong, all.missed = all.right+s.right, all.wrong+s.wrong, all.missed+s.missed
		t.Logf("%-7s %v", k, s)
		if s.right+s.missed < 100 {
			t.Errorf("%s: only %d known pairs to judge by", k, s.right+s.missed)
		}
	}
	t.Logf("%-7s %v", "all", all)
	t.Logf("%-7s %v", "cases", cases)
	if cases.precision() < 0.95 || cases.recall() < 0.9 {
		t.Errorf("cases: %v; want 0.95 and 0.9 at least", cases)
	}
	// No kind hides behind the others.
	for k, s := range scores {
		if s.precision() < 0.9 || s.recall() < 0.75 {
			t.Errorf("%s: %v; want 0.9 and 0.75 at least", k, s)
		}
	}
}

func (s *score) count(same, found bool) {
	switch {
	case same && found:
		s.right++
	case same:
		s.missed++
	case found:
		s.wrong++
	}
}

func example(t *testing.T, k Kind, missed bool, a, b *toldReport, l Link) {
	want := os.Getenv("TOCSIN_LINKS")
	if want == "missed" && missed || want == "wrong" && !missed {
		show := func(r *toldReport) string {
			var parts []string
			for _, f := range map[Kind][]string{
				Place: {"where.place", "where.city", "where.country"}, Near: {"where.coordinates"}, Plate: {"suspect.plate"},
				Flight: {"suspect.flight", "suspect.airline", "suspect.travel_dates", "when.date"}, Handle: {"online.platform", "online.handle", "online.url", "what.seen"},
				Phone: {"online.handle", "where.country", "what.seen"}, URL: {"online.url", "what.seen"}, Email: {"what.seen"},
			}[k] {
				parts = append(parts, strings.Join(r.Get(f), ""))
			}
			return fmt.Sprintf("%q", parts)
		}
		t.Logf("%s %s: %s %s %s/%s", want, k, show(a), show(b), l.Ours.Value, l.Theirs.Value)
	}
}

// The same corpus gives the same keys, links and clusters in whatever order it
// is added, and a cluster holds whoever a link leads to.
func TestDeterminism(t *testing.T) {
	reports := newTeller(t, 2).corpus()
	x, y := NewIndex(0), NewIndex(0)
	for _, r := range reports {
		x.Add(r.id, KeysOf(r.Report))
	}
	slices.Reverse(reports)
	for _, r := range reports {
		y.Add(r.id, KeysOf(r.Report))
	}
	for _, r := range reports {
		if a, b := x.Of(r.id), y.Of(r.id); !slices.Equal(a, b) {
			t.Fatalf("case %s: %v and %v", r.id, a, b)
		}
		cluster := x.Cluster(r.id)
		for _, l := range x.Of(r.id) {
			if !slices.Contains(cluster, l.Case) {
				t.Fatalf("case %s is not in the cluster of %s", l.Case, r.id)
			}
			if !slices.ContainsFunc(x.Of(l.Case), func(back Link) bool { return back.Case == r.id && back.Kind == l.Kind }) {
				t.Fatalf("case %s is linked to %s by %s, but not the other way", r.id, l.Case, l.Kind)
			}
		}
	}
	if a, b := fmt.Sprint(x.Clusters()), fmt.Sprint(y.Clusters()); a != b {
		t.Error("the clusters differ by the order of adding")
	}
}
