// Package seal is the only code that puts what a witness tells under a key,
// and the only code that takes it out again.
//
// What it makes is standard: every sealed thing is an age file
// (age-encryption.org/v1) to post-quantum hybrid recipients, and a message's
// plaintext is a tar archive. A case worker with nothing but age and tar opens
// a case like this:
//
//	age -d -i worker.key envelope.age > case.key
//	age -d -i case.key message.age | tar x
//
// The pieces are the case key (one fresh age identity per case), the envelope
// (the case key sealed to every case worker), the message (a report, an
// addition or a reply with its attachments, padded to a step of
// tocsin/seal/padme) and the codename (eight words from which a witness comes
// back to its own key).
//
// # What it guarantees
//
// Messages stream in both directions in memory that does not grow with them:
// about 1.2 MiB in writing and 0.5 MiB in reading, besides the body. No
// temporary file is made. A message is read as exactly one layout; whatever
// deviates, is damaged, or was made for another instance, case or kind is
// refused with one of the errors below, and no content is part of an error's
// text.
//
// # What callers must do
//
// Close every MessageWriter, or Abort it: without Close the message is cut short
// and will not open. Discard what was handed out if ReadMessage ends in an error. Never
// write a Codename, CaseKey or Credential to a log or a file in the clear; nor
// File.Name to a terminal or a file system without cleaning it, since it is
// whatever the witness's browser said.
//
// # What it cannot do
//
// Buffers of plaintext and derived bytes are overwritten when they are done
// with. That is a courtesy and no promise: Go may have copied them, the age
// and Argon2 implementations keep buffers of their own, keys inside age
// identities and all strings cannot be overwritten, and freed memory is not
// cleared at once. Turn off core dumps and swap where seal runs.
package seal

import "errors"

// The errors that callers decide by. An error in reading or writing the
// caller's own file or stream is passed on wrapped and is none of these.
var (
	// ErrRecipient: not a usable age1pq1… recipient, or one given twice, or
	// none at all.
	ErrRecipient = errors.New("not a list of age1pq1 recipients")
	// ErrKey: sealed to somebody else. A header whose recipient part was
	// altered looks the same, since only the right key can tell.
	ErrKey = errors.New("this key does not open it")
	// ErrDamaged: not a sealed file of ours, cut short, or altered.
	ErrDamaged = errors.New("the sealed file is damaged")
	// ErrContents: opened and authentic, but the archive inside is not laid
	// out as a message or is not what its manifest says.
	ErrContents = errors.New("the contents are not those of a message")
	// ErrContext: a message of another instance, case or kind.
	ErrContext = errors.New("the message belongs elsewhere")
	// ErrVersion: a format that this program does not know.
	ErrVersion = errors.New("unknown version of the format")
	// ErrTooLarge: more than the format holds: see MaxBody, MaxFiles and
	// MaxFileSize.
	ErrTooLarge = errors.New("larger than a message can hold")
	// ErrCodename: not eight words of the list, nor anything that can be meant
	// for them only. A CodenameError says where.
	ErrCodename = errors.New("not a codename")
	// ErrPassphrase: the passphrase does not open the key file.
	ErrPassphrase = errors.New("wrong passphrase")
)
