package triage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"tocsin/seal"
	"tocsin/seal/padme"
)

// counted counts how many cases a home opens.
func counted(h *Home) *int {
	n := new(int)
	h.Reading = func(int, int) error { *n++; return nil }
	return n
}

// again is alice's home in a process that starts now, and what it opens.
func (s *station) again() (*Home, *int) {
	h := newHome(s.alice.Dir)
	return h, counted(h)
}

func (s *station) list(h *Home) []Summary {
	s.t.Helper()
	list, err := h.List()
	ok(s.t, err)
	return list
}

// fill adds cases of several kinds and pulls.
func (s *station) fill() (cases []*told) {
	s.t.Helper()
	for n := range 7 {
		cases = append(cases, s.addCase(s.vault, tale(n), attachment{"MARK-NAME.jpg", []byte("x")}))
	}
	s.add(cases[2], "MARK-LATER the plate was 1-ABC-234")
	s.pull()
	return cases
}

// What the index gives is what opening the cases gives, and nothing is opened
// but what is new or changed.
func TestTheIndexSaysWhatTheCasesSay(t *testing.T) {
	s := newStation(t)
	cases := s.fill()
	first, n := s.again()
	list := s.list(first)
	if *n != 0 {
		t.Errorf("the first list after a pull opened %d cases", *n)
	}
	ok(t, first.DropIndex())
	without, n := s.again()
	if fresh := s.list(without); *n != len(cases) || !reflect.DeepEqual(fresh, list) {
		t.Errorf("%d opened; from the index %+v, from the cases %+v", *n, list, fresh)
	}

	ok(t, s.alice.Lock())
	_, err := s.alice.Route(s.find(cases[3]), "police", With{})
	ok(t, err)
	s.alice.Unlock()
	for name, h := range map[string]*Home{"a new process": newHome(s.alice.Dir), "the same": without} {
		n := counted(h)
		found, err := h.Inbox()
		ok(t, err)
		q, _ := ParseQuery("state:handed-over")
		if got := found.Search(q); len(got) != 1 || got[0].ID != cases[3].id.String() || *n > 1 {
			t.Errorf("%s: %d opened, handed over: %+v", name, *n, got)
		}
		if *n = 0; len(s.list(h)) != len(cases) || *n != 0 {
			t.Errorf("%s: the list after it opened %d", name, *n)
		}
	}

	s.add(cases[0], "MARK-NEWS")
	s.addCase(s.vault, plain)
	h, n := s.again()
	ok(t, h.Lock())
	_, err = h.Pull(t.Context(), "", nothing)
	ok(t, err)
	h.Unlock()
	if *n != 2 {
		t.Errorf("a pull of one case and one addition opened %d cases", *n)
	}
	later, n := s.again()
	if len(s.list(later)) != len(cases)+1 || *n != 0 {
		t.Errorf("the list after it opened %d", *n)
	}
}

// Deadlines pass while nothing else changes: they are not from the index.
func TestTheClockIsNotIndexed(t *testing.T) {
	s := newStation(t)
	s.fill()
	before := s.list(s.alice)[0]
	h, n := s.again()
	h.Now = func() time.Time { return today.Add(30 * time.Hour) }
	after := s.list(h)[0]
	if *n != 0 || after.HoursLeft != before.HoursLeft-30 || after.Age != before.Age+30 || after.Due != before.Due {
		t.Errorf("%d opened; before %+v, 30 hours later %+v", *n, before, after)
	}
}

func flip(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[at] ^= 1
	return data
}

// Whatever is wrong with the index, the list is right and no error is told.
func TestAnIndexThatIsWrongIsNone(t *testing.T) {
	s := newStation(t)
	s.fill()
	want := s.list(s.alice)
	whole := map[string][]byte{}
	everyFile(t, s.alice.path("index"), func(path string, data []byte) { whole[filepath.Base(path)] = data })
	other := &index{home: s.alice}
	stranger := newHome(t.TempDir())
	_, err := stranger.Keygen("mallory", "")
	ok(t, err)
	x, err := stranger.index()
	ok(t, err)
	other.aead = x.aead
	mine, err := s.alice.index()
	ok(t, err)
	basis, err := s.alice.basis(nil)
	ok(t, err)
	// An index that hides every case: anybody could seal it to the public key.
	none, err := json.Marshal(indexState{Basis: basis})
	ok(t, err)
	hiding, _ := other.seal(stateName, none)
	odd, _ := mine.seal(segmentName(0), []byte("no gob"))
	oddState, _ := mine.seal(stateName, []byte("{"))
	for name, files := range map[string]map[string][]byte{
		"sealed by another":    {stateName: hiding},
		"no state":             {stateName: nil},
		"no segment":           {"000000": nil},
		"empty":                {stateName: {}, "000000": {}},
		"cut":                  {"000000": whole["000000"][:100]},
		"flipped":              {"000000": flip(whole["000000"], 200)},
		"flipped state":        {stateName: flip(whole[stateName], 200)},
		"unknown version":      {stateName: bytes.Replace(whole[stateName], []byte("v1"), []byte("v2"), 1)},
		"one file for another": {"000000": whole[stateName], stateName: whole["000000"]},
		"an odd segment":       {"000000": odd, stateName: nil},
		"an odd state":         {stateName: oddState},
	} {
		for file, data := range whole {
			ok(t, os.WriteFile(s.alice.path("index", file), data, 0o600))
		}
		for file, data := range files {
			if data == nil {
				ok(t, os.Remove(s.alice.path("index", file)))
			} else {
				ok(t, os.WriteFile(s.alice.path("index", file), data, 0o600))
			}
		}
		h, _ := s.again()
		if got := s.list(h); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d cases, want %d", name, len(got), len(want))
		}
		h, n := s.again()
		if got := s.list(h); *n != 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the index was not made again: %d opened", name, *n)
		}
	}
	// The place of the index is taken: then there is none.
	ok(t, os.RemoveAll(s.alice.path("index")))
	ok(t, os.WriteFile(s.alice.path("index"), nil, 0o600))
	h, _ := s.again()
	if got := s.list(h); !reflect.DeepEqual(got, want) {
		t.Errorf("without a place for it: %d cases", len(got))
	}
}

// An index of a program whose entries lack something is none: else their cases
// would lack it until they change, such as what links them to others.
func TestTheIndexKnowsItsForm(t *testing.T) {
	for _, field := range []string{"Print ledger.Digest", "Keys []uint8", "Marks []string"} {
		if !strings.Contains(form(), field+"\n") {
			t.Errorf("%s is not in the form:\n%s", field, form())
		}
	}
}

// A case that can't be read is tried again at each list.
func TestAProblemIsNotIndexed(t *testing.T) {
	s := newStation(t)
	cases := s.fill()
	ok(t, s.alice.DropIndex())
	path := s.alice.objectPath(s.find(cases[1]).envelope)
	data, err := os.ReadFile(path)
	ok(t, err)
	ok(t, os.WriteFile(path, []byte("damaged"), 0o600))
	h, _ := s.again()
	for range 2 {
		if list := s.list(h); list[0].ID != cases[1].id.String() || list[0].Problem == "" {
			t.Errorf("damaged: %+v", list[0])
		}
	}
	ok(t, os.WriteFile(path, data, 0o600))
	for _, h := range []*Home{h, newHome(s.alice.Dir)} {
		n := counted(h)
		for _, v := range s.list(h) {
			if v.Problem != "" {
				t.Errorf("mended: %s", v.Problem)
			}
		}
		if *n > 1 {
			t.Errorf("%d opened, one was damaged", *n)
		}
	}
}

// Nothing decrypted is on the disk, and what is has a size of few.
func TestTheIndexIsSealedAndPadded(t *testing.T) {
	s := newStation(t)
	s.fill()
	q, err := ParseQuery("mark-later")
	ok(t, err)
	b, err := s.alice.Inbox()
	ok(t, err)
	if got := b.Search(q); len(got) != 1 {
		t.Fatalf("found: %+v", got)
	}
	everyFile(t, s.alice.Dir, func(path string, data []byte) {
		for _, secret := range []string{"MARK-", "mark-", "1-abc", "hotel", "Hôtel", "होटल", "room 3"} {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s holds %q", path, secret)
			}
		}
		if filepath.Base(filepath.Dir(path)) == "index" && filepath.Base(path) != "lock" {
			if n := len(data) - len(indexHeader) - 24 - 16; !padme.OnStep(int64(n)) {
				t.Errorf("%s shows a size of %d", path, n)
			}
		}
	})
}

// Reading that is stopped keeps what it read; the next goes on.
func TestStoppedReadingGoesOn(t *testing.T) {
	s := newStation(t)
	cases := s.fill()
	ok(t, s.alice.DropIndex())
	stop := errors.New("stop")
	h, _ := s.again()
	h.Reading = func(n, of int) error {
		if of != len(cases) {
			t.Errorf("of %d", of)
		}
		if n >= 3 {
			return stop
		}
		return nil
	}
	if _, err := h.List(); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	next, n := s.again()
	// Those at work when it was stopped are read to their end.
	if list := s.list(next); len(list) != len(cases) || *n > len(cases)-3 || *n == 0 {
		t.Errorf("%d cases, of which %d were opened again", len(list), *n)
	}

	// A pull that is stopped there has pulled.
	s.addCase(s.vault, plain)
	ctx, cancel := context.WithCancel(t.Context())
	h, _ = s.again()
	h.Reading = func(int, int) error { cancel(); return nil }
	ok(t, h.Lock())
	defer h.Unlock()
	if _, err := h.Pull(ctx, "", nothing); !errors.Is(err, context.Canceled) {
		t.Errorf("a pull that was interrupted: %v", err)
	}
	if list := s.list(newHome(s.alice.Dir)); len(list) != len(cases)+1 {
		t.Errorf("%d cases", len(list))
	}
}

// A pull without anybody to ask for the passphrase leaves the index to the list.
func TestAPullAsksForNoPassphrase(t *testing.T) {
	s := newStation(t)
	key, err := os.ReadFile(s.alice.path("worker.key"))
	ok(t, err)
	protected, err := seal.ProtectKey(key, "correct horse")
	ok(t, err)
	ok(t, os.WriteFile(s.alice.path("worker.key"), protected, 0o600))
	s.alice.Forget()
	s.alice.Passphrase = func(string) (string, error) {
		t.Error("the pull asked")
		return "", errors.New("nobody is there")
	}
	s.fill()
	if s.alice.hasIndex() {
		t.Error("there is an index")
	}
	h, n := s.again()
	h.Passphrase = func(string) (string, error) { return "correct horse", nil }
	if list := s.list(h); len(list) != 7 || *n != 7 {
		t.Errorf("%d cases, %d opened", len(list), *n)
	}
	// Once it was asked for, the next pull has it.
	s.addCase(s.vault, plain)
	*n = 0
	ok(t, h.Lock())
	_, err = h.Pull(t.Context(), "", nothing)
	h.Unlock()
	ok(t, err)
	if *n != 1 {
		t.Errorf("the pull opened %d", *n)
	}
}

// What a plugin's token keeps no key can be derived from: then all is in memory.
func TestWithoutASecretThereIsNoIndex(t *testing.T) {
	s := newStation(t)
	id, err := s.alice.Identity()
	ok(t, err)
	ok(t, s.alice.DropIndex())
	s.alice.identity = struct{ age.Identity }{id}
	n := counted(s.alice)
	s.fill()
	if s.alice.hasIndex() {
		t.Error("there is an index")
	}
	if list := s.list(s.alice); len(list) != 7 || *n != 7 {
		t.Errorf("%d cases, %d opened", len(list), *n)
	}
}

func TestForgetForgets(t *testing.T) {
	s := newStation(t)
	s.fill()
	b, err := s.alice.Inbox()
	ok(t, err)
	entries := b.entries
	_, err = s.alice.deskKey()
	ok(t, err)
	key := s.alice.desk
	s.alice.Forget()
	for _, e := range entries {
		if strings.Trim(string(e.text), "\x00") != "" {
			t.Errorf("a text is still there: %q", e.text)
		}
	}
	if len(b.List()) != 0 || strings.Trim(string(key), "\x00") != "" || s.alice.identity != nil || s.alice.inbox != nil {
		t.Error("something is still there")
	}
	if len(s.list(s.alice)) != 7 {
		t.Error("what was forgotten is not read again")
	}
}

// Killed at any instant, the next list is right, and what the dead left is gone.
func TestKilledWhileReading(t *testing.T) {
	s := newStation(t)
	const cases = 60
	for n := range cases {
		s.addCase(s.vault, tale(n))
	}
	ok(t, os.Rename(s.alice.path("worker.key"), s.alice.path("away")))
	s.pull()
	ok(t, os.Rename(s.alice.path("away"), s.alice.path("worker.key")))
	program := filepath.Join(t.TempDir(), "triage")
	if out, err := exec.Command("go", "build", "-o", program, "tocsin/cmd/triage").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for kill := range 12 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(kill+1)*15*time.Millisecond)
		verb := []string{"list", "pull"}[kill%2]
		// An exit code only if it came to its end in time.
		_ = exec.CommandContext(ctx, program, "--home", s.alice.Dir, verb).Run()
		cancel()
	}
	h, _ := s.again()
	list := s.list(h)
	ok(t, h.DropIndex())
	fresh, n := s.again()
	if want := s.list(fresh); *n != cases || !reflect.DeepEqual(list, want) {
		t.Errorf("%d cases after the kills, %d opened anew", len(list), *n)
	}
	ok(t, h.Lock())
	h.Unlock()
	everyFile(t, h.Dir, func(path string, _ []byte) {
		if strings.HasPrefix(filepath.Base(path), tempPrefix) {
			t.Errorf("%s is left", path)
		}
	})
}

// What was destroyed is in no file of the index, even where a list that began
// before the pull writes after it.
func TestAListDoesNotBringBackWhatWasDestroyed(t *testing.T) {
	s := newStation(t)
	s.fill()
	x, err := s.alice.index()
	ok(t, err)
	head, err := os.ReadFile(s.alice.path("ledger", "head"))
	ok(t, err)
	s.addCase(s.vault, plain)
	s.pull()
	err = x.locked(head, func() error { t.Error("it writes"); return nil })
	if !errors.Is(err, errNoIndex) {
		t.Error(err)
	}
	ok(t, s.alice.dropSegments([]int{3}))
	if _, err := os.Stat(s.alice.path("index", segmentName(0))); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the segment is still there")
	}
}

// Whatever lies in the place of a file of the index, it opens only if it was
// sealed here under that name.
func FuzzIndexFile(f *testing.F) {
	h := newHome(f.TempDir())
	_, err := h.Keygen("alice", "")
	ok(f, err)
	x, err := h.index()
	ok(f, err)
	whole, _ := x.seal(stateName, []byte("content"))
	f.Add(whole)
	f.Add(whole[:len(indexHeader)+24])
	f.Add([]byte(indexHeader))
	f.Add([]byte("tocsin.index.v2\n"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, file []byte) {
		same := bytes.Equal(file, whole)
		plain, _, err := x.unseal(stateName, bytes.Clone(file))
		if same != (err == nil) || same && string(plain) != "content" {
			t.Errorf("opened: %q, %v", plain, err)
		}
		if _, _, err := x.unseal(segmentName(0), bytes.Clone(file)); err == nil {
			t.Error("it opens under another name")
		}
	})
}
