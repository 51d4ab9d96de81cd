// Package sshsig makes and checks signatures of files as ssh-keygen -Y does
// (OpenSSH's PROTOCOL.sshsig), with Ed25519 keys and no others: what is signed
// here is verified with the stock program, and what it signs is verified here.
//
// A signature is bound to a namespace, so that one made for another purpose
// says nothing here.
package sshsig

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrMalformed is returned for what is not a signature or key in its form.
	ErrMalformed = errors.New("not an SSH signature or key as ssh-keygen writes them")
	// ErrAlgorithm is returned for a key or hash that this package doesn't know.
	ErrAlgorithm = errors.New("only ssh-ed25519 keys with sha512 or sha256 are known")
	// ErrSignature is returned for a signature that does not verify: of another
	// key, another message or another namespace.
	ErrSignature = errors.New("the signature does not verify")
)

// MaxSize bounds an armored signature, in bytes; one of ssh-keygen's with an
// Ed25519 key takes about 300.
const MaxSize = 4 << 10

const (
	keyType = "ssh-ed25519"
	magic   = "SSHSIG"
	version = 1
	begin   = "-----BEGIN SSH SIGNATURE-----"
	end     = "-----END SSH SIGNATURE-----"
	columns = 70 // of base64 in a line, as ssh-keygen writes
)

// A Signature is one that was read and not verified.
type Signature struct {
	Key       ed25519.PublicKey // that it claims to be made with
	Namespace string

	hash      string
	signature []byte
}

// Sign returns the armored signature of a message.
func Sign(key ed25519.PrivateKey, namespace string, message []byte) []byte {
	const hash = "sha512"
	blob := []byte(magic)
	blob = binary.BigEndian.AppendUint32(blob, version)
	blob = appendString(blob, marshalKey(key.Public().(ed25519.PublicKey)))
	blob = appendString(blob, []byte(namespace))
	blob = appendString(blob, nil)
	blob = appendString(blob, []byte(hash))
	sig := appendString(appendString(nil, []byte(keyType)), ed25519.Sign(key, signed(namespace, hash, message)))
	blob = appendString(blob, sig)
	var b bytes.Buffer
	b.WriteString(begin + "\n")
	for text := base64.StdEncoding.EncodeToString(blob); text != ""; {
		n := min(columns, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	b.WriteString(end + "\n")
	return b.Bytes()
}

// Parse reads an armored signature and believes none of it: see Verify.
func Parse(armored []byte) (*Signature, error) {
	bad := func(what string) (*Signature, error) {
		return nil, fmt.Errorf("%w: %s", ErrMalformed, what)
	}
	if len(armored) > MaxSize {
		return bad("larger than any")
	}
	text := strings.TrimSpace(strings.ReplaceAll(string(armored), "\r\n", "\n"))
	text, ok := strings.CutPrefix(text, begin+"\n")
	text, ok2 := strings.CutSuffix(text, "\n"+end)
	if !ok || !ok2 {
		return bad("it does not stand between " + begin + " and " + end)
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(strings.ReplaceAll(text, "\n", ""))
	if err != nil {
		return bad("not base64")
	}
	r := reader(blob)
	if !bytes.Equal(r.take(len(magic)), []byte(magic)) {
		return bad("it does not begin with " + magic)
	}
	if v := r.uint32(); v != version {
		return bad(fmt.Sprintf("version %d", v))
	}
	key, namespace, reserved, hash, sig := r.string(), r.string(), r.string(), r.string(), r.string()
	if r == nil || len(r) > 0 {
		return bad("fields are missing or left over")
	}
	if len(namespace) == 0 || len(reserved) > 0 {
		return bad("no namespace, or something where nothing stands yet")
	}
	if h := string(hash); h != "sha512" && h != "sha256" {
		return nil, ErrAlgorithm
	}
	s := &Signature{Namespace: string(namespace), hash: string(hash)}
	if s.Key, err = parseKey(key); err != nil {
		return nil, err
	}
	r = reader(sig)
	algorithm, raw := r.string(), r.string()
	if string(algorithm) != keyType {
		return nil, ErrAlgorithm
	}
	if r == nil || len(r) > 0 || len(raw) != ed25519.SignatureSize {
		return bad("the signature in it has another length")
	}
	s.signature = raw
	return s, nil
}

// Verify returns nil if key signed the message for that purpose, and
// ErrSignature otherwise. The key in the signature itself is not enough.
func (s *Signature) Verify(key ed25519.PublicKey, namespace string, message []byte) error {
	if !s.Key.Equal(key) || !ed25519.Verify(key, signed(namespace, s.hash, message), s.signature) {
		return ErrSignature
	}
	return nil
}

// signed is what the key signs: the purpose and the message's digest.
func signed(namespace, hash string, message []byte) []byte {
	sum := sha512.Sum512(message)
	digest := sum[:]
	if hash == "sha256" {
		sum := sha256.Sum256(message)
		digest = sum[:]
	}
	b := appendString([]byte(magic), []byte(namespace))
	b = appendString(b, nil)
	b = appendString(b, []byte(hash))
	return appendString(b, digest)
}

// PublicKey returns a key's line as in authorized_keys, without a comment.
func PublicKey(key ed25519.PublicKey) string {
	return keyType + " " + base64.StdEncoding.EncodeToString(marshalKey(key))
}

// ParsePublicKey reads such a line; a comment may follow.
func ParsePublicKey(line string) (ed25519.PublicKey, error) {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return nil, fmt.Errorf("%w: not a type and a key", ErrMalformed)
	}
	if fields[0] != keyType {
		return nil, ErrAlgorithm
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(fields[1])
	if err != nil {
		return nil, fmt.Errorf("%w: not base64", ErrMalformed)
	}
	return parseKey(blob)
}

// Fingerprint returns what ssh-keygen -l shows of a key: SHA256:….
func Fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(marshalKey(key))
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

func marshalKey(key ed25519.PublicKey) []byte {
	return appendString(appendString(nil, []byte(keyType)), key)
}

func parseKey(blob []byte) (ed25519.PublicKey, error) {
	r := reader(blob)
	kind, key := r.string(), r.string()
	if r != nil && string(kind) != keyType {
		return nil, ErrAlgorithm
	}
	if r == nil || len(r) > 0 || len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%w: the key has another length", ErrMalformed)
	}
	return ed25519.PublicKey(key), nil
}

func appendString(b, s []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// A reader takes the wire's fields off the front. Once one was missing it is
// nil, and stays so.
type reader []byte

func (r *reader) take(n int) []byte {
	if *r == nil || n < 0 || n > len(*r) {
		*r = nil
		return nil
	}
	b := (*r)[:n:n]
	*r = (*r)[n:]
	return b
}

func (r *reader) uint32() uint32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func (r *reader) string() []byte {
	n := r.uint32()
	if *r == nil || uint64(n) > uint64(len(*r)) {
		*r = nil
		return nil
	}
	return r.take(int(n))
}
