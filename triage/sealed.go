package triage

import (
	"fmt"
	"slices"
)

// sealedOnly reports whether a case is marked to be handed over sealed, so that
// none of its attachments may be opened here. A note that can't be read could
// be that mark: while no later note speaks of it, this is an error, which keeps
// from the files and from nothing else.
func (h *Home) sealedOnly(o *opened) (bool, error) {
	d := h.deskOf(o)
	if d.Marked(MarkSealed) {
		return true, nil
	}
	var unread *Note
	for i := range d.Notes {
		n := &d.Notes[i]
		switch {
		case n.Problem != "":
			unread = n
		case slices.Contains(n.Unmark, MarkSealed):
			unread = nil
		}
	}
	if unread != nil {
		return false, fmt.Errorf("case %s: the note of %s by %s can't be read (%s) and could say that no file is to be opened here; ask %s, or say that they may be opened with a note that takes off the mark %s", o.ID, unread.Day, unread.By, unread.Problem, unread.By, MarkSealed)
	}
	return false, nil
}
