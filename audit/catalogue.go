package audit

import "slices"

// A Kind is what is always so of findings of one ID.
type Kind struct {
	ID       string
	Severity Severity
	Expected string // how it must be
	Advice   string // what to do when it is not
}

// Catalogue returns every kind of finding there is, the worst first.
func Catalogue() []Kind { return slices.Clone(catalogue) }

// kindOf returns the kind of that ID. One that is not in the catalogue, which a
// test excludes, is taken for the worst.
func kindOf(id string) Kind {
	if i := slices.IndexFunc(catalogue, func(k Kind) bool { return k.ID == id }); i >= 0 {
		return catalogue[i]
	}
	return Kind{ID: id, Severity: Critical}
}

// Advice that several kinds share.
const (
	again     = "Check a second snapshot, copied anew. If it shows the same, the store was changed or damaged on the intake's disk: keep this snapshot, and restore from the newest that was whole."
	lost      = "Look for it in an earlier snapshot and in the case workers' homes, which hold what they pulled. Keep this snapshot, and find out who could write to the intake's disk."
	stranger  = "Keep it as it is: it may be evidence. Find out who could write to the store, and open nothing of it on a machine that matters."
	rewritten = "Begin no new memory: this one shows it. Keep the snapshot, make a proof of it with audit compare MEMORY SNAPSHOT, and ask other auditors for their checkpoints."
	leftover  = "Take the snapshot with intake snapshot, not by copying the files, and check that. If this one was taken so, it was changed or damaged since: keep it, and take another."
	readable  = "Find out which program sealed it. Treat what it holds as readable by whoever it was sealed to, and have the case workers seal it again with triage rekey."
	acted     = "Ask the case worker whom the leaf names. If it was not theirs, a key was stolen: have the organisation sign a roster without it."
	purge     = "Ask the case workers who signed, and the organisation, why. The case is destroyed for good; an earlier snapshot holds what it was."
	released  = "The release lifts nothing, and the case is still held. Ask the case worker who signed it whether they meant this hold. The program on the intake would not have taken it: somebody with the ledger's key wrote the leaf."
	withdrawn = "The program on the intake would not have allowed it: somebody with the ledger's key wrote the leaf. Restore the case from an earlier snapshot."
	cosigners = "Ask the cosigners for the checkpoint that they signed last, and hold it against the snapshot with audit compare."
	rosters   = "Ask the organisation, not the intake, which roster is in force, and give that to the audit."
)

// catalogue is sorted by severity and then by ID.
var catalogue = []Kind{
	{"blob-missing", Critical, "each large message is in its file", lost},
	{"blob-stray", Critical, "no file lies among the blobs that no record names", stranger},
	{"blob-twice", Critical, "each blob belongs to one message", again},
	{"blob-unreadable", Critical, "every blob can be read", again},
	{"checkpoint-root", Critical, "the signed checkpoint is that of the leaves in the store", rewritten},
	{"checkpoint-signature", Critical, "the ledger's key, as the roster in force names it, signed the checkpoint", rewritten},
	{"checkpoint-size", Critical, "the signed checkpoint covers every leaf in the store", again},
	{"cosigned-quorum", Critical, "as many cosigners as a roster of its time asks for signed the cosigned checkpoint", cosigners},
	{"cosigned-root", Critical, "the store's history begins with the cosigned checkpoint", rewritten},
	{"cosigned-signature", Critical, "the ledger's key signed the cosigned checkpoint", rewritten},
	{"envelope-header", Critical, "an envelope's header holds what age writes for its hybrid recipients, and nothing else", readable},
	{"envelope-malformed", Critical, "each envelope is an age file", lost},
	{"envelope-purged", Critical, "the envelope of a purged case is destroyed", "The case can still be opened. Have the intake's operator restore a whole snapshot, and ask who put the envelope back."},
	{"envelope-recipients", Critical, "an envelope is sealed to as many as the roster it was sealed for has case workers", readable},
	{"envelope-size", Critical, "an envelope holds one case key and no more", readable},
	{"envelope-withdrawn", Critical, "the envelope of a withdrawn report is destroyed", "The report can still be opened against its witness's will. Have the intake's operator restore a whole snapshot, and ask who put the envelope back."},
	{"event-signature", Critical, "what a case worker did bears that worker's signature", acted},
	{"event-worker", Critical, "who signs an event is a case worker of the roster in force", acted},
	{"file-tail", Critical, "nothing follows the last page of the database", leftover},
	{"file-unknown", Critical, "a snapshot's directory holds the database and the blobs, and nothing else", stranger},
	{"history-rewritten", Critical, "the store's history begins with all that the last audit saw", rewritten},
	{"history-rollback", Critical, "the store has at least the leaves that the last audit saw", "Make sure that the snapshot is newer than the last one you checked. If it is, leaves were dropped. Begin no new memory: this one shows it. Keep the snapshot, and ask other auditors for their checkpoints. Once a snapshot has as many leaves again, audit compare MEMORY SNAPSHOT proves it."},
	{"index-missing", Critical, "each index names everything that it must", again},
	{"index-wrong", Critical, "each index leads to the leaf that it must", again},
	{"leaf-malformed", Critical, "each leaf is in the one form of its version", "Make sure that this program is as new as the intake's. " + again},
	{"leaf-missing", Critical, "the leaves are numbered without a gap", lost},
	{"leaf-order", Critical, "each leaf can follow those before it", withdrawn},
	{"leaf-twice", Critical, "each signature and each form stands in the ledger once", withdrawn},
	{"message-digest", Critical, "each message is, to the byte, what its leaf says", lost},
	{"message-header", Critical, "a message's header holds what age writes for its hybrid recipients, and nothing else", "It may hold something in the clear. " + stranger},
	{"message-malformed", Critical, "each message is an age file", "It may be readable as it lies there. " + stranger},
	{"message-readable", Critical, "what a message holds looks as if drawn at random, as all that is encrypted does", "It may be readable as it lies there. " + stranger},
	{"message-recipients", Critical, "a message is sealed to the case key, and a reply to its witness as well", readable},
	{"message-size", Critical, "each message is as long as its leaf says", lost},
	{"page-checksum", Critical, "the checksum of each meta page is right", again},
	{"page-depth", Critical, "no tree of pages is deeper than 64 levels", again},
	{"page-element", Critical, "each element of a page lies within it, next to the one before", again},
	{"page-free", Critical, "free pages of a snapshot are zeros", leftover},
	{"page-freelist", Critical, "the freelist names pages that exist, in order", again},
	{"page-header", Critical, "each page's header is that of the page it is", again},
	{"page-lost", Critical, "each page is in use or free", leftover},
	{"page-order", Critical, "keys are in order", again},
	{"page-slack", Critical, "where nothing lies in a page there are zeros", leftover},
	{"page-twice", Critical, "no page is used twice", again},
	{"page-unreadable", Critical, "every page can be read", again},
	{"published-malformed", Critical, "what was published is a day and a signed checkpoint", again},
	{"published-root", Critical, "the store's history begins with the published checkpoint", rewritten},
	{"published-signature", Critical, "the ledger's key signed the published checkpoint", rewritten},
	{"purged-early", Critical, "under the rule retention a case is purged only after the time for which the policy keeps it", purge},
	{"purged-held", Critical, "no case is purged while it is held", purge},
	{"purged-rule", Critical, "a case is purged only under a rule that there is", purge},
	{"purged-signers", Critical, "as many case workers as the policy asks for sign before a case is purged, since it last changed", purge},
	{"purged-unseen", Critical, "who signs for a case to be purged has seen how it changed last", purge},
	{"record-case", Critical, "each record is that of its case", again},
	{"record-digest", Critical, "each record is, to the byte, what its leaf says", lost},
	{"record-malformed", Critical, "each record is in the one form of its version", again},
	{"record-missing", Critical, "what a leaf speaks of is in the store", lost},
	{"record-tag", Critical, "each codename leads to one case", again},
	{"released-unseen", Critical, "who releases a case has seen that it is held", released},
	{"roster-fork", Critical, "the store has the auditor's roster under that number", "The organisation signed two rosters under one number, or its key was stolen. " + rosters},
	{"roster-missing", Critical, "a roster that the organisation signed is in force", rosters},
	{"roster-order", Critical, "the numbers of the rosters only grow, for one intake", rosters},
	{"roster-origin", Critical, "the store is that of the intake for which the auditor has a roster", rosters},
	{"roster-rollback", Critical, "no roster is in force that is older than the auditor's", "Have the intake's operator run intake update-roster with the newest roster. If they did, an older state was put back. " + rosters},
	{"roster-signature", Critical, "the organisation's key signed each roster", rosters},
	{"schema-bucket", Critical, "the database has the buckets of the schema and no others", stranger},
	{"schema-key", Critical, "each bucket has the keys that it must, and no others", stranger},
	{"schema-value", Critical, "nothing lies where the schema has no place for it", stranger},
	{"signature-unknown", Critical, "below a checkpoint stand the signatures of the ledger and of cosigners, each once, and nothing else", "It may hold something in the clear. " + stranger},
	{"tree-hash", Critical, "each hash in the store is that of the leaves below it", again},
	{"withdrawn-order", Critical, "a report is withdrawn only before a case worker has seen it", withdrawn},
	{"withdrawn-secret", Critical, "a report is withdrawn with what only its witness's codename gives", withdrawn},

	{"blob-small", Serious, "a message of at most 256 KiB lies in the database", again},
	{"cosigned-stale", Serious, "no leaf waits for longer than four days to be cosigned, where the roster asks for it", "Ask the intake's operator to look at intake status. Until leaves are cosigned, only your memory shows that they were not shown otherwise to others."},
	{"event-destination", Serious, "a hand-over goes to a destination of the roster in force", acted},
	{"event-order", Serious, "a destination acknowledges what was handed over to it", acted},
	{"message-padding", Serious, "a message's length is a step of the padding, so that it tells little", "Find out which program sealed it. Its length was seen by whoever saw the store, and can't be taken back."},
	{"published-day", Serious, "what is published on a day covers the leaves of the days before, so that it does not tell when reports come in", "Find out which program published it, and treat the hours of the reports of that day as known."},
	{"published-short", Serious, "what is published on a day covers all leaves of the days before, so that none is kept from those outside", "Leaves were kept from witnesses' receipts and from the cosigners: ask the intake's operator which program published it. Keep this snapshot, and hold the checkpoint of the next against it with audit compare."},
	{"recipient-type", Serious, "all is sealed to post-quantum recipients", readable},
	{"rekey-roster", Serious, "an envelope is sealed again for the roster in force", "Have the case workers run triage rekey and triage push again."},
	{"roster-number", Serious, "a leaf and its roster have the same number", rosters},
	{"store-version", Serious, "the store is of the version that this program knows", "Use the audit of the same release as the intake."},
	{"withdrawn-policy", Serious, "a report is withdrawn only under a roster that allows it", withdrawn},

	{"cosigned-old", Notice, "a quorum of cosigners vouched for the ledger in the days before the audit", "If the snapshot is as old, take a newer one. Otherwise ask the intake's operator what keeps intake cosign from its cosigners, and ask them what they signed last: you may be shown an old state."},
	{"day-ahead", Notice, "no day in a store is yet to come, but for the next", "Have the intake's operator set its clock right and say how long it was ahead: cases may be purged too early by that much, and nothing is published until the days have caught up."},
	{"deadline-overdue", Notice, "a case worker sees each report within the policy's hours, counted so that none is told that may be in time", "Ask the case workers to read it: triage pull, then triage due."},
	{"rekey-overdue", Notice, "after a change of case workers each envelope is sealed again to those who are left", "Have a case worker run triage rekey and triage push."},
	{"retention-overdue", Notice, "a case at rest is purged once the policy's time has passed", "Have the case workers purge it with triage purge, or hold it with triage hold."},
}
