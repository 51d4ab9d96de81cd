package vault_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"tocsin/ledger"
	"tocsin/testorg"
	"tocsin/vault"
)

// purgeable is an organisation with three case workers, two of whom must sign,
// its store, and a case in it with a reply and a blob.
func purgeable(t *testing.T) (*testorg.Org, *vault.Vault, *testorg.Report) {
	t.Helper()
	o := testorg.New(t, 3)
	o.Roster.Policy.Withdraw = true
	o.Roster.Policy.RetentionDays = 30
	o.Sign(t)
	v := o.Open(t, o.Create(t))
	r := o.NewReport(t, "account", 300<<10)
	if err := r.Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	return o, v, r
}

// sign adds what a worker signed.
func sign(t *testing.T, v *vault.Vault, l *ledger.Leaf) int64 {
	t.Helper()
	index, err := v.AddEvent(t.Context(), l)
	if err != nil {
		t.Fatalf("%s: %v", l.Event, err)
	}
	return index
}

// last is the index of a case's last leaf.
func last(t *testing.T, v *vault.Vault, id ledger.CaseID) int64 {
	t.Helper()
	history, err := v.History(id)
	if err != nil {
		t.Fatal(err)
	}
	return history[len(history)-1].Index
}

// purged says whether a case's envelope is gone.
func purged(t *testing.T, v *vault.Vault, id ledger.CaseID) bool {
	t.Helper()
	history, err := v.History(id)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := v.Objects(history[0].Index)
	if err != nil {
		t.Fatal(err)
	}
	if gone, last := len(objects) == 1, history[len(history)-1].Leaf.Event; gone != (last == ledger.EventPurged) {
		t.Errorf("case %s: %d objects, and its last leaf is %s", id, len(objects), last)
	}
	return len(objects) == 1
}

// Two sign, the envelope is gone, and nothing follows; pushed again, it is the
// same leaf.
func TestPurge(t *testing.T) {
	o, v, r := purgeable(t)
	other := o.NewReport(t, "account", 0)
	if err := other.Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	proposed := o.ProposePurge(o.Workers[0], r.ID, ledger.RuleRequest, last(t, v, r.ID))
	for range 2 {
		sign(t, v, proposed)
	}
	purge := o.Purge(o.Workers[1], r.ID, ledger.RuleRequest, last(t, v, r.ID))
	at := sign(t, v, purge)
	o.Day = o.Day.AddDate(0, 0, 1)
	if again := sign(t, v, purge); again != at {
		t.Errorf("the same purge again: leaf %d, want leaf %d", again, at)
	}
	if !purged(t, v, r.ID) || purged(t, v, other.ID) {
		t.Error("another case was purged than the one")
	}
	if n := len(blobFiles(t, v.Dir())); n != 1 {
		t.Errorf("%d blobs: the messages stay", n)
	}
	if c, err := v.FindTag(r.Case.Tag); err != nil || c.ID != r.ID {
		t.Errorf("the codename finds %v, %v", c, err)
	}
	refused(t, o, v, r)
	for what, l := range map[string]*ledger.Leaf{
		"a release":       o.Release(o.Workers[0], r.ID, at),
		"a proposal":      o.ProposePurge(o.Workers[2], r.ID, ledger.RuleRequest, at),
		"another purge":   o.Purge(o.Workers[0], r.ID, ledger.RuleRequest, last(t, v, r.ID)),
		"under retention": o.Purge(o.Workers[1], r.ID, ledger.RuleRetention, last(t, v, r.ID)),
	} {
		if _, err := v.AddEvent(t.Context(), l); !errors.Is(err, vault.ErrRetired) {
			t.Errorf("%s: %v, want ErrRetired", what, err)
		}
	}
	if err := v.Withdraw(t.Context(), r.ID, r.Credential.Withdrawal); !errors.Is(err, vault.ErrRetired) {
		t.Errorf("withdrawn: %v, want ErrRetired", err)
	}
	// A snapshot's free pages are zeros: the envelope is nowhere in it.
	snapshot := testorg.Snapshot(t, v)
	text, err := os.ReadFile(filepath.Join(snapshot, vault.DBName))
	if err != nil {
		t.Fatal(err)
	}
	const mark = 64
	middle := len(r.Envelope.Sealed) / 2
	if strings.Contains(string(text), string(r.Envelope.Sealed[middle:middle+mark])) {
		t.Error("the snapshot holds the envelope that was destroyed")
	}
	o.MustBeWhole(t, snapshot)
	v.Close()
	o.MustBeWhole(t, v.Dir())
}

// What the leaves do not allow leaves nothing behind. That each rule of
// ledger.Custody is asked is what counts here; package ledger tests them.
func TestPurgesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*testing.T, *testorg.Org, *vault.Vault, *testorg.Report)
		purge  func(*testing.T, *testorg.Org, *vault.Vault, *testorg.Report) *ledger.Leaf
		want   error
	}{
		"nobody proposed": {nil, nil, ledger.ErrSigners},
		"one's own proposal": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) {
			sign(t, v, o.ProposePurge(o.Workers[1], r.ID, ledger.RuleRequest, last(t, v, r.ID)))
		}, nil, ledger.ErrSigners},
		"of another case": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) {
			other := o.NewReport(t, "account", 0)
			if err := other.Add(t.Context(), v); err != nil {
				t.Fatal(err)
			}
			sign(t, v, o.ProposePurge(o.Workers[0], other.ID, ledger.RuleRequest, last(t, v, other.ID)))
		}, nil, ledger.ErrSigners},
		"before an addition": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) {
			sign(t, v, o.ProposePurge(o.Workers[0], r.ID, ledger.RuleRequest, last(t, v, r.ID)))
			mustAdd(t, o, v, r, 0)
		}, nil, ledger.ErrSigners},
		"while it is held": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) {
			sign(t, v, o.Hold(o.Workers[2], r.ID, last(t, v, r.ID)))
			sign(t, v, o.ProposePurge(o.Workers[0], r.ID, ledger.RuleRequest, last(t, v, r.ID)))
		}, nil, ledger.ErrHeld},
		"by a worker who was removed": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) {
			sign(t, v, o.ProposePurge(o.Workers[0], r.ID, ledger.RuleRequest, last(t, v, r.ID)))
			o.Roster.Number, o.Roster.Workers = 2, o.Roster.Workers[1:]
			o.Sign(t)
			if err := v.UpdateRoster(t.Context(), o.Signed); err != nil {
				t.Fatal(err)
			}
		}, nil, ledger.ErrSigners},
		"a policy that asks for three": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) {
			sign(t, v, o.ProposePurge(o.Workers[0], r.ID, ledger.RuleRequest, last(t, v, r.ID)))
			o.Roster.Number, o.Roster.Policy.PurgeSigners = 2, 3
			o.Sign(t)
			if err := v.UpdateRoster(t.Context(), o.Signed); err != nil {
				t.Fatal(err)
			}
		}, nil, ledger.ErrSigners},
		"before the vault's own day": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) {
			sign(t, v, o.ProposePurge(o.Workers[0], r.ID, ledger.RuleRetention, last(t, v, r.ID)))
		}, func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) *ledger.Leaf {
			// By the worker's clock it is next year.
			now := o.Day
			o.Day = now.AddDate(1, 0, 0)
			defer func() { o.Day = now }()
			return o.Purge(o.Workers[1], r.ID, ledger.RuleRetention, last(t, v, r.ID))
		}, ledger.ErrEarly},
		"kept back while a message came": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) {
			mustAdd(t, o, v, r, 0)
			sign(t, v, o.ProposePurge(o.Workers[0], r.ID, ledger.RuleRequest, last(t, v, r.ID)))
		}, func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) *ledger.Leaf {
			return o.Purge(o.Workers[1], r.ID, ledger.RuleRequest, 2) // the report
		}, ledger.ErrUnseen},
		"for whatever may come": {func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) {
			sign(t, v, o.ProposePurge(o.Workers[0], r.ID, ledger.RuleRequest, last(t, v, r.ID)))
		}, func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) *ledger.Leaf {
			return o.Purge(o.Workers[1], r.ID, ledger.RuleRequest, size(t, o, v))
		}, ledger.ErrUnseen},
		"a rule of one's own": {nil, func(t *testing.T, o *testorg.Org, v *vault.Vault, r *testorg.Report) *ledger.Leaf {
			return o.Purge(o.Workers[1], r.ID, "tidying", last(t, v, r.ID))
		}, ledger.ErrRule},
	} {
		t.Run(name, func(t *testing.T) {
			o, v, r := purgeable(t)
			if c.before != nil {
				c.before(t, o, v, r)
			}
			l := o.Purge(o.Workers[1], r.ID, ledger.RuleRequest, last(t, v, r.ID))
			if c.purge != nil {
				l = c.purge(t, o, v, r)
			}
			before := size(t, o, v)
			if _, err := v.AddEvent(t.Context(), l); !errors.Is(err, vault.ErrRefused) || !errors.Is(err, c.want) {
				t.Errorf("%v, want ErrRefused, because %v", err, c.want)
			}
			if size(t, o, v) != before || purged(t, v, r.ID) {
				t.Error("what was refused left something")
			}
			v.Close()
			o.MustBeWhole(t, v.Dir())
		})
	}
}

func TestPurgeUnderRetention(t *testing.T) {
	o, v, r := purgeable(t)
	o.Day = o.Day.AddDate(0, 0, 29)
	sign(t, v, o.ProposePurge(o.Workers[0], r.ID, ledger.RuleRetention, last(t, v, r.ID)))
	if _, err := v.AddEvent(t.Context(), o.Purge(o.Workers[1], r.ID, ledger.RuleRetention, last(t, v, r.ID))); !errors.Is(err, ledger.ErrEarly) {
		t.Errorf("on the 29th day: %v, want ErrEarly", err)
	}
	o.Day = o.Day.AddDate(0, 0, 1)
	sign(t, v, o.Purge(o.Workers[1], r.ID, ledger.RuleRetention, last(t, v, r.ID)))
	if !purged(t, v, r.ID) {
		t.Error("the envelope is there")
	}
	v.Close()
	o.MustBeWhole(t, v.Dir())
}

// Who purges and who holds at the same moment, or writes: one of the two comes
// first and the other is refused.
func TestPurgedOrHeld(t *testing.T) {
	o, v, r := purgeable(t)
	at := sign(t, v, o.ProposePurge(o.Workers[0], r.ID, ledger.RuleRequest, last(t, v, r.ID)))
	release, err := v.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var purge, held error
	var wg sync.WaitGroup
	purges, holds := o.Purge(o.Workers[1], r.ID, ledger.RuleRequest, at), o.Hold(o.Workers[2], r.ID, at)
	wg.Go(func() { _, purge = v.AddEvent(context.Background(), purges) })
	wg.Go(func() { _, held = v.AddEvent(context.Background(), holds) })
	for v.Waiting() < 2 {
		runtime.Gosched()
	}
	release() // both in one transaction
	wg.Wait()
	if !(held == nil && errors.Is(purge, ledger.ErrHeld)) && !(purge == nil && errors.Is(held, vault.ErrRetired)) {
		t.Errorf("held: %v, purged: %v", held, purge)
	}
	v.Close()
	o.MustBeWhole(t, v.Dir())
}

// purgeStoreEnv tells the test's own program to open the store there and to
// purge every case in it until it is killed.
const purgeStoreEnv = "TOCSIN_TEST_PURGE"

// Killed at random while it purges, the store is whole: a case is there with
// its envelope, or it is purged; and what was acknowledged is purged. Pushed
// again, everything is purged once.
func TestKilledWhilePurging(t *testing.T) {
	if dir := os.Getenv(purgeStoreEnv); dir != "" {
		purgeUntilKilled(dir)
	}
	o, v, first := purgeable(t)
	reports := []*testorg.Report{first}
	for range 63 {
		r := first.Again()
		if err := r.Add(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		reports = append(reports, r)
	}
	purges := map[string]*ledger.Leaf{}
	var todo strings.Builder
	for _, r := range reports {
		sign(t, v, o.ProposePurge(o.Workers[0], r.ID, ledger.RuleRequest, last(t, v, r.ID)))
		l := o.Purge(o.Workers[1], r.ID, ledger.RuleRequest, last(t, v, r.ID))
		l.Day = l.Done
		text, err := l.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		purges[r.ID.String()] = l
		fmt.Fprintf(&todo, "%q\n", text)
	}
	v.Close()
	beside := t.TempDir()
	for name, text := range map[string]string{
		"todo": todo.String(), "orgkey": o.Key, "ledgerkey": o.LedgerSecret,
	} {
		if err := os.WriteFile(filepath.Join(beside, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	done := map[string]bool{}
	for kill := 1; len(done) < len(reports); kill += 7 {
		for id := range purgeAndKill(t, v.Dir(), beside, kill) {
			done[id] = true
		}
		v = o.Open(t, v.Dir())
		n := 0
		for _, r := range reports {
			gone := purged(t, v, r.ID)
			if done[r.ID.String()] && !gone {
				t.Errorf("the purge of %s was acknowledged, and it is there", r.ID)
			}
			if gone {
				n++
			}
		}
		if n > len(done)+1 {
			t.Errorf("%d cases are purged, %d were acknowledged: one at most was under way", n, len(done))
		}
		v.Close()
		o.MustBeWhole(t, v.Dir())
	}
	v = o.Open(t, v.Dir())
	before := size(t, o, v)
	for _, l := range purges {
		sign(t, v, l)
	}
	if size(t, o, v) != before || before != int64(1+4*len(reports)) {
		t.Errorf("%d leaves, and %d when all was pushed again; want %d", before, size(t, o, v), 1+4*len(reports))
	}
}

// purgeAndKill runs a program that purges, kills it once it has acknowledged so
// many, and returns which.
func purgeAndKill(t *testing.T, dir, beside string, kill int) map[string]bool {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWhilePurging$")
	cmd.Env = append(os.Environ(), purgeStoreEnv+"="+dir, purgeStoreEnv+"_BESIDE="+beside)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := map[string]bool{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		id, ok := strings.CutPrefix(lines.Text(), "purged ")
		if !ok {
			t.Errorf("the program says %q", lines.Text())
		}
		acknowledged[id] = true
		if len(acknowledged) == kill {
			cmd.Process.Kill()
		}
	}
	cmd.Wait()
	return acknowledged
}

// purgeUntilKilled says which purge is acknowledged, one a line.
func purgeUntilKilled(dir string) {
	fail := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(os.Getenv(purgeStoreEnv+"_BESIDE"), name))
		fail(err)
		return string(text)
	}
	signer, err := note.NewSigner(read("ledgerkey"))
	fail(err)
	v, err := vault.Open(dir, read("orgkey"), vault.Options{Signer: signer})
	fail(err)
	for line := range strings.Lines(read("todo")) {
		var text string
		_, err := fmt.Sscanf(line, "%q", &text)
		fail(err)
		l, err := ledger.ParseLeaf([]byte(text))
		fail(err)
		_, err = v.AddEvent(context.Background(), l)
		fail(err)
		fmt.Println("purged", l.Case)
	}
	os.Exit(0)
}
