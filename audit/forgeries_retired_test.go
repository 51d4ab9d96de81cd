package audit_test

import (
	"slices"

	"tocsin/ledger"
	"tocsin/testorg"
)

// forgedRetired change how cases were purged and withdrawn.
var forgedRetired = slices.Concat(by(access, []forging{
	{"record-missing", "a purge without a leaf: an envelope destroyed that the ledger keeps", func(f *forgery) { f.del("envelopes", key(caseB)) }},
	{"envelope-purged", "a leaf without its purge: an envelope kept that the ledger says was destroyed", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.a.ID, ledger.RuleRequest, f.end()))
		f.addSigned(f.Purge(f.Workers[1], f.a.ID, ledger.RuleRequest, f.end()))
	}},
	{"envelope-withdrawn", "an envelope kept that its witness withdrew", func(f *forgery) {
		envelope := f.get("envelopes", key(caseB))
		f.withdraw(f.b)
		f.put("envelopes", key(caseB), envelope)
	}},
}), by(ledgerKey, []forging{
	{"withdrawn-secret", "a report withdrawn by somebody else than its witness", func(f *forgery) {
		f.leaf(withdrawnC, func(l *ledger.Leaf) { l.Secret[7] ^= 1 })
	}},
	{"withdrawn-secret", "a report withdrawn with what the record shows", func(f *forgery) {
		f.leaf(withdrawnC, func(l *ledger.Leaf) { l.Secret = f.c.Case.Withdrawal })
	}},
	{"withdrawn-order", "a report withdrawn after it was handed over", func(f *forgery) { f.withdraw(f.a) }},
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
	{"leaf-twice", "an addition recorded twice", func(f *forgery) {
		f.history(func(leaves [][]byte) [][]byte {
			l, err := ledger.ParseLeaf(leaves[additionC])
			f.must(err)
			f.put("threads", append(key(caseC), key(leafCount)...), nil)
			f.put("messages", key(withdrawnC), f.get("messages", key(additionC)))
			f.put("additions", l.Once[:], key(withdrawnC))
			return append(leaves[:withdrawnC:withdrawnC], leaves[additionC], leaves[withdrawnC])
		})
	}},
}), by(workerKey, []forging{
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
	{"purged-signers", "a case purged on a colleague's proposal from before its last message", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, caseB))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"released-unseen", "a case released by who had not seen that it was held", func(f *forgery) {
		f.addSigned(f.Hold(f.Workers[1], f.b.ID, f.end()))
		f.addSigned(f.Release(f.Workers[0], f.b.ID, reportB))
	}},
	{"released-unseen", "a case released by who signed to have seen what was to come", func(f *forgery) {
		f.addSigned(f.Hold(f.Workers[1], f.b.ID, f.end()))
		f.addSigned(f.Release(f.Workers[0], f.b.ID, f.end()+1))
	}},
	{"withdrawn-order purged-signers", "a report withdrawn that one worker had purged", func(f *forgery) {
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
}), by(workerKeys, []forging{
	{"purged-signers", "a case purged by two, where the policy asks for three", func(f *forgery) {
		f.Roster.Policy.PurgeSigners = 3
		f.Sign(f.T)
		f.put("rosters", key(rosterLeaf), f.Signed)
		f.leaf(rosterLeaf, func(l *ledger.Leaf) { l.Digest = testorg.Digest(f.Signed) })
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"purged-signers", "a case purged on a proposal that was signed for whatever may come", func(f *forgery) {
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
	{"purged-unseen", "a case purged by who signed to have seen what was to come", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.del("envelopes", key(caseB))
		f.addSigned(f.Purge(f.Workers[1], f.b.ID, ledger.RuleRequest, f.end()+1))
	}},
	{"released-unseen purged-held", "a held case purged after a release that did not see the hold", func(f *forgery) {
		f.addSigned(f.Hold(f.Workers[1], f.b.ID, f.end()))
		f.addSigned(f.Release(f.Workers[0], f.b.ID, reportB))
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"purged-early", "a case purged as past its retention, before its time", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRetention, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRetention)
	}},
	{"purged-rule", "a case purged under a rule that there is not", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, "tidying", f.end()))
		f.purge(f.Workers[1], f.b, "tidying")
	}},
	{"leaf-order", "a case purged again", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
		f.addSigned(f.Purge(f.Workers[1], f.b.ID, "tidying", f.end()))
	}},
	{"leaf-order", "a purged case handed over", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
		f.addSigned(f.HandOver(f.Workers[1], f.b.ID, "police"))
	}},
	{"record-missing", "an envelope destroyed that two proposed to purge and nobody purged", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.addSigned(f.ProposePurge(f.Workers[1], f.b.ID, ledger.RuleRequest, f.end()))
		f.del("envelopes", key(caseB))
	}},
}))

func onceOf(f *forgery, leaf []byte) []byte {
	l, err := ledger.ParseLeaf(leaf)
	f.must(err)
	return l.Once[:]
}
