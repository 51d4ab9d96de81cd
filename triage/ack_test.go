package triage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

// A signer is a destination that acknowledges with stock tools.
type signer struct {
	*station
	name, dir string
	key       string // as the roster has it
	signed    int    // how often
}

func (s *station) signer(name, tool string) *signer {
	t := s.t
	d := &signer{station: s, name: name, dir: t.TempDir()}
	run := func(args ...string) {
		if out, err := s.in(d.dir, args[0], args[1:]...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	if tool == "minisign" {
		run("minisign", "-G", "-W", "-p", "ack.pub", "-s", "ack.key")
		d.key = lineOf(t, filepath.Join(d.dir, "ack.pub"), 1)
	} else {
		run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", "ack.key")
		d.key = strings.TrimSpace(lineOf(t, filepath.Join(d.dir, "ack.key.pub"), 0))
	}
	identity, err := age.GenerateHybridIdentity()
	ok(t, err)
	ok(t, s.org.OrgAddDestination(roster.Destination{
		Name: name, Title: name, Recipient: identity.Recipient().String(), Delivery: roster.DeliveryOutbox, Ack: d.key,
	}))
	return d
}

func lineOf(t testing.TB, path string, n int) string {
	text, err := os.ReadFile(path)
	ok(t, err)
	return strings.Split(string(text), "\n")[n]
}

// received writes what the destination signs: sha256sum's line of a bag.
func (d *signer) received(bag string) []byte {
	out, err := d.in(filepath.Dir(bag), "sha256sum", filepath.Base(bag))
	ok(d.t, err)
	return []byte(out)
}

// sign signs a text with the destination's tool, each time in another way.
func (d *signer) sign(text []byte) []byte {
	t := d.t
	path := filepath.Join(d.dir, "received.txt")
	ok(t, os.WriteFile(path, text, 0o600))
	hash, comment := "hashalg=sha512", "we have it"
	if d.signed++; d.signed > 1 {
		hash, comment = "hashalg=sha256", "we have it still"
	}
	args, ending := []string{"ssh-keygen", "-Y", "sign", "-q", "-O", hash, "-n", AckNamespace, "-f", "ack.key", "received.txt"}, ".sig"
	if !strings.HasPrefix(d.key, "ssh-") {
		args, ending = []string{"minisign", "-S", "-s", "ack.key", "-m", "received.txt", "-t", comment}, ".minisig"
	}
	_ = os.Remove(path + ending)
	if out, err := d.in(d.dir, args[0], args[1:]...); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	signature, err := os.ReadFile(path + ending)
	ok(t, err)
	return signature
}

// put gives the station a roster with what was added to it.
func (s *station) put() {
	s.sign()
	ok(s.t, s.vault.UpdateRoster(s.t.Context(), s.roster))
}

func TestADestinationAcknowledges(t *testing.T) {
	for _, tool := range []string{"ssh-keygen", "minisign"} {
		t.Run(tool, func(t *testing.T) {
			s := newStation(t)
			d := s.signer("unit", tool)
			s.put()
			c := s.addCase(s.vault, plain)
			other := s.addCase(s.vault, plain)
			s.pull()
			ok(t, s.alice.Lock())
			defer s.alice.Unlock()
			r, err := s.alice.Route(s.find(c), "unit", With{})
			ok(t, err)
			text := d.received(r.Bag)
			signature := d.sign(text)
			a, err := s.alice.Acknowledge(s.find(c), text, signature, "")
			ok(t, err)
			if a.Destination != "unit" || a.Bag != r.Digest.String() || (tool == "minisign") != (a.Comment == "we have it") {
				t.Errorf("acknowledged: %+v", a)
			}
			again := func(signature []byte) {
				t.Helper()
				if _, err := s.alice.Acknowledge(s.find(c), text, signature, "unit"); !errors.Is(err, ErrAcknowledged) {
					t.Errorf("again: %v", err)
				}
			}
			again(signature)
			again(d.sign(text))
			pushed, err := s.alice.Push(t.Context(), s.desk.addr, nothing)
			ok(t, err)
			if len(pushed.Delivered) != 2 || len(pushed.Refused) != 0 {
				t.Errorf("pushed %+v", pushed)
			}
			again(signature)
			// What the ledger has the digest of is kept as it came.
			kept, err := os.ReadFile(a.Kept)
			ok(t, err)
			last := s.find(c).Handed[1].Leaf
			if last.Event != ledger.EventAcknowledged || last.Destination != "unit" || last.Digest != digestOf(kept) || last.Size != int64(len(kept)) ||
				string(kept) != string(text)+string(signature) {
				t.Errorf("in the ledger: %+v", last)
			}
			if _, err := s.alice.Acknowledge(s.find(other), text, signature, ""); err == nil || !strings.Contains(err.Error(), "not handed over of case") {
				t.Errorf("of another case: %v", err)
			}
		})
	}
}

func TestWhatIsNoAcknowledgement(t *testing.T) {
	s := newStation(t)
	d, stranger := s.signer("unit", "ssh-keygen"), s.signer("other", "ssh-keygen")
	mini := s.signer("mini", "minisign")
	s.put()
	c := s.addCase(s.vault, plain)
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	r, err := s.alice.Route(s.find(c), "unit", With{})
	ok(t, err)
	keyless, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	text := d.received(r.Bag)
	good := d.sign(text)
	for name, v := range map[string]struct {
		text, signature []byte
		from            string
		refused         bool
		says            string
	}{
		"another's signature":      {text, stranger.sign(text), "", true, "does not verify"},
		"minisign's for ssh's":     {text, mini.sign(text), "", false, "not an SSH signature"},
		"of another text":          {append(text, '\n'), good, "", false, "not one line"},
		"of the same, respelled":   {[]byte(strings.ToUpper(string(text[:64])) + string(text[64:])), good, "", true, "does not verify"},
		"from somebody else":       {text, good, "other", false, "not handed over of case"},
		"of nothing that we know":  {[]byte(strings.Repeat("0", 64) + "\n"), good, "", false, "not handed over of case"},
		"of one who has no key":    {d.received(keyless.Bag), d.sign(d.received(keyless.Bag)), "", false, "no key that police acknowledges with"},
		"no signature":             {text, nil, "", false, "not an SSH signature"},
		"a text that is not one":   {[]byte("we have it\n"), good, "", false, "not one line"},
		"a text that is too large": {[]byte(strings.Repeat("0", MaxAck+1)), good, "", false, "larger than"},
	} {
		_, err := s.alice.Acknowledge(s.find(c), v.text, v.signature, v.from)
		if err == nil || errors.Is(err, ErrRefused) != v.refused || !strings.Contains(err.Error(), v.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if q, err := s.alice.Queue(); err != nil || len(q) != 2 {
		t.Errorf("the queue holds %d events, %v", len(q), err)
	}
	if _, err := os.Stat(s.alice.path(ackDir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was kept: %v", err)
	}
}

// Killed between the file and the event, it is acknowledged by typing it again.
func TestAKilledAcknowledgementIsRepeated(t *testing.T) {
	s := newStation(t)
	d := s.signer("unit", "ssh-keygen")
	s.put()
	c := s.addCase(s.vault, plain)
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	r, err := s.alice.Route(s.find(c), "unit", With{})
	ok(t, err)
	text := d.received(r.Bag)
	signature := d.sign(text)
	first, err := s.alice.Acknowledge(s.find(c), text, signature, "")
	ok(t, err)
	ok(t, os.Remove(first.Event))
	again, err := s.alice.Acknowledge(s.find(c), text, signature, "")
	if err != nil || again.Digest != first.Digest {
		t.Errorf("after a kill: %+v, %v", again, err)
	}
}

func TestThePageSaysHowToAcknowledge(t *testing.T) {
	for key, want := range map[string]string{
		"ssh-ed25519 AAAA": "ssh-keygen -Y sign -n tocsin-ack -f ack.key received.txt",
		"RWAAAA":           "minisign -S -s ack.key -m received.txt",
		"":                 english.Messages["ack.none"],
	} {
		d := fullPage(t, "en")
		d.Destination.Ack, d.Bag = key, "case-1-ab.tar.age"
		page, err := firstPage(d)
		ok(t, err)
		if !strings.Contains(string(page), want) || key != "" && !strings.Contains(string(page), "sha256sum case-1-ab.tar.age &gt; received.txt") {
			t.Errorf("with the key %q the page lacks %q", key, want)
		}
	}
}

// What is read is a digest in its one form, whatever stands around it.
func FuzzAcknowledgementText(f *testing.F) {
	digest := strings.Repeat("0123456789abcdef", 4)
	f.Add([]byte(digest))
	f.Add([]byte(digest + "  case-1-ab.tar.age\n"))
	f.Add([]byte(strings.ToUpper(digest) + " *case.tar.age\r\n"))
	f.Add([]byte(digest + "  a\nb\n"))
	f.Add([]byte("SHA256 (case) = " + digest))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parseAck(text)
		if err == nil && !strings.HasPrefix(strings.ToLower(string(text)), d.String()) {
			t.Errorf("%q is taken for %s", text, d)
		}
	})
}
