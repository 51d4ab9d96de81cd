package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"

	"tocsin/vault"
)

// A Store is the store at the other end, for a check from here: a
// [vault.Source]. vault.db lies in a file without a name, the blobs pass by and
// are not kept. A connection that breaks is vault.ErrSource.
type Store struct {
	client    *Client
	db        *os.File
	size      int64
	leaves    int64
	blobBytes int64

	turn chan struct{} // holds one element while no blob is open

	// Of the blobs; belong to who holds the turn.
	frames *Reader // nil before the first is asked for
	answer io.Closer
	next   *Frame // the frame whose leaf's blob was not asked for yet, or nil
	last   int64  // leaf of the frame before
	ended  error  // why no frame comes any more
}

// Store fetches vault.db as the store is now, into a file in dir that has no
// name and goes when it is closed. progress is told how many bytes came, of how
// many. The caller must Close what it returns.
func (c *Client) Store(ctx context.Context, dir string, progress func(done, of int64)) (*Store, error) {
	db, err := os.CreateTemp(dir, ".new-vault-*")
	if err != nil {
		return nil, fmt.Errorf("making a file for the store: %w", err)
	}
	s := &Store{client: c, db: db, size: -1, blobBytes: -1, last: -1, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	if err := os.Remove(db.Name()); err != nil {
		return nil, fmt.Errorf("making a file for the store: %w", errors.Join(err, db.Close()))
	}
	err = c.do(ctx, http.MethodGet, "/v1/store", nil, func(f *Frame) error {
		switch {
		case f.Kind == Blobs && s.blobBytes < 0 && f.Index < mostBlobs:
			s.blobBytes = f.Index
		case f.Kind == Image && s.blobBytes >= 0 && s.size < 0:
			s.size, s.leaves = f.Size, f.Index
			_, err := io.Copy(db, &told{f.Body, 0, f.Size, progress})
			return err
		default:
			return unexpected(f)
		}
		return nil
	})
	if err == nil && s.size < 0 {
		err = fmt.Errorf("%w: no store came", ErrMalformed)
	}
	if err != nil {
		return nil, fmt.Errorf("asking the desk for the store: %w", errors.Join(err, db.Close()))
	}
	return s, nil
}

// mostBlobs is beyond all disks, in bytes, and small enough to add to.
const mostBlobs = 1 << 50

// told tells how much was read.
type told struct {
	r        io.Reader
	done, of int64
	progress func(done, of int64)
}

func (t *told) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.done += int64(n)
	t.progress(t.done, t.of)
	return n, err
}

// Close lets go of the file and of the connection. No blob may be open.
func (s *Store) Close() error {
	err := s.db.Close()
	if s.answer != nil {
		err = errors.Join(err, s.answer.Close())
	}
	return err
}

// DB implements vault.Source.
func (s *Store) DB() (io.ReaderAt, int64) { return s.db, s.size }

// BlobBytes implements vault.Source: it is what the desk said.
func (s *Store) BlobBytes() int64 { return s.blobBytes }

// Files implements vault.Source: there are none.
func (s *Store) Files() ([]string, error) { return nil, nil }

// Others implements vault.Source: there are none.
func (s *Store) Others() ([]string, error) { return nil, nil }

// Blob implements vault.Source. There is one stream, in which the blobs come in
// the order of their leaves: it waits until the one before is closed. What was
// not asked for is passed over, and what is asked for and does not come is not
// there.
func (s *Store) Blob(ctx context.Context, index int64, _ string) (*vault.Blob, error) {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f, err := s.seek(ctx, index)
	if err != nil {
		s.turn <- struct{}{}
		return nil, err
	}
	return &vault.Blob{ReadCloser: &passing{f.Body, s}, Size: f.Size}, nil
}

// seek returns the frame of the blob of leaf index.
func (s *Store) seek(ctx context.Context, index int64) (*Frame, error) {
	for s.ended == nil && (s.next == nil || s.next.Index < index) {
		s.next, s.ended = s.advance(ctx)
	}
	if s.ended != nil && s.ended != io.EOF {
		return nil, fmt.Errorf("%w: asking the desk for blobs: %w", vault.ErrSource, s.ended)
	}
	f := s.next
	if s.ended == io.EOF || f.Index > index || f.Kind == Absent {
		return nil, fs.ErrNotExist
	}
	s.next = nil
	return f, nil
}

// advance returns the next frame of the stream of blobs, and io.EOF after the
// last.
func (s *Store) advance(ctx context.Context) (f *Frame, err error) {
	if s.frames == nil {
		path := fmt.Sprintf("/v1/blobs?from=%d&to=%d", s.last+1, s.leaves)
		if s.frames, s.answer, err = s.client.ask(ctx, http.MethodGet, path, nil); err != nil {
			return nil, err
		}
	}
	if f, err = s.frames.Next(); err != nil {
		return nil, err
	}
	if f.Kind != Message && f.Kind != Absent || f.Index <= s.last || f.Index >= s.leaves {
		return nil, unexpected(f)
	}
	s.last = f.Index
	return f, nil
}

// maxSkip is how many bytes of a blob are rather passed over than the rest asked
// for anew. Whoever can write to the store's disk can make a blob of any size.
const maxSkip = 1 << 20

// passing is a blob that is open.
type passing struct {
	io.Reader
	s *Store
}

func (p *passing) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: asking the desk for blobs: %w", vault.ErrSource, err)
	}
	return n, err
}

// Close gives the stream to the next.
func (p *passing) Close() (err error) {
	s := p.s
	if s.frames.body.N > maxSkip {
		err = s.answer.Close()
		s.frames, s.answer = nil, nil
	}
	s.turn <- struct{}{}
	return err
}
