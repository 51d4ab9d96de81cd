package main

import (
	"errors"
	"fmt"
	"io"

	"filippo.io/age/plugin"

	"tocsin/triage/screen"
)

type passphraseCmd struct {
	Remove bool `help:"Leave the keys without a passphrase."`
}

// Help is shown by triage passphrase --help.
func (passphraseCmd) Help() string {
	return `Example:

  triage passphrase
  triage --home /media/org passphrase

Asks for the present passphrase, if there is one, and twice for the new one. All of the home's key files change together: interrupted at any moment, they have either the old passphrase or the new one. In the organisation's home it is that of the organisation's key.

Copies of the old files, in a backup or on spare blocks of the disk, still open as they did. If somebody may have had both a copy and the old passphrase, make new keys and have the organisation put them into the roster.`
}

// Run changes the passphrase.
func (c passphraseCmd) Run(s *session) error {
	return s.locked(func() error {
		fresh := newPassphrase
		if c.Remove {
			fresh = func() (string, error) { return "", nil }
		}
		if err := s.home.SetPassphrase(fresh); err != nil {
			return err
		}
		if c.Remove {
			s.say("the keys have no passphrase now")
		} else {
			s.say("the keys have the new passphrase now")
		}
		return nil
	})
}

// pluginUI is how an age plugin asks: questions and answers at the terminal,
// what it tells (touch the token) to w. What it says may come from the token:
// it is cleaned.
func pluginUI(w io.Writer) *plugin.ClientUI {
	return &plugin.ClientUI{
		DisplayMessage: func(name, message string) error {
			_, err := fmt.Fprintf(w, "triage: age-plugin-%s: %s\n", name, screen.Line(message))
			return err
		},
		RequestValue: func(name, prompt string, secret bool) (string, error) {
			prompt = fmt.Sprintf("age-plugin-%s: %s", name, screen.Line(prompt))
			if secret {
				return askPassphrase(prompt)
			}
			return askLine(prompt + ":")
		},
		Confirm: func(name, prompt, yes, no string) (bool, error) {
			prompt = fmt.Sprintf("age-plugin-%s: %s [1: %s", name, screen.Line(prompt), screen.Line(yes))
			if no != "" {
				prompt += ", 2: " + screen.Line(no)
			}
			switch answer, err := askLine(prompt + "]:"); {
			case err != nil:
				return false, err
			case answer == "1":
				return true, nil
			case answer == "2" && no != "":
				return false, nil
			default:
				return false, errors.New("neither of the two was chosen")
			}
		},
		WaitTimer: func(name string) {
			fmt.Fprintf(w, "triage: waiting for age-plugin-%s; touch the token if it blinks\n", name)
		},
	}
}
