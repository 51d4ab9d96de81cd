package triage

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// withdrawable is a station whose roster lets witnesses withdraw.
func withdrawable(t *testing.T) *station {
	t.Helper()
	s := newStation(t)
	s.policy(true)
	return s
}

func (s *station) policy(withdraw bool) {
	s.t.Helper()
	ok(s.t, s.org.OrgSetPolicy(func(p *roster.Policy) { p.Withdraw = withdraw }))
	s.sign()
	ok(s.t, s.vault.UpdateRoster(s.t.Context(), s.roster))
}

func (s *station) withdraw(c *told) {
	s.t.Helper()
	ok(s.t, s.vault.Withdraw(s.t.Context(), c.id, c.secret))
}

// add sends an addition as the witness's form does.
func (s *station) add(c *told, text string, files ...attachment) int64 {
	s.t.Helper()
	note, err := report.NewMessage("en", string(ledger.DayOf(today)), text)
	ok(s.t, err)
	body, err := note.Marshal()
	ok(s.t, err)
	index, err := s.vault.AddAddition(s.t.Context(), c.id, [32]byte(random(32)), s.message(s.vault, c, seal.KindAddition, body, files...))
	ok(s.t, err)
	return index
}

// addRaw sends what no form makes.
func (s *station) addRaw(c *told, sealed []byte) {
	s.t.Helper()
	up, err := s.vault.NewUpload(int64(len(sealed)))
	ok(s.t, err)
	_, err = up.Write(sealed)
	ok(s.t, err)
	_, err = s.vault.AddAddition(s.t.Context(), c.id, [32]byte(random(32)), up)
	ok(s.t, err)
}

func (s *station) push() *Pushed {
	s.t.Helper()
	ok(s.t, s.alice.Lock())
	defer s.alice.Unlock()
	p, err := s.alice.Push(s.t.Context(), s.desk.addr, nothing)
	ok(s.t, err)
	return p
}

func (s *station) queued() (events []ledger.Event) {
	s.t.Helper()
	queue, err := s.alice.Queue()
	ok(s.t, err)
	for _, q := range queue {
		events = append(events, q.Leaf.Event)
	}
	return events
}

// Whoever only tells that the replies were read has written nothing, and shows by
// which day each reply was read.
func TestRepliesThatWereRead(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	ok(t, s.alice.Lock())
	for _, text := range []string{"Which room?", "Which car?"} {
		_, err := s.alice.Reply(s.find(c), text)
		ok(t, err)
	}
	s.alice.Unlock()
	s.push()
	body, err := (&report.Message{Day: string(ledger.DayOf(today)), Seen: 1}).Marshal()
	ok(t, err)
	_, err = s.vault.AddAddition(t.Context(), c.id, [32]byte(random(32)), s.message(s.vault, c, seal.KindAddition, body))
	ok(t, err)
	s.pull()
	list, err := s.alice.List()
	ok(t, err)
	if list[0].Unheard || list[0].Problem != "" {
		t.Errorf("list: %+v", list[0])
	}
	shown, err := s.alice.Show(s.find(c))
	ok(t, err)
	if m := shown.Messages; m[0].Seen == "" || m[1].Seen != "" || m[2].Read != 1 {
		t.Errorf("shown: %+v", m)
	}
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	routed, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	entries, err := os.ReadDir(filepath.Join(s.unpack(routed.Bag), "data/messages"))
	ok(t, err)
	if len(entries) != 2 {
		t.Errorf("%d messages were handed over, want the replies", len(entries))
	}
}

// What a witness adds is listed, shown, saved and handed over with the report,
// its files untouched.
func TestAdditionsAllTheWay(t *testing.T) {
	s := newStation(t)
	photo, small, large := attachment{"first.jpg", random(20)}, attachment{"MARK-SMALL.png", random(30)}, attachment{"large.mp4", random(vault.InlineMax + 5<<20)}
	c := s.addCase(s.vault, plain, photo)
	s.pull()
	s.add(c, "MARK-ADDITION: the car is back", small)
	s.add(c, "no files here")
	s.add(c, "and a film", large)
	s.pull()

	list, err := s.alice.List()
	ok(t, err)
	if v := list[0]; v.Problem != "" || v.Files != 3 || v.Messages != 3 || !v.Unheard || !v.Danger {
		t.Errorf("list: %+v", v)
	}
	shown, err := s.alice.Show(s.find(c))
	ok(t, err)
	var out bytes.Buffer
	ok(t, shown.Write(&out))
	for _, want := range []string{"Addition by the witness, 2026-03-04", "MARK-ADDITION", "and a film", "large.mp4", "MARK-SMALL.png"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("shown without %q:\n%s", want, out.String())
		}
	}
	var names []string
	files, err := s.alice.Files(s.find(c), nil)
	ok(t, err)
	for _, f := range files {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, " "); got != "first.jpg MARK-SMALL.png large.mp4" {
		t.Errorf("files: %s", got)
	}
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	paths, err := s.save(c, filepath.Join(s.dir, "saved"))
	ok(t, err)
	for i, want := range []attachment{photo, small, large} {
		if got, err := os.ReadFile(paths[i]); err != nil || !bytes.Equal(got, want.data) {
			t.Errorf("%s was not saved as it came: %v", want.name, err)
		}
	}
	routed, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	if routed.Files != 3 {
		t.Errorf("routed: %+v", routed)
	}
	bag := s.unpack(routed.Bag)
	for name, want := range map[string]attachment{"001.jpg": photo, "002.png": small, "003.mp4": large} {
		if got, err := os.ReadFile(filepath.Join(bag, "data/files", name)); err != nil || !bytes.Equal(got, want.data) {
			t.Errorf("%s was not handed over as it came: %v", want.name, err)
		}
	}
	page, err := os.ReadFile(filepath.Join(bag, "data/report.html"))
	ok(t, err)
	for _, want := range []string{"From the witness, 2026-03-04", "MARK-ADDITION", "no files here", "files/003.mp4"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page lacks %q", want)
		}
	}
	text, err := os.ReadFile(filepath.Join(bag, "data/messages/001-addition.json"))
	ok(t, err)
	if note, err := report.ParseMessage(text); err != nil || note.Text != "MARK-ADDITION: the car is back" {
		t.Errorf("the first addition is %s, %v", text, err)
	}
	everyFile(t, bag, func(path string, data []byte) {
		if bytes.Contains(data, []byte("MARK-SMALL")) {
			t.Errorf("%s names a file, which the witness did not allow", path)
		}
	})
	// It is again something new to hand over.
	s.add(c, "one more")
	_, err = s.alice.Pull(t.Context(), "", nothing)
	ok(t, err)
	if again, err := s.alice.Route(s.find(c), "police", With{}); err != nil || again.Bag == routed.Bag {
		t.Errorf("with an addition more: %+v, %v", again, err)
	}
}

// Who took the intake over can add anything to a case, since additions bear no
// signature. It keeps nobody from the report, and is told.
func TestAnAdditionThatCantBeRead(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain, attachment{"first.jpg", []byte("first")})
	var sealed bytes.Buffer
	w, err := seal.NewMessage(&sealed, c.context(s.vault, seal.KindAddition), []byte("no message"), c.key.Recipient())
	ok(t, err)
	ok(t, w.Close())
	s.addRaw(c, sealed.Bytes())      // no message in it
	s.addRaw(c, random(20_000))      // no age file
	s.addRaw(c, s.brokenAddition(c)) // an attachment that is cut
	s.add(c, "MARK-GOOD", attachment{"good.jpg", []byte("good")})
	s.pull()
	list, err := s.alice.List()
	ok(t, err)
	if v := list[0]; v.Problem == "" || !v.Danger || v.City != "Pattaya" || v.Files != 3 {
		t.Errorf("list: %+v", v)
	}
	shown, err := s.alice.Show(s.find(c))
	ok(t, err)
	var out bytes.Buffer
	ok(t, shown.Write(&out))
	if n := strings.Count(out.String(), "can't be read: "); n < 2 || !strings.Contains(out.String(), "MARK-GOOD") || !strings.Contains(out.String(), "MARK-ACCOUNT") {
		t.Errorf("%d additions are said to be unreadable:\n%s", n, out.String())
	}
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	paths, err := s.save(c, filepath.Join(s.dir, "saved"))
	ok(t, err)
	var saved []string
	for _, p := range paths {
		data, err := os.ReadFile(p)
		ok(t, err)
		saved = append(saved, string(data))
	}
	if !slices.Equal(saved, []string{"first", "good"}) {
		t.Errorf("saved: %q", saved)
	}
	routed, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	bag := s.unpack(routed.Bag)
	page, err := os.ReadFile(filepath.Join(bag, "data/report.html"))
	ok(t, err)
	if n := bytes.Count(page, []byte("is not in here")); n != 3 || !bytes.Contains(page, []byte("MARK-GOOD")) {
		t.Errorf("the page speaks of %d additions that are not in it:\n%s", n, page)
	}
	if got, err := os.ReadFile(filepath.Join(bag, "data/files/002.jpg")); err != nil || string(got) != "good" {
		t.Errorf("the good attachment is %q, %v", got, err)
	}
	// One that is not here, or damaged here, is another matter: nothing is
	// handed over without it.
	last := s.find(c).Messages[4]
	ok(t, os.WriteFile(s.alice.objectPath(last.Leaf.Digest), random(int(last.Leaf.Size)), 0o600))
	if _, err := s.alice.Route(s.find(c), "police", With{}); err == nil {
		t.Error("a damaged addition was left out of a hand-over")
	}
	if _, err := s.save(c, filepath.Join(s.dir, "saved again")); err == nil {
		t.Error("a damaged addition was left out of a save")
	}
}

// brokenAddition is whole until its last attachment is read.
func (s *station) brokenAddition(c *told) []byte {
	s.t.Helper()
	note, err := report.NewMessage("en", "", "a film")
	ok(s.t, err)
	body, err := note.Marshal()
	ok(s.t, err)
	var sealed bytes.Buffer
	w, err := seal.NewMessage(&sealed, c.context(s.vault, seal.KindAddition), body, c.key.Recipient())
	ok(s.t, err)
	_, err = w.Attach("film.mp4", "video/mp4", bytes.NewReader(make([]byte, 1<<20)))
	ok(s.t, err)
	ok(s.t, w.Close())
	b := sealed.Bytes()
	b[len(b)/2] ^= 1 // within the attachment's content
	return b
}

// The first who shows a report says so, once.
func TestReadIsNotedOnce(t *testing.T) {
	s := withdrawable(t)
	c, other := s.addCase(s.vault, plain), s.addCase(s.vault, plain)
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	found := s.find(c) // before anything was noted
	for i := range 3 {
		queued, err := s.alice.MarkRead(found)
		if err != nil || queued != (i == 0) {
			t.Errorf("attempt %d: %t, %v", i, queued, err)
		}
	}
	list, err := s.alice.List()
	ok(t, err)
	for _, v := range list {
		if mine := v.ID == c.id.String(); v.Read != mine || v.Queued != mine {
			t.Errorf("list: %+v", v)
		}
	}
	p, err := s.alice.Push(t.Context(), "", nothing)
	ok(t, err)
	if len(p.Delivered) != 1 || p.Delivered[0].Leaf.Event != ledger.EventRead {
		t.Errorf("delivered %+v", p.Delivered)
	}
	if queued, err := s.alice.MarkRead(found); err != nil || queued {
		t.Errorf("after the push: %t, %v", queued, err)
	}
	if err := s.vault.Withdraw(t.Context(), c.id, c.secret); !errors.Is(err, vault.ErrRefused) {
		t.Errorf("the witness withdrew what was read: %v", err)
	}
	s.withdraw(other)
}

// The witness is told to whom the case went, once, and the hand-over is the
// same one whether they were told or not.
func TestTell(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	routed, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	_, err = s.alice.Tell(s.find(c), []string{"police", "police"})
	ok(t, err)
	if _, err := s.alice.Tell(s.find(c), []string{"police"}); !errors.Is(err, ErrTold) {
		t.Errorf("told again, while it is queued: %v", err)
	}
	if _, err := s.alice.Route(s.find(c), "police", With{}); !errors.Is(err, ErrRouted) {
		t.Errorf("routed again, after the witness was told: %v", err)
	}
	var invalid *report.ValidationError
	if _, err := s.alice.Tell(s.find(c), []string{"interpol"}); !errors.As(err, &invalid) {
		t.Errorf("an unknown authority: %v", err)
	}
	_, err = s.alice.Push(t.Context(), "", nothing)
	ok(t, err)
	if _, err := s.alice.Tell(s.find(c), []string{"police"}); !errors.Is(err, ErrTold) {
		t.Errorf("told again, after the push: %v", err)
	}
	_, err = s.alice.Tell(s.find(c), []string{"police", "child-protection"})
	ok(t, err)
	p, err := s.alice.Push(t.Context(), "", nothing)
	ok(t, err)
	if len(p.Delivered) != 1 {
		t.Errorf("delivered %+v", p.Delivered)
	}
	// As the witness reads it.
	messages, err := s.vault.Messages(c.id)
	ok(t, err)
	var told []string
	for _, e := range messages[1:] {
		sealed, err := s.vault.OpenMessage(e.Index)
		ok(t, err)
		msg, err := seal.ReadMessage(sealed, sealed.Size(), c.witness, c.context(s.vault, seal.KindReply), nil)
		ok(t, err)
		sealed.Close()
		note, err := report.ParseMessage(msg.Body)
		ok(t, err)
		told = append(told, strings.Join(note.HandedTo, "+")+note.Text)
	}
	if !slices.Equal(told, []string{"police", "child-protection"}) {
		t.Errorf("the witness was told %q", told)
	}
	shown, err := s.alice.Show(s.find(c))
	ok(t, err)
	var out bytes.Buffer
	ok(t, shown.Write(&out))
	if !strings.Contains(out.String(), "the witness was told: handed to the police") || !strings.Contains(out.String(), "handed to a child protection service") {
		t.Errorf("shown as\n%s", out.String())
	}
	// Nothing of it is for the police, who get what has words.
	if _, err := s.alice.Route(s.find(c), "police", With{}); !errors.Is(err, ErrRouted) {
		t.Errorf("routed again: %v", err)
	}
	_, err = s.alice.Reply(s.find(c), "which flight?")
	ok(t, err)
	again, err := s.alice.Route(s.find(c), "police", With{})
	if err != nil || again.Bag == routed.Bag {
		t.Fatalf("with a reply in words: %+v, %v", again, err)
	}
	text, err := os.ReadFile(filepath.Join(s.unpack(again.Bag), "data/provenance.json"))
	ok(t, err)
	var prov provenance
	ok(t, json.Unmarshal(text, &prov))
	if len(prov.Messages) != 1 || len(prov.Sealed) != 2 {
		t.Errorf("handed over: messages %+v, sources %+v", prov.Messages, prov.Sealed)
	}
}

func TestEveryAuthorityHasALabel(t *testing.T) {
	for _, a := range report.Authorities() {
		if authorityLabels[a] == "" {
			t.Errorf("%s has no label", a)
		}
	}
	if len(authorityLabels) != len(report.Authorities()) {
		t.Errorf("%d labels of %d authorities", len(authorityLabels), len(report.Authorities()))
	}
}
