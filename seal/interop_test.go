package seal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// stock is the directory of the age programs, built from the module's own
// pinned sources.
var stock string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "seal-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator),
		"filippo.io/age/cmd/age", "filippo.io/age/cmd/age-keygen")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building age: %v\n%s", err, out)
		return 1
	}
	stock = dir
	return m.Run()
}

// shell runs a script with the stock age programs first in the path.
func shell(t *testing.T, dir, script string) string {
	t.Helper()
	cmd := exec.Command("sh", "-euc", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+stock+string(filepath.ListSeparator)+os.Getenv("PATH"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s\n%v\n%s", script, err, stderr.String())
	}
	if stderr.Len() > 0 {
		t.Fatalf("%s\nis not silent: %s", script, stderr.String())
	}
	return stdout.String()
}

func put(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A case worker who has lost Tocsin opens a case with age and tar: keys made
// by age-keygen, envelope to case key, message to files.
func TestStockProgramsOpenACase(t *testing.T) {
	dir := t.TempDir()
	shell(t, dir, "for i in 1 2 3; do age-keygen -pq -o worker$i.key 2>/dev/null; age-keygen -y worker$i.key >worker$i.pub; done")
	var pubs []string
	for i := range 3 {
		pubs = append(pubs, strings.TrimSpace(string(get(t, dir, fmt.Sprintf("worker%d.pub", i+1)))))
	}
	workers, err := ParseRecipients(pubs)
	if err != nil {
		t.Fatal(err)
	}
	key := newKey(t)
	envelope, err := key.Envelope(workers)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "envelope.age", envelope)
	attached := [][]byte{
		pattern(0), pattern(1), pattern(PartSize), pattern(PartSize + 1), pattern(3*PartSize + 12345),
	}
	sealed := sealed(t, key, reportContext, []byte(`{"what":"…"}`), attached...)
	put(t, dir, "message.age", sealed)

	for i := range 3 {
		out := fmt.Sprintf("out%d", i+1)
		shell(t, dir, fmt.Sprintf(`age -d -i worker%d.key envelope.age >case.key
			mkdir %s
			age -d -i case.key message.age | tar x -C %s`, i+1, out, out))
		if got := get(t, dir, out+"/report.json"); string(got) != `{"what":"…"}` {
			t.Errorf("report.json = %q", got)
		}
		for k, want := range attached {
			path := fmt.Sprintf("files/%03d", k+1)
			if len(want) > PartSize {
				shell(t, dir, fmt.Sprintf("cat %[1]s/%[2]s.part* >%[1]s/%[2]s", out, path))
			}
			if got := get(t, dir, out+"/"+path); !bytes.Equal(got, want) {
				t.Errorf("%s has %d bytes, want the %d that were attached", path, len(got), len(want))
			}
		}
		m, err := parseManifest(get(t, dir, out+"/manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Files) != len(attached) || m.Files[4].Name != "file 5.jpg" {
			t.Errorf("manifest.json speaks of %+v", m.Files)
		}
	}
	if got := shell(t, dir, "age -d -i case.key message.age | tar tv --full-time --utc | sed 's/  */ /g' | head -n 2"); got !=
		"-rw------- 0/0 14 1970-01-01 00:00:00 report.json\n-rw------- 0/0 0 1970-01-01 00:00:00 files/001\n" {
		t.Errorf("tar lists %q", got)
	}
}

// The witness's half of a reply: the identity that the codename gives is one
// that age takes from a file.
func TestStockProgramOpensAReplyWithTheCodenamesKey(t *testing.T) {
	dir := t.TempDir()
	c, err := NewCodename()
	if err != nil {
		t.Fatal(err)
	}
	cred, err := c.Derive(testInstance)
	if err != nil {
		t.Fatal(err)
	}
	key := newKey(t)
	var out bytes.Buffer
	context := Context{testInstance.String(), "case", KindReply, ""}
	w, err := NewMessage(&out, context, []byte("reply"), key.Recipient(), cred.Identity.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "witness.key", []byte(cred.Identity.String()+"\n"))
	put(t, dir, "reply.age", out.Bytes())
	if got := shell(t, dir, "age -d -i witness.key reply.age | tar xO message.json"); got != "reply" {
		t.Errorf("the stock programs read %q", got)
	}
	m, err := ReadMessage(bytes.NewReader(out.Bytes()), int64(out.Len()), cred.Identity, context, nil)
	if err != nil || string(m.Body) != "reply" {
		t.Errorf("ReadMessage = %v, %v", m, err)
	}
}

// What the stock age program seals to the right recipients is opened too:
// nothing depends on our own writer's side of age.
func TestEnvelopeMadeByStockAge(t *testing.T) {
	dir := t.TempDir()
	shell(t, dir, "age-keygen -pq 2>/dev/null | grep -v '^#' >case.key")
	worker := newKey(t)
	put(t, dir, "worker.pub", []byte(worker.Recipient().String()+"\n"))
	shell(t, dir, "age -R worker.pub -o envelope.age case.key; age-keygen -y case.key >case.pub")
	k, err := OpenEnvelope(get(t, dir, "envelope.age"), worker.Identity())
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSpace(string(get(t, dir, "case.pub"))); k.Recipient().String() != want {
		t.Errorf("the envelope holds another key")
	}
	// A whole identity file, comments included, is no case key of ours.
	shell(t, dir, "age-keygen -pq 2>/dev/null >commented.key; age -R worker.pub -o other.age commented.key")
	if _, err := OpenEnvelope(get(t, dir, "other.age"), worker.Identity()); !errors.Is(err, ErrContents) {
		t.Errorf("OpenEnvelope = %v, want ErrContents", err)
	}
}
