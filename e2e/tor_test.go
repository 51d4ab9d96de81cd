package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"tocsin/testtor"

	"golang.org/x/net/proxy"
)

// startOnion starts a server that has the two onion services and no other way
// in, with a tor of its own in the private network.
func startOnion(t testing.TB, dir string, network *testtor.Network, wrap ...string) *server {
	t.Helper()
	need(t, "tor", "tor")
	return startServer(t, dir, t.TempDir(), append(wrap, filepath.Join(bin, "intake"), "serve",
		"--data", filepath.Join(dir, "intake"), "--onion", "--torrc", network.Torrc()))
}

// address is the witness page's, without a port.
func address(t testing.TB, dir string) string {
	t.Helper()
	return strings.TrimSpace(command(t, "intake", "onion", "address", "--data", filepath.Join(dir, "intake")))
}

// An onionStatus is what the test needs of intake status --json.
type onionStatus struct {
	Onion struct {
		Services []struct {
			Name    string
			Uploads int
			Fetch   *struct{ OK bool }
		}
	}
}

// well waits until intake status says that all is well, and with the page
// fetched through Tor.
func (s *server) well(t testing.TB) {
	t.Helper()
	var said []byte
	eventually(t, time.Minute, "intake status says that all is well", func() bool {
		var err error
		said, err = exec.Command(filepath.Join(bin, "intake"), "status", "--data", s.data, "--json").Output()
		var status onionStatus
		if err != nil || json.Unmarshal(said, &status) != nil || len(status.Onion.Services) != 2 {
			return false
		}
		web, desk := status.Onion.Services[0], status.Onion.Services[1]
		return web.Name == "web" && web.Fetch != nil && web.Fetch.OK && desk.Name == "desk" && desk.Uploads > 0
	})
	t.Logf("intake status: %s", said)
}

// eventually waits for what other processes bring about, of which nothing here
// is told; it looks every 100 ms.
func eventually(t testing.TB, limit time.Duration, what string, is func() bool) {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	late := time.After(limit)
	for !is() {
		select {
		case <-ticker.C:
		case <-late:
			t.Fatalf("not after %s: %s", limit, what)
		}
	}
}

// curl runs the stock curl through a tor and returns what it printed.
func curl(t *testing.T, c *testtor.Client, args ...string) string {
	t.Helper()
	cmd := exec.Command(need(t, "curl", "curl"), append([]string{"-sS", "--fail", "--max-time", "120", "--proxy", "socks5h://" + c.SOCKS}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("curl %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(out)
}

// onTriage runs triage in a case worker's home, through that worker's tor.
func onTriage(dir, name string, tor *testtor.Client, args ...string) (string, error) {
	args = append([]string{"--home", filepath.Join(dir, name)}, args...)
	if tor != nil {
		args = append(args, "--socks", tor.SOCKS, "--tor-control", tor.Control)
	}
	cmd := exec.Command(filepath.Join(bin, "triage"), args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("triage %s: %w: %s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(out), err
}

func mustTriage(t *testing.T, dir, name string, tor *testtor.Client, args ...string) string {
	t.Helper()
	out, err := onTriage(dir, name, tor, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func exitCode(err error) int {
	if e, ok := err.(*exec.ExitError); ok {
		return e.ExitCode()
	}
	return 0
}

// torProcess is the process of the server's own tor.
func (s *server) torProcess(t *testing.T) int {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		line, err := os.ReadFile(p)
		if err != nil {
			continue // it ended meanwhile
		}
		args := strings.Split(string(line), "\x00")
		if filepath.Base(args[0]) == "tor" && strings.Contains(string(line), filepath.Join(s.data, "tor", "torrc")) {
			var pid int
			if _, err := fmt.Sscanf(p, "/proc/%d/", &pid); err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatal("the server has no tor")
	return 0
}

// reachable waits until a client of Tor gets the page.
func reachable(t *testing.T, web string, c *testtor.Client) {
	t.Helper()
	proxy, err := url.Parse("socks5h://" + c.SOCKS)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}, Timeout: 20 * time.Second}
	eventually(t, 90*time.Second, "a client of Tor gets the page", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+web+"/en/", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			// This tor remembers where it failed and would not ask again for
			// minutes; another witness's would.
			if err := c.NewIdentity(t.Context()); err != nil {
				t.Fatal(err)
			}
			return false
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return err == nil && resp.StatusCode == http.StatusOK
	})
}

// throughSOCKS connects through a tor, on the circuit that belongs to a user.
func throughSOCKS(socks, user, address string) (net.Conn, error) {
	d, err := proxy.SOCKS5("tcp", socks, &proxy.Auth{User: user, Password: "x"}, nil)
	if err != nil {
		return nil, err
	}
	return d.Dial("tcp", address)
}
