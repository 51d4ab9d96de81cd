// Package view is the inbox that a case worker lives in: a full-screen view of a
// home's cases ([Full]), and the same as a dialogue of plain lines for screen
// readers and terminals that can do no more ([Plain]).
//
// What it guarantees:
//
//   - It does nothing by itself: each action is a method of [triage.Home], the
//     same that the verb of that name calls, under [triage.Home.Lock] for the
//     moment of the change alone. Text that was typed stays until the change is
//     made.
//   - Text of a report reaches the terminal only through package screen. What
//     else Full writes are the sequences of its library; Plain writes none, and
//     moves no cursor.
//   - A case's text is in memory only: on the terminal's alternate screen, which
//     scrolls nothing back, wiped before it is left, and in no log.
//   - The terminal is as it was when Full returns: also after a panic, SIGTERM,
//     SIGHUP, or the end of the parent process. kill -9 leaves no time for that:
//     type reset.
//   - Attachments are listed and never opened. The network is asked for by the
//     keys for pull, push and deliver, and at no other time.
//
// The model of Full is one goroutine's. What works on the home is a job in
// another, one at a time, because a home does one thing at a time; keys that are
// typed while a short one runs wait for it.
package view
