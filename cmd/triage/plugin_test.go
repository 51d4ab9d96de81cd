package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

// tokenMain is a program age-plugin-token, as one for a hardware token is, made
// with age's own framework and run as a process of its own. Its secret, which
// the hardware would hold, is in the file that $TOKEN names, so that a test can
// pull the token out; it asks for a PIN and for a touch.
func tokenMain() {
	p, err := plugin.New("token")
	if err != nil {
		panic(err)
	}
	token := func() (*age.HybridIdentity, error) {
		secret, err := os.ReadFile(os.Getenv("TOKEN"))
		if err != nil {
			return nil, errors.New("no token is plugged in")
		}
		return age.ParseHybridIdentity(string(bytes.TrimSpace(secret)))
	}
	p.HandleIdentityAsRecipient(func([]byte) (age.Recipient, error) {
		id, err := token()
		if err != nil {
			return nil, err
		}
		return id.Recipient(), nil
	})
	p.HandleIdentity(func([]byte) (age.Identity, error) { return &tokenIdentity{p, token}, nil })
	if len(os.Args) == 2 && os.Args[1] == "--identity" {
		fmt.Printf("#  Name: a token of a test\n%s\n", plugin.EncodeIdentity("token", []byte("slot 1")))
		os.Exit(0)
	}
	os.Exit(p.Main())
}

type tokenIdentity struct {
	plugin *plugin.Plugin
	token  func() (*age.HybridIdentity, error)
}

// Unwrap implements age.Identity.
func (i *tokenIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	id, err := i.token()
	if err != nil {
		return nil, err
	}
	pin, err := i.plugin.RequestValue("PIN of the token", true)
	if err != nil {
		return nil, err
	}
	if pin != "123456" {
		return nil, errors.New("the PIN is wrong")
	}
	if err := i.plugin.DisplayMessage("touch the token\x1b[2J"); err != nil {
		return nil, err
	}
	return id.Unwrap(stanzas)
}
