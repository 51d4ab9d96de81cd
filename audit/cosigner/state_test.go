package cosigner_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/audit/cosigner"
)

func addLog(dir string, f *foreign) (string, error) { return cosigner.AddLog(dir, f.vkey) }

// last returns the file that says what was last cosigned of the one log.
func last(t testing.TB, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "logs", "*", "last"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	return found[0]
}

// TestNothingStartsOver: where the state is missing or damaged, nothing is
// signed, nothing is served, and no command makes a new state.
func TestNothingStartsOver(t *testing.T) {
	log := newForeign(t, origin).grow(t, 9, "a")
	other := newForeign(t, origin).grow(t, 9, "b")
	damage := map[string]func(t *testing.T, dir, path string, b []byte){
		"gone":  func(t *testing.T, _, path string, _ []byte) { must(t, os.Remove(path)) },
		"empty": func(t *testing.T, _, path string, _ []byte) { write(t, path, "") },
		"cut":   func(t *testing.T, _, path string, b []byte) { write(t, path, string(b[:len(b)-5])) },
		"zeros": func(t *testing.T, _, path string, b []byte) { write(t, path, strings.Repeat("\x00", len(b))) },
		"another size": func(t *testing.T, _, path string, b []byte) {
			write(t, path, strings.Replace(string(b), "\n5\n", "\n4\n", 1))
		},
		"another key's": func(t *testing.T, _, path string, _ []byte) {
			write(t, path, "cosigned 1\n\n"+string(other.checkpoint(t, 5)))
		},
		"a time that is none": func(t *testing.T, _, path string, b []byte) {
			write(t, path, "cosigned x\n\n"+string(log.checkpoint(t, 5)))
		},
		"nothing, and more": func(t *testing.T, _, path string, _ []byte) { write(t, path, "nothing cosigned yet\n\n") },
		"the log's key gone": func(t *testing.T, _, path string, _ []byte) {
			must(t, os.Remove(filepath.Join(filepath.Dir(path), "vkey")))
		},
		"the log's key another one": func(t *testing.T, _, path string, _ []byte) {
			write(t, filepath.Join(filepath.Dir(path), "vkey"), newForeign(t, "x.example").vkey+"\n")
		},
		"the log's directory empty": func(t *testing.T, _, path string, _ []byte) {
			must(t, os.Remove(path))
			must(t, os.Remove(filepath.Join(filepath.Dir(path), "vkey")))
		},
	}
	for name, spoil := range damage {
		t.Run(name, func(t *testing.T) {
			dir := newDir(t, log)
			c := open(t, dir)
			if _, err := c.Cosign(log.request(t, 0, 5)); err != nil {
				t.Fatal(err)
			}
			path := last(t, dir)
			b, err := os.ReadFile(path)
			must(t, err)
			spoil(t, dir, path, b)
			for _, old := range []int64{0, 5} {
				_, err := c.Cosign(log.request(t, old, 9))
				if refusal := (*cosigner.Refusal)(nil); err == nil || errors.As(err, &refusal) || !errors.Is(err, cosigner.ErrState) {
					t.Errorf("cosigning from %d: %v", old, err)
				}
			}
			prefix, _, stop := serve(t, c)
			if a, err := post(prefix, log.request(t, 0, 9)); err != nil || a.status != http.StatusInternalServerError {
				t.Errorf("over HTTP: %v, %v", a, err)
			}
			stop()
			if _, err := addLog(dir, log); !errors.Is(err, cosigner.ErrKnown) {
				t.Errorf("adding the log again: %v", err)
			}
			if _, err := cosigner.Logs(dir); !errors.Is(err, cosigner.ErrState) {
				t.Errorf("listing: %v", err)
			}
			must(t, c.Close())
			if _, err := cosigner.Open(dir); !errors.Is(err, cosigner.ErrState) {
				t.Errorf("opening: %v", err)
			}
		})
	}
}

// TestRemovedLogIsNotForgotten: nothing is signed for a log that was removed, and
// one that comes back goes on from what was last cosigned, under no other key.
func TestRemovedLogIsNotForgotten(t *testing.T) {
	log := newForeign(t, origin).grow(t, 3, "a")
	fork := log.fork().grow(t, 9, "b")
	log.grow(t, 9, "a")
	dir := newDir(t, log)
	c := open(t, dir)
	answers := func(status int, recorded int64, body []byte) {
		t.Helper()
		_, err := c.Cosign(body)
		if refusal := (*cosigner.Refusal)(nil); !errors.As(err, &refusal) || refusal.Status != status || refusal.Recorded != recorded {
			t.Errorf("%v, want %d", err, status)
		}
	}
	if _, err := c.Cosign(log.request(t, 0, 5)); err != nil {
		t.Fatal(err)
	}
	must(t, cosigner.RemoveLog(dir, origin))
	answers(http.StatusNotFound, -1, log.request(t, 5, 9))
	if err := cosigner.RemoveLog(dir, origin); !errors.Is(err, cosigner.ErrUnknown) {
		t.Errorf("removing it twice: %v", err)
	}
	if l := recorded(t, dir); l.Size != 5 || !l.Retired {
		t.Errorf("it is recorded as %+v", l)
	}
	must(t, c.Close())
	c = open(t, dir)
	answers(http.StatusNotFound, -1, log.request(t, 5, 9))
	if _, err := addLog(dir, newForeign(t, origin)); !errors.Is(err, cosigner.ErrKnown) {
		t.Errorf("adding the origin under another key: %v", err)
	}
	answers(http.StatusNotFound, -1, log.request(t, 5, 9))

	if _, err := addLog(dir, log); err != nil {
		t.Fatal(err)
	}
	answers(http.StatusConflict, 5, fork.request(t, 0, 5))
	answers(http.StatusUnprocessableEntity, -1, fork.request(t, 5, 9))
	if _, err := c.Cosign(log.request(t, 5, 9)); err != nil {
		t.Error(err)
	}
	if l := recorded(t, dir); l.Size != 9 || l.Retired {
		t.Errorf("it is recorded as %+v", l)
	}
}

// TestNoSignatureBeforeTheDisk: what can't be written isn't signed, and does
// not count.
func TestNoSignatureBeforeTheDisk(t *testing.T) {
	log := newForeign(t, origin).grow(t, 9, "a")
	dir := newDir(t, log)
	c := open(t, dir)
	if _, err := c.Cosign(log.request(t, 0, 5)); err != nil {
		t.Fatal(err)
	}
	block := last(t, dir) + ".new"
	must(t, os.Mkdir(block, 0o700)) // even root can't write a file there
	if signed, err := c.Cosign(log.request(t, 5, 9)); err == nil {
		t.Errorf("signed what could not be kept: %s", signed.Lines)
	}
	if r := recorded(t, dir); r.Size != 5 {
		t.Errorf("recorded %d", r.Size)
	}
	must(t, os.Remove(block))
	// What a writer that was killed left is no hindrance.
	write(t, block, "half a")
	if _, err := c.Cosign(log.request(t, 5, 9)); err != nil {
		t.Error(err)
	}
	if r := recorded(t, dir); r.Size != 9 {
		t.Errorf("recorded %d", r.Size)
	}
}

// TestSameAgain: the same checkpoint once more is signed with the time, and
// written down at most once a minute.
func TestSameAgain(t *testing.T) {
	log := newForeign(t, origin).grow(t, 5, "a")
	dir := newDir(t, log)
	now := time.Unix(1_800_000_000, 0)
	clock := func() time.Time { return now }
	c := open(t, dir)
	c.SetClock(clock)
	sign := func() time.Time {
		t.Helper()
		if _, err := c.Cosign(log.request(t, recorded(t, dir).Size, 5)); err != nil {
			t.Fatal(err)
		}
		return recorded(t, dir).Signed
	}
	start := now
	for _, s := range []struct{ ahead, kept time.Duration }{
		{0, 0}, {time.Second, 0}, {59 * time.Second, 0}, {60 * time.Second, 60 * time.Second},
		{61 * time.Second, 60 * time.Second}, {-time.Hour, -time.Hour},
	} {
		now = start.Add(s.ahead)
		if kept := sign(); !kept.Equal(start.Add(s.kept)) {
			t.Errorf("%v later: kept %v, want %v", s.ahead, kept, start.Add(s.kept))
		}
	}
	// A process trusts no write but its own.
	must(t, c.Close())
	c = open(t, dir)
	c.SetClock(clock)
	now = now.Add(time.Second)
	if kept := sign(); !kept.Equal(now) {
		t.Errorf("after a restart: kept %v, want %v", kept, now)
	}
}

// TestTwoAtOnce: of two histories, and of two sizes of one, that come in at
// the same moment after the same size, one is signed.
func TestTwoAtOnce(t *testing.T) {
	log := newForeign(t, origin).grow(t, 3, "a")
	fork := log.fork().grow(t, 6, "b")
	log.grow(t, 6, "a")
	for range 12 {
		dir := newDir(t, log)
		c := open(t, dir)
		if _, err := c.Cosign(log.request(t, 0, 3)); err != nil {
			t.Fatal(err)
		}
		bodies := [][]byte{
			log.request(t, 3, 5), fork.request(t, 3, 5), log.request(t, 3, 6), fork.request(t, 3, 6), log.request(t, 3, 4), fork.request(t, 3, 4),
		}
		signed := make([]*cosigner.Cosigned, len(bodies))
		var all sync.WaitGroup
		start := make(chan struct{})
		for i, b := range bodies {
			all.Go(func() {
				<-start
				var err error
				refusal := (*cosigner.Refusal)(nil)
				if signed[i], err = c.Cosign(b); err != nil && !(errors.As(err, &refusal) && refusal.Status == http.StatusConflict) {
					t.Error(err)
				}
			})
		}
		close(start)
		all.Wait()
		count := 0
		for _, s := range signed {
			if s != nil {
				count++
				if r := recorded(t, dir); r.Size != s.Size {
					t.Errorf("signed size %d, recorded %d", s.Size, r.Size)
				}
			}
		}
		if count != 1 {
			t.Fatalf("%d of them were signed", count)
		}
		must(t, c.Close())
	}
}

func TestOneProcess(t *testing.T) {
	dir := newDir(t)
	c := open(t, dir)
	if _, err := cosigner.Open(dir); !errors.Is(err, cosigner.ErrInUse) {
		t.Errorf("a second one: %v", err)
	}
	must(t, c.Close())
	must(t, open(t, dir).Close())
}

func TestCreate(t *testing.T) {
	dir := newDir(t)
	before := key(t, dir)
	if _, err := cosigner.Create(dir, name); !errors.Is(err, os.ErrExist) {
		t.Errorf("over one that is there: %v", err)
	}
	if key(t, dir) != before {
		t.Error("the key was replaced")
	}
	for _, bad := range []string{"", "with space", "a+b", "zeilen\numbruch", strings.Repeat("x", 1000)} {
		if _, err := cosigner.Create(filepath.Join(t.TempDir(), "c"), bad); err == nil {
			t.Errorf("the name %q was taken", bad)
		}
	}
	for _, path := range []string{"key", "vkey"} {
		if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	// The key of one with the name of another.
	write(t, filepath.Join(dir, "vkey"), key(t, newDir(t))+"\n")
	if _, err := cosigner.Open(dir); !errors.Is(err, cosigner.ErrState) {
		t.Errorf("two cosigners in one: %v", err)
	}
	if _, err := cosigner.Open(t.TempDir()); !errors.Is(err, cosigner.ErrNone) {
		t.Errorf("an empty directory: %v", err)
	}
}

func TestAddLog(t *testing.T) {
	log := newForeign(t, origin)
	dir := newDir(t, log)
	for _, again := range []*foreign{log, newForeign(t, origin)} {
		if _, err := addLog(dir, again); !errors.Is(err, cosigner.ErrKnown) {
			t.Errorf("a second time: %v", err)
		}
	}
	for _, bad := range []string{"", "x", log.vkey + "\n", log.vkey[:len(log.vkey)-4] + "\n" + log.vkey[len(log.vkey)-4:], strings.Replace(log.vkey, origin, "x", 1), key(t, dir)} {
		if _, err := cosigner.AddLog(dir, bad); !errors.Is(err, cosigner.ErrLogKey) {
			t.Errorf("the key %q: %v", bad, err)
		}
	}
	if _, err := addLog(t.TempDir(), log); !errors.Is(err, cosigner.ErrNone) {
		t.Errorf("without a cosigner: %v", err)
	}
	// What a process that was killed left is no log.
	must(t, os.Mkdir(filepath.Join(dir, "logs", ".new-1"), 0o700))
	if r := recorded(t, dir); r.Origin != origin || r.Key != log.vkey {
		t.Errorf("%+v", r)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600))
}
