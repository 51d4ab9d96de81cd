package triage

import (
	"errors"
	"fmt"
	"slices"

	"tocsin/seal/roster"
)

// ErrQuorum means that a policy would ask for more cosignatures than there are
// cosigners.
var ErrQuorum = errors.New("the quorum is more than there are cosigners")

// OrgAddAuditor puts an auditor's card into the draft.
func (h *Home) OrgAddAuditor(card []byte) (*roster.Auditor, error) {
	a, err := roster.ParseAuditorCard(card)
	if err != nil {
		return nil, err
	}
	return a, h.changeDraft(func(r *roster.Roster) error {
		if slices.ContainsFunc(r.Auditors, func(o roster.Auditor) bool { return o.Name == a.Name }) {
			return fmt.Errorf("%s is already an auditor; type: triage org remove-auditor %s", a.Name, a.Name)
		}
		// What one key may see over the desk, the other may not.
		if w := r.WorkerByDesk(a.Desk); w != nil {
			return fmt.Errorf("the card of %s holds the desk key of the case worker %s; an auditor makes a key of their own: audit setup DIR --name %s", a.Name, w.Name, a.Name)
		}
		r.Auditors = append(r.Auditors, *a)
		return nil
	})
}

// OrgRemoveAuditor takes an auditor out of the draft.
func (h *Home) OrgRemoveAuditor(name string) error {
	return h.changeDraft(func(r *roster.Roster) error {
		at := slices.IndexFunc(r.Auditors, func(a roster.Auditor) bool { return a.Name == name })
		if at < 0 {
			return fmt.Errorf("%s is not an auditor", name)
		}
		r.Auditors = slices.Delete(r.Auditors, at, at+1)
		return nil
	})
}

// OrgAddCosigner puts a cosigner into the draft.
func (h *Home) OrgAddCosigner(c roster.Cosigner) error {
	if err := c.Validate(); err != nil {
		return err
	}
	return h.changeDraft(func(r *roster.Roster) error {
		for _, o := range r.Cosigners {
			switch {
			case o.Name == c.Name:
				return fmt.Errorf("%s is already a cosigner; type: triage org remove-cosigner %s", c.Name, c.Name)
			case o.Key == c.Key: // would make a quorum of one
				return fmt.Errorf("%s is already a cosigner with that key", o.Name)
			}
		}
		r.Cosigners = append(r.Cosigners, c)
		return nil
	})
}

// OrgRemoveCosigner takes a cosigner out of the draft. It returns ErrQuorum if
// too few would be left.
func (h *Home) OrgRemoveCosigner(name string) error {
	return h.changeDraft(func(r *roster.Roster) error {
		at := slices.IndexFunc(r.Cosigners, func(c roster.Cosigner) bool { return c.Name == name })
		if at < 0 {
			return fmt.Errorf("%s is not a cosigner", name)
		}
		r.Cosigners = slices.Delete(r.Cosigners, at, at+1)
		return checkQuorum(r)
	})
}

// checkQuorum tells of a quorum that can't be reached before the roster is
// signed, where it would be malformed.
func checkQuorum(r *roster.Roster) error {
	quorum, n := r.Policy.Quorum, len(r.Cosigners)
	switch {
	case quorum < 0:
		return errors.New("the quorum is a number of cosigners, 0 if none need to have signed")
	case quorum > n:
		return fmt.Errorf("%w: %d of %d; first type: triage org set-policy --quorum %d, or triage org add-cosigner NAME --key VKEY --url URL", ErrQuorum, quorum, n, n)
	}
	return nil
}
