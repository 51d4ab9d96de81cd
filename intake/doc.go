// Package intake is the witness's web: the form, the page that says "received"
// and the page where a witness comes back with a codename.
//
// # What it guarantees
//
//   - Nothing a witness sends is written to a disk, a log or a temporary file
//     in the clear. The multipart body is read part by part, text is kept in
//     memory up to a bound, and files stream through package seal into package
//     vault in memory that does not grow with them.
//   - "Received" is sent after vault.AddCase returned without an error, and
//     never before.
//   - A codename travels in the body of a request or a response, never in a
//     URL, and is not kept: what the store holds is a tag derived from it.
//   - Nothing is logged per request. No page sets a cookie, runs a script or
//     loads anything from another host. No page but the stylesheet may be
//     cached.
//   - Every refusal is a page in the witness's language that says what
//     happened and what to do, with a status that fits; where the text had been
//     read already it is shown again in the form, under the same codename, so
//     that nothing typed is lost. The page arrives even when the browser is
//     still sending: see [refuser].
//
// # What callers must do
//
// Open the vault, make a [Server] with [New], hand listeners to
// [Server.Serve], call [Server.Drain] to stop, and close the vault only after
// Drain has returned. Put a TLS terminator or an onion service in front: the
// package speaks HTTP/1.1 in the clear. What stands in front must pass the Host
// header on as it came: [Server] compares it with the Origin of a form. It must
// compress nothing: pages that hold a secret are sent as they are, and filled up,
// for a reason.
package intake
