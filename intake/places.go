package intake

import (
	"time"

	"tocsin/seal/roster"
)

// Everything that a request holds while it comes in has a number of places:
// request bodies, forms with much text among them, and reports with files.

const (
	// largeShare is how many places for bodies there are for each one for a
	// form with more than smallText. To show a text again takes up to five
	// times its size beside it, because HTML spells some characters in five:
	// were every place to hold maxText, they would hold gigabytes.
	largeShare = 16
	// hurry is what the minimum rate is multiplied by while fewer than a
	// quarter of the places are free.
	hurry = 16
)

// minRate is the slowest average rate at which a request body may come in now.
// While places run low the slowest have to go: who only wants to occupy one
// holds it for a window, and an honest text is through in less.
func (s *Server) minRate() int64 {
	if 4*len(s.bodies) > 3*cap(s.bodies) {
		return hurry * s.config.MinBytesPerSecond
	}
	return s.config.MinBytesPerSecond
}

// enter waits a while for one of the places.
func (s *Server) enter(x *exchange, places chan struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	default:
	}
	patience := time.NewTimer(s.patience)
	defer patience.Stop()
	select {
	case places <- struct{}{}:
		return nil
	case <-patience.C:
		return refuse("busy", nil, nil)
	case <-x.r.Context().Done():
		return refuse("lost", nil, nil)
	}
}

// enterLarge finds a place for a form with much text, until leaveLarge.
func (x *exchange) enterLarge() error {
	if err := x.s.enter(x, x.s.large); err != nil {
		return err
	}
	x.large = true
	return nil
}

// leaveLarge gives the place back, if there is one.
func (x *exchange) leaveLarge() {
	if x.large {
		x.large = false
		<-x.s.large
	}
}

// letIn finds a place for a report with files, or says why there is none. The
// caller must call leave when done.
func (s *Server) letIn(x *exchange, p roster.Policy) (leave func(), err error) {
	if !p.Attachments {
		return nil, refuse("no-files", nil, nil)
	}
	// A client that announces too much need not send it first.
	if x.r.ContentLength > p.MaxReport+maxText {
		return nil, refuse("report-too-large", sizeText(x.lang, p.MaxReport), nil)
	}
	if err := s.enter(x, s.streams); err != nil {
		return nil, err
	}
	return func() { <-s.streams }, nil
}

// counted keeps a report or an addition, with files or without, where the hour has
// room for it and its files find a place. Both are given back before anything is
// answered: whoever reads the answer slowly holds neither.
func (s *Server) counted(x *exchange, files bool, p roster.Policy, keep func() error) error {
	done, err := s.hour.enter(x, files, p)
	if err != nil {
		return err
	}
	kept := false
	defer func() { done(kept) }()
	if files {
		leave, err := s.letIn(x, p)
		if err != nil {
			return err
		}
		defer leave()
	}
	err = keep()
	kept = err == nil
	return err
}
