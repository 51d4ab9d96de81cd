package testtor

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// An authority is what the other members of the network must know of its
// directory authority.
type authority struct {
	fingerprint string // of its identity as a relay
	v3ident     string // of its identity as an authority
}

// newAuthority makes the keys of a directory authority and writes those that
// tor needs into its data directory. The authority's long-term identity key is
// not written: nothing signs with it again.
func newAuthority(dataDir string) (*authority, error) {
	relay, err := rsa.GenerateKey(rand.Reader, 1024) // tor takes no other size
	if err != nil {
		return nil, fmt.Errorf("making the relay's key: %w", err)
	}
	identity, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		return nil, fmt.Errorf("making the identity key: %w", err)
	}
	signing, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("making the signing key: %w", err)
	}
	certificate, err := keyCertificate(identity, signing, time.Now())
	if err != nil {
		return nil, err
	}
	keys := filepath.Join(dataDir, "keys")
	if err := os.MkdirAll(keys, 0o700); err != nil {
		return nil, err
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(keys, "secret_id_key"), privatePEM(relay), 0o600),
		os.WriteFile(filepath.Join(keys, "authority_signing_key"), privatePEM(signing), 0o600),
		os.WriteFile(filepath.Join(keys, "authority_certificate"), certificate, 0o600))
	if err != nil {
		return nil, err
	}
	return &authority{
		fingerprint: fmt.Sprintf("%X", fingerprint(relay)),
		v3ident:     fmt.Sprintf("%X", fingerprint(identity)),
	}, nil
}

// keyCertificate says in the form of dir-spec that signing signs for identity.
func keyCertificate(identity, signing *rsa.PrivateKey, now time.Time) ([]byte, error) {
	const form = "2006-01-02 15:04:05"
	var b bytes.Buffer
	fmt.Fprintf(&b, "dir-key-certificate-version 3\nfingerprint %X\n", fingerprint(identity))
	// An hour back, so that a clock that is set back a little does not matter.
	fmt.Fprintf(&b, "dir-key-published %s\n", now.UTC().Add(-time.Hour).Format(form))
	fmt.Fprintf(&b, "dir-key-expires %s\n", now.UTC().AddDate(1, 0, 0).Format(form))
	fmt.Fprintf(&b, "dir-identity-key\n%s", publicPEM(identity))
	fmt.Fprintf(&b, "dir-signing-key\n%s", publicPEM(signing))

	// Tor signs bare digests, without the prefix that names the hash.
	cross, err := rsa.SignPKCS1v15(nil, signing, crypto.Hash(0), fingerprint(identity))
	if err != nil {
		return nil, fmt.Errorf("signing the authority's certificate: %w", err)
	}
	fmt.Fprintf(&b, "dir-key-crosscert\n%s", pemOf("ID SIGNATURE", cross))
	b.WriteString("dir-key-certification\n")
	digest := sha1.Sum(b.Bytes())
	certification, err := rsa.SignPKCS1v15(nil, identity, crypto.Hash(0), digest[:])
	if err != nil {
		return nil, fmt.Errorf("signing the authority's certificate: %w", err)
	}
	b.Write(pemOf("SIGNATURE", certification))
	return b.Bytes(), nil
}

// fingerprint is how tor names an RSA key.
func fingerprint(k *rsa.PrivateKey) []byte {
	digest := sha1.Sum(x509.MarshalPKCS1PublicKey(&k.PublicKey))
	return digest[:]
}

func privatePEM(k *rsa.PrivateKey) []byte {
	return pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(k))
}

func publicPEM(k *rsa.PrivateKey) []byte {
	return pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&k.PublicKey))
}

func pemOf(kind string, b []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b})
}
