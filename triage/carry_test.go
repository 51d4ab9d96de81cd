package triage

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

// A gap is between alice's home, which reaches no desk, and a courier's that does
// and opens nothing.
type gapped struct {
	*station
	courier    *Home
	stick, out string // files: from the desk, to the desk
}

func newGap(t testing.TB) *gapped {
	t.Helper()
	s := newStation(t)
	s.policyOf(func(p *roster.Policy) { p.Withdraw = true })
	return &gapped{s, s.copyHome("courier"), filepath.Join(s.dir, "stick"), filepath.Join(s.dir, "out")}
}

func (s *station) policyOf(change func(*roster.Policy)) {
	s.t.Helper()
	ok(s.t, s.org.OrgSetPolicy(change))
	s.sign()
	ok(s.t, s.vault.UpdateRoster(s.t.Context(), s.roster))
}

// copyHome makes another home of alice, without what opens cases.
func (s *station) copyHome(name string) *Home {
	s.t.Helper()
	h := newHome(filepath.Join(s.dir, name))
	ok(s.t, makeDir(h.Dir))
	for _, file := range []string{"desk.key", "card", "config", "roster"} {
		text, err := os.ReadFile(s.alice.path(file))
		ok(s.t, err)
		ok(s.t, os.WriteFile(h.path(file), text, 0o600))
	}
	return h
}

func (g *gapped) pullTo(since int64) *Pulled {
	g.t.Helper()
	ok(g.t, g.courier.Lock())
	defer g.courier.Unlock()
	p, err := g.courier.PullTo(g.t.Context(), "", g.stick, since, nothing)
	ok(g.t, err)
	return p
}

func (g *gapped) tryPullFrom(path string) (*Pulled, error) {
	g.t.Helper()
	ok(g.t, g.alice.Lock())
	defer g.alice.Unlock()
	return g.alice.PullFrom(g.t.Context(), path, nothing)
}

func (g *gapped) pullFrom() *Pulled {
	g.t.Helper()
	p, err := g.tryPullFrom(g.stick)
	ok(g.t, err)
	return p
}

func (g *gapped) pushTo() []Queued {
	g.t.Helper()
	ok(g.t, g.alice.Lock())
	defer g.alice.Unlock()
	list, err := g.alice.PushTo(g.t.Context(), g.out)
	ok(g.t, err)
	return list
}

func (g *gapped) pushFrom() *Pushed {
	g.t.Helper()
	ok(g.t, g.courier.Lock())
	defer g.courier.Unlock()
	p, err := g.courier.PushFrom(g.t.Context(), "", g.out, nothing)
	ok(g.t, err)
	return p
}

func (g *gapped) reply(c *told, text string) {
	g.t.Helper()
	ok(g.t, g.alice.Lock())
	defer g.alice.Unlock()
	_, err := g.alice.Reply(g.find(c), text)
	ok(g.t, err)
}

// holdings is all that a home keeps of the desk.
func holdings(t testing.TB, h *Home) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, dir := range []string{"ledger", "objects"} {
		if _, err := os.Stat(h.path(dir)); errors.Is(err, fs.ErrNotExist) {
			continue // nothing was pulled yet
		}
		everyFile(t, h.path(dir), func(path string, data []byte) { all[dir+"/"+filepath.Base(path)] = string(data) })
	}
	return all
}

func mustHoldTheSame(t *testing.T, h, twin *Home) {
	t.Helper()
	got, want := holdings(t, h), holdings(t, twin)
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s is not what the desk gave", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files, the twin has %d", len(got), len(want))
	}
}

// Over the stick comes what comes from the desk, and nothing else; back goes what
// was queued, once.
func TestOverTheGap(t *testing.T) {
	g := newGap(t)
	twin := g.copyHome("twin")
	key, err := os.ReadFile(g.alice.path("worker.key"))
	ok(t, err)
	ok(t, os.WriteFile(twin.path("worker.key"), key, 0o600))
	same := func() {
		t.Helper()
		g.station.pullTo(twin)
		mustHoldTheSame(t, g.alice, twin)
	}

	first := g.addCase(g.vault, plain, attachment{"film.mp4", random(3 << 20)})
	taken := g.addCase(g.vault, plain)
	g.pullTo(0)
	p := g.pullFrom()
	if p.Cases != 2 || p.Leaves != 6 || len(p.Delivered) != 0 {
		t.Errorf("pulled %+v", p)
	}
	same()
	g.mustRead(g.alice, 2)
	if st, err := os.Stat(g.stick); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", st.Mode(), err)
	}

	// What was withdrawn and purged, sealed again and added comes too, over a
	// stick that carries no more than that.
	g.addCase(g.vault, plain)
	g.hire("bob")
	g.add(first, "and a car")
	gone := g.addCase(g.vault, plain)
	g.withdraw(gone)
	g.withdraw(taken)
	whole := g.pullTo(0).Size
	m, err := g.courier.openMirror()
	ok(t, err)
	for _, c := range m.cases() {
		if c.retired() && g.courier.hasObject(c.record) {
			t.Errorf("the courier keeps the record of case %s, which was withdrawn", c.ID)
		}
	}
	all := size(t, g.stick)
	g.pullTo(p.Size)
	if part := size(t, g.stick); part >= all-3<<20 {
		t.Errorf("%d bytes of %d with --since", part, all)
	}
	if p := g.pullFrom(); p.Size != whole || p.Cases != 2 {
		t.Errorf("pulled %+v", p)
	}
	same()
	g.with(g.alice, func() { _, err = g.alice.Rekey(t.Context(), func(int, int) {}) })
	ok(t, err)
	g.reply(first, "which car?")
	if n := len(g.pushTo()); n != 3 || len(g.queued()) != n {
		t.Errorf("%d written, %d queued", n, len(g.queued()))
	}
	for range 2 {
		if p := g.pushFrom(); len(p.Delivered) != 3 || len(p.Refused)+len(p.Dropped) != 0 {
			t.Errorf("pushed %+v", p)
		}
	}
	g.pullTo(whole)
	if p := g.pullFrom(); len(p.Delivered) != 3 || p.Leaves != 3 || len(g.queued()) != 0 {
		t.Errorf("pulled %+v, queued %v", p, g.queued())
	}
	same()
	for id, n := range g.rekeys() {
		if n != 1 {
			t.Errorf("case %s was sealed again %d times", id, n)
		}
	}
	// The same stick once more is nothing new.
	if p := g.pullFrom(); p.Leaves+int64(p.Objects) != 0 {
		t.Errorf("pulled again: %+v", p)
	}
}

func size(t testing.TB, path string) int64 {
	t.Helper()
	st, err := os.Stat(path)
	ok(t, err)
	return st.Size()
}

// The courier's home and the stick show what the desk's wire shows: no name, no
// word, no key.
func TestTheCourierReadsNothing(t *testing.T) {
	g := newGap(t)
	c := g.addCase(g.vault, plain, attachment{"MARK-FILE.jpg", []byte("MARK-CONTENT")})
	g.pullTo(0)
	g.pullFrom()
	g.reply(c, "MARK-REPLY")
	g.pushTo()
	everyFile(t, g.courier.Dir, func(path string, data []byte) {
		if bytes.Contains(data, []byte("MARK-")) || bytes.Contains(data, []byte("AGE-SECRET-KEY")) {
			t.Errorf("%s can be read", path)
		}
	})
	for _, path := range []string{g.stick, g.out} {
		data, err := os.ReadFile(path)
		ok(t, err)
		if bytes.Contains(data, []byte("MARK-")) || bytes.Contains(data, []byte("PRIVATE KEY")) {
			t.Errorf("%s can be read", path)
		}
	}
	if _, err := g.courier.List(); !errors.Is(err, ErrNoKey) {
		t.Errorf("the courier lists: %v", err)
	}
}

// A stick that stands before what was seen is told from one that contradicts it.
func TestAnOlderStick(t *testing.T) {
	g := newGap(t)
	g.addCase(g.vault, plain)
	g.pullTo(0)
	older, err := os.ReadFile(g.stick)
	ok(t, err)
	other := g.newVault("other") // the same roster and keys, another history
	g.addCase(g.vault, plain)
	g.pullTo(0)
	g.pullFrom()
	before := holdings(t, g.alice)
	ok(t, os.WriteFile(g.stick, older, 0o600))
	if _, err := g.tryPullFrom(g.stick); !errors.Is(err, ErrOlder) || errors.Is(err, ErrRefused) {
		t.Errorf("an older stick: %v", err)
	}
	// Shorter and rewritten; longer and rewritten.
	liar := g.copyHome("liar")
	for i := range 4 {
		g.addCase(other, plain)
		ok(t, liar.Lock())
		_, err := liar.PullTo(t.Context(), g.serve(other).addr, g.stick, 0, nothing)
		ok(t, err)
		liar.Unlock()
		if _, err := g.tryPullFrom(g.stick); !errors.Is(err, ErrRefused) {
			t.Errorf("another history with %d cases: %v", i+1, err)
		}
	}
	after := holdings(t, g.alice)
	if len(before) != len(after) || before["ledger/head"] != after["ledger/head"] {
		t.Error("something of it was kept")
	}
}

// A stick that begins too late says which would do, be it for want of leaves or
// of objects.
func TestAStickThatBeginsTooLate(t *testing.T) {
	g := newGap(t)
	g.addCase(g.vault, plain)
	g.pullTo(3)
	if _, err := g.tryPullFrom(g.stick); !errors.Is(err, errGap) || !strings.HasSuffix(err.Error(), "--since 0") {
		t.Errorf("without the first leaves: %v", err)
	}
	g.pullTo(4)
	if _, err := g.tryPullFrom(g.stick); !errors.Is(err, errGap) {
		t.Errorf("without any leaf: %v", err)
	}
	g.pullTo(0)
	g.pullFrom()
	m, err := g.alice.openMirror()
	ok(t, err)
	ok(t, os.Remove(g.alice.objectPath(m.cases()[0].Messages[0].Leaf.Digest)))
	g.addCase(g.vault, plain)
	g.pullTo(4)
	if _, err := g.tryPullFrom(g.stick); !errors.Is(err, errGap) || !strings.HasSuffix(err.Error(), "--since 3") {
		t.Errorf("without an object: %v", err)
	}
	g.pullTo(3)
	g.pullFrom()
	g.mustRead(g.alice, 2)
}

// Whatever byte of a stick is another one: what is taken is what the desk signed,
// and the whole stick brings the rest.
func TestAStickThatWasChanged(t *testing.T) {
	g := newGap(t)
	g.addCase(g.vault, plain)
	g.pullTo(0)
	g.addCase(g.vault, plain)
	whole := func() []byte {
		g.pullTo(0)
		data, err := os.ReadFile(g.stick)
		ok(t, err)
		return data
	}()
	bad := filepath.Join(g.dir, "bad")
	try := func(data []byte, what string) {
		t.Helper()
		ok(t, os.WriteFile(bad, data, 0o600))
		h := g.copyHome("fresh")
		defer os.RemoveAll(h.Dir)
		ok(t, h.Lock())
		defer h.Unlock()
		if _, err := h.PullFrom(t.Context(), bad, nothing); err == nil {
			t.Errorf("%s was taken", what)
		}
		for name, data := range holdings(t, h) {
			if digest := strings.TrimPrefix(name, "objects/"); digest != name && digestOf([]byte(data)).String() != digest {
				t.Errorf("%s: %s is not what its name says", what, name)
			}
		}
		if _, err := h.PullFrom(t.Context(), g.stick, nothing); err != nil {
			t.Errorf("the whole stick after %s: %v", what, err)
		}
	}
	step := len(whole)/40 + 1
	for at := 0; at < len(whole); at += step {
		changed := bytes.Clone(whole)
		changed[at] ^= 1
		try(changed, "a changed byte")
		try(whole[:at], "a stick that was cut")
	}
	try(append(bytes.Clone(whole), 0), "a tail")
}

// What is damaged on the courier's disk does not get onto a stick.
func TestADamagedCourier(t *testing.T) {
	g := newGap(t)
	g.addCase(g.vault, plain)
	g.pullTo(0)
	whole, err := os.ReadFile(g.stick)
	ok(t, err)
	m, err := g.courier.openMirror()
	ok(t, err)
	c := m.cases()[0]
	for _, d := range []ledger.Digest{c.record, c.envelope, c.Messages[0].Leaf.Digest} {
		path := g.courier.objectPath(d)
		data, err := os.ReadFile(path)
		ok(t, err)
		data[len(data)/2] ^= 1
		ok(t, os.WriteFile(path, data, 0o600))
		ok(t, g.courier.Lock())
		if _, err := g.courier.PullTo(t.Context(), "", g.stick, 0, nothing); err == nil || !strings.Contains(err.Error(), "is damaged") {
			t.Errorf("a damaged object: %v", err)
		}
		g.courier.Unlock()
		data[len(data)/2] ^= 1
		ok(t, os.WriteFile(path, data, 0o600))
	}
	if now, err := os.ReadFile(g.stick); err != nil || !bytes.Equal(now, whole) {
		t.Errorf("the stick of before is another: %v", err)
	}
}

func TestAStickThatIsInterruptedGoesOn(t *testing.T) {
	g := newGap(t)
	const cases = 3
	for range cases {
		g.addCase(g.vault, plain)
	}
	g.pullTo(0)
	cuts := 0
	for ; cuts < 100; cuts++ {
		ctx, cancel := context.WithCancel(t.Context())
		ok(t, g.alice.Lock())
		_, err := g.alice.PullFrom(ctx, g.stick, func(int, int, int64, int64) { cancel() })
		g.alice.Unlock()
		cancel()
		if err == nil {
			break
		}
	}
	if cuts < 2 || cuts == 100 {
		t.Errorf("%d interruptions", cuts)
	}
	g.mustRead(g.alice, cases)
}
