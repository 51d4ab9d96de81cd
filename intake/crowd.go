package intake

import (
	"slices"
	"sync"
	"time"
)

const (
	// grace is how long the server waits for a client at least before the client
	// may have to make room for another.
	grace = 5 * time.Second
	// madeRoom is how long the other then waits for its place.
	madeRoom = 2 * time.Second
)

// A crowd are the bodies being read, and the places that each holds. Where there
// is no place left, whoever sends nothing, or next to it, makes room: otherwise a
// few hundred silent connections would keep everybody out.
type crowd struct {
	mu sync.Mutex
	in map[*pacedBody][]chan struct{} // guarded by mu
}

// enter finds the body a place of each kind, or says that there is none.
func (c *crowd) enter(x *exchange, places []chan struct{}) error {
	for i, of := range places {
		if !c.placed(x, of) {
			release(places[:i])
			return refuse("busy", nil, nil)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.in == nil {
		c.in = make(map[*pacedBody][]chan struct{})
	}
	c.in[x.body] = places
	return nil
}

// leave gives the places back.
func (c *crowd) leave(x *exchange) {
	c.mu.Lock()
	places := c.in[x.body]
	delete(c.in, x.body)
	c.mu.Unlock()
	release(places)
}

func release(places []chan struct{}) {
	for _, of := range places {
		<-of
	}
}

// placed takes a place of one kind.
func (c *crowd) placed(x *exchange, of chan struct{}) bool {
	select {
	case of <- struct{}{}:
		return true
	default:
	}
	if !c.makeRoom(of) {
		return false
	}
	wait := time.NewTimer(madeRoom)
	defer wait.Stop()
	select {
	case of <- struct{}{}:
		return true
	case <-wait.C:
	case <-x.r.Context().Done():
	}
	return false
}

// makeRoom cuts the slowest of those who hold such a place, if it is slow enough.
func (c *crowd) makeRoom(of chan struct{}) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	var slowest *pacedBody
	var least float64
	for b, places := range c.in {
		if !slices.Contains(places, of) {
			continue
		}
		if rate, slow := b.slow(); slow && (slowest == nil || rate < least) {
			slowest, least = b, rate
		}
	}
	return slowest != nil && slowest.cut()
}
