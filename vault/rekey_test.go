package vault_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"testing"

	"filippo.io/age"

	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/testorg"
	"tocsin/vault"
)

func succeed(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A fataler is a test, or a rapid one.
type fataler interface{ Fatal(args ...any) }

// inForce returns the envelope in force of a case, or nil.
func inForce(t fataler, v *vault.Vault, id ledger.CaseID) []byte {
	history, err := v.History(id)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := v.Objects(history[0].Index)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if o.Name == "envelope" {
			b, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	return nil
}

// After a worker left, the envelope in force opens for who stayed and not for
// who left, the one before is gone, and pushed twice it is there once.
func TestRekey(t *testing.T) {
	o := testorg.New(t, 3)
	dir := o.Create(t)
	v := o.Open(t, dir)
	r := o.NewReport(t, "account", 0)
	succeed(t, r.Add(t.Context(), v))
	gone := o.Workers[2]
	o.Roster.Number, o.Roster.Workers = 2, o.Roster.Workers[:2]
	o.Sign(t)
	succeed(t, v.UpdateRoster(t.Context(), o.Signed))

	l, envelope := o.Rekey(t, o.Workers[0], r)
	index, err := v.AddRekey(t.Context(), l, envelope)
	succeed(t, err)
	got := inForce(t, v, r.ID)
	if !bytes.Equal(got, envelope) {
		t.Fatal("the new envelope is not in force")
	}
	for _, w := range o.Workers[:2] {
		key, err := seal.OpenEnvelope(got, w.Identity)
		if err != nil || key.Recipient().String() != r.Case.Recipient {
			t.Errorf("%s does not open the new envelope: %v", w.Name, err)
		}
	}
	if _, err := seal.OpenEnvelope(got, gone.Identity); !errors.Is(err, seal.ErrKey) {
		t.Errorf("who left opens the new envelope: %v", err)
	}
	before := v.Checkpoint()
	again, err := v.AddRekey(t.Context(), l, envelope)
	if err != nil || again != index || !bytes.Equal(before, v.Checkpoint()) {
		t.Errorf("pushed again it is leaf %d, not %d, or the ledger grew: %v", again, index, err)
	}
	o.MustBeWhole(t, testorg.Snapshot(t, v))
	v.Close()
	v = o.Open(t, dir)
	if !bytes.Equal(inForce(t, v, r.ID), envelope) {
		t.Error("reopened, another envelope is in force")
	}
}

// What can be seen to be wrong without a key is refused and changes nothing.
func TestRekeyRefused(t *testing.T) {
	o := testorg.New(t, 2)
	dir := o.Create(t)
	v := o.Open(t, dir)
	r := o.NewReport(t, "account", 0)
	succeed(t, r.Add(t.Context(), v))
	worker := o.Workers[0]

	// Nothing is to be sealed again before the roster has changed.
	early, envelope := o.Rekey(t, worker, r)
	if _, err := v.AddRekey(t.Context(), early, envelope); !errors.Is(err, vault.ErrRefused) {
		t.Errorf("a case that is sealed for the roster in force: %v", err)
	}
	o.Roster.Policy.Withdraw = true
	o.Roster.Number = 2
	o.Sign(t)
	succeed(t, v.UpdateRoster(t.Context(), o.Signed))
	withdrawn := o.NewReport(t, "another", 0)
	succeed(t, withdrawn.Add(t.Context(), v))
	succeed(t, v.Withdraw(t.Context(), withdrawn.ID, withdrawn.Credential.Withdrawal))
	o.Roster.Number = 3
	o.Sign(t)
	succeed(t, v.UpdateRoster(t.Context(), o.Signed))

	seals := func(plain []byte, to ...age.Recipient) []byte {
		var b bytes.Buffer
		w, err := age.Encrypt(&b, to...)
		succeed(t, err)
		_, err = w.Write(plain)
		succeed(t, err)
		succeed(t, w.Close())
		return b.Bytes()
	}
	classic := func() age.Recipient {
		i, err := age.GenerateX25519Identity()
		succeed(t, err)
		return i.Recipient()
	}
	line := []byte(r.Key.Identity().(*age.HybridIdentity).String() + "\n")
	one, two := o.Workers[0].Identity.Recipient(), o.Workers[1].Identity.Recipient()
	o.NewWorker(t, "stranger")
	stranger := o.Workers[2]
	_, right := o.Rekey(t, worker, r)
	junk := make([]byte, 4000)
	rand.Read(junk)
	type attempt struct {
		leaf     *ledger.Leaf
		envelope []byte
		want     error
	}
	signed := func(envelope []byte) attempt {
		return attempt{o.SignRekey(worker, r.ID, 3, envelope), envelope, vault.ErrRefused}
	}
	swapped := signed(right)
	swapped.envelope = bytes.Clone(right)
	swapped.envelope[len(right)-1] ^= 1
	tooLarge := signed(make([]byte, 257<<10))
	tooLarge.want = vault.ErrTooLarge
	for name, a := range map[string]attempt{
		"other bytes":        swapped,
		"no envelope":        signed(nil),
		"not an age file":    signed(junk),
		"one left out":       signed(seals(line, one)),
		"one slipped in":     signed(seals(line, one, two, testorg.Identity(t).Recipient())),
		"not post-quantum":   signed(seals(line, classic(), classic())),
		"no case key":        signed(seals([]byte("nothing"), one, two)),
		"more than a key":    signed(seals(append(line, line...), one, two)),
		"beyond all rosters": tooLarge,
		"an earlier roster":  {o.SignRekey(worker, r.ID, 2, right), right, vault.ErrRefused},
		"a roster to come":   {o.SignRekey(worker, r.ID, 4, right), right, vault.ErrRefused},
		"a stranger's":       {o.SignRekey(stranger, r.ID, 3, right), right, ledger.ErrSignature},
		"in another's name":  {o.SignRekey(testorg.Worker{Name: worker.Name, Desk: o.Workers[1].Desk}, r.ID, 3, right), right, ledger.ErrSignature},
		"an unknown case":    {o.SignRekey(worker, ledger.NewCaseID(), 3, right), right, vault.ErrNotFound},
		"a withdrawn case":   {o.SignRekey(worker, withdrawn.ID, 3, right), right, vault.ErrRetired},
		"another event":      {o.Read(worker, r.ID), right, vault.ErrRefused},
	} {
		if _, err := v.AddRekey(t.Context(), a.leaf, a.envelope); !errors.Is(err, a.want) {
			t.Errorf("%s: %v, want %v", name, err, a.want)
		}
	}
	if !bytes.Equal(inForce(t, v, r.ID), r.Envelope.Sealed) || inForce(t, v, withdrawn.ID) != nil {
		t.Error("what was refused changed an envelope")
	}
	// The right one still goes in, once.
	_, err := v.AddRekey(t.Context(), signed(right).leaf, right)
	succeed(t, err)
	second, another := o.Rekey(t, o.Workers[1], r)
	if _, err := v.AddRekey(t.Context(), second, another); !errors.Is(err, vault.ErrRefused) {
		t.Errorf("a colleague's, after it: %v", err)
	}
	o.MustBeWhole(t, testorg.Snapshot(t, v))
}
