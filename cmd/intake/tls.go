package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// tlsFlags are the flags of intake serve about TLS for witnesses.
type tlsFlags struct {
	TLSName   string `placeholder:"NAME" help:"Speak TLS to witnesses under that host name, with a certificate fetched and renewed from an ACME authority; --listen must then be reached as NAME:443."`
	ACMEURL   string `name:"acme-url" default:"https://acme-v02.api.letsencrypt.org/directory" placeholder:"URL" help:"The ACME authority's directory; Let's Encrypt's if not given."`
	ACMEAgree bool   `name:"acme-agree" help:"Agree to that authority's terms of service."`
}

// Validate is called by kong.
func (f *tlsFlags) Validate() error {
	if f.TLSName != "" && !f.ACMEAgree {
		return errors.New("--tls-name needs --acme-agree: read the authority's terms of service first")
	}
	return nil
}

// roots are where Go and the C library look for certificate authorities, name
// servers and host names.
var roots = []string{
	"/etc/ssl", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/etc/pki", "/etc/ca-certificates",
	"/etc/resolv.conf", "/run/systemd/resolve", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/host.conf", "/etc/services",
}

// dnsPort is where name servers answer, over TCP when an answer is long; UDP
// is not held back by Landlock.
const dnsPort = 53

// wrap puts TLS around a listener, if it was asked for, and returns what the
// server must still reach for it.
//
// The authority checks the name by the same port (TLS-ALPN-01, RFC 8737), so
// that no other one need be open. Its account's key and the certificates lie
// in the data directory; they open no report.
func (f *tlsFlags) wrap(l net.Listener, data string, log *slog.Logger) (net.Listener, reach, error) {
	if f.TLSName == "" {
		return l, reach{}, nil
	}
	directory, err := url.Parse(f.ACMEURL)
	if err != nil || directory.Scheme != "https" {
		return nil, reach{}, fmt.Errorf("--acme-url: %q is not an https address", f.ACMEURL)
	}
	port := uint64(443)
	if p := directory.Port(); p != "" {
		if port, err = strconv.ParseUint(p, 10, 16); err != nil {
			return nil, reach{}, fmt.Errorf("--acme-url: %w", err)
		}
	}
	dir := filepath.Join(data, "acme")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, reach{}, fmt.Errorf("making the directory for certificates: %w", err)
	}
	m := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(dir),
		HostPolicy: autocert.HostWhitelist(f.TLSName),
		Client:     &acme.Client{DirectoryURL: f.ACMEURL, UserAgent: "tocsin"},
	}
	// The C library's resolver would use calls that the confined server has not.
	net.DefaultResolver.PreferGo = true
	config := m.TLSConfig()
	config.GetCertificate = complain(m.GetCertificate, f.TLSName, log)
	// HTTP/1.1 only, as package intake wants it.
	config.NextProtos = []string{"http/1.1", acme.ALPNProto}
	config.MinVersion = tls.VersionTLS12
	read := roots
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if path := os.Getenv(name); path != "" {
			read = append(read, filepath.SplitList(path)...)
		}
	}
	return tls.NewListener(l, config), reach{write: []string{dir}, read: read, ports: []uint16{uint16(port), dnsPort}}, nil
}

// complain wraps what gets certificates so that a failure for our own name is
// logged, once a day: it is the operator's to mend, and nothing in it is a
// witness's.
func complain(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), name string, log *slog.Logger) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	var day atomic.Int64
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		c, err := get(hello)
		today := time.Now().Unix() / 86400
		if err != nil && hello.ServerName == name && day.Swap(today) != today {
			log.Error("no certificate for "+name+"; see that the authority reaches this server there on port 443, and restart it if the name servers changed", "error", err)
		}
		return c, err
	}
}
