package seal

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
)

// Both ways with the stock program, whose batchpass plugin takes the
// passphrase from the environment instead of a terminal. What age says of
// having to wait for the plugin is not looked at.
func TestKeyFilesAndStockAge(t *testing.T) {
	dir := t.TempDir()
	plugin := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "filippo.io/age/cmd/age-plugin-batchpass")
	if out, err := plugin.CombinedOutput(); err != nil {
		t.Fatalf("building the plugin: %v\n%s", err, out)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	t.Setenv("AGE_PASSPHRASE", "correct horse battery")

	plain := []byte("# created: a day\n" + newKey(t).identity.String() + "\n")
	file, err := ProtectKey(plain, "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(file, []byte("-----BEGIN AGE ENCRYPTED FILE-----\n")) || !IsProtected(file) || IsProtected(plain) {
		t.Errorf("the file begins %.40q", file)
	}
	put(t, dir, "protected.key", file)
	if got := shell(t, dir, "age -d -j batchpass protected.key 2>/dev/null"); got != string(plain) {
		t.Errorf("age reads %d bytes of %d", len(got), len(plain))
	}

	t.Setenv("AGE_PASSPHRASE_WORK_FACTOR", "10")
	put(t, dir, "plain.key", plain)
	for _, flags := range []string{"-e -j batchpass", "-e -a -j batchpass"} {
		shell(t, dir, "age "+flags+" -o stock.key plain.key 2>/dev/null")
		stock := get(t, dir, "stock.key")
		got, err := UnprotectKey(stock, "correct horse battery")
		if err != nil || !bytes.Equal(got, plain) || !IsProtected(stock) {
			t.Errorf("what age %s makes: %v", flags, err)
		}
	}
}

func TestUnprotectKeyRefuses(t *testing.T) {
	key := newKey(t)
	cheap, err := age.NewScryptRecipient("p")
	if err != nil {
		t.Fatal(err)
	}
	cheap.SetWorkFactor(4)
	good := encrypt(t, []byte("plain"), cheap)
	if got, err := UnprotectKey(good, "p"); err != nil || string(got) != "plain" {
		t.Fatalf("%q, %v", got, err)
	}
	// A number in the header says how costly it is to try a passphrase, and
	// nothing guards it before that is done.
	costly := bytes.Replace(good, []byte(" 4\n"), []byte(" 21\n"), 1)
	for name, c := range map[string]struct {
		file       []byte
		passphrase string
		want       error
	}{
		"empty passphrase":     {good, "", ErrPassphrase},
		"wrong passphrase":     {good, "q", ErrPassphrase},
		"not sealed":           {[]byte(key.identity.String() + "\n"), "p", ErrDamaged},
		"sealed to a key":      {encrypt(t, []byte("x"), key.Recipient()), "p", ErrDamaged},
		"too much work":        {costly, "p", ErrDamaged},
		"cut short":            {good[:len(good)-1], "p", ErrDamaged},
		"cut in the header":    {good[:50], "p", ErrDamaged},
		"altered at the end":   {spoil(good, len(good)-1), "p", ErrDamaged},
		"nothing":              {nil, "p", ErrDamaged},
		"armor around nothing": {[]byte("-----BEGIN AGE ENCRYPTED FILE-----\n-----END AGE ENCRYPTED FILE-----\n"), "p", ErrDamaged},
		"far too large":        {make([]byte, maxKeyFile+1), "p", ErrTooLarge},
	} {
		got, err := UnprotectKey(c.file, c.passphrase)
		if !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: %q, %v, want %v", name, got, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "AGE-SECRET") {
			t.Errorf("%s: the error quotes a key: %v", name, err)
		}
	}
	if _, err := ProtectKey([]byte("x"), ""); err == nil {
		t.Error("an empty passphrase protects")
	}
	if _, err := ProtectKey(make([]byte, maxKeyFile), "p"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a large key file: %v", err)
	}
}
