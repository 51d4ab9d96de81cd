package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"tocsin/audit"
	"tocsin/ledger"
)

// auditStore fails unless an audit of a snapshot of the store finds it whole:
// audit-store ROSTER ORGKEY.
func auditStore(ts *testscript.TestScript, _ bool, args []string) {
	i := ts.Value("intake").(*intake)
	dir := filepath.Join(ts.MkAbs("."), "snapshot")
	check(ts, i.vault.Snapshot(context.Background(), dir))
	r, err := audit.Verify(context.Background(), audit.Options{
		Store: dir, Roster: []byte(ts.ReadFile(args[0])), OrgKey: strings.TrimSpace(ts.ReadFile(args[1])),
	})
	check(ts, err)
	if !r.Whole {
		ts.Fatalf("findings: %v", r.Findings)
	}
}

// killWhen starts triage and kills it (SIGKILL) as soon as so many files are in
// the queue of a home, or so many envelopes sealed again are in the ledger:
// kill-when queue|ledger N HOME VERB. It fails if the verb ended before that.
func killWhen(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	check(ts, err)
	home := ts.MkAbs(args[2])
	triage := exec.Command("triage", "--home", home, args[3])
	check(ts, triage.Start())
	ended := make(chan error, 1)
	go func() { ended <- triage.Wait() }()
	for reached := 0; reached < n; {
		select {
		case err := <-ended:
			ts.Fatalf("triage %s ended at %d of %d: %v", args[3], reached, n, err)
		default:
		}
		if args[0] == "ledger" {
			reached = len(rekeys(ts))
			continue
		}
		queue, err := os.ReadDir(filepath.Join(home, "queue"))
		if !os.IsNotExist(err) {
			check(ts, err)
		}
		reached = len(queue)
	}
	check(ts, triage.Process.Kill())
	<-ended
}

// rekeys counts the rekeys in the ledger, by case.
func rekeys(ts *testscript.TestScript) map[ledger.CaseID]int {
	v := ts.Value("intake").(*intake).vault
	count := map[ledger.CaseID]int{}
	check(ts, v.Leaves(0, 1<<62, func(_ int64, b []byte) error {
		l, err := ledger.ParseLeaf(b)
		if err == nil && l.Event == ledger.EventRekey {
			count[l.Case]++
		}
		return err
	}))
	return count
}

// rekeyedOnce fails unless N cases are sealed again, each once: rekeyed-once N.
func rekeyedOnce(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	check(ts, err)
	count := rekeys(ts)
	if len(count) != n {
		ts.Fatalf("%d cases are sealed again, want %d", len(count), n)
	}
	for id, times := range count {
		if times != 1 {
			ts.Fatalf("case %s is sealed again %d times", id, times)
		}
	}
}

// sendReports adds so many cases: reports N.
func sendReports(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	check(ts, err)
	for i := range n {
		sendReport(ts, false, []string{"what.seen=report " + strconv.Itoa(i)})
	}
}
