package triage

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/seal/padme"
)

var plain = map[string]string{
	"danger.now": "yes", "what.seen": "MARK-ACCOUNT in room 214", "where.country": "TH", "where.city": "Pattaya",
	"suspect.plate": "1-ABC-234", "witness.contact": "MARK-CONTACT", "witness.role": "traveller", "consent": "caseworkers",
}

func TestTheWholeWay(t *testing.T) {
	s := newStation(t)
	photo := attachment{"MARK-NAME.jpg", append([]byte("MARK-CONTENT"), random(3<<20)...)}
	c := s.addCase(s.vault, plain, photo, attachment{"façade.png", random(10)})
	if p := s.pull(); p.Cases != 1 || p.Leaves != 3 || p.Objects != 3 {
		t.Errorf("pulled %+v", p)
	}
	list, err := s.alice.List()
	ok(t, err)
	if len(list) != 1 || !list[0].Danger || list[0].Country != "TH" || list[0].Files != 2 || list[0].HoursLeft != 38 {
		t.Errorf("list: %+v", list)
	}
	ok(t, s.alice.Lock())
	routed, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	_, err = s.alice.Reply(s.find(c), "MARK-REPLY: which flight?")
	ok(t, err)
	pushed, err := s.alice.Push(t.Context(), s.desk.addr, nothing)
	ok(t, err)
	s.alice.Unlock()
	if len(pushed.Delivered) != 2 || len(pushed.Refused) != 0 {
		t.Errorf("pushed %+v", pushed)
	}
	s.checkBag(routed, photo)
	s.checkReply(c)
	// Nothing of it is on the case worker's disk in plain.
	everyFile(t, s.alice.Dir, func(path string, data []byte) {
		for _, mark := range []string{"MARK-ACCOUNT", "MARK-CONTACT", "MARK-NAME", "MARK-CONTENT", "MARK-REPLY"} {
			if bytes.Contains(data, []byte(mark)) || strings.Contains(path, mark) {
				t.Errorf("%s holds %s", path, mark)
			}
		}
	})
	list, err = s.alice.List()
	ok(t, err)
	if list[0].Open() || list[0].Queued || list[0].Messages != 1 {
		t.Errorf("after the push: %+v", list[0])
	}
}

// checkBag judges a hand-over with the police's own tools.
func (s *station) checkBag(r *Routed, photo attachment) {
	t := s.t
	t.Helper()
	bag := s.unpack(r.Bag)
	for _, manifest := range []string{"manifest-sha512.txt", "tagmanifest-sha512.txt"} {
		cmd := exec.Command("sha512sum", "--strict", "--quiet", "-c", manifest)
		cmd.Dir = bag
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("sha512sum -c %s: %v\n%s", manifest, err, out)
		}
	}
	everyFile(t, bag, func(path string, data []byte) {
		for _, mark := range []string{"MARK-CONTACT", "MARK-NAME", "traveller"} {
			if bytes.Contains(data, []byte(mark)) && !strings.HasSuffix(path, "schema.json") || strings.Contains(path, mark) {
				t.Errorf("%s holds %s, which the witness did not let leave", path, mark)
			}
		}
	})
	got, err := os.ReadFile(filepath.Join(bag, "data/files/001.jpg"))
	if err != nil || !bytes.Equal(got, photo.data) {
		t.Errorf("the photograph is not untouched: %v", err)
	}
	told, err := os.ReadFile(filepath.Join(bag, "data/report.json"))
	ok(t, err)
	if r, err := report.Parse(told); err != nil || r.What.Seen != plain["what.seen"] {
		t.Errorf("report.json: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(bag, "data/provenance.json"))
	ok(t, err)
	var p provenance
	ok(t, json.Unmarshal(text, &p))
	var held []string
	for _, w := range p.Withheld {
		held = append(held, w.Field)
	}
	if strings.Join(held, " ") != "witness.role witness.contact files.name" {
		t.Errorf("withheld: %v", held)
	}
	if cp, err := ledger.OpenCheckpoint([]byte(p.Checkpoint), p.LedgerKey); err != nil || cp.Size <= p.CaseLeaf {
		t.Errorf("the provenance's checkpoint: %v", err)
	}
	tarball, err := os.Stat(filepath.Dir(bag) + ".tar")
	ok(t, err)
	if !padme.OnStep(tarball.Size()) {
		t.Errorf("a plaintext of %d bytes lets the contents' size escape", tarball.Size())
	}
}

// checkReply reads the reply as the witness does.
func (s *station) checkReply(c *told) {
	t := s.t
	t.Helper()
	messages, err := s.vault.Messages(c.id)
	ok(t, err)
	last := messages[len(messages)-1]
	if last.Leaf.Kind != ledger.KindReply || last.Leaf.By != "alice" {
		t.Fatalf("the last message is %+v", last.Leaf)
	}
	for who, id := range map[string]age.Identity{"the witness": c.witness, "the case": c.key.Identity()} {
		m, err := s.vault.OpenMessage(last.Index)
		ok(t, err)
		msg, err := seal.ReadMessage(m, m.Size(), id, seal.Context{Instance: s.vault.Roster().Instance().String(), Case: c.id.String(), Kind: seal.KindReply}, nil)
		ok(t, err)
		note, err := report.ParseMessage(msg.Body)
		if err != nil || note.Text != "MARK-REPLY: which flight?" || note.Day != "2026-03-04" {
			t.Errorf("%s reads %+v, %v", who, note, err)
		}
		m.Close()
	}
}

func TestWithConsentTheWitnessIsNamed(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, map[string]string{"what.heard": "x", "witness.contact": "MARK-CONTACT", "consent": "direct"},
		attachment{"plate.jpg", []byte("x")})
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	r, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	bag := s.unpack(r.Bag)
	page, err := os.ReadFile(filepath.Join(bag, "data/report.html"))
	ok(t, err)
	if !bytes.Contains(page, []byte("MARK-CONTACT")) || !bytes.Contains(page, []byte("Nothing was withheld")) {
		t.Errorf("the page lacks what may leave:\n%s", page)
	}
	if _, err := os.Stat(filepath.Join(bag, "data/files/001-plate.jpg")); err != nil {
		t.Error(err)
	}
}

func TestRoutingTwiceIsRoutingOnce(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	first, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	if _, err := s.alice.Route(s.find(c), "police", With{}); !errors.Is(err, ErrRouted) {
		t.Errorf("again: %v", err)
	}
	_, err = s.alice.Push(t.Context(), "", nothing)
	ok(t, err)
	if _, err := s.alice.Route(s.find(c), "police", With{}); !errors.Is(err, ErrRouted) {
		t.Errorf("again after the push: %v", err)
	}
	// Killed between bag and event: the same bag is written again.
	other := s.addCase(s.vault, plain)
	_, err = s.alice.Pull(t.Context(), "", nothing)
	ok(t, err)
	second, err := s.alice.Route(s.find(other), "police", With{})
	ok(t, err)
	ok(t, os.Remove(second.Event))
	again, err := s.alice.Route(s.find(other), "police", With{})
	if err != nil || again.Bag != second.Bag || again.Digest == second.Digest {
		t.Errorf("after a kill: %+v, %v", again, err)
	}
	// Something new in the case is something new to hand over.
	_, err = s.alice.Reply(s.find(c), "anything else?")
	ok(t, err)
	third, err := s.alice.Route(s.find(c), "police", With{})
	if err != nil || third.Bag == first.Bag {
		t.Errorf("with a reply: %+v, %v", third, err)
	}
}

func TestADestinationMustBeOnTheRoster(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	if _, err := s.alice.Route(s.find(c), "press", With{}); err == nil || !strings.Contains(err.Error(), "police") {
		t.Errorf("a destination that is not on the roster: %v", err)
	}
}

func TestMostUrgentFirst(t *testing.T) {
	s := newStation(t)
	calm := s.addCase(s.vault, map[string]string{"what.seen": "calm"})
	leaving := s.addCase(s.vault, map[string]string{"what.seen": "leaving", "danger.departure": "yes"})
	danger := s.addCase(s.vault, map[string]string{"what.seen": "danger", "danger.now": "yes"})
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	order := func() (accounts string) {
		list, err := s.alice.List()
		ok(t, err)
		for _, v := range list {
			accounts += v.Account + " "
		}
		return accounts
	}
	if got := order(); got != "danger leaving calm " {
		t.Errorf("order: %s", got)
	}
	_, err := s.alice.Route(s.find(danger), "police", With{})
	ok(t, err)
	if got := order(); got != "leaving calm danger " {
		t.Errorf("order after a hand-over: %s", got)
	}
	// A case that can't be read may be anything: it comes first and says why. The
	// index knows what it said, so that whoever lists does not notice.
	s.alice.Forget()
	ok(t, s.alice.DropIndex())
	ok(t, os.WriteFile(s.alice.objectPath(s.find(calm).envelope), []byte("damaged"), 0o600))
	list, err := s.alice.List()
	ok(t, err)
	if list[0].ID != calm.id.String() || list[0].Problem == "" {
		t.Errorf("first: %+v", list[0])
	}
	_ = leaving
}

func TestWithoutTheKeyNothingOpens(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	key := s.alice.path("worker.key")
	ok(t, os.Rename(key, key+".away"))
	fresh := newHome(s.alice.Dir)
	found, err := fresh.Find(c.id.String())
	ok(t, err)
	for name, err := range map[string]error{
		"list":  second(fresh.List()),
		"show":  second(fresh.Show(found)),
		"route": second(fresh.Route(found, "police", With{})),
	} {
		if !errors.Is(err, ErrNoKey) {
			t.Errorf("%s without the worker's key: %v", name, err)
		}
	}
	stranger, err := age.GenerateHybridIdentity()
	ok(t, err)
	ok(t, os.WriteFile(key, []byte(stranger.String()+"\n"), 0o600))
	if _, err := newHome(s.alice.Dir).Show(found); !errors.Is(err, seal.ErrKey) {
		t.Errorf("with another's key: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
