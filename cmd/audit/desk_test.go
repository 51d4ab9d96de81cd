package main

import (
	"context"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"tocsin/seal/roster"
	"tocsin/testorg"
	"tocsin/vault"
)

// An intake is the store of a script, which its snapshots are of, while it is
// open.
type intake struct {
	t   testing.TB
	org *testorg.Org
	*vault.Vault
}

// serve opens the intake's desk, whose address becomes $DESK.
func serve(ts *testscript.TestScript, _ bool, _ []string) {
	i := ts.Value("intake").(*intake)
	ts.Setenv("DESK", i.org.Serve(i.t, i.Vault, io.Discard))
}

// hire CARD ROSTER puts an auditor's card into the roster, which is written to
// a file and comes into force; with !, it takes that auditor out.
func hire(ts *testscript.TestScript, neg bool, args []string) {
	i := ts.Value("intake").(*intake)
	a, err := roster.ParseAuditorCard([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	r := i.org.Roster
	r.Number++
	r.Auditors = slices.DeleteFunc(r.Auditors, func(o roster.Auditor) bool { return o.Name == a.Name })
	if !neg {
		r.Auditors = append(r.Auditors, *a)
	}
	i.org.Sign(i.t)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), i.org.Signed, 0o600))
	ts.Check(i.UpdateRoster(context.Background(), i.org.Signed))
}
