// Package onion makes listeners reachable as v3 onion services, and reaches
// them, through tor's control protocol spoken by cretz/bine.
//
// What it guarantees:
//
//   - All of it happens in a process of its own, which a [Process] stands for and
//     [Keep] is the work of: the server that started it needs neither tor's
//     sockets nor the services' keys, and can give up both.
//   - A tor of our own is kept running: its data directory is private, it has a
//     SOCKS socket only while the server's own page is fetched through it, and it
//     ends when the server does. A tor that somebody else runs is attached to
//     instead, by its control port or socket.
//   - Services stay published while there is a tor. That it died or hangs, that
//     its start stalls or that a descriptor was not uploaded again is noticed and
//     said in a sentence with what to do, and the same address comes back.
//   - A private service ([Service].Private) is never published without client
//     authorization: with no client it isn't published at all.
//   - Nothing about a client is logged: of what tor says, warnings are passed
//     on without addresses, and of the rest only how far it started.
//   - Keys lie in files of tor's own form, 0600, made once.
//
// What callers must do: listen on the targets of the services before [Start],
// and keep the directories given here private.
package onion
