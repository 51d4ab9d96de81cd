package cosigner

import (
	"strings"
	"testing"
)

// FuzzRequest: a request that is taken has one form, and no more than is
// allowed.
func FuzzRequest(f *testing.F) {
	// The example of C2SP tlog-witness.
	const example = `old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
`
	if _, err := parseRequest([]byte(example)); err != nil {
		f.Fatal(err)
	}
	_, checkpoint, _ := strings.Cut(example, "\n\n")
	f.Add([]byte(example))
	f.Add([]byte(strings.ReplaceAll(example, "\n", "\r\n")))
	f.Add([]byte("old 0\n\n" + checkpoint))
	f.Add([]byte("old 00\n\n" + checkpoint))
	f.Add([]byte("old 4611686018427387904\n\n" + checkpoint))
	f.Add([]byte("old 1\n" + strings.Repeat("PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n", 64) + "\n" + checkpoint))
	f.Add([]byte("old 1\n\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parseRequest(body)
		if err != nil {
			return
		}
		if string(r.marshal()) != string(body) {
			t.Errorf("%q is taken for %q", body, r.marshal())
		}
		if r.old < 0 || r.old > 1<<62 || len(r.proof) > 63 || len(body) > maxRequest {
			t.Errorf("taken: old %d, %d hashes, %d bytes", r.old, len(r.proof), len(body))
		}
	})
}
