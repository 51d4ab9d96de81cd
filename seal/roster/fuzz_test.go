package roster_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"tocsin/seal/roster"
)

// known fails the test for an error that callers could not tell apart.
func known(t *testing.T, err error, sentinels ...error) {
	t.Helper()
	for _, s := range sentinels {
		if errors.Is(err, s) {
			return
		}
	}
	t.Errorf("an error of no kind: %v", err)
}

func rosterSeeds(f *testing.F) [][]byte {
	r := sample(f)
	few := sample(f)
	few.Workers, few.Destinations, few.Policy.Attachments = few.Workers[:1], nil, false
	odd := sample(f)
	odd.Workers[1].Onion = onionKey("bo-2")
	odd.Number = 1<<62 - 1
	odd.Organisation = "worker x"
	odd.Policy.Withdraw = true
	odd.Destinations[0].Title = "policy"
	full(&odd.Destinations[0])
	odd.Destinations[1].Delivery, odd.Destinations[1].Ack = "command portal", ackMinisign
	text := r.Marshal()
	return [][]byte{
		text, few.Marshal(), odd.Marshal(), watched(f).Marshal(), text[:len(text)/2],
		bytes.Replace(text, []byte("v1"), []byte("v2"), 1),
		bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")),
		bytes.Replace(few.Marshal(), []byte("number 7"), []byte("number 007"), 1),
		[]byte("tocsin.roster.v1\n"), frozenWorker, nil,
	}
}

// What Parse takes, Marshal gives back, and the organisation can sign it.
func FuzzParse(f *testing.F) {
	for _, s := range rosterSeeds(f) {
		f.Add(s)
	}
	signer, key := orgKey(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := roster.Parse(text)
		if err != nil {
			known(t, err, roster.ErrMalformed, roster.ErrVersion)
			return
		}
		if got := r.Marshal(); !bytes.Equal(got, text) {
			t.Errorf("marshalled again, it is %q", got)
		}
		signed, err := r.Sign(signer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := roster.Open(signed, key); err != nil {
			t.Errorf("signed, it does not open: %v", err)
		}
	})
}

// What opens is exactly what the organisation signs, byte for byte. As no
// fuzzer forges signatures, each input is also tried as a text that the
// organisation did sign.
func FuzzOpen(f *testing.F) {
	for _, s := range rosterSeeds(f) {
		f.Add(s)
		f.Add(noteOf(f, string(s)+"\n"))
	}
	other, _ := noteKey(f, "example.net/other", "other")
	f.Add(frozenRoster)
	f.Add(append(bytes.Clone(frozenRoster), frozenRoster[bytes.LastIndex(frozenRoster, []byte("— ")):]...))
	f.Add(noteOf(f, string(sample(f).Marshal()), other))
	signer, key := orgKey(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, signed := range [][]byte{b, noteOf(t, strings.TrimSuffix(string(b), "\n")+"\n")} {
			s, err := roster.Open(signed, key)
			if err != nil {
				known(t, err, roster.ErrMalformed, roster.ErrVersion, roster.ErrSignature)
				continue
			}
			again, err := s.Sign(signer)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again, signed) || !bytes.Equal(s.Note, signed) || s.Digest != sha256.Sum256(signed) {
				t.Errorf("signed again, it is %q", again)
			}
		}
	})
}

func FuzzParseWorkerCard(f *testing.F) {
	f.Add(frozenWorker)
	f.Add(frozenIntake)
	f.Add(bytes.Replace(frozenWorker, []byte("v1"), []byte("v2"), 1))
	f.Add(bytes.ReplaceAll(frozenWorker, []byte("\n"), []byte("\r\n")))
	f.Add([]byte("tocsin.worker.v1\nworker ana\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		w, err := roster.ParseWorkerCard(text)
		if err != nil {
			known(t, err, roster.ErrMalformed, roster.ErrVersion)
		} else if got := w.MarshalCard(); !bytes.Equal(got, text) {
			t.Errorf("marshalled again, it is %q", got)
		}
	})
}

func FuzzParseIntakeCard(f *testing.F) {
	f.Add(frozenIntake)
	f.Add(frozenWorker)
	f.Add(bytes.Replace(frozenIntake, []byte("v1"), []byte("v2"), 1))
	f.Add(bytes.ReplaceAll(frozenIntake, []byte("\n"), []byte("\r\n")))
	f.Add([]byte("tocsin.intake.v1\norigin example.org\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := roster.ParseIntakeCard(text)
		if err != nil {
			known(t, err, roster.ErrMalformed, roster.ErrVersion)
			return
		}
		if got := c.Marshal(); !bytes.Equal(got, text) {
			t.Errorf("marshalled again, it is %q", got)
		}
		// An organisation that takes the card can sign it.
		r := sample(t)
		r.Origin, r.Intake = c.Origin, c.Intake
		if r.WorkerByDesk(c.Intake.Desk) == nil {
			open(t, sign(t, r))
		}
	})
}

func FuzzParseDeskKey(f *testing.F) {
	f.Add(rfcPublic)
	f.Add(rfcPublic + "\n")
	f.Add(roster.MarshalDeskKey(deskPublic("ana")))
	f.Add(rfcPrivate)
	f.Fuzz(func(t *testing.T, s string) {
		k, err := roster.ParseDeskKey(s)
		if err != nil {
			known(t, err, roster.ErrMalformed)
		} else if got := roster.MarshalDeskKey(k); got != s {
			t.Errorf("marshalled again, it is %q", got)
		}
	})
}

func FuzzParsePrivateDeskKey(f *testing.F) {
	f.Add([]byte(rfcPrivate))
	text, err := roster.MarshalPrivateDeskKey(deskKey("ana"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("my key\n" + rfcPrivate))
	f.Add([]byte(strings.ReplaceAll(rfcPrivate, "\n", "\r\n")))
	f.Add([]byte(strings.Replace(rfcPrivate, "KEY-----\n", "KEY-----\nComment: x\n\n", 1)))
	f.Add([]byte(strings.Replace(rfcPrivate, "MC4C", "MC8C", 1)))
	f.Add([]byte(rfcPublic))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := roster.ParsePrivateDeskKey(text)
		if err != nil {
			known(t, err, roster.ErrMalformed)
			return
		}
		got, err := roster.MarshalPrivateDeskKey(k)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, text) {
			t.Errorf("marshalled again, it is %q", got)
		}
	})
}
