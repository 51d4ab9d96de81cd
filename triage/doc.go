// Package triage is the case worker's workspace: a directory that mirrors the
// store's ciphertext and ledger, in which cases are read, answered and handed
// over without a network.
//
// What it guarantees:
//
//   - The ledger it remembers only grows. A desk that shows a shorter, another
//     or an unsigned history, an event that no case worker of its day signed, or
//     an object that is not what its leaf says is refused ([ErrRefused]) and
//     changes nothing here.
//   - Nothing decrypted is written to disk, except by [Home.Save], which exists
//     for that: the index of what was read is sealed, padded, and let go of with
//     the case. A bag for an authority streams from one sealed file into another.
//   - Every verb can be killed at any instant and repeated. Files appear whole
//     or not at all; what is queued for the desk leaves the queue only once a
//     checkpoint that was verified here covers it.
//   - What was purged leaves the home with the pull that brings it, and only if
//     as many case workers signed for it as the roster asks for; a purge or a
//     release that the desk refuses is queued no more.
//   - A file that was carried here is believed as little as the desk, and checked
//     by the same code. Writing one needs no key that opens anything.
//   - What a witness withdrew leaves the home with the pull that brings it, and
//     only if the case's record vouches that the witness did it. A signed note
//     that a report was read, which ends the time for that, is queued once.
//   - An envelope that is no longer in force leaves the home once the one in
//     force was opened here and holds the key of its case; not before, so that
//     nobody destroys a case by sealing something else.
//   - The key files are all under one passphrase, whenever a change of it was
//     interrupted.
//   - An addition that can't be read keeps nobody from the report.
//   - What is handed over is opened, checked and acknowledged with stock
//     programs; only the roster's key for it makes an acknowledgement.
//   - No text of a report reaches a terminal, a page or a file name but through
//     package screen.
//
// What callers must do: take the passphrase from the person at the terminal
// (see [Home.Passphrase]) and nowhere else; call one verb at a time, which
// [Home.Lock] enforces between processes; and read the organisation's key from
// the organisation, because everything rests on it.
//
// The directory, 0700, all files 0600:
//
//	worker.key     age identity, as age-keygen -pq writes it, or the same
//	               protected by a passphrase (age -p): stock age opens either
//	desk.key       Ed25519 key for the desk and for signing events (PKCS #8)
//	onion.key      x25519 key that finds the desk's onion service, as tor has it
//	plugin.key     identity of an age plugin that the three keys are sealed to, if
//	               they are: age -d -i plugin.key worker.key opens them
//	keys.next/     keys under a new passphrase, until they are moved
//	card           the public halves, for the organisation
//	config         the organisation's key and the desk's address
//	roster         the signed roster that was joined with
//	rules          the organisation's own routing rules, if it has any
//	ledger/        leaves, and head: the newest verified roster and checkpoint
//	objects/       sealed objects, named by their SHA-256
//	queue/         signed events, sealed replies and notes, and new envelopes for the desk
//	drafts/        replies that are not sent yet, sealed to the worker alone
//	index/         what was read of each case, sealed to this home alone: a
//	               cache of what list and search need, see [Home.Inbox]
//	outbox/DEST/   sealed bags for a destination
//	acknowledged/  what destinations signed of them, by the bag's SHA-256
//	deliveries/    which of them are to be mailed or given to a command
//	mail           the mail server of this machine, protected as the keys are
//	commands/      the person's own programs that deliver
//	org/           on the organisation's own machine: its key and its roster
package triage
