package desk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"tocsin/vault"
)

const (
	// slowest is how many bytes of vault.db an auditor must take in each second
	// on average: while it is sent, the store can't use again what it frees.
	slowest = 16 << 10
	// graceTime is what comes on top, for a connection to come up to speed.
	graceTime = 10 * time.Minute
	// blobStall is how long an auditor may take no byte of a blob. It checks
	// what it has of vault.db in between, and nothing is held for it meanwhile.
	blobStall = 10 * time.Minute
)

// store sends vault.db as it is now to an auditor, to each at most once at a
// time.
func (s *Server) store(a *answer, _ *http.Request, p party) error {
	done, ok := s.begin(p.name)
	if !ok {
		return &Error{http.StatusTooManyRequests, "the store is being sent to this key already; end that audit, or try again in a minute"}
	}
	defer done()
	image, err := s.vault.Image()
	if err != nil {
		return err
	}
	defer image.Close()
	a.until = time.Now().Add(graceTime + time.Duration(image.Size/slowest)*time.Second)
	if err := a.frames.Write(Blobs, image.BlobBytes(), nil); err != nil {
		return err
	}
	if err := a.frames.Stream(Image, image.Leaves, image.Size, image); err != nil {
		return err
	}
	// Not how many leaves: a journal knows the hour, and would tell when reports came.
	s.log.Info("desk sent the store to an auditor", p.role, p.name)
	return nil
}

// begin notes that the store is being sent to an auditor, until done is called.
func (s *Server) begin(name string) (done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.under[name] {
		return nil, false
	}
	s.under[name] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.under, name)
	}, true
}

// blobs sends the large ciphertexts of a run of leaves, which lie beside
// vault.db, in the order of their leaves. Blobs are written once, and one of
// them at a time is open.
func (s *Server) blobs(a *answer, r *http.Request, p party) error {
	next, to, ok := run(r)
	if !ok {
		return &Error{http.StatusBadRequest, "blobs are asked for by from and to, numbers of leaves"}
	}
	a.stall = blobStall
	for {
		index, blob, err := s.vault.NextBlob(next, to)
		switch {
		case errors.Is(err, vault.ErrNotFound):
			s.log.Info("desk sent blobs to an auditor", p.role, p.name)
			return nil
		case errors.Is(err, fs.ErrNotExist):
			err = a.frames.Write(Absent, index, nil)
		case err != nil:
			return fmt.Errorf("opening the blob of leaf %d: %w", index, err)
		default:
			err = a.frames.Stream(Message, index, blob.Size(), io.NewSectionReader(blob, 0, blob.Size()))
			err = errors.Join(err, blob.Close())
		}
		if err != nil {
			return err
		}
		next = index + 1
	}
}
