package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/mod/sumdb/note"

	"tocsin/desk"
	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/vault"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"age-plugin-token": tokenMain,
		"triage":           main,
	})
}

func TestScripts(t *testing.T) {
	// The stock programs that judge what triage makes.
	tools := t.TempDir()
	build := exec.Command("go", "build", "-o", tools+"/", "filippo.io/age/cmd/age", "filippo.io/age/cmd/age-keygen")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	vanished := commandsOf(t, "If this project vanishes")
	outside := &mailbox{t: t}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", tools+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Setenv("HOME", e.WorkDir)
			if err := os.WriteFile(filepath.Join(e.WorkDir, "vanished.sh"), vanished, 0o600); err != nil {
				return err
			}
			e.Values["mail"] = outside
			e.Values["intake"] = &intake{dir: filepath.Join(e.WorkDir, "store")}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"intake-card":  intakeCard,
			"intake-serve": intakeServe,
			"intake-ago":   intakeAgo,
			"intake-take":  intakeTake,
			"report":       sendReport,
			"addition":     sendAddition,
			"withdraw":     withdraw,
			"replies":      readReplies,
			"audit-store":  auditStore,
			"photo":        makePhoto,
			"reports":      sendReports,
			"kill-when":    killWhen,
			"rekeyed-once": rekeyedOnce,
			"mail-server":  mailServer,
			"policy":       mailPolicy,
			"cut":          cutMail,
			"mute":         muteMail,
			"cut-reached":  cutReached,
			"mails":        readMails,
			"same-message": sameMessage,
			"random":       randomFile,
			"kills":        kills,
			"terminal":     newTerminal,
			"keys":         pressKeys,
			"sees":         seesText,
			"captured":     captured,
			"this-year":    thisYear,
			"closed":       closeTerminal,
			"hostile":      sendHostile,
			"harmless":     harmless,
		},
	})
}

// commandsOf returns what the README tells to type in a section.
func commandsOf(t *testing.T, title string) []byte {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+title+"\n")
	if !found {
		t.Fatalf("the README has no section %q", title)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var commands []byte
	for line := range strings.Lines(section) {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			commands = append(commands, command...)
		}
	}
	return commands
}

// An intake is a vault and its desk in the test's process.
type intake struct {
	dir       string
	ledgerKey note.Signer
	deskKey   ed25519.PrivateKey
	vault     *vault.Vault
	last      *witness
	ago       atomic.Int64 // days that its clock is behind
	terminal  *terminal
}

// A witness is who sent the last report.
type witness struct {
	record   vault.Case
	key      *seal.CaseKey
	identity *age.HybridIdentity
	secret   [32]byte // withdraws it
}

func check(ts *testscript.TestScript, err error) {
	if err != nil {
		ts.Fatalf("%v", err)
	}
}

// intakeCard makes an intake's keys: intake-card FILE.
func intakeCard(ts *testscript.TestScript, _ bool, args []string) {
	i := ts.Value("intake").(*intake)
	skey, vkey, err := note.GenerateKey(rand.Reader, "tips.example.org")
	check(ts, err)
	i.ledgerKey, err = note.NewSigner(skey)
	check(ts, err)
	pub, key, err := ed25519.GenerateKey(nil)
	check(ts, err)
	i.deskKey = key
	card := &roster.IntakeCard{Origin: "tips.example.org", Intake: roster.Intake{Ledger: vkey, Desk: pub}}
	check(ts, os.WriteFile(ts.MkAbs(args[0]), card.Marshal(), 0o600))
}

// intakeServe opens a new store and its desk, whose address becomes $DESK:
// intake-serve ROSTER ORGKEY.
func intakeServe(ts *testscript.TestScript, _ bool, args []string) {
	i := ts.Value("intake").(*intake)
	dir, err := os.MkdirTemp(filepath.Dir(i.dir), "store")
	check(ts, err)
	orgKey := strings.TrimSpace(ts.ReadFile(args[1]))
	now := func() time.Time { return time.Now().AddDate(0, 0, -int(i.ago.Load())) }
	o := vault.Options{Signer: i.ledgerKey, Now: now}
	check(ts, vault.Create(dir, []byte(ts.ReadFile(args[0])), orgKey, o))
	v, err := vault.Open(dir, orgKey, o)
	check(ts, err)
	i.vault = v
	server, err := desk.NewServer(v, i.deskKey, slog.New(slog.DiscardHandler))
	check(ts, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(ts, err)
	done := make(chan struct{})
	go func() {
		server.Serve(l)
		close(done)
	}()
	ts.Defer(func() {
		server.Shutdown(context.Background())
		<-done
		v.Close()
	})
	ts.Setenv("DESK", l.Addr().String())
}

// intakeAgo puts the intake's clock so many days behind that of the case
// workers: intake-ago DAYS. What came then is old now.
func intakeAgo(ts *testscript.TestScript, _ bool, args []string) {
	days, err := strconv.Atoi(args[0])
	check(ts, err)
	ts.Value("intake").(*intake).ago.Store(int64(days))
}

// intakeTake puts a newer roster in force: intake-take ROSTER.
func intakeTake(ts *testscript.TestScript, _ bool, args []string) {
	check(ts, ts.Value("intake").(*intake).vault.UpdateRoster(context.Background(), []byte(ts.ReadFile(args[0]))))
}

// sendReport adds a case, whose ID becomes $CASE:
// report language=TAG|FIELD=VALUE|FILE….
func sendReport(ts *testscript.TestScript, _ bool, args []string) {
	v := ts.Value("intake").(*intake).vault
	r := new(report.Report)
	var files []string
	for _, a := range args {
		if field, value, ok := strings.Cut(a, "="); ok && field == "language" {
			r.Language = value // no field of the form
		} else if ok {
			check(ts, r.Set(field, value))
		} else {
			files = append(files, a)
		}
	}
	body, err := r.Marshal()
	check(ts, err)
	id := ledger.NewCaseID()
	key, err := seal.NewCaseKey()
	check(ts, err)
	identity, err := age.GenerateHybridIdentity()
	check(ts, err)
	workers, err := seal.ParseRecipients(v.Roster().Recipients())
	check(ts, err)
	envelope, err := key.Envelope(workers)
	check(ts, err)
	up, err := v.NewUpload(64 << 20)
	check(ts, err)
	secret := [32]byte([]byte(id.String() + "-secret"))
	record := vault.Case{
		ID: id, Codename: 1, Tag: sha256.Sum256(id[:]), Withdrawal: sha256.Sum256(secret[:]),
		Recipient: key.Recipient().String(), Witness: identity.Recipient().String(),
	}
	w, err := seal.NewMessage(up, seal.Context{
		Instance: v.Roster().Instance().String(), Case: id.String(), Kind: seal.KindReport,
		Record: ledger.Digest(sha256.Sum256(record.Marshal())).String(),
	}, body, key.Recipient())
	check(ts, err)
	for _, f := range files {
		_, err := w.Attach(f, "image/jpeg", strings.NewReader(ts.ReadFile(f)))
		check(ts, err)
	}
	check(ts, w.Close())
	check(ts, v.AddCase(context.Background(), record, vault.Envelope{Roster: v.Roster().Number, Sealed: envelope}, up))
	ts.Setenv("CASE", id.String())
	ts.Value("intake").(*intake).last = &witness{record, key, identity, secret}
}

// thisYear sets $YEAR to the one in which reports come: this-year.
func thisYear(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Setenv("YEAR", ledger.DayOf(time.Now()).Time().Format("2006"))
}

// sendAddition adds to the last report: addition TEXT [FILE…].
func sendAddition(ts *testscript.TestScript, _ bool, args []string) {
	i := ts.Value("intake").(*intake)
	note, err := report.NewMessage("en", "", args[0])
	check(ts, err)
	body, err := note.Marshal()
	check(ts, err)
	up, err := i.vault.NewUpload(64 << 20)
	check(ts, err)
	w, err := seal.NewMessage(up, i.context(seal.KindAddition), body, i.last.key.Recipient())
	check(ts, err)
	for _, f := range args[1:] {
		_, err := w.Attach(f, "image/jpeg", strings.NewReader(ts.ReadFile(f)))
		check(ts, err)
	}
	check(ts, w.Close())
	var once [32]byte
	rand.Read(once[:])
	_, err = i.vault.AddAddition(context.Background(), i.last.record.ID, once, up)
	check(ts, err)
}

func (i *intake) context(kind seal.Kind) seal.Context {
	return seal.Context{Instance: i.vault.Roster().Instance().String(), Case: i.last.record.ID.String(), Kind: kind}
}

// withdraw withdraws the last report; with !, that must be refused.
func withdraw(ts *testscript.TestScript, neg bool, _ []string) {
	i := ts.Value("intake").(*intake)
	err := i.vault.Withdraw(context.Background(), i.last.record.ID, i.last.secret)
	if !neg {
		check(ts, err)
	} else if !errors.Is(err, vault.ErrRefused) {
		ts.Fatalf("withdrawn all the same: %v", err)
	}
}

// readReplies writes what the witness of the last report reads: replies FILE.
func readReplies(ts *testscript.TestScript, _ bool, args []string) {
	i := ts.Value("intake").(*intake)
	messages, err := i.vault.Messages(i.last.record.ID)
	check(ts, err)
	var all strings.Builder
	for _, m := range messages {
		if m.Leaf.Kind != ledger.KindReply {
			continue
		}
		sealed, err := i.vault.OpenMessage(m.Index)
		check(ts, err)
		msg, err := seal.ReadMessage(sealed, sealed.Size(), i.last.identity, i.context(seal.KindReply), nil)
		check(ts, err)
		check(ts, sealed.Close())
		all.Write(msg.Body)
	}
	check(ts, os.WriteFile(ts.MkAbs(args[0]), []byte(all.String()), 0o600))
}
