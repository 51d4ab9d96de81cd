package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tocsin/ledger"
)

var (
	killRounds = flag.Int("kill-rounds", 4, "rounds of killed.txtar")
	killSeed   = flag.Uint64("kill-seed", 0, "seed of the instants in killed.txtar; 0 takes another each time")
)

// maxKills is how often one verb is killed before it may run to its end.
const maxKills = 4

// A killer runs triage and kills it at random instants.
type killer struct {
	ts      *testscript.TestScript
	rand    *rand.Rand
	program string
	cases   []string                 // their IDs
	took    map[string]time.Duration // how long a verb took when it was let
	killed  map[string]int           // how often SIGKILL or SIGINT ended a verb, by verb
}

// kills is the case worker's day, over and over, in which the program is killed
// at any instant and typed again: kills ROSTER ORGKEY. Homes are alice, courier
// and org.
func kills(ts *testscript.TestScript, _ bool, args []string) {
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	ts.Logf("-kill-seed %d", seed)
	program, err := exec.LookPath("triage")
	check(ts, err)
	k := &killer{ts, rand.New(rand.NewPCG(seed, 0)), program, nil, map[string]time.Duration{}, map[string]int{}}
	desk := ts.Getenv("DESK")
	for round := range *killRounds {
		gapped := round%2 == 1
		ts.Logf("round %d", round)
		for range 3 {
			sendReport(ts, false, []string{"what.seen=MARK-SEEN in round " + strconv.Itoa(round), "where.country=TH", "film.mp4", "photo.jpg"})
			k.cases = append(k.cases, ts.Getenv("CASE"))
		}
		fresh := k.cases[len(k.cases)-3:]
		if round > 0 {
			k.do("org", "org", "set-policy", "--retention-days", strconv.Itoa(100+round))
			k.do("org", "org", "sign")
			intakeTake(ts, false, args[:1])
		}
		k.pull(gapped, desk)
		if round > 0 {
			k.torment("rekey", "alice")
			queued, err := filepath.Glob(ts.MkAbs("alice/queue/*"))
			check(ts, err)
			if len(queued) != len(k.cases) {
				ts.Fatalf("%d cases were sealed again %d times", len(k.cases), len(queued))
			}
		}
		for _, id := range fresh {
			question := exec.Command(program, "--home", ts.MkAbs("alice"), "reply", id)
			question.Stdin = strings.NewReader("MARK-REPLY which car?")
			if out, err := question.CombinedOutput(); err != nil {
				ts.Fatalf("reply: %v\n%s", err, out)
			}
			k.torment("route", "alice", id, "--to", "police", "--reason", "MARK-REASON")
			// As if it had been killed when all was done.
			k.do("alice", "route", id, "--to", "police", "--reason", "MARK-REASON")
		}
		if gapped {
			k.torment("push --to", "alice", ts.MkAbs("stick/queue"))
			k.torment("push --from", "courier", ts.MkAbs("stick/queue"), "--desk", desk)
			k.pull(gapped, desk)
		} else {
			k.torment("push", "alice", "--desk", desk)
		}
		k.inspect(fresh)
	}
	all := 0
	for _, verb := range []string{"pull", "pull --to", "pull --from", "rekey", "route", "push", "push --to", "push --from"} {
		ts.Logf("%s: killed %d times", verb, k.killed[verb])
		all += k.killed[verb]
	}
	if all < 3**killRounds {
		ts.Fatalf("%d kills in %d rounds show nothing", all, *killRounds)
	}
	k.everyCaseOnce()
}

func (k *killer) pull(gapped bool, desk string) {
	if !gapped {
		k.torment("pull", "alice", "--desk", desk)
		return
	}
	k.torment("pull --to", "courier", k.ts.MkAbs("stick/desk"), "--desk", desk)
	k.torment("pull --from", "alice", k.ts.MkAbs("stick/desk"))
}

// command is the program with a verb, which may end with a flag that takes the
// first argument.
func (k *killer) command(verb, home string, args ...string) *exec.Cmd {
	all := append([]string{"--home", k.ts.MkAbs(home)}, strings.Fields(verb)...)
	return exec.Command(k.program, append(all, args...)...)
}

// do lets a verb run to its end.
func (k *killer) do(home string, args ...string) {
	if out, err := k.command(args[0], home, args[1:]...).CombinedOutput(); err != nil {
		k.ts.Fatalf("%s: %v\n%s", args, err, out)
	}
}

// torment runs a verb until it succeeds, and ends it before that at random
// instants, some of them while it does nothing yet or nothing any more.
func (k *killer) torment(verb, home string, args ...string) {
	span := k.took[verb]
	if span == 0 {
		span = 200 * time.Millisecond
	}
	for n := 0; ; n++ {
		cmd := k.command(verb, home, args...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		begun := time.Now()
		check(k.ts, cmd.Start())
		signal := []os.Signal{syscall.SIGKILL, syscall.SIGINT}[k.rand.IntN(2)]
		instant := time.Duration(k.rand.Int64N(int64(span + span/4)))
		var timer *time.Timer
		if n < maxKills {
			timer = time.AfterFunc(instant, func() { _ = cmd.Process.Signal(signal) })
		}
		err := cmd.Wait()
		inTime := timer == nil || timer.Stop() // it ended before it was killed
		if err == nil {
			k.took[verb] = time.Since(begun)
			return
		}
		if inTime {
			k.ts.Fatalf("%s after %d kills: %v\n%s", verb, n, err, out.String())
		}
		k.killed[verb]++
		// Whoever interrupts is told so, and nothing worse; who comes before
		// the program listens, nothing.
		if text := out.String(); signal == syscall.SIGINT && strings.Contains(text, "triage: ") && !strings.Contains(text, "type it again to go on") {
			k.ts.Fatalf("%s, interrupted: %v\n%s", verb, err, text)
		}
	}
}

// inspect holds the home to its promises: each case is listed once and read, of
// each new one there is one bag, which stock programs open and the ledger names,
// and nothing is left half-written, queued or in plain.
func (k *killer) inspect(fresh []string) {
	ts := k.ts
	out, err := k.command("list", "alice", "--json").Output()
	check(ts, err)
	var list []struct {
		Case, Problem string
		Queued        bool
	}
	check(ts, json.Unmarshal(out, &list))
	seen := map[string]bool{}
	for _, v := range list {
		if seen[v.Case] || v.Problem != "" || v.Queued {
			ts.Fatalf("case %s: twice %t, queued %t, %s", v.Case, seen[v.Case], v.Queued, v.Problem)
		}
		seen[v.Case] = true
	}
	if len(list) != len(k.cases) {
		ts.Fatalf("%d cases are listed of %d", len(list), len(k.cases))
	}
	for _, id := range fresh {
		bags, err := filepath.Glob(ts.MkAbs("alice/outbox/police/" + id + "*"))
		check(ts, err)
		if len(bags) != 1 {
			ts.Fatalf("case %s has %d bags", id, len(bags))
		}
		k.open(bags[0])
	}
	for _, dir := range []string{"alice", "courier", "stick"} {
		check(ts, filepath.WalkDir(ts.MkAbs(dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			switch {
			case strings.HasPrefix(d.Name(), ".new-"), strings.HasSuffix(d.Name(), ".part"):
				ts.Fatalf("%s is left", path)
			case bytes.Contains(data, []byte("MARK-")):
				ts.Fatalf("%s can be read", path)
			case filepath.Base(filepath.Dir(path)) == "queue":
				ts.Fatalf("%s is still queued", path)
			}
			return nil
		}))
	}
}

// open opens a bag with the stock programs.
func (k *killer) open(bag string) {
	dir, err := os.MkdirTemp(k.ts.MkAbs("."), "opened")
	check(k.ts, err)
	cmd := exec.Command("sh", "-c", `set -e; age -d -i "$1" "$2" | tar -x -C "$3"; cd "$3"/*/; sha512sum --strict --quiet -c manifest-sha512.txt tagmanifest-sha512.txt`, "sh", k.ts.MkAbs("police.key"), bag, dir)
	cmd.Env = append(os.Environ(), "PATH="+k.ts.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		k.ts.Fatalf("%s: %v\n%s", bag, err, out)
	}
	check(k.ts, os.RemoveAll(dir))
}

// everyCaseOnce looks into the ledger: of each case there is what was done, once,
// and what was handed over is what lies in the outbox.
func (k *killer) everyCaseOnce() {
	v := k.ts.Value("intake").(*intake).vault
	bags := map[ledger.Digest]bool{}
	paths, err := filepath.Glob(k.ts.MkAbs("alice/outbox/police/*"))
	check(k.ts, err)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		check(k.ts, err)
		bags[sha256.Sum256(data)] = true
	}
	for i, text := range k.cases {
		id, err := ledger.ParseCaseID(text)
		check(k.ts, err)
		history, err := v.History(id)
		check(k.ts, err)
		n := map[string]int{}
		for _, e := range history {
			what := string(e.Leaf.Event) + e.Leaf.Kind
			if e.Leaf.Event == ledger.EventRekey {
				what += strconv.FormatUint(e.Leaf.Number, 10)
			}
			n[what]++
			if e.Leaf.Event == ledger.EventHandedOver && !bags[e.Leaf.Digest] {
				k.ts.Fatalf("case %s: the bag that was handed over is not in the outbox", id)
			}
		}
		for what, n := range n {
			if n != 1 {
				k.ts.Fatalf("case %s: %s is %d times in the ledger", id, what, n)
			}
		}
		// Report and reply; a hand-over; a rekey for each later roster.
		if want := 4 + *killRounds - 1 - max(i/3, 0); len(history) < want {
			k.ts.Fatalf("case %s: %d leaves, want %d: %v", id, len(history), want, n)
		}
	}
}
