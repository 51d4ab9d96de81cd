package ledger_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"tocsin/ledger"
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

// What ParseLeaf takes, Marshal gives back.
func FuzzParseLeaf(f *testing.F) {
	for _, l := range leaves() {
		f.Add([]byte(l.text))
	}
	f.Add([]byte(strings.Replace(caseText, "v1", "v2", 1)))
	f.Add([]byte(strings.ReplaceAll(caseText, "\n", "\r\n")))
	f.Add([]byte(strings.Replace(rosterText, "number 7", "number 07", 1)))
	f.Add([]byte(strings.Replace(additionText, "once", "secret", 1)))
	f.Add([]byte(strings.Replace(withdrawnText, "dd", "DD", 1)))
	f.Add([]byte(replyStatement))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ledger.ParseLeaf(b)
		if err != nil {
			known(t, err, ledger.ErrMalformed, ledger.ErrVersion)
			return
		}
		got, err := l.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, b) {
			t.Errorf("marshalled again, it is %q", got)
		}
		if l.IsSigned() != (len(l.Signature) == 64) {
			t.Errorf("IsSigned() = %t with a signature of %d bytes", l.IsSigned(), len(l.Signature))
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add([]byte(standardCheckpoint))
	f.Add(sampleCheckpoint.Marshal())
	f.Add([]byte(checkpointText))
	f.Add([]byte(standardCheckpoint + "extension\n"))
	f.Add([]byte(strings.Replace(standardCheckpoint, "=\n", "=\r\n", 1)))
	f.Add([]byte(strings.Replace(standardCheckpoint, "2085", "02085", 1)))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ledger.ParseCheckpoint(text)
		if err != nil {
			known(t, err, ledger.ErrMalformed)
		} else if got := c.Marshal(); !bytes.Equal(got, text) || c.Size < 0 {
			t.Errorf("marshalled again, it is %q", got)
		}
	})
}

// What opens is what the ledger's key signed. As no fuzzer forges signatures,
// each input is also tried as a text that the key did sign.
func FuzzOpenCheckpoint(f *testing.F) {
	signed, vkey := signedSample(f)
	signer, _ := noteKey(f, origin, "ledger")
	witness, _ := noteKey(f, "witness.example.net", "witness")
	cosigned, err := note.Sign(&note.Note{Text: string(sampleCheckpoint.Marshal())}, signer, witness)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add(cosigned)
	f.Add(sampleCheckpoint.Marshal())
	f.Add([]byte(standardCheckpoint))
	f.Add([]byte(string(sampleCheckpoint.Marshal()) + "extension\n"))
	f.Add(bytes.Replace(signed, []byte("1000"), []byte("1001"), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		own, err := note.Sign(&note.Note{Text: strings.TrimSuffix(string(b), "\n") + "\n"}, signer)
		if err != nil {
			t.Fatal(err)
		}
		for _, signed := range [][]byte{b, own} {
			c, err := ledger.OpenCheckpoint(signed, vkey)
			if err != nil {
				known(t, err, ledger.ErrMalformed, ledger.ErrSignature)
				continue
			}
			again, err := c.Sign(signer)
			if err != nil {
				t.Fatal(err)
			}
			// All but the signatures must be what is signed now; whose
			// signatures stand below, in what order, is free.
			text, _, _ := bytes.Cut(again, []byte("\n\n"))
			if !bytes.HasPrefix(signed, append(text, "\n\n"...)) || c.Origin != origin {
				t.Errorf("signed again, it is %q", again)
			}
		}
	})
}

// What ParseProof takes, FormatProof gives back; and what it proves is a leaf
// that stands in the tree at that place.
func FuzzParseProof(f *testing.F) {
	tree := newProved(f)
	for i := range tree.leaves {
		f.Add(tree.proof(f, int64(i)))
	}
	good := tree.proof(f, 3)
	f.Add([]byte(standardProof))
	f.Add(bytes.Replace(good, []byte("@v1"), []byte("@v2"), 1))
	f.Add(bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")))
	f.Add(bytes.Replace(good, []byte("index 3"), []byte("index 4"), 1))
	f.Add(bytes.Replace(good, []byte("index 3"), []byte("index 03"), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ledger.ParseProof(b)
		if err != nil {
			known(t, err, ledger.ErrMalformed, ledger.ErrVersion)
			return
		}
		if got := ledger.FormatProof(p); !bytes.Equal(got, b) {
			t.Errorf("formatted again, it is %q", got)
		}
		l, _, err := p.Verify(tree.vkey)
		if err != nil {
			known(t, err, ledger.ErrMalformed, ledger.ErrVersion, ledger.ErrSignature, ledger.ErrProof)
			return
		}
		text, err := l.Marshal()
		if err != nil || p.Index >= int64(len(tree.leaves)) || !bytes.Equal(text, tree.leaves[p.Index]) {
			t.Errorf("leaf %d is proved to be %q, %v", p.Index, text, err)
		}
	})
}
