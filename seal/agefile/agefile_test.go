package agefile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/age"
	"tocsin/seal/agefile"
)

// inspector is the stock age-inspect, built from the module's pinned sources.
var inspector string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "agefile-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	inspector = filepath.Join(dir, "age-inspect")
	if out, err := exec.Command("go", "build", "-o", inspector, "filippo.io/age/cmd/age-inspect").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building age-inspect: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

func hybrid(t testing.TB, n int) (to []age.Recipient) {
	t.Helper()
	for range n {
		id, err := age.GenerateHybridIdentity()
		if err != nil {
			t.Fatal(err)
		}
		to = append(to, id.Recipient())
	}
	return to
}

func classic(t testing.TB, n int) (to []age.Recipient) {
	t.Helper()
	for range n {
		id, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		to = append(to, id.Recipient())
	}
	return to
}

func passphrase(t testing.TB) []age.Recipient {
	t.Helper()
	r, err := age.NewScryptRecipient("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(4)
	return []age.Recipient{r}
}

func encrypt(t testing.TB, size int, to ...age.Recipient) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func inspect(file []byte) (*agefile.Info, error) {
	return agefile.Inspect(bytes.NewReader(file), int64(len(file)))
}

func TestAgreesWithAgeInspect(t *testing.T) {
	sizes := []int{0, 1, 15, 16, 17, 65519, 65520, 65535, 65536, 65537, 131071, 131072, 131073, 262145}
	for name, to := range map[string][]age.Recipient{
		"1 hybrid": hybrid(t, 1), "3 hybrid": hybrid(t, 3), "10 hybrid": hybrid(t, 10),
		"1 X25519": classic(t, 1), "3 X25519": classic(t, 3), "10 X25519": classic(t, 10),
		"scrypt": passphrase(t),
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range sizes {
				file := encrypt(t, size, to...)
				info, err := inspect(file)
				if err != nil {
					t.Fatalf("%d bytes: %v", size, err)
				}
				path := filepath.Join(t.TempDir(), "file.age")
				if err := os.WriteFile(path, file, 0o600); err != nil {
					t.Fatal(err)
				}
				out, err := exec.Command(inspector, "--json", path).Output()
				if err != nil {
					t.Fatalf("age-inspect: %v", err)
				}
				var stock struct {
					Stanzas []string `json:"stanza_types"`
					Sizes   struct {
						Header   int64 `json:"header"`
						Overhead int64 `json:"overhead"`
						Payload  int64 `json:"min_payload"`
					} `json:"sizes"`
				}
				if err := json.Unmarshal(out, &stock); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(info.Stanzas, stock.Stanzas) {
					t.Errorf("%d bytes: stanzas %q, age-inspect says %q", size, info.Stanzas, stock.Stanzas)
				}
				if info.HeaderSize != stock.Sizes.Header {
					t.Errorf("%d bytes: header %d, age-inspect says %d", size, info.HeaderSize, stock.Sizes.Header)
				}
				if info.PayloadSize != stock.Sizes.Overhead+stock.Sizes.Payload {
					t.Errorf("%d bytes: payload %d, age-inspect says %d + %d", size, info.PayloadSize, stock.Sizes.Overhead, stock.Sizes.Payload)
				}
				if info.PlaintextSize != stock.Sizes.Payload || info.PlaintextSize != int64(size) {
					t.Errorf("%d bytes: plaintext %d, age-inspect says %d", size, info.PlaintextSize, stock.Sizes.Payload)
				}
			}
		})
	}
}

func TestHybridHeaderSize(t *testing.T) {
	for _, k := range []int{1, 2, 3, 10, 40} {
		info, err := inspect(encrypt(t, 100, hybrid(t, k)...))
		if err != nil {
			t.Fatal(err)
		}
		if want := agefile.HybridHeaderSize(k); info.HeaderSize != want {
			t.Errorf("the header for %d recipients has %d bytes, HybridHeaderSize says %d", k, info.HeaderSize, want)
		}
		for _, s := range info.Stanzas {
			if s != agefile.Hybrid {
				t.Errorf("stanza of type %q", s)
			}
		}
	}
}

// A header of the right length may have other things in it. Only what age writes
// is exact.
func TestExact(t *testing.T) {
	file := string(encrypt(t, 100, hybrid(t, 2)...))
	for name, to := range map[string][]age.Recipient{"X25519": classic(t, 1), "scrypt": passphrase(t)} {
		if info, err := inspect(encrypt(t, 100, to...)); err != nil || info.Exact {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
	const open = "-> mlkem768x25519 "
	at := strings.LastIndex(file, open) + len(open)
	before, share, rest := file[:at], file[at:at+1494], file[at+1494:]
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := alphabet[strings.IndexByte(alphabet, share[1493])|1]
	for name, c := range map[string]struct {
		file  string
		exact bool
	}{
		"as age wrote it":      {file, true},
		"words of that length": {before + strings.Repeat("the-witness-is-in-room-12 ", 58)[:1494-7] + "and-on." + rest, false},
		"one word":             {before + strings.Repeat("room-12.", 187)[:1494] + rest, false},
		"stray bits":           {before + share[:1493] + string(last) + rest, false},
		"a longer body":        {before + share[:1494-65] + "\n" + strings.Repeat("A", 64) + rest, false},
		"a shorter body":       {before + share + "AAAA" + "\nAAAA" + rest[len("\nAAAAAAAA"):], false},
		"a third argument":     {before + share + " x" + rest, false},
		"no argument":          {before[:at-1] + rest, false},
	} {
		info, err := inspect([]byte(c.file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if info.Exact != c.exact {
			t.Errorf("%s: exact is %v", name, info.Exact)
		}
	}
}

// No file's length is off by a tag: cutting the end off leaves either another
// well-formed length or an error, and the two agree with arithmetic done the
// slow way.
func TestPayloadLengths(t *testing.T) {
	file := encrypt(t, 0, hybrid(t, 1)...)
	header := agefile.HybridHeaderSize(1)
	possible := map[int64]int64{}
	for plain := int64(0); plain <= 3*65536; plain++ {
		chunks := max(1, (plain+65535)/65536)
		possible[16+plain+16*chunks] = plain
	}
	for payload := int64(0); payload <= 16+3*65552; payload++ {
		if payload > 300 && payload%65552 > 64 && payload%65552 < 65500 && payload%97 != 0 {
			continue
		}
		info, err := agefile.Inspect(bytes.NewReader(file), header+payload)
		want, ok := possible[payload]
		switch {
		case ok && (err != nil || info.PlaintextSize != want):
			t.Fatalf("payload of %d: %v, %v, want plaintext of %d", payload, info, err, want)
		case !ok && !errors.Is(err, agefile.ErrMalformed):
			t.Fatalf("payload of %d: %v, %v, want ErrMalformed", payload, info, err)
		}
	}
}

const mac = "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"

func TestMalformed(t *testing.T) {
	payload := strings.Repeat("x", 32)
	intro := "age-encryption.org/v1\n"
	good := intro + "-> a b c\nAAAA\n" + mac + payload
	if info, err := inspect([]byte(good)); err != nil || info.PlaintextSize != 0 || info.Stanzas[0] != "a" {
		t.Fatalf("the good one: %v, %v", info, err)
	}
	full := strings.Repeat("A", 64)
	for name, file := range map[string]string{
		"empty":               "",
		"other version":       strings.Replace(good, "v1", "v2", 1),
		"armored":             "-----BEGIN AGE ENCRYPTED FILE-----\n",
		"intro only":          intro,
		"CRLF":                strings.ReplaceAll(good, "\n", "\r\n"),
		"no recipient":        intro + mac + payload,
		"no closing line":     intro + "-> a\n\n",
		"no LF at end":        strings.TrimSuffix(intro+"-> a\n\n"+mac, "\n"),
		"no stanza":           intro + "a\n\n" + mac + payload,
		"no type":             intro + "-> \n\n" + mac + payload,
		"no space":            intro + "->a\n\n" + mac + payload,
		"two spaces":          intro + "-> a  b\n\n" + mac + payload,
		"trailing space":      intro + "-> a \n\n" + mac + payload,
		"control character":   intro + "-> a\x1b[2J\n\n" + mac + payload,
		"not ASCII":           intro + "-> é\n\n" + mac + payload,
		"no body":             intro + "-> a\n" + mac + payload,
		"full last line":      intro + "-> a\n" + full + "\n" + mac + payload,
		"long body line":      intro + "-> a\n" + full + "AA\n" + mac + payload,
		"padded base64":       intro + "-> a\nAA==\n" + mac + payload,
		"loose base64 bits":   intro + "-> a\nAB\n" + mac + payload,
		"CR in body":          intro + "-> a\nAA\rAA\n" + mac + payload,
		"short MAC":           intro + "-> a\n\n--- AAAA\n" + payload,
		"no MAC":              intro + "-> a\n\n---\n" + payload,
		"long MAC":            intro + "-> a\n\n" + strings.TrimSuffix(mac, "\n") + "A\n" + payload,
		"MAC and more":        intro + "-> a\n\n" + strings.TrimSuffix(mac, "\n") + " A\n" + payload,
		"no payload":          intro + "-> a\n\n" + mac,
		"only nonce":          intro + "-> a\n\n" + mac + payload[:16],
		"cut last tag":        intro + "-> a\n\n" + mac + payload[:31],
		"too many stanzas":    intro + strings.Repeat("-> a\n\n", 1025) + mac + payload,
		"too many arguments":  intro + "-> " + strings.Repeat("a ", 129) + "a\n\n" + mac + payload,
		"header beyond 2 MiB": intro + "-> a\n" + strings.Repeat(full+"\n", 32264) + "\n" + mac + payload,
		"endless line":        intro + "-> " + strings.Repeat("a", 3<<20),
	} {
		info, err := inspect([]byte(file))
		if !errors.Is(err, agefile.ErrMalformed) {
			t.Errorf("%s: %v, %v, want ErrMalformed", name, info, err)
		} else if len(err.Error()) > 200 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
	// Exactly at the limits, age and Inspect both accept.
	for name, file := range map[string]string{
		"1024 stanzas":  intro + strings.Repeat("-> a\n\n", 1024) + mac + payload,
		"128 arguments": intro + "-> " + strings.Repeat("a ", 128) + "a\n\n" + mac + payload,
	} {
		if _, err := inspect([]byte(file)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := age.ExtractHeader(strings.NewReader(file)); err != nil {
			t.Errorf("%s: age: %v", name, err)
		}
	}
}

// A failing disk is not a malformed file.
func TestReadErrorIsPassedOn(t *testing.T) {
	broken := errors.New("broken disk")
	file := encrypt(t, 10, hybrid(t, 1)...)
	for _, n := range []int{0, 10, 500} {
		_, err := agefile.Inspect(io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken)), int64(len(file)))
		if !errors.Is(err, broken) || errors.Is(err, agefile.ErrMalformed) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

// Inspect looks at the header and leaves a large payload alone.
func TestReadsOnlyTheHeader(t *testing.T) {
	file := encrypt(t, 1<<20, hybrid(t, 3)...)
	r := bytes.NewReader(file)
	if _, err := agefile.Inspect(r, int64(len(file))); err != nil {
		t.Fatal(err)
	}
	if read := int64(len(file) - r.Len()); read > agefile.HybridHeaderSize(3)+4096 {
		t.Errorf("read %d bytes", read)
	}
}

// Whatever Inspect accepts is a header to age too, of the same length and
// types.
func FuzzInspect(f *testing.F) {
	f.Add(encrypt(f, 10, hybrid(f, 1)...))
	f.Add(encrypt(f, 0, hybrid(f, 2)...))
	f.Add(encrypt(f, 70000, classic(f, 2)...))
	f.Add(encrypt(f, 1, passphrase(f)...))
	f.Add([]byte("age-encryption.org/v1\n-> a b\nAAAA\n" + mac + strings.Repeat("x", 32)))
	f.Add([]byte("age-encryption.org/v1\n-> a\n" + strings.Repeat("A", 64) + "\n\n-> b\n\n" + mac + strings.Repeat("x", 48)))
	f.Add([]byte("age-encryption.org/v1\r\n-> a\n\n" + mac))
	f.Fuzz(func(t *testing.T, file []byte) {
		info, err := inspect(file)
		if err != nil {
			if !errors.Is(err, agefile.ErrMalformed) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		header, err := age.ExtractHeader(bytes.NewReader(file))
		if err != nil {
			t.Fatalf("age refuses what Inspect accepts: %v", err)
		}
		if int64(len(header)) != info.HeaderSize || !bytes.Equal(header, file[:info.HeaderSize]) {
			t.Fatalf("Inspect's header has %d bytes and age's %d", info.HeaderSize, len(header))
		}
		if info.HeaderSize+info.PayloadSize != int64(len(file)) {
			t.Fatalf("%d + %d are not %d bytes", info.HeaderSize, info.PayloadSize, len(file))
		}
		_, err = age.DecryptHeader(header, types(info.Stanzas))
		if !errors.Is(err, age.ErrIncorrectIdentity) {
			t.Fatalf("age sees other stanzas: %v", err)
		}
	})
}

// types is an identity that opens nothing and fails in another way if the
// stanzas are not of these types.
type types []string

func (want types) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	var got []string
	for _, s := range stanzas {
		got = append(got, s.Type)
	}
	if !slices.Equal(got, want) {
		return nil, fmt.Errorf("%q, not %q", got, want)
	}
	return nil, age.ErrIncorrectIdentity
}
