package testtor

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// upload is how much a test sends through the onion.
const upload = 5 << 20

// testContext ends before the test's own limit, so that what was started ends
// too.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// target serves a page and tells how many bytes were sent to it.
func target(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			t.Errorf("reading a body: %v", err)
		}
		fmt.Fprintf(w, "got %d", n)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// through is an HTTP client that goes through a tor client, with a stream of
// its own for each request.
func through(c *Client) *http.Client {
	proxy := &url.URL{Scheme: "socks5h", Host: c.SOCKS}
	return &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}, Timeout: 90 * time.Second}
}

func send(c *http.Client, address string, size int) (string, error) {
	r, err := c.Post("http://"+address+"/", "application/octet-stream", bytes.NewReader(make([]byte, size)))
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return string(b), err
}

// TestNetwork goes the whole way: a network, a client, a service with
// proof-of-work, an upload through it, what its descriptor says; and a service
// that only one client can reach.
func TestNetwork(t *testing.T) {
	ctx := testContext(t)
	n, err := Start(ctx, t.TempDir(), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := n.Client(ctx, "client")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("pow", func(t *testing.T) {
		s, err := n.Service(ctx, "pow", target(t), "HiddenServicePoWDefensesEnabled 1")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		web := through(c)
		if got, err := send(web, s.Address, 1); err != nil || got != "got 1" {
			t.Fatalf("the page is %q, %v", got, err)
		}
		begun := time.Now()
		if got, err := send(web, s.Address, upload); err != nil || got != fmt.Sprint("got ", upload) {
			t.Fatalf("the page after an upload is %q, %v", got, err)
		}
		t.Logf("uploaded %.1f MB/s", upload/1e6/time.Since(begun).Seconds())

		sealed, err := c.Descriptor(ctx, s.Address)
		if err != nil {
			t.Fatal(err)
		}
		inner, err := DecryptDescriptor(s.Address, sealed, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"create2-formats ", "\nintroduction-point ", "\npow-params v1 "} {
			if !bytes.Contains(inner, []byte(want)) {
				t.Errorf("no %q in the descriptor:\n%s", want, inner)
			}
		}
	})
	t.Run("restricted", func(t *testing.T) { testRestricted(t, ctx, n, c) })
}

func testRestricted(t *testing.T, ctx context.Context, n *Network, c *Client) {
	key := newClientKey(t)
	public := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key.PublicKey().Bytes())
	// tor reads who may come in when it starts.
	allowed := filepath.Join(n.dir, "restricted", "service", "authorized_clients")
	if err := os.MkdirAll(allowed, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(allowed), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(allowed, "one.auth"), []byte("descriptor:x25519:"+public+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := n.Service(ctx, "restricted", target(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	web := through(c)
	if got, err := send(web, s.Address, 1); err == nil {
		t.Fatalf("without a key the page is %q", got)
	}
	sealed, err := c.Descriptor(ctx, s.Address)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []*ecdh.PrivateKey{nil, newClientKey(t)} {
		if _, err := DecryptDescriptor(s.Address, sealed, wrong); !errors.Is(err, ErrDescriptor) {
			t.Errorf("with the key %v: %v, want %v", wrong, err, ErrDescriptor)
		}
	}
	inner, err := DecryptDescriptor(s.Address, sealed, key)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(inner, []byte("\nintroduction-point ")) || bytes.Contains(inner, []byte("pow-params")) {
		t.Errorf("not what a service without proof-of-work says:\n%s", inner)
	}
	_, err = c.Command(ctx, "ONION_CLIENT_AUTH_ADD "+strings.TrimSuffix(s.Address, ".onion")+
		" x25519:"+base64.StdEncoding.EncodeToString(key.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := send(web, s.Address, 1); err != nil || got != "got 1" {
		t.Errorf("with the key the page is %q, %v", got, err)
	}
	if err := c.NewIdentity(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := send(web, s.Address, 1); err == nil {
		t.Errorf("after a new identity, which forgets the key, the page is %q", got)
	}
}

func newClientKey(t *testing.T) *ecdh.PrivateKey {
	t.Helper()
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
