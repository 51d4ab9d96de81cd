package links

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

func TestFlightWindow(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"SN205 2026-03-04 2026-03-04", "SN205 2026-03-11 2026-03-11", true},
		{"SN205 2026-03-04 2026-03-04", "SN205 2026-03-12 2026-03-12", false},
		{"SN205 2026-03-04 2026-03-18", "SN205 2026-03-10 2026-03-10", true},
		{"SN205 2026-03-04 2026-03-04", "SN206 2026-03-04 2026-03-04", false},
		{"SN205 2026-12-30 2026-12-30", "SN205 2027-01-02 2027-01-02", true},
		{"SN205", "SN205", false},
	} {
		if sameFlight(tt.a, tt.b) != tt.same || sameFlight(tt.b, tt.a) != tt.same {
			t.Errorf("%s, %s: want %v", tt.a, tt.b, tt.same)
		}
	}
}

// The grid finds exactly the points within the distance, at the poles and on
// both sides of the antimeridian too.
func TestNear(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for _, centre := range []point{{12.9, 100.9}, {0, 0}, {-33.9, 179.9999}, {65, -179.9999}, {89.9995, 10}, {-89.9995, -170}, {50.85, 4.35}} {
		for _, metres := range []float64{DefaultMetres, 2500} {
			x := NewIndex(metres)
			var points []point
			for i := range 400 {
				p := point{
					min(90, max(-90, centre.lat+(rnd.Float64()-0.5)*6*metres/metresPerDegree)),
					centre.lon + (rnd.Float64()-0.5)*6*metres/metresPerDegree/max(0.001, cosine(centre.lat)),
				}
				for p.lon > 180 {
					p.lon -= 360
				}
				for p.lon < -180 {
					p.lon += 360
				}
				value := p.String()
				p, _ = parsePoint(value)
				points = append(points, p)
				x.Add(strconv.Itoa(i), []Key{{Near, value, value, "where.coordinates"}})
			}
			found := 0
			for i, p := range points {
				var want []string
				for j, q := range points {
					if i != j && p.metres(q) <= metres {
						want = append(want, strconv.Itoa(j))
					}
				}
				var got []string
				for _, l := range x.Of(strconv.Itoa(i)) {
					got = append(got, l.Case)
				}
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Fatalf("near %v within %.0f m: %v, want %v", p, metres, got, want)
				}
				found += len(got)
			}
			if found == 0 {
				t.Errorf("near %v: nothing to find", centre)
			}
		}
	}
}

func TestDistance(t *testing.T) {
	// Brussels, Grand-Place to Antwerp, cathedral: 41.8 km.
	if d := (point{50.84673, 4.35247}).metres(point{51.22028, 4.40153}); d < 41_500 || d > 42_100 {
		t.Errorf("%.0f m", d)
	}
}

// Every slip of a name meets it through the buckets, in either direction.
func TestSlipsMeet(t *testing.T) {
	const name = "goldenstar"
	slips := []string{"goldenstra", "oldenstar", "goldenstarr", "golxenstar", "ogldenstar", "goldenstax", "xgoldenstar", "goldestar"}
	for _, s := range slips {
		x := NewIndex(0)
		x.Add("a", []Key{{Kind: Place, Value: name + "|pataia|TH"}})
		x.Add("b", []Key{{Kind: Place, Value: s + "|pataia|TH"}})
		x.Add("c", []Key{{Kind: Place, Value: name + "|pataja|TH"}})
		if links := x.Of("a"); len(links) != 2 || links[0].Case != "b" || links[1].Case != "c" {
			t.Errorf("%s: %v", s, links)
		}
		if links := x.Of("b"); len(links) != 1 { // two slips from c
			t.Errorf("%s: %v", s, links)
		}
	}
}

// A name without its city meets that of the one city in which the cases know
// it, and of two cities none, in whatever order they are added.
func TestNameWithoutCity(t *testing.T) {
	cases := [][2]string{{"a", "golden star||TH"}, {"b", "goldenstar|pataia|TH|stay"}, {"c", "golden star|pattaia|TH"}, {"d", "golden star|fuket|TH"}, {"e", "golden star|sosua|DO"}}
	clusters := func(cases [][2]string) string {
		x := NewIndex(0)
		for _, c := range cases {
			x.Add(c[0], []Key{{Kind: Place, Value: c[1]}})
		}
		return fmt.Sprint(x.Clusters())
	}
	one := slices.Concat(cases[:3], cases[4:])
	for range 2 {
		if got := clusters(one); got != "[[a b c]]" {
			t.Errorf("in one city: %s", got)
		}
		if got := clusters(cases); got != "[[b c]]" {
			t.Errorf("in two cities: %s", got)
		}
		slices.Reverse(cases)
		slices.Reverse(one)
	}
}

func TestHandlesOfManyPlatforms(t *testing.T) {
	x := NewIndex(0)
	for i, v := range []string{"instagram:maria", "telegram:maria", ":maria", "instagram:john_doe92", "telegram:john_doe92", ":john_doe92", "instagram:maria"} {
		x.Add(strconv.Itoa(i), []Key{{Kind: Handle, Value: v}})
	}
	if got := fmt.Sprint(x.Clusters()); got != "[[3 4 5] [0 6]]" {
		t.Error(got)
	}
}

func TestClusterChains(t *testing.T) {
	x := NewIndex(0)
	x.Add("a", []Key{{Kind: Plate, Value: "1ABC234"}})
	x.Add("b", []Key{{Kind: Plate, Value: "1ABC234"}, {Kind: Phone, Value: "+32477123456"}})
	x.Add("c", []Key{{Kind: Phone, Value: "0477123456"}, {Kind: Email, Value: "x@example.org"}})
	x.Add("d", []Key{{Kind: Email, Value: "y@example.org"}})
	if got := x.Cluster("a"); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Error(got)
	}
	if got := x.Cluster("d"); !slices.Equal(got, []string{"d"}) {
		t.Error(got)
	}
	if got := x.Cluster("nobody"); !slices.Equal(got, []string{"nobody"}) {
		t.Error(got)
	}
	if got := fmt.Sprint(x.Clusters()); got != "[[a b c]]" {
		t.Error(got)
	}
}

// benchReports are 10,000 reports: five corpora.
func benchReports(b *testing.B) []*toldReport {
	b.Helper()
	var all []*toldReport
	for seed := range uint64(5) {
		for _, r := range newTeller(b, 10+seed).corpus() {
			r.id = fmt.Sprintf("%d-%s", seed, r.id)
			all = append(all, r)
		}
	}
	return all
}

func BenchmarkKeys(b *testing.B) {
	all := benchReports(b)
	for b.Loop() {
		for _, r := range all {
			KeysOf(r.Report)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(all)), "µs/case")
}

func indexed(b *testing.B) (*Index, []*toldReport, [][]Key) {
	all := benchReports(b)
	keys := make([][]Key, len(all))
	x := NewIndex(0)
	for i, r := range all {
		keys[i] = KeysOf(r.Report)
		x.Add(r.id, keys[i])
	}
	return x, all, keys
}

// What it costs to index the keys of 10,000 cases.
func BenchmarkIndex(b *testing.B) {
	_, all, keys := indexed(b)
	for b.Loop() {
		x := NewIndex(0)
		for i, r := range all {
			x.Add(r.id, keys[i])
		}
	}
}

// What it costs to find the links of one case among 10,000.
func BenchmarkOf(b *testing.B) {
	x, all, _ := indexed(b)
	i := 0
	for b.Loop() {
		x.Of(all[i%len(all)].id)
		i++
	}
}

// What it costs to find all clusters of 10,000 cases.
func BenchmarkClusters(b *testing.B) {
	x, _, _ := indexed(b)
	for b.Loop() {
		x.Clusters()
	}
}
