// Package onion makes listeners reachable as v3 onion services, and reaches
// them, through tor's control protocol spoken by cretz/bine.
//
// What it guarantees:
//
//   - A [Keeper] keeps a tor of our own running: its data directory is private,
//     it opens no SOCKS port, and it ends when the process that wanted it does.
//     A tor that somebody else runs is attached to instead, by its control port
//     or socket.
//   - A [Supervisor] keeps services published while there is a tor: it notices
//     that tor died, that bootstrap stalls or that a descriptor was not
//     uploaded again, says so in a sentence with what to do, and comes back
//     under the same address.
//   - A private service ([Service.Private]) is never published without client
//     authorization: with no client it isn't published at all.
//   - Nothing about a client is logged: of what tor says, warnings are passed
//     on without addresses, and of the rest only how far it started.
//   - Keys lie in files of tor's own form, 0600, made once.
//
// What callers must do: listen on the targets of the services before
// [Supervisor.Run], and keep the directories given here private.
package onion
