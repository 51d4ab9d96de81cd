package desk

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// ErrKey means that the other end of a connection proved another key than the
// one expected.
var ErrKey = errors.New("the other end does not hold the key that the roster names")

// certificate makes, in memory, the self-signed certificate that TLS wants
// around a bare Ed25519 key (RFC 8410). Only the key in it means anything, so
// that its name and dates are the same for everyone.
func certificate(key ed25519.PrivateKey) (tls.Certificate, error) {
	if len(key) != ed25519.PrivateKeySize {
		return tls.Certificate{}, errors.New("making a certificate: not an Ed25519 private key")
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "tocsin desk"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280, 4.1.2.5: no end
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// pinned returns the TLS settings shared by both ends: version 1.3 and nothing
// older, no resumption (each connection proves its keys anew), and trust in
// the key alone, judged by check.
func pinned(key ed25519.PrivateKey, check func(ed25519.PublicKey) error) (*tls.Config, error) {
	own, err := certificate(key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{own},
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: true,
		ClientAuth:             tls.RequireAnyClientCert,
		// Chains and names are not what is trusted here: VerifyConnection
		// decides, and the handshake proves possession of the key it sees.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			key, err := peerKey(&s)
			if err != nil {
				return err
			}
			return check(key)
		},
	}, nil
}

// peerKey returns the key that the other end proved in the handshake.
func peerKey(s *tls.ConnectionState) (ed25519.PublicKey, error) {
	if s == nil || len(s.PeerCertificates) != 1 {
		return nil, fmt.Errorf("%w: it must show one certificate", ErrKey)
	}
	key, ok := s.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: its key is not an Ed25519 key", ErrKey)
	}
	return key, nil
}
