package onion

import (
	"crypto/ecdh"
	"encoding/base32"
	"errors"
	"strings"
)

// A client's key in a file is what stands after the address in a file of tor's
// ClientOnionAuthDir (tor(1)), so that any tor can be given it by hand.
const clientPrefix = "descriptor:x25519:"

var clientBase32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// ErrClientKey means that a file does not hold a client's key.
var ErrClientKey = errors.New("it does not begin with " + clientPrefix + " and a key in base32")

// MarshalClientKey returns the text of a client's key file.
func MarshalClientKey(key *ecdh.PrivateKey) []byte {
	return []byte(clientPrefix + clientBase32.EncodeToString(key.Bytes()) + "\n")
}

// ParseClientKey reads what MarshalClientKey wrote. Its errors don't quote it.
func ParseClientKey(text []byte) (*ecdh.PrivateKey, error) {
	encoded, ok := strings.CutPrefix(strings.TrimSuffix(string(text), "\n"), clientPrefix)
	secret, err := clientBase32.DecodeString(encoded)
	if err != nil || !ok {
		return nil, ErrClientKey
	}
	defer clear(secret)
	key, err := ecdh.X25519().NewPrivateKey(secret)
	// base32 skips line ends.
	if err != nil || string(MarshalClientKey(key)) != clientPrefix+encoded+"\n" {
		return nil, ErrClientKey
	}
	return key, nil
}

// ClientID is how a service knows the client with that key: what
// [Process.SetClients] takes.
func ClientID(key *ecdh.PublicKey) string { return clientBase32.EncodeToString(key.Bytes()) }
