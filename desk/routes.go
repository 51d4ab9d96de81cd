package desk

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"tocsin/ledger"
	"tocsin/vault"
)

// head sends the roster in force and the latest checkpoint. They are read one
// after the other: while a roster is changing the checkpoint may not cover it
// yet, which the client sees from the ledger and asks again.
func (s *Server) head(a *answer, _ *http.Request, _ party) error {
	if err := a.frames.Write(Roster, 0, s.vault.Roster().Note); err != nil {
		return err
	}
	return a.frames.Write(Checkpoint, 0, s.vault.Checkpoint())
}

// leaves sends a run of leaves. They are copied first: a slow reader must not
// hold a transaction open, which keeps the store from reusing pages.
func (s *Server) leaves(a *answer, r *http.Request, _ party) error {
	from, to, ok := run(r)
	if !ok || to-from > MaxLeaves {
		return &Error{http.StatusBadRequest, fmt.Sprintf("leaves are asked for by from and to, at most %d at once", MaxLeaves)}
	}
	var leaves [][]byte
	err := s.vault.Leaves(from, to, func(_ int64, leaf []byte) error {
		leaves = append(leaves, append([]byte(nil), leaf...))
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading leaves: %w", err)
	}
	for i, leaf := range leaves {
		if err := a.frames.Write(Leaf, from+int64(i), leaf); err != nil {
			return err
		}
	}
	return nil
}

// run reads which leaves are asked for: from, and to, which is not one of them.
func run(r *http.Request) (from, to int64, ok bool) {
	from, err1 := strconv.ParseInt(r.URL.Query().Get("from"), 10, 64)
	to, err2 := strconv.ParseInt(r.URL.Query().Get("to"), 10, 64)
	return from, to, err1 == nil && err2 == nil && 0 <= from && from <= to
}

// frameKinds says as what an object of the vault travels.
var frameKinds = map[string]Kind{"roster": Roster, "record": Record, "envelope": Envelope, "message": Message}

// objects sends what the leaves named in the body speak of, in their order.
func (s *Server) objects(a *answer, r *http.Request, p party) error {
	indices, err := readIndices(r.Body)
	if err != nil {
		return err
	}
	for _, index := range indices {
		if err := s.sendObjects(a, index); err != nil {
			return err
		}
	}
	// Not how many: with a journal's hour it would tell how many reports came since.
	s.log.Info("desk sent objects", p.role, p.name)
	return nil
}

func (s *Server) sendObjects(a *answer, index int64) error {
	objects, err := s.vault.Objects(index)
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		return fmt.Errorf("opening what leaf %d speaks of: %w", index, err)
	}
	defer func() {
		for _, o := range objects {
			o.Close()
		}
	}()
	for _, o := range objects {
		kind, known := frameKinds[o.Name]
		if !known {
			return fmt.Errorf("the store holds a %q, which has no frame", o.Name)
		}
		if err := a.frames.Stream(kind, index, o.Size(), io.NewSectionReader(o, 0, o.Size())); err != nil {
			return err
		}
	}
	if len(objects) == 0 {
		return a.frames.Write(Absent, index, nil)
	}
	return nil
}

// readIndices reads a body of at most MaxObjects decimal numbers, one a line.
func readIndices(body io.Reader) ([]int64, error) {
	const longest = len("9223372036854775807\n")
	var indices []int64
	lines := bufio.NewScanner(io.LimitReader(body, int64(MaxObjects*longest)+1))
	for lines.Scan() {
		i, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil || i < 0 || len(indices) == MaxObjects {
			return nil, &Error{http.StatusBadRequest, fmt.Sprintf("objects are asked for by at most %d numbers of leaves, one a line", MaxObjects)}
		}
		indices = append(indices, i)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading which objects are asked for: %w", err)
	}
	return indices, nil
}

// push appends a leaf that a case worker signed; the vault judges signature
// and content, and whoever carries it here is not asked for: a colleague may
// bring it on a stick.
func (s *Server) push(a *answer, r *http.Request, p party) error {
	frames := NewReader(r.Body)
	leaf, err := readStatement(frames)
	if err != nil {
		return pushError(err)
	}
	var index int64
	if leaf.Event == ledger.EventMessage {
		index, err = s.pushMessage(r, frames, leaf)
	} else if leaf.Event == ledger.EventRekey {
		index, err = s.pushRekey(r, frames, leaf)
	} else if err = atEnd(frames); err == nil {
		index, err = s.vault.AddEvent(r.Context(), leaf)
	}
	if err != nil {
		return pushError(err)
	}
	s.log.Info("desk took an event", p.role, p.name, "event", string(leaf.Event))
	return a.frames.Write(Accepted, index, nil)
}

func readStatement(frames *Reader) (*ledger.Leaf, error) {
	f, err := frames.Next()
	if err != nil {
		return nil, err
	}
	if f.Kind != Statement || f.Index != 0 {
		return nil, unexpected(f)
	}
	text, err := f.Bytes()
	if err != nil {
		return nil, err
	}
	return ledger.ParseLeaf(text)
}

func (s *Server) pushMessage(r *http.Request, frames *Reader, leaf *ledger.Leaf) (int64, error) {
	f, err := frames.Next()
	switch {
	case err == io.EOF:
		return 0, fmt.Errorf("%w: a message comes with its ciphertext", ErrMalformed)
	case err != nil:
		return 0, err
	case f.Kind != Message || f.Index != 0:
		return 0, unexpected(f)
	case f.Size > MaxMessage:
		return 0, &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("a sealed %s may have %d bytes", leaf.Kind, MaxMessage)}
	}
	up, err := s.vault.NewUpload(f.Size)
	if err != nil {
		return 0, err
	}
	defer up.Discard()
	if _, err := io.Copy(up, f.Body); err != nil {
		return 0, err
	}
	// Nothing is committed of a stream that was not whole.
	if err := atEnd(frames); err != nil {
		return 0, err
	}
	return s.vault.AddMessage(r.Context(), leaf, up)
}

// pushRekey takes an envelope that was sealed again. Its frame's limit bounds
// what is held; the vault knows how large one may be.
func (s *Server) pushRekey(r *http.Request, frames *Reader, leaf *ledger.Leaf) (int64, error) {
	f, err := frames.Next()
	switch {
	case err == io.EOF:
		return 0, fmt.Errorf("%w: a rekey comes with its envelope", ErrMalformed)
	case err != nil:
		return 0, err
	case f.Kind != Envelope || f.Index != 0:
		return 0, unexpected(f)
	}
	envelope, err := f.Bytes()
	if err != nil {
		return 0, err
	}
	if err := atEnd(frames); err != nil {
		return 0, err
	}
	return s.vault.AddRekey(r.Context(), leaf, envelope)
}

func atEnd(frames *Reader) error {
	f, err := frames.Next()
	switch {
	case err == io.EOF:
		return nil
	case err != nil:
		return err
	}
	return unexpected(f)
}

// pushError turns what the one who pushes can do something about into an
// answer; the rest stays the store's own failure.
func pushError(err error) error {
	for _, known := range []struct {
		err    error
		status int
	}{
		{ErrVersion, http.StatusBadRequest},
		{ErrMalformed, http.StatusBadRequest},
		{ledger.ErrVersion, http.StatusBadRequest},
		{ledger.ErrMalformed, http.StatusBadRequest},
		{ledger.ErrSignature, http.StatusForbidden},
		{vault.ErrNotFound, http.StatusNotFound},
		{vault.ErrRefused, http.StatusConflict},
		{vault.ErrRetired, http.StatusGone},
		{vault.ErrTooLarge, http.StatusRequestEntityTooLarge},
		{vault.ErrNoSpace, http.StatusInsufficientStorage},
	} {
		if errors.Is(err, known.err) {
			return &Error{known.status, strings.ReplaceAll(err.Error(), "\n", " ")}
		}
	}
	return err
}
