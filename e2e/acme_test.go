package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestCertificate lets the confined server fetch a certificate from an ACME
// authority (Let's Encrypt's own test server), and visits it over TLS.
func TestCertificate(t *testing.T) {
	const name = "tips.example.org"
	ports := freePorts(t, 4)
	listen, api, management, dns := ports[0], ports[1], ports[2], ports[3]
	dir := t.TempDir()
	authority := certificate(t, dir)
	build := exec.Command("go", "build", "-modfile=tools/go.mod", "-o", dir+"/",
		"github.com/letsencrypt/pebble/v2/cmd/pebble", "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the ACME authority: %v\n%s", err, out)
	}
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": api, "managementListenAddress": management,
		"certificate": filepath.Join(dir, "api.crt"), "privateKey": filepath.Join(dir, "api.key"),
		"httpPort": 1, "tlsPort": port(t, listen),
		"profiles": map[string]any{"default": map[string]any{"description": "as usual", "validityPeriod": 7776000}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pebble.json"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	background(t, filepath.Join(dir, "pebble-challtestsrv"), "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dnsserver", dns,
		"-management", "127.0.0.1:0", "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "")
	background(t, filepath.Join(dir, "pebble"), "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", dns)
	t.Setenv("SSL_CERT_FILE", filepath.Join(dir, "api.crt"))

	org := setUp(t)
	s := startServer(t, org, t.TempDir(), []string{filepath.Join(bin, "intake"), "serve", "--data", filepath.Join(org, "intake"),
		"--listen", listen, "--desk", "127.0.0.1:0", "--tls-name", name, "--acme-agree", "--acme-url", "https://" + api + "/dir"})
	if s.web != "https://"+name {
		t.Errorf("it says that it listens on %s", s.web)
	}
	manage := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority}}}
	var issuer []byte
	eventually(t, 20*time.Second, "the authority gives its root away", func() bool {
		issuer, err = fetchBody(manage, "https://"+management+"/roots/0")
		return err == nil
	})
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(issuer) {
		t.Fatalf("no root: %s", issuer)
	}
	witness := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", listen)
		},
		TLSClientConfig: &tls.Config{RootCAs: trusted},
	}}
	var page []byte
	eventually(t, 30*time.Second, "the page comes over TLS with the authority's certificate", func() bool {
		page, err = fetchBody(witness, "https://"+name+"/en/")
		return err == nil
	})
	if !bytes.Contains(page, []byte("/en/report")) {
		t.Errorf("the page: %s", page)
	}
	resp, err := witness.Get("https://" + name + "/en/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.ProtoMajor != 1 || resp.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("HTTP %s, Strict-Transport-Security %q", resp.Proto, resp.Header.Get("Strict-Transport-Security"))
	}
	if codename, err := form(witness, "https://"+name); err != nil {
		t.Error(err)
	} else if err := send(witness, "https://"+name, "test", codename, [][2]string{{"what.seen", "over TLS"}}); err != nil {
		t.Error(err)
	}
	// Under another name there is no certificate, nor is one asked for.
	stranger := &http.Client{Transport: &http.Transport{
		DialContext:     func(ctx context.Context, _, _ string) (net.Conn, error) { return net.Dial("tcp", listen) },
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "other.example.org"},
	}}
	if _, err := fetchBody(stranger, "https://other.example.org/en/"); err == nil {
		t.Error("a certificate for another name")
	}
	if strings.Contains(s.logged(), "example.org/") || strings.Contains(s.logged(), "127.0.0.1:") && strings.Contains(s.logged(), "TLS") {
		t.Errorf("the log tells of visitors: %s", s.logged())
	}
	for path, want := range map[string]os.FileMode{"acme": 0o700, "acme/" + name: 0o600} {
		if info, err := os.Stat(filepath.Join(s.data, path)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, error %v", path, info.Mode(), err)
		}
	}
	s.stop(t)
}

func fetchBody(c *http.Client, url string) ([]byte, error) {
	resp, err := c.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %s", resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// background runs a program until the test ends.
func background(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(args[0]), said.Bytes())
		}
	})
}

// freePorts returns addresses on loopback that were free a moment ago.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // all are held until all are found
		addrs = append(addrs, l.Addr().String())
	}
	return addrs
}

func port(t *testing.T, addr string) int {
	t.Helper()
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(p)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// certificate makes the key with which the authority's own pages are served,
// as api.key and api.crt, and returns what trusts it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	crt := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, b := range map[string][]byte{"api.crt": crt, "api.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(crt)
	return pool
}
