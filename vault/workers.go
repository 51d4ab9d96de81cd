package vault

import (
	"runtime"
	"sync"
)

// queueLength is how many pieces of work wait at most: each holds a value of
// vault.db, of up to InlineMax bytes, so that all take 16 MiB at most.
const queueLength = 64

// workers do what a check spends its time on, hashing and parsing, while its
// own goroutine walks the pages. What comes of the pieces of work is told on
// that goroutine, in the order in which they were given, so that a check calls
// its visitor in one order whatever the number of processors.
//
// All methods are for that one goroutine.
type workers struct {
	ring    [queueLength]piece
	first   int // in the ring, of those given and not told yet
	n       int // how many they are
	blobs   int // how many of them read a blob
	most    int // blobs at once
	telling bool
	pieces  chan *piece
	running sync.WaitGroup
}

// A piece is one value, or blob, under way.
type piece struct {
	value []byte // a copy: the walker's page is used again
	work  func(value []byte) (tell func())
	blob  bool
	told  chan func()
}

func startWorkers() *workers {
	n := 2 * runtime.GOMAXPROCS(0) // while some wait for a disk, others hash
	w := &workers{pieces: make(chan *piece, queueLength), most: n}
	for i := range w.ring {
		w.ring[i].told = make(chan func(), 1)
	}
	for range n {
		w.running.Go(func() {
			for p := range w.pieces {
				p.told <- p.work(p.value)
			}
		})
	}
	return w
}

// do has work done with a copy of value; tell is called later.
func (w *workers) do(value []byte, work func(value []byte) (tell func())) {
	p := w.next()
	p.value, p.work = append(p.value[:0], value...), work
	w.pieces <- p
}

// room waits until one more blob may be open.
func (w *workers) room() {
	for w.blobs >= w.most {
		w.tellFirst()
	}
}

// read is do for a blob.
func (w *workers) read(work func() (tell func())) {
	p := w.next()
	p.work, p.blob = func([]byte) func() { return work() }, true
	w.blobs++
	w.pieces <- p
}

// say calls tell when its turn comes: at once, if no work is under way or what
// came of it is being told.
func (w *workers) say(tell func()) {
	if w.n == 0 || w.telling {
		tell()
		return
	}
	w.next().told <- tell
}

// next takes the place at the end of the queue.
func (w *workers) next() *piece {
	if w.n == queueLength {
		w.tellFirst()
	}
	p := &w.ring[(w.first+w.n)%queueLength]
	w.n++
	return p
}

func (w *workers) tellFirst() {
	p := &w.ring[w.first]
	tell := <-p.told
	if p.blob {
		p.blob = false
		w.blobs--
	}
	w.first, w.n = (w.first+1)%queueLength, w.n-1
	w.telling = true
	tell()
	w.telling = false
}

// wait returns when all has been told.
func (w *workers) wait() {
	for w.n > 0 {
		w.tellFirst()
	}
}

// stop ends the workers after wait.
func (w *workers) stop() {
	w.wait()
	close(w.pieces)
	w.running.Wait()
}
