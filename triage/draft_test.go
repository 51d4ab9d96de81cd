package triage

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"tocsin/ledger"
	"tocsin/report"
)

// addCaseIn adds a report that was made in that language.
func (s *station) addCaseIn(language string) *told {
	s.t.Helper()
	s.language = language
	defer func() { s.language = "en" }()
	return s.addCase(s.vault, plain)
}

// reply queues a reply.
func (s *station) reply(c *told, text string) {
	s.t.Helper()
	ok(s.t, s.alice.Lock())
	defer s.alice.Unlock()
	_, err := s.alice.Reply(s.find(c), text)
	ok(s.t, err)
}

const draftWords = "MARK-DRAFT: which flight was it?"

func (s *station) keepDraft(c *told, text string) {
	s.t.Helper()
	ok(s.t, s.alice.Lock())
	defer s.alice.Unlock()
	ok(s.t, s.alice.KeepDraft(s.find(c), text))
}

// sendDraft does what triage reply --draft does.
func (s *station) sendDraft(c *told) error {
	s.t.Helper()
	ok(s.t, s.alice.Lock())
	defer s.alice.Unlock()
	d, err := s.alice.Draft(s.find(c))
	if err != nil {
		return err
	}
	_, err = s.alice.SendDraft(s.find(c), d)
	return err
}

// replies returns the texts of the case's replies, queued or not.
func (s *station) replies(c *told) (texts []string) {
	s.t.Helper()
	shown, err := s.alice.Show(s.find(c))
	ok(s.t, err)
	for _, m := range shown.Messages {
		if m.Kind == ledger.KindReply {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

func TestADraftIsSealedAndPadded(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	sizes := make(map[int64]bool)
	for _, text := range []string{"MARK-DRAFT", "MARK-DRAFT " + strings.Repeat("x", 300)} {
		s.keepDraft(c, text)
		st, err := os.Stat(s.alice.draftPath(c.id))
		ok(t, err)
		sizes[st.Size()] = true
		if st.Mode().Perm() != 0o600 {
			t.Errorf("its mode is %o", st.Mode().Perm())
		}
		d, err := s.alice.Draft(s.find(c))
		ok(t, err)
		if d.Text != text || d.Day != "2026-03-04" {
			t.Errorf("kept %q, got %+v", text, d)
		}
	}
	if len(sizes) != 1 {
		t.Errorf("its size tells how long a short draft is: %v", sizes)
	}
	everyFile(t, s.alice.Dir, func(path string, data []byte) {
		if bytes.Contains(data, []byte("MARK-DRAFT")) {
			t.Errorf("%s holds the draft in the clear", path)
		}
	})
	// It is sealed to this home's worker alone, and needs no secret to be kept.
	file, err := os.ReadFile(s.alice.draftPath(c.id))
	ok(t, err)
	for _, id := range []age.Identity{s.police, c.key.Identity(), c.witness} {
		if _, err := age.Decrypt(bytes.NewReader(file), id); err == nil {
			t.Errorf("%T opens the draft", id)
		}
	}
	ok(t, os.Rename(s.alice.path("worker.key"), s.alice.path("away")))
	locked := newHome(s.alice.Dir)
	ok(t, locked.KeepDraft(s.find(c), draftWords))
	if _, err := locked.Draft(s.find(c)); !errors.Is(err, ErrNoKey) {
		t.Errorf("opened without the key: %v", err)
	}
}

func TestADraftIsSentOnce(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	if err := s.sendDraft(c); !errors.Is(err, ErrNoDraft) {
		t.Errorf("no draft, and sending it says %v", err)
	}
	// Killed after the commit point, at each place where the reply can be by the
	// time that it is told again.
	for i, meanwhile := range []func(){func() {}, func() { s.push() }, func() {
		s.reply(c, "something else")
		s.push()
	}} {
		text := draftWords + strings.Repeat("!", i)
		s.keepDraft(c, text)
		kept, err := os.ReadFile(s.alice.draftPath(c.id))
		ok(t, err)
		before := len(s.replies(c))
		ok(t, s.sendDraft(c))
		if _, err := os.Stat(s.alice.draftPath(c.id)); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%d: the draft is still here: %v", i, err)
		}
		ok(t, os.WriteFile(s.alice.draftPath(c.id), kept, 0o600)) // as a kill leaves it
		meanwhile()
		if err := s.sendDraft(c); !errors.Is(err, ErrDraftSent) {
			t.Errorf("%d: sent again: %v", i, err)
		}
		if err := s.sendDraft(c); !errors.Is(err, ErrNoDraft) {
			t.Errorf("%d: still there: %v", i, err)
		}
		texts, sent := s.replies(c), 0
		for _, v := range texts[before:] {
			if v == text {
				sent++
			}
		}
		if sent != 1 {
			t.Errorf("%d: sent %d times: %q", i, sent, texts)
		}
	}
}

// Killed before the commit point, nothing is lost; and who writes the same words
// again means them.
func TestTheSameWordsAgainAreANewDraft(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	for range 2 {
		s.keepDraft(c, draftWords)
		ok(t, os.Chmod(s.alice.path("desk.key"), 0)) // nothing can be signed
		ok(t, os.Rename(s.alice.path("desk.key"), s.alice.path("away")))
		s.alice.Forget()
		if err := s.sendDraft(c); err == nil {
			t.Fatal("sent unsigned")
		}
		ok(t, os.Rename(s.alice.path("away"), s.alice.path("desk.key")))
		ok(t, os.Chmod(s.alice.path("desk.key"), 0o600))
		ok(t, s.sendDraft(c))
	}
	if got := s.replies(c); len(got) != 2 {
		t.Errorf("%d replies", len(got))
	}
}

// A draft of another case, of another kind or of nothing is none.
func TestADraftInAnothersPlace(t *testing.T) {
	s := newStation(t)
	c, other := s.addCase(s.vault, plain), s.addCase(s.vault, plain)
	s.pull()
	s.keepDraft(c, draftWords)
	ok(t, os.Rename(s.alice.draftPath(c.id), s.alice.draftPath(other.id)))
	if _, err := s.alice.Draft(s.find(other)); err == nil || !strings.Contains(err.Error(), "--discard") {
		t.Errorf("another case's draft: %v", err)
	}
	ok(t, os.WriteFile(s.alice.draftPath(c.id), []byte("garbage"), 0o600))
	if _, err := s.alice.Draft(s.find(c)); err == nil {
		t.Error("garbage is a draft")
	}
	ok(t, s.alice.DiscardDraft(s.find(c)))
	if err := s.alice.DiscardDraft(s.find(c)); !errors.Is(err, ErrNoDraft) {
		t.Errorf("discarded twice: %v", err)
	}
	if err := s.alice.KeepDraft(s.find(c), " \n"); !errors.Is(err, report.ErrEmpty) {
		t.Errorf("an empty draft: %v", err)
	}
}

func TestDraftsOfDestroyedCasesGo(t *testing.T) {
	s := withdrawable(t)
	c, purged, kept := s.addCase(s.vault, plain), s.addCase(s.vault, plain), s.addCase(s.vault, plain)
	s.pull()
	for _, v := range []*told{c, purged, kept} {
		s.keepDraft(v, draftWords)
	}
	s.withdraw(c)
	s.pull()
	m, err := s.alice.openMirror()
	ok(t, err)
	next := m.clone()
	next.leaves = append(next.leaves, &ledger.Leaf{Event: ledger.EventPurged, Case: purged.id, Rule: "retention"})
	_, err = s.alice.forget(next)
	ok(t, err)
	left, err := filepath.Glob(s.alice.path(draftDir, "*"))
	ok(t, err)
	if len(left) != 1 || left[0] != s.alice.draftPath(kept.id) {
		t.Errorf("left: %v", left)
	}
	if err := s.alice.KeepDraft(s.find(c), draftWords); err == nil {
		t.Error("a draft for a withdrawn case was kept")
	}
}

func FuzzDraft(f *testing.F) {
	f.Add([]byte(`{"version":1,"day":"2026-03-04","text":"which flight?","after":["` + strings.Repeat("0f", 32) + `"]}`))
	f.Add([]byte(`{"version":2,"day":"","text":"x","after":null}`))
	f.Add([]byte(`{"version":1,"day":"2026-02-30","text":"\u202e"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := parseDraft(body)
		if err != nil {
			return
		}
		// Whatever is read as a draft can be sent as it was shown.
		if m, err := report.NewMessage("", "", d.Text); err != nil || m.Text != d.Text {
			t.Errorf("%q can't be sent as it stands: %v", d.Text, err)
		}
	})
}
