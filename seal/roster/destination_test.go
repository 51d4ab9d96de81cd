package roster_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"tocsin/report"
	"tocsin/seal/roster"
)

const (
	// Made by ssh-keygen -t ed25519 and by minisign -G.
	ackSSH      = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH8Fkzm0FlTdBS6yGcVxM6oXrD2SWtuWvnAq3qAv5Y2M"
	ackMinisign = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
)

// full is a destination with every line that there can be.
func full(d *roster.Destination) {
	d.Delivery, d.Kind, d.Country, d.Language, d.Ack = "mail desk@police.example", "police", "BE", "nl", ackSSH
}

func TestDestinationLines(t *testing.T) {
	r := sample(t)
	full(&r.Destinations[0])
	text := string(r.Marshal())
	want := "\ndelivery mail desk@police.example\nkind police\ncountry BE\nlanguage nl\nacknowledges-with " + ackSSH + "\n\ndestination ana\n"
	if !strings.Contains(text, want) {
		t.Errorf("the roster is\n%s", text)
	}
	// Each line can be left out, and none can stand elsewhere, twice or empty.
	mangle([]byte(text), func(what string, mangled []byte) {
		back, err := roster.Parse(mangled)
		if err == nil {
			left, ok := strings.CutPrefix(what, "without ")
			if !ok || !strings.Contains(want, "\n"+left+"\n") || strings.HasPrefix(left, "delivery") {
				t.Errorf("%s: accepted as %+v", what, back.Destinations[0])
			}
		} else if !errors.Is(err, roster.ErrMalformed) && !errors.Is(err, roster.ErrVersion) {
			t.Errorf("%s: error %v", what, err)
		}
	})
}

func TestDestinationsThatAreTaken(t *testing.T) {
	for _, change := range []func(*roster.Destination){
		full,
		func(d *roster.Destination) { d.Delivery = "command to-the-portal" },
		func(d *roster.Destination) {
			d.Delivery = "mail " + strings.Repeat("a", 64) + "@" + strings.Repeat("a.", 94) + "a"
		},
		func(d *roster.Destination) { d.Delivery = "mail o'brien+tips@localhost" },
		func(d *roster.Destination) { d.Country = "TH" },
		func(d *roster.Destination) { d.Language = "fr" },
		func(d *roster.Destination) { d.Ack = ackMinisign },
	} {
		r := sample(t)
		change(&r.Destinations[1])
		back, err := roster.Parse(r.Marshal())
		if err != nil || !reflect.DeepEqual(back, r) {
			t.Errorf("%+v: read back as %+v, %v", r.Destinations[1], back, err)
		}
	}
	for _, kind := range report.Authorities() {
		d := sample(t).Destinations[0]
		d.Kind = kind
		if err := d.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestDestinationsThatAreRefused(t *testing.T) {
	raw := base64.StdEncoding.EncodeToString
	for says, values := range map[string][]string{
		"delivery": {
			"", "Outbox", "outbox ", "mail", "mail ", "mail  a@b", "mail a", "mail @b", "mail a@", "mail a@b@c", "mail a b@c", "mail a@b c",
			"mail <a@b>", "mail A <a@b>", "mail a@b\r", "mail .a@b", "mail a.@b", "mail a..b@c", "mail a@.b", "mail a@b.", "mail a@-b",
			"mail a@[127.0.0.1]", `mail "a"@b`, "mail é@b", "mail a@é", "mail " + strings.Repeat("a", 65) + "@b",
			"mail a@" + strings.Repeat("b.", 126) + "b", "command", "command ", "command ..", "command a/b", "command A", "command a b", "command -x", "carrier-pigeon",
		},
		"kind":     {"Police", "army", " police"},
		"country":  {"be", "BEL", "ZZ", "unknown", "UK", "B"},
		"language": {"es", "EN", "fr-BE", "english"},
		"acknowledgements": {
			"ssh-ed25519", "ssh-ed25519 ", ackSSH + " police@example", ackSSH + "\r", " " + ackSSH, ackSSH[:len(ackSSH)-4],
			"ssh-rsa " + ackSSH[12:], strings.ToLower(ackMinisign), ackMinisign[:52], ackMinisign + "=", "RWQ", "untrusted comment: key",
			raw(append([]byte("ED"), make([]byte, 40)...)), raw(make([]byte, 42)), "ssh-ed25519 " + raw(make([]byte, 51)), "ssh-ed25519 " + ackMinisign,
		},
	} {
		for _, v := range values {
			r := sample(t)
			d := &r.Destinations[0]
			*map[string]*string{"delivery": &d.Delivery, "kind": &d.Kind, "country": &d.Country, "language": &d.Language, "acknowledgements": &d.Ack}[says] = v
			err := r.Validate()
			wantError(t, says+" "+v, err, roster.ErrMalformed)
			if err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("%s %q: the error does not speak of it: %v", says, v, err)
			}
			_, err = roster.Parse(r.Marshal())
			wantError(t, says+" "+v+", reading", err, roster.ErrMalformed)
		}
	}
}

func TestDeliveries(t *testing.T) {
	for delivery, want := range map[string][2]string{
		roster.DeliveryOutbox: {}, "mail a@b.example": {"a@b.example"}, "command portal": {"", "portal"},
	} {
		d := roster.Destination{Delivery: delivery}
		address, mailed := d.Mail()
		name, commanded := d.Command()
		if mailed != (want[0] != "") || commanded != (want[1] != "") || mailed && address != want[0] || commanded && name != want[1] {
			t.Errorf("%s: mail %q %t, command %q %t", delivery, address, mailed, name, commanded)
		}
	}
}

// What ssh-keygen makes today has the form that the roster asks for.
func TestAckKeysAreThoseThatSSHMakes(t *testing.T) {
	path, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Fatal("ssh-keygen is missing: apt-get install openssh-client")
	}
	key := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command(path, "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	line, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	d := sample(t).Destinations[0]
	d.Ack = string(bytes.TrimSpace(line))
	if err := d.Validate(); err != nil {
		t.Errorf("%s: %v", line, err)
	}
}
