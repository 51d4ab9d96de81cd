package onion

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func TestKeyIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	first, err := OpenKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !ValidAddress(first.Address()) {
		t.Errorf("address %q", first.Address())
	}
	for name, want := range map[string]os.FileMode{".": 0o700, secretFile: 0o600, hostnameFile: 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, error %v; want mode %o", name, info.Mode(), err, want)
		}
	}
	before, err := os.ReadFile(filepath.Join(dir, secretFile))
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenKey(dir)
	if err != nil || again.Address() != first.Address() {
		t.Errorf("opened again: %v, error %v", again, err)
	}
	// The address beside the key is only a note of it.
	if err := os.WriteFile(filepath.Join(dir, hostnameFile), []byte("other.onion\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again, err = OpenKey(dir); err != nil || again.Address() != first.Address() {
		t.Errorf("beside another address: %v, error %v", again, err)
	}
	if note, _ := os.ReadFile(filepath.Join(dir, hostnameFile)); string(note) != first.Address()+"\n" {
		t.Errorf("the note is %q", note)
	}
	after, _ := os.ReadFile(filepath.Join(dir, secretFile))
	if !bytes.Equal(before, after) {
		t.Error("the key was written over")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".new-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// However many come at once, there is one key.
func TestKeyIsOneForAll(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	addresses := make([]string, 8)
	for i := range addresses {
		wg.Go(func() {
			if k, err := OpenKey(dir); err == nil {
				addresses[i] = k.Address()
			}
		})
	}
	wg.Wait()
	for _, a := range addresses {
		if a != addresses[0] || a == "" {
			t.Fatalf("addresses %q", addresses)
		}
	}
}

// A file that is no key is left as it is, and said to be none.
func TestDamagedKeyIsRefused(t *testing.T) {
	for _, content := range []string{"", "x", secretHeader, secretHeader + strings.Repeat("x", 63), secretHeader + strings.Repeat("x", 65), strings.Repeat("x", 96)} {
		dir := t.TempDir()
		name := filepath.Join(dir, secretFile)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if k, err := OpenKey(dir); !errors.Is(err, ErrKey) {
			t.Errorf("%d bytes: %v, error %v", len(content), k, err)
		}
		if after, err := os.ReadFile(name); err != nil || string(after) != content {
			t.Errorf("%d bytes were touched", len(content))
		}
	}
}

func TestValidAddress(t *testing.T) {
	// The Tor Project's.
	const good = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
	if !ValidAddress(good) {
		t.Error("a real address is refused")
	}
	for _, bad := range []string{"", ".onion", strings.TrimSuffix(good, ".onion"), strings.Replace(good, "2gz", "2gy", 1), "expyuzz4wqqyqhjn.onion", "a." + good, good + ".", "example.org"} {
		if ValidAddress(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestTargetsThatTorCantReadAreRefused(t *testing.T) {
	for target, ok := range map[string]bool{
		"unix:/var/lib/tocsin/onion/web.sock": true, "127.0.0.1:8080": true,
		"unix:/a directory/web.sock": false, "unix:relative": false, `unix:/a"b`: false, "unix:/a,b": false, "unix:/a\nb": false,
		"192.0.2.1:80": false, "localhost:80": false, "": false,
	} {
		_, err := newSupervisor(Control{}, []*Service{{Name: "web", Dir: t.TempDir(), Port: 80, Target: target}}, quiet)
		if (err == nil) != ok || err != nil && !errors.Is(err, ErrTarget) {
			t.Errorf("%q: %v", target, err)
		}
	}
}
