package triage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/triage/delivery/testpostfix"
)

// deliverBy signs a roster by which the police gets its bags in another way.
func (s *station) deliverBy(how string) {
	s.t.Helper()
	ok(s.t, s.org.OrgRemoveDestination("police"))
	ok(s.t, s.org.OrgAddDestination(roster.Destination{
		Name: "police", Title: "Federal Police", Recipient: s.police.Recipient().String(), Delivery: how, Language: "fr",
	}))
	s.newRoster()
}

// newRoster puts what the organisation changed in force.
func (s *station) newRoster() {
	s.t.Helper()
	s.enforce()
	ok(s.t, s.alice.Join(s.orgKey, s.roster, ""))
}

// routed is a station whose one case was routed to the police, and its lock.
func routed(t *testing.T, how string) (*station, *Routed) {
	t.Helper()
	s := newStation(t)
	s.deliverBy(how)
	c := s.addCase(s.vault, plain)
	s.pull()
	ok(t, s.alice.Lock())
	t.Cleanup(s.alice.Unlock)
	r, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	return s, r
}

// deliver runs Deliver and returns the one delivery that it touched, or nil.
func (s *station) deliver(all bool) *Delivery {
	s.t.Helper()
	calls := 0
	list, err := s.alice.Deliver(s.t.Context(), all, func(*Delivery) { calls++ })
	ok(s.t, err)
	if len(list) != calls || len(list) > 1 {
		s.t.Fatalf("%d deliveries were touched, %d told", len(list), calls)
	}
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func wantState(t testing.TB, d *Delivery, state DeliveryState, says string) {
	t.Helper()
	if d == nil {
		t.Fatalf("nothing was touched, want one that is %s", state)
	}
	if d.State != state || !strings.Contains(d.Said, says) {
		t.Fatalf("%+v; want it %s, saying %q", d, state, says)
	}
}

// later sets the clock forward until the test ends.
func (s *station) later(d time.Duration) {
	now := s.alice.Now().Add(d)
	s.alice.Now = func() time.Time { return now }
}

// mailAt makes the home mail through a server.
func (s *station) mailAt(p *testpostfix.Server, addr string) {
	s.t.Helper()
	_, port, _ := strings.Cut(addr, ":")
	m, err := NewMailServer("localhost:"+port, testpostfix.From, "", "", p.CA)
	ok(s.t, err)
	ok(s.t, s.alice.SetMail(m))
}

// attached returns the file in a mail.
func attached(t testing.TB, text []byte) (id string, data []byte) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(text))
	ok(t, err)
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	ok(t, err)
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextPart()
		ok(t, err)
		if part.FileName() != "" {
			data, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
			ok(t, err)
			return m.Header.Get("Message-Id"), data
		}
	}
}

// A routed case is mailed, and what arrives opens with stock age and tar.
func TestDeliverByMail(t *testing.T) {
	p := testpostfix.Start(t)
	s, r := routed(t, "mail "+testpostfix.Police)
	// Without a server it waits, and costs no pause.
	for range 2 {
		d := s.deliver(false)
		wantState(t, d, DeliveryWaiting, "triage mail set")
		if d.Attempts != 0 || !d.Next.IsZero() {
			t.Errorf("it counts as an attempt: %+v", d)
		}
	}
	s.mailAt(p, p.Addr)
	wantState(t, s.deliver(false), Delivered, "queued as")
	mails := p.Mails(t, 1)
	id, data := attached(t, mails[0])
	if sha256.Sum256(data) != r.Digest || !strings.Contains(id, r.Digest.String()) {
		t.Errorf("%s brought another file", id)
	}
	if !bytes.Contains(mails[0], []byte("Subject: =?utf-8?q?Transmission_scell=C3=A9e?=")) {
		t.Error("the mail is not in the destination's language")
	}
	path := filepath.Join(t.TempDir(), "attachment")
	ok(t, os.WriteFile(path, data, 0o600))
	if _, err := os.Stat(filepath.Join(s.unpack(path), "data", "report.html")); err != nil {
		t.Error(err)
	}
	// Once is enough, even if all are tried.
	for _, all := range []bool{false, true} {
		if d := s.deliver(all); d != nil {
			t.Errorf("again: %+v", d)
		}
	}
	p.Mails(t, 1)
	// It is known until the bag leaves the outbox.
	list, err := s.alice.Deliveries()
	if err != nil || len(list) != 1 || list[0].State != Delivered {
		t.Errorf("known: %v, %v", list, err)
	}
	ok(t, os.Remove(r.Bag))
	if d := s.deliver(false); d != nil {
		t.Errorf("a bag that was delivered and removed: %+v", d)
	}
	if list, err := s.alice.Deliveries(); err != nil || len(list) != 0 {
		t.Errorf("known: %v, %v", list, err)
	}
}

func TestDeliverRefusedAndGreylisted(t *testing.T) {
	p := testpostfix.Start(t)

	s, _ := routed(t, "mail "+testpostfix.Police)
	s.mailAt(p, p.Grey)
	p.Policy(func() string { return "450 4.7.1 greylisted \x1b]0;x\x07" })
	pauses := []time.Duration{5, 10, 20, 40, 80, 160, 240, 240}
	for i, minutes := range pauses {
		d := s.deliver(false)
		wantState(t, d, DeliveryWaiting, "greylisted")
		if strings.ContainsAny(d.Said, "\x1b\x07\n") {
			t.Errorf("kept as it came: %q", d.Said)
		}
		if d.Attempts != i+1 || d.Next.Sub(s.alice.Now()) != minutes*time.Minute {
			t.Errorf("attempt %d, then after %v; want %d, %d minutes", d.Attempts, d.Next.Sub(s.alice.Now()), i+1, minutes)
		}
		s.later(minutes*time.Minute - time.Second)
		if d := s.deliver(false); d != nil {
			t.Fatalf("tried before it was due: %+v", d)
		}
		s.later(time.Second)
	}
	// After five days it is left, and only asked for is it tried again.
	s.later(giveUp)
	wantState(t, s.deliver(false), DeliveryFailed, "greylisted")
	s.later(giveUp)
	if d := s.deliver(false); d != nil {
		t.Errorf("tried after it was given up: %+v", d)
	}
	p.Policy(func() string { return "DUNNO" })
	wantState(t, s.deliver(true), Delivered, "queued as")
	p.Mails(t, 1)

	// A refusal for good ends it at once.
	s, _ = routed(t, "mail "+testpostfix.Unknown)
	s.mailAt(p, p.Addr)
	wantState(t, s.deliver(false), DeliveryFailed, "550")
	s.later(longestPause)
	if d := s.deliver(false); d != nil {
		t.Errorf("a refused bag was tried again: %+v", d)
	}
	// The roster is corrected.
	s.deliverBy("mail " + testpostfix.Police)
	wantState(t, s.deliver(true), Delivered, "queued as")
	p.Mails(t, 2)

	// What is too large names the file to bring by hand.
	s, r := routed(t, "mail "+testpostfix.Police)
	s.mailAt(p, p.Small)
	wantState(t, s.deliver(false), DeliveryFailed, r.Bag)
	p.Mails(t, 2)
}

func TestDeliverByCommand(t *testing.T) {
	s, r := routed(t, "command portal")
	wantState(t, s.deliver(false), DeliveryFailed, "portal is not there")
	ok(t, makeDir(s.alice.path("commands")))
	out := filepath.Join(t.TempDir(), "out")
	script := func(text string) {
		t.Helper()
		ok(t, os.WriteFile(s.alice.path("commands", "portal"), []byte("#!/bin/sh\n"+text), 0o700))
		ok(t, os.Chmod(s.alice.path("commands", "portal"), 0o700))
	}
	script("echo busy; exit 75")
	wantState(t, s.deliver(true), DeliveryWaiting, "busy")
	script(fmt.Sprintf("cat > '%s'; printf 'taken \\033[2J as 7'", out))
	if d := s.deliver(false); d != nil {
		t.Errorf("not due, and tried: %+v", d)
	}
	s.later(2 * firstPause) // it is the second attempt
	d := s.deliver(false)
	wantState(t, d, Delivered, "as 7")
	if strings.Contains(d.Said, "\x1b") {
		t.Errorf("kept as it came: %q", d.Said)
	}
	want, err := os.ReadFile(r.Bag)
	ok(t, err)
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, %v", len(got), err)
	}
}

// Nothing leaves that it should not: each case has its own reason.
func TestWhatIsNotDelivered(t *testing.T) {
	none := func(t *testing.T, s *station) {
		t.Helper()
		ok(t, makeDir(s.alice.path("commands")))
		ok(t, os.WriteFile(s.alice.path("commands", "portal"), []byte("#!/bin/sh\ntouch ran\n"), 0o700))
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, s *station, r *Routed)
		state  DeliveryState // "" if nothing is touched
		says   string
		left   int // deliveries that are kept
	}{
		"the event was never queued": {func(t *testing.T, s *station, r *Routed) { ok(t, os.Remove(r.Event)) }, DeliveryVoid, "interrupted", 0},
		"taken by hand":              {func(t *testing.T, s *station, r *Routed) { ok(t, os.Remove(r.Bag)) }, DeliveryTaken, "by hand", 0},
		"the bag was changed": {func(t *testing.T, s *station, r *Routed) {
			ok(t, os.WriteFile(r.Bag, []byte("another"), 0o600))
		}, DeliveryWaiting, "not the bag that was sealed", 1},
		"back to the outbox": {func(t *testing.T, s *station, r *Routed) { s.deliverBy(roster.DeliveryOutbox) }, DeliveryTaken, "a person takes it", 0},
		"the destination is no more": {func(t *testing.T, s *station, r *Routed) {
			ok(t, s.org.OrgRemoveDestination("police"))
			s.newRoster()
		}, DeliveryWaiting, "has no destination police", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, r := routed(t, "command portal")
			none(t, s)
			c.change(t, s, r)
			wantState(t, s.deliver(false), c.state, c.says)
			if _, err := os.Stat(s.alice.path("commands", "ran")); err == nil {
				t.Error("it was delivered")
			}
			if list, err := s.alice.Deliveries(); err != nil || len(list) != c.left {
				t.Errorf("%d are kept, %v", len(list), err)
			}
		})
	}
	// An outbox needs no delivery.
	s, _ := routed(t, roster.DeliveryOutbox)
	if list, err := s.alice.Deliveries(); err != nil || len(list) != 0 {
		t.Errorf("deliveries: %v, %v", list, err)
	}
}

// What a witness withdrew before the desk knew of the hand-over does not leave.
func TestAWithdrawnCaseIsNotDelivered(t *testing.T) {
	s := withdrawable(t)
	s.deliverBy("command portal")
	c, other := s.addCase(s.vault, plain), s.addCase(s.vault, plain)
	s.pull()
	ok(t, s.alice.Lock())
	r, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	kept, err := s.alice.Route(s.find(other), "police", With{})
	ok(t, err)
	ok(t, os.Remove(s.alice.path("deliveries", (&Delivery{Destination: "police", Bag: filepath.Base(kept.Bag)}).name())))
	s.alice.Unlock()
	s.withdraw(c)
	s.pull()
	if _, err := os.Stat(r.Bag); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the bag of what was withdrawn is still there for anybody to bring: %v", err)
	}
	if _, err := os.Stat(kept.Bag); err != nil {
		t.Errorf("another case's bag: %v", err)
	}
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	wantState(t, s.deliver(false), DeliveryVoid, "destroyed")
}

// Nor does what was purged, though its hand-over is in the ledger.
func TestAPurgedCaseIsNotDelivered(t *testing.T) {
	s, r := routed(t, "command portal")
	list, err := s.alice.Deliveries()
	ok(t, err)
	current, err := s.alice.Roster()
	ok(t, err)
	c := &courier{Home: s.alice, roster: current, handed: map[handOver]*Case{{"police", r.Digest}: {Purged: ledger.RuleRequest}}}
	if _, err := c.step(t.Context(), list[0], true); err != nil {
		t.Fatal(err)
	}
	wantState(t, list[0], DeliveryVoid, "destroyed")
}

// A purge that is queued is none yet, and the desk may refuse it: what was handed
// over before waits and is not given up, the case stays due if nobody was told,
// and the list says that something is to be pushed.
func TestAPurgeThatIsQueuedDestroysNothing(t *testing.T) {
	s := newStation(t)
	s.hire("bob")
	ok(t, s.org.OrgSetPolicy(func(p *roster.Policy) { p.PurgeSigners = 1 }))
	s.deliverBy("command portal")
	handed, open := s.addCase(s.vault, plain), s.addCase(s.vault, plain)
	s.pull()
	_, err := s.alice.Route(s.find(handed), "police", With{})
	ok(t, err)
	s.pushed(s.alice)
	for _, c := range []*told{handed, open} {
		p, err := s.alice.Purge(s.find(c), ledger.RuleRequest)
		if err != nil || !p.Purges {
			t.Fatalf("%+v, %v", p, err)
		}
	}
	if d := s.deliver(true); d != nil {
		t.Errorf("delivered, or given up: %+v", d)
	}
	if list, err := s.alice.Deliveries(); err != nil || len(list) != 1 || list[0].State != DeliveryWaiting {
		t.Errorf("deliveries: %+v, %v", list, err)
	}
	if due, err := s.alice.Due(48); err != nil || len(due) != 1 || due[0].ID != open.id.String() {
		t.Errorf("due: %+v, %v", due, err)
	}
	list, err := s.alice.List()
	ok(t, err)
	for _, v := range list {
		if v.State != StatePurged || !v.Queued {
			t.Errorf("list: %+v", v)
		}
	}
	if err := s.alice.Hold(s.find(open), "inquiry", ""); err == nil || !strings.Contains(err.Error(), "is queued") {
		t.Errorf("held: %v", err)
	}
	s.pushed(s.alice)
	wantState(t, s.deliver(false), DeliveryVoid, "destroyed")
	if due, err := s.alice.Due(48); err != nil || len(due) != 0 {
		t.Errorf("due once it is purged: %+v, %v", due, err)
	}
}

// A route that was killed before its event was queued is made again, and what
// is delivered then is the second bag.
func TestARouteThatWasKilledIsDeliveredOnce(t *testing.T) {
	s, first := routed(t, "command portal")
	out := filepath.Join(t.TempDir(), "out")
	ok(t, makeDir(s.alice.path("commands")))
	ok(t, os.WriteFile(s.alice.path("commands", "portal"), []byte("#!/bin/sh\ncat >> "+out+"\n"), 0o700))
	ok(t, os.Remove(first.Event)) // killed before its commit point
	cases, err := s.alice.Cases()
	ok(t, err)
	second, err := s.alice.Route(cases[0], "police", With{})
	ok(t, err)
	if first.Bag != second.Bag || first.Digest == second.Digest {
		t.Fatalf("%+v, then %+v", first, second)
	}
	wantState(t, s.deliver(false), Delivered, "")
	data, err := os.ReadFile(out)
	if err != nil || sha256.Sum256(data) != second.Digest {
		t.Errorf("%d bytes came, %v", len(data), err)
	}
}

// An attempt that is interrupted is none.
func TestDeliverInterrupted(t *testing.T) {
	s, _ := routed(t, "command portal")
	ok(t, makeDir(s.alice.path("commands")))
	ok(t, os.WriteFile(s.alice.path("commands", "portal"), []byte("#!/bin/sh\nexit 0\n"), 0o700))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if list, err := s.alice.Deliver(ctx, false, func(*Delivery) {}); !errors.Is(err, context.Canceled) || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	wantState(t, s.deliver(false), Delivered, "")
}

func TestMailSettings(t *testing.T) {
	s := newStation(t)
	if _, err := s.alice.mailServer(); !errors.Is(err, ErrNoMail) {
		t.Errorf("no settings: %v", err)
	}
	for _, bad := range [][5]string{
		{"mail.example.org", "a@b.example"}, {":587", "a@b.example"}, {"mail.example.org:", "a@b.example"}, {"", "a@b.example"},
		{"mail.example.org:587", "tips"}, {"mail.example.org:587", "Tips <a@b.example>"}, {"mail.example.org:587", "a@b.example\nuser x"},
		{"mail.example.org:587", "a@b.example", "tips", ""}, {"mail.example.org:587", "a@b.example", "", "secret"},
		{"mail.example.org:587", "a@b.example", "tips\n", "secret"}, {"mail.example.org:587", "a@b.example", "tips", "se\ncret"},
		{"mail.example.org:587", "a@b.example", "tips", strings.Repeat("x", 2000)}, {"mail.example.org:587", "a@b.example", "", "", "ca.pem"},
	} {
		if _, err := NewMailServer(bad[0], bad[1], bad[2], bad[3], bad[4]); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	m, err := NewMailServer("mail.example.org:465", "a@b.example", "tips", "a secret ", "/etc/ca.pem")
	ok(t, err)
	if !m.ImplicitTLS {
		t.Error("port 465 begins without TLS")
	}
	ok(t, s.alice.SetMail(m))
	back, err := s.alice.mailServer()
	if err != nil || *back != *m {
		t.Errorf("read back as %+v, %v", back, err)
	}
	text, err := os.ReadFile(s.alice.path("mail"))
	ok(t, err)
	for _, damaged := range []string{"", string(text[:len(text)-1]), string(text) + "x y\n", strings.Replace(string(text), "v1", "v2", 1), strings.Replace(string(text), "from ", "From ", 1)} {
		ok(t, os.WriteFile(s.alice.path("mail"), []byte(damaged), 0o600))
		if _, err := s.alice.mailServer(); err == nil {
			t.Errorf("%q is read", damaged)
		}
	}
}

// The password is protected as the keys are.
func TestMailPasswordIsProtected(t *testing.T) {
	h := newHome(filepath.Join(t.TempDir(), "home"))
	ok(t, makeDir(h.Dir))
	m, err := NewMailServer("mail.example.org:587", "a@b.example", "tips", "hunter2-hunter2", "")
	ok(t, err)
	if err := h.SetMail(m); !errors.Is(err, ErrNoKey) {
		t.Errorf("a password in a home without keys: %v", err)
	}
	_, err = h.Keygen("alice", "the passphrase")
	ok(t, err)
	answers := []string{"wrong", "the passphrase", "the passphrase"}
	h.Passphrase = func(string) (string, error) {
		a := answers[0]
		answers = answers[1:]
		return a, nil
	}
	if err := h.SetMail(m); !errors.Is(err, seal.ErrPassphrase) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	ok(t, h.SetMail(m))
	text, err := os.ReadFile(h.path("mail"))
	ok(t, err)
	if !seal.IsProtected(text) || bytes.Contains(text, []byte("hunter2")) {
		t.Errorf("the file holds\n%s", text)
	}
	again := newHome(h.Dir)
	again.Passphrase = h.Passphrase
	if back, err := again.mailServer(); err != nil || *back != *m {
		t.Errorf("read back as %+v, %v", back, err)
	}
}

// What a delivery's file holds is what is written again.
func FuzzParseDelivery(f *testing.F) {
	d := &Delivery{Destination: "police", Bag: "7k3q-0badcafe.tar.age", State: DeliveryWaiting}
	f.Add(d.marshal())
	d.failed(errors.New("450 later"), today, today)
	f.Add(d.marshal())
	d.State, d.Said = Delivered, "queued as 7"
	f.Add(d.marshal())
	f.Add([]byte("tocsin.delivery.v2\n"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parseDelivery(text)
		if err == nil && !bytes.Equal(d.marshal(), text) {
			t.Errorf("marshalled again, it is %q", d.marshal())
		}
	})
}
