package seal

import (
	"errors"
	"strings"
	"testing"

	"filippo.io/age"
)

func TestParseRecipients(t *testing.T) {
	one, two := newKey(t), newKey(t)
	a, b := one.Recipient().String(), two.Recipient().String()
	got, err := ParseRecipients([]string{a, b})
	if err != nil || len(got) != 2 || got[1].String() != b {
		t.Fatalf("%v, %v", got, err)
	}
	classic, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string][]string{
		"none":         {},
		"empty":        {a, ""},
		"twice":        {a, b, a},
		"classic":      {a, classic.Recipient().String()},
		"upper case":   {strings.ToUpper(a)},
		"space around": {" " + a},
		"cut":          {a[:len(a)-1]},
		"secret key":   {a, one.identity.String()},
		"no valid key": {a, string(bech32("age1pq", make([]byte, 1216)))},
	} {
		if _, err := ParseRecipients(list); !errors.Is(err, ErrRecipient) {
			t.Errorf("%s: %v, want ErrRecipient", name, err)
		} else if strings.Contains(err.Error(), "AGE-SECRET") || len(err.Error()) > 300 {
			t.Errorf("%s: the error quotes what it was given: %q", name, err)
		}
	}
	if _, err := one.Envelope(nil); !errors.Is(err, ErrRecipient) {
		t.Errorf("an envelope for nobody: %v", err)
	}
	if _, err := one.Envelope([]*age.HybridRecipient{got[0], got[0]}); !errors.Is(err, ErrRecipient) {
		t.Errorf("an envelope for one person twice: %v", err)
	}
}
