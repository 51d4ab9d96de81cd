package audit_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"filippo.io/age"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/testorg"
	"tocsin/vault"
)

// forgedHistories are whole in themselves: all is recomputed and signed, as who
// has the ledger's key can with the intake's own program. What somebody holds
// outside of the store shows them, or the roster's cosigners do.
var forgedHistories = slices.Concat(
	[]attack{
		{forging{"history-rollback", "an old snapshot put in the place of the store", func(f *forgery) {
			later := f.copy(f.T)
			later.goOn()
			f.last = head(later)
		}}, access, []means{receiptOfLater}},
		{forging{"history-rewritten", "a report made to vanish: another put in its place, and the whole ledger written anew and signed", (*forgery).rewrite}, ledgerKey, []means{compared, receiptOfB}},
		{forging{"history-rewritten", "a report made to vanish, and leaves added since", func(f *forgery) {
			f.rewrite()
			f.goOn()
		}}, ledgerKey, []means{compared, receiptOfB}},
		{forging{"history-rewritten", "a report made to vanish where the roster asks for cosigners, in the four days that these have", func(f *forgery) {
			f.cosigned()
			f.rewrite()
		}}, ledgerKey, []means{compared}},
		{forging{"history-rewritten", "a withdrawal re-dated so that it still fits", func(f *forgery) {
			f.leaf(withdrawnC, func(l *ledger.Leaf) { l.Day = "2026-03-15" })
		}}, ledgerKey, []means{compared}},
		{forging{"history-rewritten", "an addition moved to another case, and all signed again", func(f *forgery) {
			f.del("threads", append(key(caseC), key(additionC)...))
			f.put("threads", append(key(caseB), key(additionC)...), nil)
			f.leaf(additionC, func(l *ledger.Leaf) { l.Case = f.b.ID })
		}}, ledgerKey, []means{compared}},
		{forging{"", "two stores forked from one, each shown to another auditor", (*forgery).goOn}, ledgerKey, []means{forked}},
	},
	by(ledgerKey, []forging{
		{"cosigned-stale deadline-overdue", "a report made to vanish where the roster asks for cosigners, and nothing shown that they signed", func(f *forgery) {
			f.cosigned()
			f.rewrite()
			f.publish("published", "2026-03-19", f.Ledger, f.end()+1, f.root(f.end()+1))
			f.Day = f.Day.AddDate(0, 0, 4)
		}},
		{"cosigned-root", "a report made to vanish where the roster asks for cosigners, and what they signed left as it was", func(f *forgery) {
			f.cosigned()
			was := f.get("head", []byte("cosigned"))
			f.rewrite()
			f.put("head", []byte("cosigned"), was)
		}},
		{"cosigned-quorum signature-unknown", "a report made to vanish where the roster asks for cosigners, and their signatures copied under the new checkpoint", func(f *forgery) {
			f.cosigned()
			_, lines, _ := bytes.Cut(f.get("head", []byte("cosigned")), []byte("\n\n"))
			_, cosignatures, _ := bytes.Cut(lines, []byte("\n"))
			f.rewrite()
			f.publish("cosigned", "2026-03-15", f.Ledger, f.end()+1, f.root(f.end()+1))
			f.put("head", []byte("cosigned"), append(f.get("head", []byte("cosigned")), cosignatures...))
		}},
	}),
)

// forgedUnseen is what no audit without keys can see.
var forgedUnseen = []attack{
	{forging{"", "a case key sealed to a stranger in place of a case worker, as the report came in", func(f *forgery) {
		f.envelope(f.seal(78, f.workers()[0], testorg.Identity(f.T).Recipient()))
	}}, ledgerKey, []means{closed}},
	{forging{"", "a report that nobody can open, put in its place as it came in", func(f *forgery) {
		f.message(f.seal(16<<10, testorg.Identity(f.T).Recipient()))
	}}, ledgerKey, []means{closed}},
}

// A means shows of a store what an audit of it alone does not.
type means struct {
	by    string // as docs/attacks.md says it
	shows func(good, f *forgery)
}

var (
	compared = means{"`audit compare` with the memory: a fork, proved", func(good, f *forgery) {
		f.forks(good.last, head(f))
	}}
	forked = means{"`audit compare` with the other's checkpoint: a fork, proved", func(good, f *forgery) {
		other := good.copy(f.T)
		other.goOn()
		f.finds(other.Audit(f.T, other.dir, good.last), "")
		f.finds(f.Audit(f.T, f.dir, good.last), "")
		f.forks(head(other), head(f))
	}}
	closed = means{"the case worker for whom it does not open", func(good, f *forgery) {
		if err := good.copy(f.T).open(good.Workers[1]); err != nil {
			f.Errorf("the good store's: %v", err)
		}
		err := f.open(f.Workers[1])
		if err == nil {
			f.Error("it opens")
		}
		f.Log(err)
	}}
	receiptOfB = means{"`audit proof` of that witness's receipt: not in this history", func(good, f *forgery) {
		f.refutes(good.copy(f.T).proof(reportB, leafCount))
	}}
	receiptOfLater = means{"`audit proof` of a later receipt: more leaves than the store has", func(good, f *forgery) {
		later := good.copy(f.T)
		later.goOn()
		f.refutes(later.proof(leafCount+1, leafCount+2))
	}}
)

// open opens the first report as a case worker does.
func (f *forgery) open(w testorg.Worker) error {
	f.Helper()
	envelope, err := age.Decrypt(bytes.NewReader(f.get("envelopes", key(caseA))), w.Identity)
	if err != nil {
		return fmt.Errorf("the envelope: %w", err)
	}
	caseKey, err := io.ReadAll(envelope)
	f.must(err)
	id, err := age.ParseHybridIdentity(strings.TrimSpace(string(caseKey)))
	f.must(err)
	if _, err := age.Decrypt(bytes.NewReader(f.get("messages", key(reportA))[1:]), id); err != nil {
		return fmt.Errorf("the report: %w", err)
	}
	return nil
}

// forks wants it proved, to who has the ledger's key alone, that two signed
// checkpoints are of two histories.
func (f *forgery) forks(a, b []byte) {
	f.Helper()
	v, err := audit.Compare(f.T.Context(), [2]string{"a", "b"}, [2][]byte{a, b}, f.dir, f.keys())
	f.must(err)
	c, err := audit.ParseComparison(v.Marshal())
	f.must(err)
	if _, _, err := c.Verify(f.keys().Ledger); err != nil || !c.Fork {
		f.Errorf("a fork is not proved: %v", err)
	}
	f.Logf("audit compare: fork %v, of %d leaves and %d", v.Fork, v.Smaller.Size, v.Larger.Size)
}

// refutes wants a receipt to prove that it is not of this store's history.
func (f *forgery) refutes(proof []byte) {
	f.Helper()
	r, err := audit.CheckReceipt(f.T.Context(), proof, f.keys(), f.dir, nil)
	f.must(err)
	if r.History != audit.HistoryBroken {
		f.Errorf("the receipt's history is %s", r.History)
	}
	f.Logf("audit proof: %s", r.Problem)
}

func (f *forgery) keys() *audit.Keys {
	f.Helper()
	keys, err := audit.RosterKeys(f.Signed, f.Key)
	f.must(err)
	return keys
}

// goOn takes one more report in.
func (f *forgery) goOn() {
	f.Helper()
	v := f.Open(f.T, f.dir)
	f.must(f.NewReport(f.T, "account", 0).Add(f.T.Context(), v))
	f.became(v)
}

// rewrite makes the whole store anew, with another report in the place of B.
func (f *forgery) rewrite() {
	f.Helper()
	ctx, dir, first := f.T.Context(), f.T.TempDir(), f.get("rosters", key(rosterLeaf))
	f.must(vault.Create(dir, first, f.Key, f.Options()))
	v, leaves := f.Open(f.T, dir), f.leaves()
	replay := func(i int, add func(*ledger.Leaf, *vault.Upload) error) {
		f.Helper()
		l, err := ledger.ParseLeaf(leaves[i])
		f.must(err)
		var u *vault.Upload
		if sealed := f.get("messages", key(i)); sealed != nil {
			u, err = testorg.Upload(v, sealed[1:])
			f.must(err)
		}
		f.must(add(l, u))
	}
	f.must(f.a.Add(ctx, v))
	replay(handOverA, func(l *ledger.Leaf, _ *vault.Upload) error { _, err := v.AddEvent(ctx, l); return err })
	replay(replyA, func(l *ledger.Leaf, u *vault.Upload) error { _, err := v.AddMessage(ctx, l, u); return err })
	invented := f.NewReport(f.T, "account", 300<<10)
	invented.Envelope.Roster = f.a.Envelope.Roster
	f.must(invented.Add(ctx, v))
	f.must(f.c.Add(ctx, v))
	replay(additionC, func(l *ledger.Leaf, u *vault.Upload) error {
		_, err := v.AddAddition(ctx, l.Case, l.Once, u)
		return err
	})
	replay(withdrawnC, func(l *ledger.Leaf, _ *vault.Upload) error { return v.Withdraw(ctx, l.Case, l.Secret) })
	for i := leafCount; i < len(leaves); i++ {
		f.must(v.UpdateRoster(ctx, f.get("rosters", key(i))))
	}
	f.became(v)
}

// became takes a snapshot of a vault for the store that is forged.
func (f *forgery) became(v *vault.Vault) {
	f.Helper()
	f.dir = testorg.Snapshot(f.T, v)
	f.must(v.Close())
}
