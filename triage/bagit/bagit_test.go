package bagit

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func bag(t *testing.T, payload map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	b, err := NewWriter(&out, "case-1")
	if err != nil {
		t.Fatal(err)
	}
	b.Tags = func(manifest []byte) ([]Tag, error) {
		return []Tag{{"copy.txt", manifest}}, nil
	}
	for name, text := range payload {
		if err := b.Add(name, int64(len(text)), strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close([]Info{{"Source-Organization", "Example"}}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The judges are the tools that a recipient has.
func TestStockToolsCheckABag(t *testing.T) {
	dir := t.TempDir()
	tar := exec.Command("tar", "x", "-C", dir)
	tar.Stdin = bytes.NewReader(bag(t, map[string]string{
		"report.html":               "<!doctype html>",
		"files/001-façade été.jpeg": strings.Repeat("x", 100_000),
		"files/empty":               "",
	}))
	if out, err := tar.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	root := filepath.Join(dir, "case-1")
	for _, manifest := range []string{"manifest-sha512.txt", "tagmanifest-sha512.txt"} {
		sum := exec.Command("sha512sum", "--strict", "-c", manifest)
		sum.Dir = root
		out, err := sum.CombinedOutput()
		if err != nil {
			t.Errorf("sha512sum -c %s: %v\n%s", manifest, err, out)
		}
	}
	for name, want := range map[string]string{
		"bagit.txt":    "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
		"bag-info.txt": "Source-Organization: Example\nPayload-Oxum: 100015.3\n",
	} {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	manifest, err := os.ReadFile(filepath.Join(root, "manifest-sha512.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(root, "copy.txt")); err != nil || !bytes.Equal(got, manifest) {
		t.Errorf("a tag file is not made from the manifest: %v", err)
	}
	// Every file is named by exactly one manifest (RFC 8493, section 3).
	named := make(map[string]bool)
	for _, manifest := range []string{"manifest-sha512.txt", "tagmanifest-sha512.txt"} {
		text, _ := os.ReadFile(filepath.Join(root, manifest))
		for line := range strings.Lines(string(text)) {
			named[strings.TrimSuffix(line[130:], "\n")] = true
		}
	}
	filepath.Walk(root, func(p string, info os.FileInfo, err error) error {
		rel, _ := filepath.Rel(root, p)
		if err == nil && info.Mode().IsRegular() && rel != "tagmanifest-sha512.txt" && !named[rel] {
			t.Errorf("%s is in no manifest", rel)
		}
		return err
	})
}

func TestPathsThatAManifestCannotHold(t *testing.T) {
	b, err := NewWriter(io.Discard, "case-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Add("twice", 0, strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "twice", "../up", "a/../../b", "/abs", "a//b", "./a", "line\nbreak", "per%cent", `back\slash`, "\xff", "."} {
		if err := b.Add(name, 0, strings.NewReader("")); !errors.Is(err, ErrPath) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, dir := range []string{"", "a/b", "..", ".", "/"} {
		if _, err := NewWriter(io.Discard, dir); !errors.Is(err, ErrPath) {
			t.Errorf("directory %q: %v", dir, err)
		}
	}
}

func TestATagFileStaysBesideTheManifest(t *testing.T) {
	for _, name := range []string{"", "data/x", "../x", "line\nbreak"} {
		b, err := NewWriter(io.Discard, "case-1")
		if err != nil {
			t.Fatal(err)
		}
		b.Tags = func([]byte) ([]Tag, error) { return []Tag{{name, nil}}, nil }
		if err := b.Close(nil); !errors.Is(err, ErrPath) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestABrokenBagStaysBroken(t *testing.T) {
	for name, content := range map[string]string{"short": "abc", "long": "abcdefgh"} {
		b, err := NewWriter(io.Discard, "case-1")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add("a", 5, strings.NewReader(content)); err == nil {
			t.Errorf("%s: a file of another size than announced was taken", name)
		}
		if err := b.Close(nil); err == nil {
			t.Errorf("%s: the bag was closed as if it were whole", name)
		}
	}
}

func TestInfoStaysOnItsLine(t *testing.T) {
	b, err := NewWriter(io.Discard, "case-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close([]Info{{"Contact-Name", "a\nBagging-Date: 1970-01-01"}}); err == nil {
		t.Error("a line break was taken into bag-info.txt")
	}
}
