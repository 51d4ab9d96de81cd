package triage

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tocsin/ledger"
)

// Of a case that is marked so no file is opened, and all are handed over.
func TestACaseToHandOverSealed(t *testing.T) {
	s := newStation(t)
	image := attachment{"photo.jpg", photo(t)}
	c := s.addCase(s.vault, plain, image)
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	say := func(n Note) {
		t.Helper()
		_, err := s.alice.AddNote(s.find(c), &n)
		ok(t, err)
	}
	dir := filepath.Join(s.dir, "saved")
	may := func(want error) {
		t.Helper()
		if _, err := s.alice.Metadata(s.find(c), nil); !errors.Is(err, want) {
			t.Errorf("metadata: %v, want %v", err, want)
		}
		if _, err := s.alice.Save(s.find(c), dir, SaveOptions{Only: []string{"1"}}); !errors.Is(err, want) {
			t.Errorf("save: %v, want %v", err, want)
		}
		if _, err := os.Stat(dir); (err == nil) != (want == nil) {
			t.Errorf("the directory: %v", err)
		}
		ok(t, os.RemoveAll(dir))
	}
	may(nil)
	say(Note{Mark: []string{MarkSealed}})
	may(ErrSealed)
	say(Note{Text: "not even now", Mark: []string{"other"}})
	may(ErrSealed)
	files, err := s.alice.Files(s.find(c), nil)
	ok(t, err)
	if len(files) != 1 || files[0].Name != "photo.jpg" {
		t.Errorf("listed: %+v", files)
	}
	routed, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	if routed.Files != 1 {
		t.Errorf("routed: %+v", routed)
	}
	say(Note{Unmark: []string{MarkSealed}})
	may(nil)
}

// A note that can't be read could have been the mark.
func TestAnUnreadNoteKeepsFromTheFiles(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain, attachment{"a.txt", []byte("a")})
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	sealed := random(5000)
	_, err := s.alice.enqueue(&ledger.Leaf{
		Event: ledger.EventMessage, Kind: ledger.KindNote, Case: c.id,
		Size: int64(len(sealed)), Digest: digestOf(sealed),
	}, sealed)
	ok(t, err)
	if _, err := s.alice.Save(s.find(c), filepath.Join(s.dir, "saved"), SaveOptions{}); err == nil || errors.Is(err, ErrSealed) {
		t.Errorf("saved beside a note that can't be read: %v", err)
	}
	if _, err := s.alice.Show(s.find(c)); err != nil {
		t.Errorf("it keeps from the report: %v", err)
	}
	_, err = s.alice.AddNote(s.find(c), &Note{Text: "they may be opened", Unmark: []string{MarkSealed}})
	ok(t, err)
	_, err = s.alice.Save(s.find(c), filepath.Join(s.dir, "saved"), SaveOptions{})
	ok(t, err)
}
