package main

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"tocsin/audit"
)

// auditStore fails unless an audit of a snapshot of the store finds nothing:
// audit-store ROSTER ORGKEY.
func auditStore(ts *testscript.TestScript, _ bool, args []string) {
	i := ts.Value("intake").(*intake)
	dir := filepath.Join(ts.MkAbs("."), "snapshot")
	check(ts, i.vault.Snapshot(context.Background(), dir))
	r, err := audit.Verify(context.Background(), audit.Options{
		Store: dir, Roster: []byte(ts.ReadFile(args[0])), OrgKey: strings.TrimSpace(ts.ReadFile(args[1])),
	})
	check(ts, err)
	for _, f := range r.Findings {
		ts.Fatalf("finding: %s", f)
	}
}
