package padme

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// Worked by hand from the paper's definition: 2^20 has E = 20 and S = 5, so
// that lengths from there on are multiples of 2^15.
func TestSize(t *testing.T) {
	for _, c := range []struct{ n, want int64 }{
		{math.MinInt64, Floor}, {-1, Floor}, {0, Floor}, {1, Floor}, {Floor - 1, Floor}, {Floor, Floor},
		{Floor + 1, Floor + 1024},
		{32767, 32768}, {32768, 32768}, {32769, 32768 + 2048},
		{65536, 65536}, {65537, 65536 + 2048},
		{1 << 20, 1 << 20}, {1<<20 + 1, 1<<20 + 1<<15}, {1<<20 + 1<<15, 1<<20 + 1<<15},
		{1<<30 - 1, 1 << 30}, {1<<30 + 1, 1<<30 + 1<<25},
		{math.MaxInt64 - 1<<56 + 1, math.MaxInt64 - 1<<56 + 1},
		{math.MaxInt64 - 1<<56 + 2, math.MaxInt64},
		{math.MaxInt64, math.MaxInt64},
	} {
		if got := Size(c.n); got != c.want {
			t.Errorf("Size(%d) = %d, want %d", c.n, got, c.want)
		}
	}
	for _, n := range []int64{math.MinInt64, -Floor, 0, 1024, Floor - 1, Floor + 512, 1<<20 + 1, math.MaxInt64} {
		if OnStep(n) {
			t.Errorf("OnStep(%d)", n)
		}
	}
}

// The properties that callers lean on, at every length up to 1 MiB and at
// random ones of every magnitude above.
func TestProperties(t *testing.T) {
	check := func(n int64) error {
		p := Size(n)
		switch {
		case p < n || p < Floor:
			return fmt.Errorf("Size(%d) = %d is too small", n, p)
		case n > Floor && p-n >= n/16:
			return fmt.Errorf("Size(%d) = %d costs more than a sixteenth", n, p)
		case p%1024 != 0:
			return fmt.Errorf("Size(%d) = %d is not a multiple of 1024", n, p)
		case Size(p) != p || !OnStep(p):
			return fmt.Errorf("Size(%d) = %d is not a step", n, p)
		case OnStep(n) != (p == n):
			return fmt.Errorf("OnStep(%d) does not agree with Size = %d", n, p)
		case Size(n-1) > p:
			return fmt.Errorf("Size falls from %d to %d", n-1, n)
		}
		return nil
	}
	for n := int64(0); n <= 1<<20; n++ {
		if err := check(n); err != nil {
			t.Fatal(err)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for shift := range 41 {
		for range 1000 {
			if err := check(1<<(shift+21) + r.Int64N(1<<(shift+21))); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What padding is for: few sizes. From the floor to 1 GiB an observer can tell
// 481 lengths apart.
func TestFewSteps(t *testing.T) {
	steps := 0
	for n := int64(0); n <= 1<<30; n = Size(n) + 1 {
		steps++
	}
	if steps != 481 {
		t.Errorf("%d steps up to 1 GiB", steps)
	}
}
