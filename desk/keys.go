package desk

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"

	"tocsin/onion"
	"tocsin/seal/roster"
)

// Keys are what somebody makes who is to reach a desk: the public halves for
// the card, and the files of the private ones.
type Keys struct {
	Desk      ed25519.PublicKey // proves who asks, and signs a case worker's events
	DeskFile  []byte            // see [roster.ParsePrivateDeskKey]
	Onion     string            // finds the desk's onion service
	OnionFile []byte            // see [onion.ParseClientKey]
}

// NewKeys makes keys.
func NewKeys() (*Keys, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("making the desk key: %w", err)
	}
	pem, err := roster.MarshalPrivateDeskKey(private)
	if err != nil {
		return nil, err
	}
	finder, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the onion key: %w", err)
	}
	return &Keys{
		Desk: public, DeskFile: pem,
		Onion: onion.ClientID(finder.PublicKey()), OnionFile: onion.MarshalClientKey(finder),
	}, nil
}
