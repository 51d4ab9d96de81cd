package audit_test

import (
	"tocsin/ledger"
	"tocsin/testorg"
)

// forgedRetired change how cases were purged and withdrawn.
var forgedRetired = []forging{
	{"envelope-purged", "an envelope that the ledger says was destroyed", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.a.ID, ledger.RuleRequest, f.end()))
		f.addSigned(f.Purge(f.Workers[1], f.a.ID, ledger.RuleRequest, f.end()))
	}},
	{"purged-signers", "a case purged by one worker alone", func(f *forgery) { f.purge(f.Workers[0], f.b, ledger.RuleRequest) }},
	{"purged-signers", "a case purged by one worker who signed twice", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.purge(f.Workers[0], f.b, ledger.RuleRequest)
	}},
	{"purged-signers", "a case purged that a colleague would have purged under another rule", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRetention, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"purged-signers event-worker", "a case purged with somebody who is no case worker", func(f *forgery) {
		f.addSigned(f.ProposePurge(testorg.Worker{Name: "nobody", Desk: f.Workers[0].Desk}, f.b.ID, ledger.RuleRequest, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"purged-signers", "a case purged by as many as another policy asks for", func(f *forgery) {
		f.Roster.Policy.PurgeSigners = 3
		f.Sign(f.T)
		f.put("rosters", key(rosterLeaf), f.Signed)
		f.leaf(rosterLeaf, func(l *ledger.Leaf) { l.Digest = testorg.Digest(f.Signed) })
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"purged-signers", "a case purged on a proposal from before a message", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, caseB))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"purged-signers", "a case purged on a proposal for whatever may come", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, 1<<61))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"purged-held", "a case purged while it was held", func(f *forgery) {
		f.addSigned(f.Hold(f.Workers[1], f.b.ID, f.end()))
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"purged-unseen", "a case purged by who had not seen its report", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.del("envelopes", key(caseB))
		f.addSigned(f.Purge(f.Workers[1], f.b.ID, ledger.RuleRequest, caseB))
	}},
	{"purged-unseen", "a case purged by who had seen what was to come", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.del("envelopes", key(caseB))
		f.addSigned(f.Purge(f.Workers[1], f.b.ID, ledger.RuleRequest, f.end()+1))
	}},
	{"released-unseen", "a case released by who had not seen the hold", func(f *forgery) {
		f.addSigned(f.Hold(f.Workers[1], f.b.ID, f.end()))
		f.addSigned(f.Release(f.Workers[0], f.b.ID, reportB))
	}},
	{"released-unseen", "a case released by who had seen what was to come", func(f *forgery) {
		f.addSigned(f.Hold(f.Workers[1], f.b.ID, f.end()))
		f.addSigned(f.Release(f.Workers[0], f.b.ID, f.end()+1))
	}},
	{"released-unseen purged-held", "a case purged after such a release", func(f *forgery) {
		f.addSigned(f.Hold(f.Workers[1], f.b.ID, f.end()))
		f.addSigned(f.Release(f.Workers[0], f.b.ID, reportB))
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"purged-early", "a case purged before its time", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRetention, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRetention)
	}},
	{"purged-rule", "a case purged under no rule", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, "tidying", f.end()))
		f.purge(f.Workers[1], f.b, "tidying")
	}},
	{"leaf-order", "a purged case handed over", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
		f.addSigned(f.HandOver(f.Workers[1], f.b.ID, "police"))
	}},
	{"record-missing", "an envelope gone that two would have purged", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.addSigned(f.ProposePurge(f.Workers[1], f.b.ID, ledger.RuleRequest, f.end()))
		f.del("envelopes", key(caseB))
	}},
	{"envelope-withdrawn", "an envelope that its witness withdrew", func(f *forgery) {
		envelope := f.get("envelopes", key(caseB))
		f.withdraw(f.b)
		f.put("envelopes", key(caseB), envelope)
	}},
	{"withdrawn-secret", "a report withdrawn by somebody else", func(f *forgery) {
		f.leaf(withdrawnC, func(l *ledger.Leaf) { l.Secret[7] ^= 1 })
	}},
	{"withdrawn-secret", "a report withdrawn with what the record shows", func(f *forgery) {
		f.leaf(withdrawnC, func(l *ledger.Leaf) { l.Secret = f.c.Case.Withdrawal })
	}},
	{"withdrawn-order", "a report withdrawn after it was handed over", func(f *forgery) { f.withdraw(f.a) }},
	{"withdrawn-order purged-signers", "a report withdrawn that was purged", func(f *forgery) {
		f.history(func(leaves [][]byte) [][]byte {
			l := &ledger.Leaf{Event: ledger.EventPurged, Case: f.c.ID, Rule: ledger.RuleRequest, After: reportC, Day: ledger.DayOf(f.Day), Done: ledger.DayOf(f.Day)}
			l.Sign(f.Instance(), f.Workers[0].Name, f.Workers[0].Desk)
			f.put("signatures", signature(l), key(additionC))
			f.del("messages", key(additionC))
			f.del("additions", onceOf(f, leaves[additionC]))
			leaves[additionC] = f.encode(l)
			return leaves
		})
	}},
	{"withdrawn-policy", "a report withdrawn under a roster that does not allow it", func(f *forgery) {
		f.Roster.Policy.Withdraw = false
		f.Sign(f.T)
		f.put("rosters", key(rosterLeaf), f.Signed)
		f.leaf(rosterLeaf, func(l *ledger.Leaf) { l.Digest = testorg.Digest(f.Signed) })
	}},
	{"leaf-order", "an addition to a withdrawn report", func(f *forgery) {
		f.history(func(leaves [][]byte) [][]byte {
			f.put("messages", key(withdrawnC), f.get("messages", key(additionC)))
			f.del("messages", key(additionC))
			f.put("additions", onceOf(f, leaves[additionC]), key(withdrawnC))
			leaves[additionC], leaves[withdrawnC] = leaves[withdrawnC], leaves[additionC]
			return leaves
		})
	}},
	{"leaf-twice", "one form that added twice", func(f *forgery) {
		f.history(func(leaves [][]byte) [][]byte {
			l, err := ledger.ParseLeaf(leaves[additionC])
			f.must(err)
			f.put("threads", append(key(caseC), key(leafCount)...), nil)
			f.put("messages", key(withdrawnC), f.get("messages", key(additionC)))
			f.put("additions", l.Once[:], key(withdrawnC))
			return append(leaves[:withdrawnC:withdrawnC], leaves[additionC], leaves[withdrawnC])
		})
	}},
}

func onceOf(f *forgery, leaf []byte) []byte {
	l, err := ledger.ParseLeaf(leaf)
	f.must(err)
	return l.Once[:]
}
