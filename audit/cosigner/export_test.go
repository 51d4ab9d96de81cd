package cosigner

import "time"

// SetClock has c sign by another clock.
func (c *Cosigner) SetClock(now func() time.Time) { c.now = now }
