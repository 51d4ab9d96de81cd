// Package desk is the wire between the store on the intake machine and the
// machines of case workers and auditors: mutual TLS 1.3 on a listener of its
// own, and over it the ledger and ciphertext one way, signed events and sealed
// replies the other.
//
// What it guarantees:
//
//   - Both ends prove an Ed25519 key that the organisation's roster names. The
//     server looks the key up in the roster in force at every handshake, again
//     at every request, and again whenever it sends more, so that who was removed
//     gets nothing more, not even an HTTP status, on a connection that was open
//     before. The client accepts one key only: the intake's, from the roster it
//     verified. No certificate authority, name or date takes part.
//   - Each role has its own routes: an auditor is sent the whole store to check,
//     and can push nothing.
//   - Only what the vault holds passes: ciphertext, leaves, checkpoints,
//     rosters. What the vault has destroyed does not, though its file may still
//     hold it. Neither end of this package can open a sealed thing.
//   - Memory is bounded on both sides whatever the other side sends: frames
//     other than messages and vault.db have a limit for each kind, messages stream.
//   - Nobody waits for ever: each side gives up when the other has moved no
//     byte for [Stall]; the server gives an auditor longer between blobs, and
//     for vault.db a time in all.
//   - The log holds workers' and auditors' names and counts, never an address.
//
// What callers must do: check what they receive. Every stream carries its
// frames' count in its last frame, so that one cut short is noticed, but that
// an object is what the ledger says is for the caller to verify against the
// leaf's digest, and that the ledger only grew against the checkpoint it kept.
// A [Store] is for [vault.Check].
//
// The routes, all answering with one stream of frames (see [Writer]):
//
//	GET  /v1/head                the roster in force and the latest checkpoint; also to auditors
//	GET  /v1/leaves?from=N&to=M  leaves N to M-1, at most MaxLeaves of them
//	POST /v1/objects             what the leaves named in the body speak of
//	POST /v1/push                one signed leaf, and the ciphertext of a reply or note or a new envelope
//
// and to auditors alone:
//
//	GET  /v1/store               vault.db as it is now, in the form that a snapshot has
//	GET  /v1/blobs?from=N&to=M   the ciphertexts of leaves N to M-1 that lie beside it
//
// A case that was withdrawn or purged has no envelope any more: the desk sends
// its record alone, and answers a push to it with status 410.
//
// The same frames may be written to a file and carried by hand.
package desk
