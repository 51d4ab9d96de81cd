package triage

import "tocsin/ledger"

// MarkRead queues the signed note that the report of a case was opened, unless
// one is in the ledger or in the queue: once it is in the ledger, the witness
// can't withdraw the report any more. It reports whether it queued one. The
// caller holds the lock.
func (h *Home) MarkRead(c *Case) (bool, error) {
	// Somebody may have been at work here since c was found.
	now, err := h.Find(c.ID.String())
	if err != nil || len(now.Read) > 0 || now.retired() {
		return false, err
	}
	if _, err := h.enqueue(&ledger.Leaf{Event: ledger.EventRead, Case: c.ID}, nil); err != nil {
		return false, err
	}
	return true, nil
}
