package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tocsin/ledger"
	"tocsin/ledger/cosigning"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// What makes the exit code of intake cosign tell that cosignatures are missing.
var (
	errNoQuorum = errors.New("the quorum is not reached: run it again later")
	// errContradicted stands also where others reached the quorum: they may be
	// those who were shown the other history.
	errContradicted = errors.New("a cosigner contradicts this ledger: tell the organisation, and have it audited now, by somebody who audited it before; do not run this again until they know why")
)

type cosignCmd struct {
	Data  string `required:"" type:"existingdir" placeholder:"DIR" help:"The data directory of the running server."`
	SOCKS string `name:"socks" placeholder:"ADDR" help:"host:port where a tor takes connections, to reach all cosigners through it."`
	JSON  bool   `name:"json" help:"Print what came of it as JSON."`
}

// Help is shown by intake cosign --help.
func (cosignCmd) Help() string {
	return `Sends the checkpoint that the running server last published to each cosigner that the roster in force names (C2SP tlog-witness), unless it has signed it already, and hands the server what comes back. It is for a timer; the Debian package has one, tocsin-cosign. The server itself connects nowhere.

A cosigner learns the ledger's origin and how many leaves it had at midnight (UTC), and from where it is asked. With --socks the last is hidden; an onion service is reached in no other way.

A cosigner that saw another history, or more of it, than the server has is no matter of waiting: it says that somebody changed the ledger, or put an older one back. Tell the organisation at once.

Exit codes: 0 the quorum is reached, or nothing is to be done; 1 failed; 2 usage; 3 the quorum is not reached, or a cosigner contradicts the ledger ("contradicts" with --json).

Example:

  intake cosign --data ./data --socks 127.0.0.1:9050`
}

// A publication is what the server tells intake cosign.
type publication struct {
	Ledger    string            `json:"ledger"` // the ledger's verifier key
	Cosigners []roster.Cosigner `json:"cosigners"`
	Quorum    int               `json:"quorum"`
	Published *vault.Published  `json:"published"`
	Cosigned  *vault.Published  `json:"cosigned"`
}

// publicationOf reads what is published.
func publicationOf(v *vault.Vault) (*publication, error) {
	published, cosigned, err := v.Published()
	if err != nil {
		return nil, err
	}
	r := v.Roster()
	return &publication{r.Intake.Ledger, r.Cosigners, r.Policy.Quorum, published, cosigned}, nil
}

// A signedDay is a published checkpoint as status and cosign tell of it.
type signedDay struct {
	Day ledger.Day `json:"day"`
	// Size is how many leaves the checkpoint covers.
	Size int64 `json:"size"`
	// By are those cosigners of the roster in force that signed it.
	By []string `json:"by"`
}

// tell verifies a checkpoint and says what it is.
func (p *publication) tell(c *vault.Published) (*signedDay, error) {
	if c == nil {
		return nil, nil
	}
	checkpoint, signatures, err := ledger.OpenCosigned(c.Signed, p.Ledger, p.Cosigners)
	if err != nil {
		return nil, err
	}
	d := &signedDay{Day: c.Day, Size: checkpoint.Size, By: []string{}}
	for _, s := range signatures {
		d.By = append(d.By, s.Cosigner)
	}
	return d, nil
}

// asked is what came of asking one cosigner.
type asked struct {
	Name    string    `json:"name"`
	Signed  time.Time `json:"signed,omitzero"` // by its clock
	Trouble string    `json:"trouble,omitempty"`
	// Contradicts is set where the cosigner saw what is not in this ledger.
	Contradicts bool `json:"contradicts,omitempty"`

	checkpoint []byte // with its cosignature alone
}

// cosignResult is what intake cosign --json prints.
type cosignResult struct {
	Published *signedDay `json:"published"` // null if nothing is yet
	Cosigners []asked    `json:"cosigners"`
	Quorum    int        `json:"quorum"`
	Reached   bool       `json:"reached"`
}

// Run asks all cosigners at once.
func (c *cosignCmd) Run(ctx context.Context, t terminal) error {
	server := dialControl(c.Data)
	if server == nil {
		return fmt.Errorf("no server runs on %s", c.Data)
	}
	p, err := server.published(ctx)
	if err != nil {
		return err
	}
	r := cosignResult{Quorum: p.Quorum, Cosigners: []asked{}}
	if len(p.Cosigners) > 0 && p.Published != nil {
		client := &cosigning.Client{Ledger: p.Ledger, Prove: server.consistency, SOCKS: c.SOCKS}
		if r.Cosigners, err = p.ask(ctx, client); err != nil {
			return err
		}
		// The first brings nothing new, but a roster that came into force since
		// may have changed what the quorum is.
		all := [][]byte{p.Published.Signed}
		for _, a := range r.Cosigners {
			if a.checkpoint != nil {
				all = append(all, a.checkpoint)
			}
		}
		for _, signed := range all {
			if err := server.cosigned(ctx, signed); err != nil {
				return err
			}
		}
		// What counts is what the server now holds.
		if p, err = server.published(ctx); err != nil {
			return err
		}
	}
	if r.Published, err = p.tell(p.Published); err != nil {
		return err
	}
	r.Reached = r.Published != nil && p.Cosigned != nil && p.Cosigned.Day == p.Published.Day
	if c.JSON {
		enc := json.NewEncoder(t.out)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		_, err = fmt.Fprint(t.out, r.text(len(p.Cosigners)))
	}
	switch {
	case err != nil:
		return err
	case slices.ContainsFunc(r.Cosigners, func(a asked) bool { return a.Contradicts }):
		return errContradicted
	case len(p.Cosigners) > 0 && r.Published != nil && !r.Reached:
		return errNoQuorum
	}
	return nil
}

// ask asks each cosigner, but for those that have signed what is published. It
// begins with the size that the cosigner was last seen to sign.
func (p *publication) ask(ctx context.Context, client *cosigning.Client) ([]asked, error) {
	_, known, err := ledger.OpenCosigned(p.Published.Signed, p.Ledger, p.Cosigners)
	if err != nil {
		return nil, err
	}
	last, err := p.tell(p.Cosigned)
	if err != nil {
		return nil, err
	}
	out := make([]asked, len(p.Cosigners))
	var all sync.WaitGroup
	for i, cosigner := range p.Cosigners {
		a := &out[i]
		a.Name = cosigner.Name
		if a.sign(known); !a.Signed.IsZero() {
			continue
		}
		old := int64(0)
		if last != nil && slices.Contains(last.By, cosigner.Name) {
			old = last.Size
		}
		all.Go(func() {
			signed, err := client.Cosign(ctx, cosigner, p.Published.Signed, old)
			if err == nil {
				var by []ledger.Cosignature
				if _, by, err = ledger.OpenCosigned(signed, p.Ledger, p.Cosigners); err == nil {
					a.sign(by)
					a.checkpoint = signed
				}
			}
			if err != nil {
				a.Trouble = err.Error()
				a.Contradicts = errors.Is(err, cosigning.ErrRewritten) || errors.Is(err, cosigning.ErrAhead)
			}
		})
	}
	all.Wait()
	return out, nil
}

// sign notes the cosigner's own among cosignatures.
func (a *asked) sign(by []ledger.Cosignature) {
	for _, s := range by {
		if s.Cosigner == a.Name {
			a.Signed = s.Time
		}
	}
}

// text is the result for people.
func (r *cosignResult) text(cosigners int) string {
	var b bytes.Buffer
	switch {
	case cosigners == 0:
		return "the roster names no cosigners\n"
	case r.Published == nil:
		return "nothing is published yet: the ledger's first day ends at midnight (UTC)\n"
	}
	for _, a := range r.Cosigners {
		if a.Trouble != "" {
			fmt.Fprintf(&b, "%s: not signed: %s\n", a.Name, a.Trouble)
		} else {
			fmt.Fprintf(&b, "%s: signed at %s\n", a.Name, a.Signed.UTC().Format(time.RFC3339))
		}
	}
	fmt.Fprintf(&b, "%d leaves, published %s: signed by %d of %d, %s\n", r.Published.Size, r.Published.Day,
		len(r.Published.By), cosigners, quorum(r.Quorum, r.Reached))
	return b.String()
}

// quorum says how many cosigners are needed and whether there are.
func quorum(needed int, reached bool) string {
	word := "not reached"
	if reached {
		word = "reached"
	}
	return fmt.Sprintf("quorum of %d %s", max(1, needed), word)
}
