package vault

const (
	// sampleSize is how much of a message's beginning is looked at, in bytes: all
	// of the header that a message has, and of the payload payloadSample.
	sampleSize    = 4<<10 + payloadSample
	payloadSample = 64 << 10
	leastSample   = 4 << 10 // of fewer bytes nothing is said

	// mostUneven bounds Pearson's chi-squared of how often each of the 256 bytes
	// comes. Of bytes drawn at random it is 255 on average, with a deviation of 23,
	// and above 600 less than once in 10^20 samples (Laurent and Massart, Adaptive
	// estimation of a quadratic functional, 2000, lemma 1). A sample in which one
	// byte in fifty is of a text in the clear is above it.
	mostUneven = 600
)

// A sample keeps the beginning of what is written to it.
type sample struct{ b []byte }

func (s *sample) Write(p []byte) (int, error) {
	s.b = append(s.b, p[:min(len(p), cap(s.b)-len(s.b))]...)
	return len(p), nil
}

// payload is what it has of an age file's payload.
func (s *sample) payload(header int64) []byte {
	b := s.b[min(header, int64(len(s.b))):]
	return b[:min(len(b), payloadSample)]
}

// random reports whether bytes may have been drawn at random, as those of a
// ciphertext might. Words, a photograph or a tar that nobody encrypted are told
// from it; what is densely compressed may not be, and what somebody has made to
// look so is not.
func random(b []byte) bool {
	var count [256]uint64
	for _, c := range b {
		count[c]++
	}
	var squares uint64
	for _, n := range count {
		squares += n * n
	}
	n := uint64(len(b))
	return n < leastSample || 256*squares <= n*(n+mostUneven)
}
