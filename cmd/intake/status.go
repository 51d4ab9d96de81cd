package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/ledger"
	"tocsin/onion"
	"tocsin/vault"
)

// A status is what a running server says of itself.
type status struct {
	Version string        `json:"version"`
	Roster  uint64        `json:"roster"` // number of the one in force
	Onion   *onion.Status `json:"onion,omitempty"`

	Published *signedDay `json:"published,omitempty"` // what outsiders are shown of the ledger
	Cosigned  *signedDay `json:"cosigned,omitempty"`  // the newest that had its quorum
	Cosigners int        `json:"cosigners,omitempty"` // that the roster names
	Quorum    int        `json:"quorum,omitempty"`    // how many of them it asks for
	// BehindDays is by how many days what had its quorum is older than what is
	// published; if nothing had it yet, for how many days something is published.
	BehindDays int `json:"behind_days"`
}

// maxBehindDays is for how long the cosigners may be missing. An auditor finds
// it after four days: whoever runs the intake hears of it before.
const maxBehindDays = 2

// statusOf says how the server stands.
func statusOf(v *vault.Vault, o *onion.Status) (*status, error) {
	p, err := publicationOf(v)
	if err != nil {
		return nil, err
	}
	s := &status{Version: version(), Roster: v.Roster().Number, Onion: o, Cosigners: len(p.Cosigners), Quorum: p.Quorum}
	if s.Published, err = p.tell(p.Published); err != nil {
		return nil, err
	}
	if s.Cosigned, err = p.tell(p.Cosigned); err != nil || s.Published == nil {
		return s, err
	}
	since, err := firstPublished(v)
	if s.Cosigned != nil {
		since = s.Cosigned.Day
	}
	s.BehindDays = int(s.Published.Day.Time().Sub(since.Time()).Hours() / 24)
	return s, err
}

// firstPublished is the midnight that ended the ledger's first day.
func firstPublished(v *vault.Vault) (day ledger.Day, err error) {
	err = v.Leaves(0, 1, func(_ int64, leaf []byte) error {
		l, err := ledger.ParseLeaf(leaf)
		if err == nil {
			day = ledger.DayOf(l.Day.Time().AddDate(0, 0, 1))
		}
		return err
	})
	return day, err
}

// uncosigned reports whether the roster asks for cosigners that have been missing
// for too long.
func (s *status) uncosigned() bool { return s.Quorum > 0 && s.BehindDays > maxBehindDays }

// errUnwell makes the exit code of intake status tell of trouble.
var errUnwell = errors.New("not all is well, or not yet")

type statusCmd struct {
	Data string `required:"" type:"existingdir" placeholder:"DIR" help:"The data directory of the running server."`
	JSON bool   `name:"json" help:"Print it as JSON."`
}

// Help is shown by intake status --help.
func (statusCmd) Help() string {
	return `Shows what was last published of the ledger, and which cosigners signed it; how far tor has started, when each onion service's descriptor was last uploaded, and whether the server could fetch its own page through Tor, and when. What is wrong comes with what to do.

Exit codes: 0 all is well, 1 it is not (yet), or no server runs. Where the roster asks for a quorum of cosigners, it is not well when what they signed lags behind what is published by more than two days (behind_days with --json), counted from the ledger's first day if they never signed. Of a shorter time the exit code of intake cosign tells.`
}

// Run asks the running server.
func (c *statusCmd) Run(ctx context.Context, t terminal) error {
	server := dialControl(c.Data)
	if server == nil {
		return fmt.Errorf("no server runs on %s", c.Data)
	}
	s, err := server.status(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(t.out)
		enc.SetIndent("", "  ")
		err = enc.Encode(s)
	} else {
		_, err = fmt.Fprint(t.out, s.text(time.Now()))
	}
	if err != nil {
		return err
	}
	if s.Onion != nil && !s.Onion.Well() || s.uncosigned() {
		return errUnwell
	}
	return nil
}

// text is the status for people.
func (s *status) text(now time.Time) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("intake %s, roster %d in force", s.Version, s.Roster)
	s.ledger(line)
	o := s.Onion
	if o == nil {
		line("no onion service")
		return b.String()
	}
	if o.Tor == "" {
		line("tor         does not answer")
	} else {
		line("tor         %s, start at %d %% (%s)", o.Tor, o.Bootstrap, o.Phase)
	}
	for _, service := range o.Services {
		line("%-11s %s", service.Name, service.Address)
		switch {
		case service.Private && service.Clients == 0:
			line("            not published: nobody on the roster has an onion key")
		case !service.Added:
			line("            not published")
		case service.Uploads == 0:
			line("            descriptor not uploaded yet")
		default:
			line("            descriptor uploaded %s ago (%d uploads, %d failed)", ago(now, service.Uploaded), service.Uploads, service.Failures)
		}
		switch f := service.Fetch; {
		case service.Private:
			if service.Clients > 0 {
				line("            found by case workers and auditors alone: %d keys on the roster", service.Clients)
			}
		case f == nil:
			line("            own page not fetched through Tor yet")
		case f.OK:
			line("            own page fetched through Tor %s ago", ago(now, f.At))
		case f.Skipped:
			line("            own page not fetched through Tor: %s", f.Why)
		default:
			line("            own page could not be fetched through Tor %s ago: %s", ago(now, f.At), f.Why)
		}
	}
	if o.Trouble != nil {
		line("trouble     %s", o.Trouble.What)
		line("            %s", o.Trouble.Do)
	}
	return b.String()
}

// ledger says what is published and who signed it.
func (s *status) ledger(line func(string, ...any)) {
	if s.Published == nil {
		line("published   nothing yet: the ledger's first day ends at midnight (UTC)")
		return
	}
	line("published   %s, %d leaves", s.Published.Day, s.Published.Size)
	switch c := s.Cosigned; {
	case s.Cosigners == 0:
		line("            the roster names no cosigners")
		return
	case c == nil:
		line("cosigned    never yet")
	default:
		line("cosigned    %s, %d leaves, by %s", c.Day, c.Size, cmp.Or(strings.Join(c.By, ", "), "nobody who is on the roster now"))
	}
	if c := s.Cosigned; c == nil || c.Day != s.Published.Day {
		line("            that of %s by %d of %d cosigners, %s: see intake cosign --help", s.Published.Day,
			len(s.Published.By), s.Cosigners, quorum(s.Quorum, false))
	}
	if s.uncosigned() {
		line("trouble     what is published has lacked its cosigners for %d days", s.BehindDays)
		line("            type: intake cosign, which says of each why it has not signed; does its timer run? After four days an auditor finds it")
	}
}

func ago(now, then time.Time) time.Duration { return now.Sub(then).Round(time.Second) }
