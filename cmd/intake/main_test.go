package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/mod/sumdb/note"

	"tocsin/seal/roster"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"intake": func() {
			os.Exit(run(untilSignal(), os.Args[1:], os.Stdout, os.Stderr))
		},
		// ready LOG: waits until the server that logs there listens, and
		// prints its URL. It reads a file that grows, and so has to look
		// again; the test's own deadline ends it if nothing comes.
		"ready": func() {
			for {
				text, _ := os.ReadFile(os.Args[1])
				if m := regexp.MustCompile(`(?m)^listening on (http://127\.\S+)$`).FindSubmatch(text); m != nil {
					fmt.Printf("%s", m[1])
					os.Exit(0)
				}
			}
		},
		"notified": func() { os.Exit(notified(os.Args[1:])) },
		"confined": func() { os.Exit(confined()) },
		"greet":    func() { os.Exit(greet()) },
		// trouble DIR: waits until the server on it tells of trouble, and
		// prints its status. It asks again like ready.
		"trouble": func() {
			for {
				var b bytes.Buffer
				run(context.Background(), []string{"intake", "status", "--data", os.Args[1]}[1:], &b, io.Discard)
				if strings.Contains(b.String(), "\ntrouble ") {
					fmt.Print(b.String())
					os.Exit(0)
				}
			}
		},
		"send": func() { os.Exit(send(os.Args[1], os.Args[2])) },
	})
}

var quietLog = slog.New(slog.NewTextHandler(os.Stderr, nil))

// send fills the form at url in with an account and sends it, as a browser
// would.
func send(url, account string) int {
	resp, err := http.Get(url + "/en/report")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer resp.Body.Close()
	page, _ := io.ReadAll(resp.Body)
	m := regexp.MustCompile(`name="codename" value="([a-z ]+)"`).FindSubmatch(page)
	if m == nil {
		fmt.Fprintln(os.Stderr, "no codename on the form")
		return 1
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField("codename", string(m[1]))
	_ = w.WriteField("what.seen", account)
	_ = w.Close()
	answer, err := http.Post(url+"/en/report", w.FormDataContentType(), &b)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer answer.Body.Close()
	fmt.Println(answer.StatusCode)
	return 0
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"organise": organise,
			"mode":     mode,
			"capture":  capture,
		},
	})
}

// organise CARD NUMBER ROSTER makes the organisation (once a script) and signs
// a roster of that number with the intake's card in it.
func organise(ts *testscript.TestScript, neg bool, args []string) {
	card, err := roster.ParseIntakeCard([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	number, err := strconv.ParseUint(args[1], 10, 64)
	ts.Check(err)
	keyFile := ts.MkAbs("org.key")
	if _, err := os.Stat(keyFile); err != nil {
		private, public, err := note.GenerateKey(rand.Reader, "test-organisation")
		ts.Check(err)
		ts.Check(os.WriteFile(keyFile, []byte(private), 0o600))
		ts.Check(os.WriteFile(ts.MkAbs("org.pub"), []byte(public+"\n"), 0o600))
	}
	signer, err := note.NewSigner(ts.ReadFile("org.key"))
	ts.Check(err)
	worker, err := age.GenerateHybridIdentity()
	ts.Check(err)
	police, err := age.GenerateHybridIdentity()
	ts.Check(err)
	desk, _, err := ed25519.GenerateKey(rand.Reader)
	ts.Check(err)
	r := roster.Roster{
		Number: number, Day: "2026-01-02", Organisation: "Test", Origin: card.Origin, Intake: card.Intake,
		Workers:      []roster.Worker{{Name: "alice", Recipient: worker.Recipient().String(), Desk: desk}},
		Destinations: []roster.Destination{{Name: "police", Title: "Police", Recipient: police.Recipient().String(), Delivery: roster.DeliveryOutbox}},
		Policy:       roster.DefaultPolicy(),
	}
	signed, err := r.Sign(signer)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), signed, 0o600))
}

// mode OCTAL FILE checks a file's permissions.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%03o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", filepath.Base(args[1]), got, args[0])
	}
}

// capture NAME puts what the last command printed into a variable.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}
