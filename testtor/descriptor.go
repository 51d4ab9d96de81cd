package testtor

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha3"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrDescriptor is returned for a descriptor that does not open: it is
// malformed, of another address, or for other clients.
var ErrDescriptor = errors.New("the descriptor does not open")

// DecryptDescriptor opens the descriptor of a v3 onion service as a client
// does (rend-spec-v3) and returns what its inner layer says: introduction
// points, and pow-params if the service has the proof-of-work defence. The
// service's clients are restricted if clientKey is needed; it may be nil.
//
// It does not check how long the descriptor is good for.
func DecryptDescriptor(address string, descriptor []byte, clientKey *ecdh.PrivateKey) (inner []byte, err error) {
	identity, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	outer := parseItems(string(descriptor))
	blinded, err := outer.blindedKey()
	if err != nil {
		return nil, err
	}
	revision, err := strconv.ParseUint(outer["revision-counter"].rest, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: its revision counter: %w", ErrDescriptor, err)
	}
	credential := sha3.Sum256(append([]byte("credential"), identity...))
	l := layers{
		subcredential: hash([]byte("subcredential"), credential[:], blinded),
		revision:      binary.BigEndian.AppendUint64(nil, revision),
	}
	middle, err := l.open(outer["superencrypted"].block, blinded, "hsdir-superencrypted-data")
	if err != nil {
		return nil, fmt.Errorf("%w: its outer layer: %w", ErrDescriptor, err)
	}
	items := parseItems(string(middle))
	secret := blinded
	if clientKey != nil {
		cookie, err := l.cookie(string(middle), items, clientKey)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDescriptor, err)
		}
		secret = append(bytes.Clone(blinded), cookie...)
	}
	inner, err = l.open(items["encrypted"].block, secret, "hsdir-encrypted-data")
	if err != nil {
		return nil, fmt.Errorf("%w: its inner layer, which may need another client key: %w", ErrDescriptor, err)
	}
	return inner, nil
}

// parseAddress returns the key that an onion address stands for.
func parseAddress(address string) (ed25519.PublicKey, error) {
	name := strings.ToUpper(strings.TrimSuffix(address, ".onion"))
	b, err := base32.StdEncoding.DecodeString(name)
	if err != nil || len(b) != 35 || b[34] != 3 {
		return nil, fmt.Errorf("%q is no v3 onion address", address)
	}
	if sum := hash([]byte(".onion checksum"), b[:32], b[34:]); !bytes.Equal(sum[:2], b[32:34]) {
		return nil, fmt.Errorf("%q is mistyped: its checksum is wrong", address)
	}
	return b[:32], nil
}

// An item is what follows a keyword in a document of tor's.
type item struct {
	rest  string // of the keyword's line
	block []byte // the decoded PEM block after it, if there is one
}

// items are the first of each keyword.
type items map[string]item

func parseItems(document string) items {
	is := items{}
	keyword := ""
	var block *strings.Builder // not nil inside one
	for line := range strings.Lines(document) {
		line = strings.TrimRight(line, "\n\x00")
		switch {
		case strings.HasPrefix(line, "-----BEGIN "):
			block = &strings.Builder{}
		case strings.HasPrefix(line, "-----END ") && block != nil:
			i := is[keyword]
			if i.block == nil {
				i.block, _ = base64.StdEncoding.DecodeString(block.String())
				is[keyword] = i
			}
			block = nil
		case block != nil:
			block.WriteString(line)
		default:
			var rest string
			keyword, rest, _ = strings.Cut(line, " ")
			if _, ok := is[keyword]; !ok {
				is[keyword] = item{rest: rest}
			}
		}
	}
	return is
}

// blindedKey reads the certificate that the blinded key made for the key that
// signs the descriptor, and returns the blinded key. No signature is checked:
// the layers open only with the right key.
func (is items) blindedKey() ([]byte, error) {
	// version, type, 4 bytes of expiry, key type, key, number of extensions;
	// then the one extension: 2 bytes of length, type, flags, the key.
	const certified, signedWith, length = 7, 44, 44 + 32 + 64
	c := is["descriptor-signing-key-cert"].block
	if len(c) != length || c[0] != 1 || c[1] != 8 || c[39] != 1 || binary.BigEndian.Uint16(c[40:]) != 32 || c[42] != 4 {
		return nil, fmt.Errorf("%w: its certificate is not of the kind that is known here", ErrDescriptor)
	}
	return c[signedWith : signedWith+32], nil
}

// layers are what both layers of a descriptor are keyed by.
type layers struct {
	subcredential []byte
	revision      []byte // counter, 8 bytes
}

// open decrypts one layer: a salt, the ciphertext, a MAC.
func (l layers) open(blob, secret []byte, use string) ([]byte, error) {
	const saltSize, keySize, macSize = 16, 32, 32
	if len(blob) < saltSize+macSize {
		return nil, errors.New("too short")
	}
	salt, ciphertext, mac := blob[:saltSize], blob[saltSize:len(blob)-macSize], blob[len(blob)-macSize:]
	keys := derive(keySize+aes.BlockSize+macSize, secret, l.subcredential, l.revision, salt, []byte(use))
	key, iv, macKey := keys[:keySize], keys[keySize:keySize+aes.BlockSize], keys[keySize+aes.BlockSize:]
	want := hash(length(macKey), macKey, length(salt), salt, ciphertext)
	if subtle.ConstantTimeCompare(mac, want) == 0 {
		return nil, errors.New("it is keyed otherwise")
	}
	return decrypt(key, iv, ciphertext)
}

// cookie finds the line that is for the client and decrypts the secret in it.
func (l layers) cookie(middle string, is items, client *ecdh.PrivateKey) ([]byte, error) {
	raw, err := decode64(is["desc-auth-ephemeral-key"].rest)
	if err != nil {
		return nil, fmt.Errorf("its ephemeral key: %w", err)
	}
	ephemeral, err := ecdh.X25519().NewPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("its ephemeral key: %w", err)
	}
	seed, err := client.ECDH(ephemeral)
	if err != nil {
		return nil, fmt.Errorf("its ephemeral key: %w", err)
	}
	keys := derive(40, l.subcredential, seed)
	for line := range strings.Lines(middle) {
		f := strings.Fields(line) // auth-client <id> <iv> <cookie>
		if len(f) != 4 || f[0] != "auth-client" {
			continue
		}
		id, err := decode64(f[1])
		iv, err2 := decode64(f[2])
		cookie, err3 := decode64(f[3])
		if errors.Join(err, err2, err3) != nil || len(iv) != aes.BlockSize {
			return nil, errors.New("a line for a client is malformed")
		}
		if bytes.Equal(id, keys[:8]) {
			return decrypt(keys[8:], iv, cookie)
		}
	}
	return nil, errors.New("it is not for this client key")
}

func decrypt(key, iv, ciphertext []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(ciphertext))
	cipher.NewCTR(block, iv).XORKeyStream(plain, ciphertext)
	return plain, nil
}

// hash is SHA3-256 over all parts.
func hash(parts ...[]byte) []byte {
	sum := sha3.Sum256(bytes.Join(parts, nil))
	return sum[:]
}

// derive is SHAKE-256 over all parts.
func derive(size int, parts ...[]byte) []byte {
	return sha3.SumSHAKE256(bytes.Join(parts, nil), size)
}

func length(b []byte) []byte { return binary.BigEndian.AppendUint64(nil, uint64(len(b))) }

// decode64 takes base64 with its padding or, as tor writes it, without.
func decode64(s string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}
