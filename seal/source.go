package seal

import (
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"tocsin/seal/agefile"
)

// source is the sealed file under a reader. It remembers when reading itself
// failed, so that a failing disk is not reported as a damaged file.
type source struct {
	r   io.ReaderAt
	err error
}

func (s *source) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if err != nil && err != io.EOF && s.err == nil {
		s.err = err
	}
	return n, err
}

// fault says what an error met in decrypting means: the source's own error if
// it had one, otherwise damage.
func (s *source) fault(err error) error {
	if s.err != nil {
		return fmt.Errorf("reading the sealed file: %w", s.err)
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// open returns the plaintext, of which the last chunk and thereby the size are
// authenticated already and every other byte is when it is read.
//
// The header is inspected before age parses it: its errors quote the input,
// which may be 2 MiB of anything, and age opens files with recipients that are
// not post-quantum, which nothing here was ever sealed to.
func (s *source) open(size int64, id age.Identity) (io.ReaderAt, int64, error) {
	info, err := agefile.Inspect(io.NewSectionReader(s, 0, size), size)
	if err != nil {
		return nil, 0, s.fault(err)
	}
	for _, kind := range info.Stanzas {
		if kind != agefile.Hybrid {
			return nil, 0, fmt.Errorf("%w: it has a recipient that is not post-quantum", ErrDamaged)
		}
	}
	plain, n, err := age.DecryptReaderAt(s, size, id)
	if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		return nil, 0, ErrKey
	} else if err != nil {
		return nil, 0, s.fault(err)
	}
	return plain, n, nil
}
