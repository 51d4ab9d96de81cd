package e2e

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tocsin/testtor"
)

// TestOnion walks the whole way through a real Tor network on loopback: a
// server with the onion services alone, a witness with curl and with a browser,
// case workers, and what goes wrong on the way.
func TestOnion(t *testing.T) {
	lab := t.TempDir()
	network, err := testtor.Start(t.Context(), lab, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := network.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := setUp(t)
	trace := filepath.Join(t.TempDir(), "trace")
	s := startOnion(t, dir, network, need(t, "strace", "strace"), "-f", "-o", trace, "-e", "trace=%network,execve,clone,clone3,fork,vfork")
	client := func(name string, lines ...string) *testtor.Client {
		c, err := network.Client(t.Context(), name, lines...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	witness, alice, bob := client("witness"), client("alice"), client("bob")
	web := address(t, dir)
	s.well(t)

	t.Run("a report with a large file by curl", func(t *testing.T) { reportByCurl(t, dir, web, witness) })
	t.Run("the descriptor demands work when it must", func(t *testing.T) { proofOfWork(t, web, witness) })
	t.Run("case workers", func(t *testing.T) { workers(t, dir, s, alice, bob) })
	t.Run("an auditor", func(t *testing.T) { auditor(t, dir, s, bob) })
	t.Run("a browser reports and returns", func(t *testing.T) { browseOnion(t, dir, web, witness, alice) })
	t.Run("one circuit holds a bounded number of connections", func(t *testing.T) { boundedStreams(t, web, witness) })
	t.Run("tor hangs", func(t *testing.T) { torHangs(t, s, web, witness) })
	t.Run("tor dies", func(t *testing.T) { torDies(t, s, web, witness) })
	t.Run("the server dies and comes back", func(t *testing.T) {
		tor := s.torProcess(t)
		s.kill()
		// Nothing is left that would publish what nobody answers.
		eventually(t, 20*time.Second, "tor ends with the server", func() bool { return syscall.Kill(tor, 0) != nil })
		nothingDirect(t, trace)
		s = startOnion(t, dir, network)
		if again := address(t, dir); again != web {
			t.Errorf("the address is %s and was %s", again, web)
		}
		s.well(t)
		reachable(t, web, witness)
		s.stop(t)
	})
	t.Run("any tor serves the address from a copy of the key", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go http.Serve(l, http.NotFoundHandler())
		t.Cleanup(func() { l.Close() })
		backup := os.DirFS(filepath.Join(dir, "intake", "onion", "web"))
		if err := os.CopyFS(filepath.Join(lab, "stock", "service"), backup); err != nil {
			t.Fatal(err)
		}
		stock, err := network.Service(t.Context(), "stock", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if stock.Address != web {
			t.Errorf("a stock tor serves %s from the key of %s", stock.Address, web)
		}
	})
}

// TestOnionOfARunningTor attaches the server to a tor that somebody else runs:
// by its socket with its cookie, and by its port with a password.
func TestOnionOfARunningTor(t *testing.T) {
	network, err := testtor.Start(t.Context(), t.TempDir(), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { network.Close() })
	witness, err := network.Client(t.Context(), "witness")
	if err != nil {
		t.Fatal(err)
	}
	const password = `pass "word" \ 1`
	hashed, err := exec.Command(need(t, "tor", "tor"), "--quiet", "--hash-password", password).Output()
	if err != nil {
		t.Fatal(err)
	}
	passwordFile := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(passwordFile, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sockets := t.TempDir()
	if err := os.Chmod(sockets, 0o700); err != nil { // or tor would not use it
		t.Fatal(err)
	}
	control := filepath.Join(sockets, "control")
	running, err := network.Client(t.Context(), "running",
		"ControlSocket "+control, "SocksPort unix:"+filepath.Join(sockets, "socks"), "HashedControlPassword "+strings.TrimSpace(string(hashed)))
	if err != nil {
		t.Fatal(err)
	}
	for name, flags := range map[string][]string{
		"socket and cookie": {"--tor-control", control},
		"port and password": {"--tor-control", running.Control, "--tor-password-file", passwordFile},
	} {
		t.Run(name, func(t *testing.T) {
			dir := setUp(t)
			s := startServer(t, dir, t.TempDir(), append([]string{filepath.Join(bin, "intake"), "serve", "--data", filepath.Join(dir, "intake"), "--onion"}, flags...))
			s.well(t)
			web := address(t, dir)
			reachable(t, web, witness)
			// The tor is the same user's: it reaches a socket that nobody
			// else does.
			if _, err := os.Stat(filepath.Join(s.data, "onion", "web.sock")); err != nil {
				t.Error(err)
			}
			s.stop(t)
			if out, err := running.Command(t.Context(), "GETINFO onions/current"); err != nil || strings.Contains(strings.Join(out, " "), web[:56]) {
				t.Errorf("after the end tor still publishes: %q, error %v", out, err)
			}
		})
	}
	t.Run("a cosigner", func(t *testing.T) { cosignedThroughTor(t, network, running) })
	t.Run("wrong password", func(t *testing.T) {
		dir := setUp(t)
		if err := os.WriteFile(passwordFile, []byte("another"), 0o600); err != nil {
			t.Fatal(err)
		}
		s := startServer(t, dir, t.TempDir(), []string{filepath.Join(bin, "intake"), "serve", "--data", filepath.Join(dir, "intake"), "--onion",
			"--tor-control", running.Control, "--tor-password-file", passwordFile})
		eventually(t, 20*time.Second, "the log says what to do", func() bool {
			return strings.Contains(s.logged(), "authenticating to tor's control port") && strings.Contains(s.logged(), "read its cookie or has its password")
		})
		if strings.Contains(s.logged(), "another") {
			t.Errorf("the log holds the password: %s", s.logged())
		}
	})
}

// TestOnionWithoutANetwork shows that the server says why tor does not start,
// and serves those who come another way meanwhile.
func TestOnionWithoutANetwork(t *testing.T) {
	// A Tor network whose only directory is a port where nobody listens.
	torrc := filepath.Join(t.TempDir(), "torrc")
	lines := "TestingTorNetwork 1\nDirAuthority nobody orport=1 no-v2 v3ident=" + strings.Repeat("A", 40) + " 127.0.0.1:1 " + strings.Repeat("B", 40) + "\n"
	if err := os.WriteFile(torrc, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := setUp(t)
	s := startServer(t, dir, t.TempDir(), []string{filepath.Join(bin, "intake"), "serve", "--data", filepath.Join(dir, "intake"),
		"--onion", "--torrc", torrc, "--listen", "127.0.0.1:0"})
	eventually(t, time.Minute, "intake status says why tor does not start", func() bool {
		said, err := exec.Command(filepath.Join(bin, "intake"), "status", "--data", s.data).Output()
		return exitCode(err) == 1 && strings.Contains(string(said), "connections are refused") && strings.Contains(string(said), "firewall")
	})
	eventually(t, 10*time.Second, "the page is served meanwhile", func() bool {
		m := regexp.MustCompile(`listening on (http://127\S+)`).FindStringSubmatch(s.logged())
		if m == nil {
			return false
		}
		_, err := form(http.DefaultClient, m[1])
		return err == nil
	})
	s.stop(t)
}

func reportByCurl(t *testing.T, dir, web string, witness *testtor.Client) {
	m := codenameField.FindStringSubmatch(curl(t, witness, "http://"+web+"/en/report"))
	if m == nil {
		t.Fatal("no codename on the form")
	}
	photo := filepath.Join(t.TempDir(), "plate.jpg")
	if err := os.WriteFile(photo, bytes.Repeat([]byte("five MiB "), 5<<20/9), 0o600); err != nil {
		t.Fatal(err)
	}
	page := curl(t, witness, "-F", "codename="+m[1], "-F", "what.seen=through the onion", "-F", "files=@"+photo, "http://"+web+"/en/report")
	if !strings.Contains(page, strings.Fields(m[1])[0]) || !strings.Contains(page, "/en/return") {
		t.Errorf("received: %s", page)
	}
	headers := curl(t, witness, "-D", "-", "-o", os.DevNull, "http://"+web+"/en/")
	if strings.Contains(headers, "Onion-Location") {
		t.Error("the onion service sends those who are there to itself")
	}
}

func proofOfWork(t *testing.T, web string, witness *testtor.Client) {
	descriptor, err := witness.Descriptor(t.Context(), web)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := testtor.DecryptDescriptor(web, descriptor, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(inner, []byte("\npow-params v1 ")) {
		t.Errorf("no proof-of-work parameters in the descriptor:\n%s", inner)
	}
}

// workers pulls and pushes through the desk's onion service, and changes who
// can reach it while the server runs.
func workers(t *testing.T, dir string, s *server, alice, bob *testtor.Client) {
	desk := strings.TrimSpace(command(t, "intake", "onion", "address", "--desk", "--data", s.data))
	mustTriage(t, dir, "alice", alice, "pull", "--desk", desk)
	ids := caseIDs(t, mustTriage(t, dir, "alice", nil, "list", "--json"))
	if len(ids) != 1 {
		t.Fatalf("%d cases, want 1", len(ids))
	}
	mustTriage(t, dir, "alice", nil, "route", ids[0], "--to", "police", "--reason", "the report names no country")
	mustTriage(t, dir, "alice", alice, "push", "--desk", desk)
	mustTriage(t, dir, "bob", bob, "pull", "--desk", desk)

	// Once triage is done tor has no key any more: nobody else comes in.
	if err := alice.NewIdentity(t.Context()); err != nil {
		t.Fatal(err)
	}
	host, _, _ := strings.Cut(desk, ":")
	out, err := exec.Command(need(t, "curl", "curl"), "-sS", "-k", "--max-time", "60", "--proxy", "socks5h://"+alice.SOCKS, "https://"+host+"/v1/head").CombinedOutput()
	// 97: the SOCKS handshake failed, so that not even TLS was spoken.
	if code := exitCode(err); code != 97 {
		t.Errorf("without the key: exit code %d, %s", code, out)
	}

	inForce := func(change ...string) {
		t.Helper()
		org := filepath.Join(dir, "organisation")
		command(t, "triage", append([]string{"--home", org, "org"}, change...)...)
		command(t, "triage", "--home", org, "org", "sign")
		command(t, "intake", "update-roster", "--data", s.data, "--roster", filepath.Join(org, "org", "roster"))
	}
	// Bob is connected while he is removed: on a circuit that would stay.
	key, err := os.ReadFile(filepath.Join(dir, "bob", "onion.key"))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimPrefix(strings.TrimSpace(string(key)), "descriptor:x25519:"))
	if err != nil {
		t.Fatal(err)
	}
	give := fmt.Sprintf("ONION_CLIENT_AUTH_ADD %s x25519:%s", strings.TrimSuffix(host, ".onion"), base64.StdEncoding.EncodeToString(secret))
	if _, err := bob.Command(t.Context(), give); err != nil {
		t.Fatal(err)
	}
	connected, err := throughSOCKS(bob.SOCKS, "bob", desk)
	if err != nil {
		t.Fatal(err)
	}
	defer connected.Close()
	inForce("remove-worker", "bob")
	if err := connected.SetReadDeadline(time.Now().Add(15 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := connected.Read(make([]byte, 1)); n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the removed case worker's connection is still there: %d bytes, %v", n, err)
	}
	if _, err := bob.Command(t.Context(), "ONION_CLIENT_AUTH_REMOVE "+strings.TrimSuffix(host, ".onion")); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "a case worker who was removed can't connect any more", func() bool {
		_, err := onTriage(dir, "bob", bob, "pull", "--desk", desk)
		return err != nil && strings.Contains(err.Error(), "the onion service can't be reached")
	})
	eventually(t, time.Minute, "one who stayed can", func() bool {
		_, err := onTriage(dir, "alice", alice, "pull", "--desk", desk)
		return err == nil
	})
	if _, err := onTriage(dir, "bob", bob, "pull", "--desk", desk); err == nil {
		t.Error("the removed case worker is back")
	}
	inForce("add-worker", filepath.Join(dir, "bob.card"))
	eventually(t, time.Minute, "one who was added can connect", func() bool {
		_, err := onTriage(dir, "bob", bob, "pull", "--desk", desk)
		return err == nil
	})
}

// browseOnion walks the witness's way in Chromium through Tor, over the plain
// HTTP that onion services speak.
func browseOnion(t *testing.T, dir, web string, witness, alice *testtor.Client) {
	desk := strings.TrimSpace(command(t, "intake", "onion", "address", "--desk", "--data", filepath.Join(dir, "intake")))
	b := newBrowser(t, chromedp.ProxyServer("socks5://"+witness.SOCKS),
		chromedp.Flag("disable-features", "Translate,HttpsUpgrades")) // it would try https first
	j := &journey{browser: b, lang: "fr", words: readCatalogue(t, "fr"),
		dir: dir, web: "http://" + web, desk: desk, tor: alice}
	j.shots = "" // the same as without Tor
	j.walk("a man at the pool, every evening")
}

// torDies kills the server's tor, and waits for another to take its place.
func torDies(t *testing.T, s *server, web string, witness *testtor.Client) {
	torFails(t, s, web, witness, syscall.SIGKILL, 20*time.Second, "tor ended: signal: killed")
}

// boundedStreams opens connection after connection on one circuit, until tor
// refuses more, which is nobody else's loss.
func boundedStreams(t *testing.T, web string, witness *testtor.Client) {
	const atOnce, tooMany = 8, 64 // a browser opens six
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for len(open) < tooMany {
		c, err := throughSOCKS(witness.SOCKS, "greedy", web+":80")
		if err != nil {
			break
		}
		open = append(open, c)
	}
	t.Logf("%d connections were open on one circuit", len(open))
	if len(open) < atOnce || len(open) == tooMany {
		t.Errorf("%d connections at once", len(open))
	}
	modest, err := throughSOCKS(witness.SOCKS, "modest", web+":80")
	if err != nil {
		t.Fatalf("meanwhile, on another circuit: %v", err)
	}
	modest.Close()
}

// torHangs stops the server's tor without ending it, which closes no
// connection, and waits for another to take its place.
func torHangs(t *testing.T, s *server, web string, witness *testtor.Client) {
	torFails(t, s, web, witness, syscall.SIGSTOP, 40*time.Second, "tor does not answer")
}

// torFails sends the server's tor a signal, waits until the log says what came
// of it, and then for another tor that serves the same address.
func torFails(t *testing.T, s *server, web string, witness *testtor.Client, signal syscall.Signal, limit time.Duration, says string) {
	t.Helper()
	failed := s.torProcess(t)
	if err := syscall.Kill(failed, signal); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	eventually(t, limit, "the log says: "+says, func() bool { return strings.Contains(s.logged(), says) })
	reachable(t, web, witness)
	t.Logf("reachable %s after %s", time.Since(begun).Round(100*time.Millisecond), signal)
	if now := s.torProcess(t); now == failed {
		t.Error("it is the same tor")
	}
	s.well(t)
}
