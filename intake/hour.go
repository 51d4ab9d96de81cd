package intake

import (
	"sync"
	"time"

	"tocsin/seal/roster"
)

// What an instance takes in an hour is bounded for all of it together, never by
// address: behind one address there may be a whole hotel, or all of Tor.

// An hour counts what came in of late. Each allowance fills up again evenly over
// an hour. Reports with files draw on one of their own as well, half as large, so
// that a flood of files leaves room for as many texts.
type hour struct {
	now func() time.Time

	mu      sync.Mutex
	reports allowance // of any kind; guarded by mu
	filed   allowance // reports with files; guarded by mu
	bytes   allowance // of files; guarded by mu
}

// An allowance is a token bucket that holds what an hour allows.
type allowance struct {
	most, left float64
	at         time.Time // when left was right
}

// refill brings left up to what it is now.
func (a *allowance) refill(now time.Time) {
	if d := now.Sub(a.at); d > 0 {
		a.left = min(a.most, a.left+a.most*d.Hours())
		a.at = now
	}
}

// giveBack returns what was taken and not used.
func (a *allowance) giveBack(n float64) { a.left = min(a.most, a.left+n) }

func newHour(c Config, now func() time.Time) *hour {
	full := func(most int64) allowance { return allowance{float64(most), float64(most), now()} }
	return &hour{
		now:     now,
		reports: full(int64(c.ReportsPerHour)),
		filed:   full(int64(max(1, c.ReportsPerHour/2))),
		bytes:   full(c.FileBytesPerHour),
	}
}

// enter counts a report, an addition or, with files set, one with files, by what
// its request says it will bring; or refuses it. The caller calls done when the
// request is over: what did not come, and what was not kept, is given back, so
// that nobody uses an hour up by announcing.
func (h *hour) enter(x *exchange, files bool, p roster.Policy) (done func(kept bool), err error) {
	size := float64(x.r.ContentLength)
	if size < 0 {
		size = float64(p.MaxReport)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refill()
	// One report as large as the policy allows always fits an untouched hour.
	size = min(size, h.bytes.most)
	if h.reports.left < 1 || files && (h.filed.left < 1 || h.bytes.left < size) {
		return nil, refuse("busy", nil, nil)
	}
	h.reports.left--
	if files {
		h.filed.left--
		h.bytes.left -= size
	}
	return func(kept bool) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.refill()
		if !kept {
			h.reports.giveBack(1)
		}
		if files && !kept {
			h.filed.giveBack(1)
		}
		if files {
			h.bytes.giveBack(max(0, size-float64(x.body.total)))
		}
	}, nil
}

// refill brings all allowances up to now. The caller holds mu.
func (h *hour) refill() {
	now := h.now()
	h.reports.refill(now)
	h.filed.refill(now)
	h.bytes.refill(now)
}
