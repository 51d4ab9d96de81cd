package main

import (
	"cmp"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tocsin/ledger"
	"tocsin/testorg"
	"tocsin/vault"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"audit": func() {
			// As in the stores of package testorg, or as the script says.
			now = func() time.Time { return ledger.Day(cmp.Or(os.Getenv("TODAY"), "2026-03-14")).Time() }
			main()
		},
	})
}

// TestScripts runs each script in a directory with what an auditor has: the
// organisation's key (org.pub), its rosters (roster, and roster.2 which came
// later), and snapshots: first (one case), second (two cases and a hand-over,
// under roster.2), and other (another organisation's, with other.roster and
// other.pub).
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			dir := func(name string) string { return env.WorkDir + "/" + name }
			write := func(name string, b []byte) error { return os.WriteFile(dir(name), b, 0o600) }
			o := testorg.New(t, 2)
			if err := write("roster", o.Signed); err != nil {
				return err
			}
			if err := write("org.pub", []byte(o.Key+"\n")); err != nil {
				return err
			}
			v := o.Open(t, o.Create(t))
			env.Values["intake"] = &intake{t, o, v}
			env.Defer(func() { v.Close() })
			if err := o.NewReport(t, "account", 0).Add(t.Context(), v); err != nil {
				return err
			}
			if err := v.Snapshot(t.Context(), dir("first")); err != nil {
				return err
			}
			if err := fork(t, o, dir("first"), dir("forked")); err != nil {
				return err
			}
			o.Day = o.Day.AddDate(0, 0, 1)
			if err := v.Publish(t.Context()); err != nil {
				return err
			}
			receipt, err := v.Prove(2)
			if err != nil {
				return err
			}
			if err := write("receipt", receipt); err != nil {
				return err
			}
			o.Roster.Number++
			o.Sign(t)
			if err := write("roster.2", o.Signed); err != nil {
				return err
			}
			if err := v.UpdateRoster(t.Context(), o.Signed); err != nil {
				return err
			}
			r := o.NewReport(t, "account", 300<<10)
			if err := r.Add(t.Context(), v); err != nil {
				return err
			}
			if _, err := v.AddEvent(t.Context(), o.HandOver(o.Workers[0], r.ID, "police")); err != nil {
				return err
			}
			if err := v.Snapshot(t.Context(), dir("second")); err != nil {
				return err
			}
			other := testorg.New(t, 1)
			ov := other.Open(t, other.Create(t))
			defer ov.Close()
			if err := write("other.roster", other.Signed); err != nil {
				return err
			}
			if err := write("other.pub", []byte(other.Key+"\n")); err != nil {
				return err
			}
			env.Setenv("ORGKEY", o.Key)
			env.Setenv("LEDGERKEY", o.Roster.Intake.Ledger)
			env.Setenv("DB", vault.DBName)
			return ov.Snapshot(t.Context(), dir("other"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"flip":  flip,
			"hire":  hire,
			"mode":  mode,
			"same":  same,
			"serve": serve,
		},
	})
}

// fork goes on from a snapshot with another report than the intake did, and the
// intake's own keys.
func fork(t *testing.T, o *testorg.Org, from, to string) error {
	dir := filepath.Join(t.TempDir(), "forked")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		return err
	}
	v := o.Open(t, dir)
	defer v.Close()
	if err := o.NewReport(t, "another account", 0).Add(t.Context(), v); err != nil {
		return err
	}
	return v.Snapshot(t.Context(), to)
}

// flip FILE OFFSET flips a bit of that byte of a file. FILE may end in /*:
// then it is the first file of that directory.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs(args[0])
	if strings.HasSuffix(path, "/*") {
		entries, err := os.ReadDir(strings.TrimSuffix(path, "/*"))
		ts.Check(err)
		path = strings.TrimSuffix(path, "*") + entries[0].Name()
	}
	b, err := os.ReadFile(path)
	ts.Check(err)
	offset, err := strconv.Atoi(args[1])
	ts.Check(err)
	b[offset] ^= 4
	ts.Check(os.WriteFile(path, b, 0o600))
}

// same FILE FILE compares two files; with !, they must differ.
func same(ts *testscript.TestScript, neg bool, args []string) {
	if (ts.ReadFile(args[0]) == ts.ReadFile(args[1])) == neg {
		ts.Fatalf("%s and %s: same is %v", args[0], args[1], neg)
	}
}

// mode PERM FILE fails unless the file has those permissions.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if is := strconv.FormatUint(uint64(info.Mode().Perm()), 8); (is == args[0]) == neg {
		ts.Fatalf("%s: its mode is %s", args[1], is)
	}
}
