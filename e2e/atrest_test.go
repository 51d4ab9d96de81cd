package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/report"
)

// TestNothingReadableAtRest puts a marker into everything that a witness and
// a case worker send, lets the server crash in the middle of an upload, and
// then looks for the markers in every file that was left, in every line of
// log, and for any file that the server made where it should not.
func TestNothingReadableAtRest(t *testing.T) {
	dir, tmp := setUp(t), t.TempDir()
	trace := filepath.Join(t.TempDir(), "trace")
	wrap := append(tracer(t), "-f", "-qq", "-y", "-s", "4096", "-e", "trace=open,openat,openat2,creat,mknod,mknodat,memfd_create,link,linkat,symlinkat,rename,renameat,renameat2", "-o")

	const (
		fileName = "marker-file-zanzibar-0004.jpg"
		content  = "Marker-Content-Zanzibar-0005 "
		agent    = "Marker-Agent/0006 (Zanzibar)"
		crashed  = "Marker-Crashed-Zanzibar-0007 "
		reply    = "Marker-Reply-Zanzibar-0008"
	)
	fields, markers := markedFields(t)
	marked := slices.Clone(markers)
	markers = append(markers, fileName, strings.TrimSpace(content), agent, strings.TrimSpace(crashed), reply)

	first := startIntake(t, dir, tmp, append(slices.Clone(wrap), trace+".1")...)
	client := &http.Client{}
	codename, err := form(client, first.web)
	if err != nil {
		t.Fatal(err)
	}
	// Small enough to lie in the database, large enough for a file, and both.
	for _, size := range []int{1000, 900_000} {
		name := codename
		if size > 1000 {
			if name, err = form(client, first.web); err != nil {
				t.Fatal(err)
			}
		}
		markers = append(markers, name, strings.ReplaceAll(name, " ", "-"), strings.ReplaceAll(name, " ", "+"), strings.ReplaceAll(name, " ", ""))
		if err := send(client, first.web, agent, name, fields, attachment{fileName, strings.NewReader(strings.Repeat(content, size/len(content)))}); err != nil {
			t.Fatal(err)
		}
	}
	died := crashInTheMiddle(t, first, crashed)
	log := first.logged()
	roots := []string{filepath.Join(dir, "intake"), tmp}
	lookInFiles(t, markers, roots...) // before a restart sweeps

	second := startIntake(t, dir, tmp, append(slices.Clone(wrap), trace+".2")...)
	left := blobs(t, filepath.Join(dir, "intake"))
	if slices.Contains(left, died) {
		t.Errorf("the restart did not sweep blob %s of the upload that died", died)
	}
	if len(left) != 1 {
		t.Errorf("blobs after the restart: %v, want that of the one report that has any", left)
	}
	home := []string{"--home", filepath.Join(dir, "alice")}
	triage := func(args ...string) string { return command(t, "triage", append(home, args...)...) }
	triage("pull", "--desk", second.desk)
	// The reply goes to the report whose codename comes back below.
	var replied bool
	for _, id := range caseIDs(t, triage("list", "--json")) {
		// What never came in would not be found either.
		shown := triage("show", id, "--json")
		for _, m := range append(marked, fileName) {
			if !strings.Contains(shown, m) {
				t.Errorf("the case worker is not shown %q", m)
			}
		}
		text := filepath.Join(t.TempDir(), "reply.txt")
		if err := os.WriteFile(text, []byte(reply), 0o600); err != nil {
			t.Fatal(err)
		}
		triage("reply", id, text)
		replied = true
	}
	if !replied {
		t.Fatal("no case to reply to")
	}
	triage("push", "--desk", second.desk)
	page := comeBack(t, client, second.web, agent, codename)
	if !strings.Contains(page, reply) {
		t.Errorf("the witness does not see the reply: %s", page)
	}
	second.stop(t)
	log += second.logged()

	lookInFiles(t, markers, roots...)
	lookFor(t, markers, []byte(log), "the log")
	if left, _ := os.ReadDir(tmp); len(left) > 0 {
		t.Errorf("the server left %v in the temporary directory", left)
	}
	for _, n := range []string{".1", ".2"} {
		b, err := os.ReadFile(trace + n)
		if err != nil {
			t.Fatal(err)
		}
		checkTrace(t, string(b), filepath.Join(dir, "intake"))
	}
}

// markedFields fills in every field of the form, and returns what to look for
// afterwards: what would not stand in a store, a log or a program by chance.
func markedFields(t *testing.T) (fields [][2]string, markers []string) {
	t.Helper()
	for i, f := range report.Fields() {
		var value string
		switch {
		case f.Format == report.Coordinates:
			// Decimals hold a marker too: two random numbers of 20 digits.
			value = fmt.Sprintf("12.%020d,-34.%020d", rand.Uint64(), rand.Uint64())
			latitude, longitude, _ := strings.Cut(value, ",")
			markers = append(markers, latitude, longitude)
		case f.Format == report.Date:
			value = "1987-06-05" // a day is no marker: the ledger holds days, if not this one
		case f.Format == report.Time:
			value = "23:59" // too short for a marker
		case f.Format == report.Country:
			value = "BE" // two letters are no marker
		case f.Kind == report.Choice, f.Kind == report.Choices:
			// Only what the form offers; the long ones stand nowhere else.
			value = slices.MaxFunc(f.Choices, func(a, b string) int { return len(a) - len(b) })
			if len(value) >= 12 {
				markers = append(markers, value)
			}
		case f.Format == "":
			value = fmt.Sprintf("Marker-%s-Zanzibar-%04d", f.Name, i)
			markers = append(markers, value)
		default:
			t.Fatalf("%s: what can a %s hold?", f.Name, f.Format)
		}
		fields = append(fields, [2]string{f.Name, value})
	}
	return fields, markers
}

// crashInTheMiddle sends a part of an upload, kills the server when a blob of
// it with content lies on the disk, and returns that blob's name.
func crashInTheMiddle(t *testing.T, s *server, marker string) string {
	t.Helper()
	content := strings.NewReader(strings.Repeat(marker, 3<<20/len(marker)))
	upload := hold(t, s, "en", marker, attachment{"crash-" + strings.TrimSpace(marker) + ".jpg", content})
	s.kill()
	upload.cut(t)
	return upload.blob
}

var caseIDField = regexp.MustCompile(`"case": *"([a-z2-7]{26})"`)

func caseIDs(t *testing.T, list string) []string {
	t.Helper()
	var out []string
	for _, m := range caseIDField.FindAllStringSubmatch(list, -1) {
		out = append(out, m[1])
	}
	return out
}

// comeBack types a codename into the return page.
func comeBack(t *testing.T, c *http.Client, web, userAgent, codename string) string {
	t.Helper()
	req, err := http.NewRequest("POST", web+"/en/return", nil)
	if err != nil {
		t.Fatal(err)
	}
	contentType, body := reportBody(codename, nil)
	req.Body = io.NopCloser(body)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", userAgent)
	r, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	page, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// lookInFiles looks for the markers in every file under the roots, its path
// included.
func lookInFiles(t *testing.T, markers []string, roots ...string) {
	t.Helper()
	seen := 0
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			seen++
			lookFor(t, markers, b, path)
			lookFor(t, markers, []byte(path), "the path "+path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 4 {
		t.Errorf("only %d files were looked at", seen)
	}
}

// lookFor reports each marker that b contains, in plain or in a dress, in
// upper or lower case.
func lookFor(t *testing.T, markers []string, b []byte, where string) {
	t.Helper()
	// bytes.ToLower would take ciphertext for letters, and its time.
	lower := bytes.Clone(bytes.TrimRight(b, "\x00"))
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] += 'a' - 'A'
		}
	}
	for _, m := range markers {
		for _, dress := range dresses(m) {
			if bytes.Contains(lower, []byte(strings.ToLower(dress))) {
				t.Errorf("%s contains %q as %q", where, m, dress)
			}
		}
	}
}

// dresses are the forms in which text hides in plain sight: itself, in a URL,
// in hexadecimal, and in base64 at each of its three alignments.
func dresses(m string) []string {
	out := []string{m, url.QueryEscape(m), hex.EncodeToString([]byte(m))}
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			s := e.EncodeToString(append(make([]byte, shift), m...))
			// The first and last characters depend on what stands around.
			out = append(out, s[(shift*8+5)/6:len(s)-2])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var (
	creates = regexp.MustCompile(`(?:open(?:at2?)?|creat|mknod(?:at)?)\((?:[^"]*)"([^"]*)"[^)]*(?:O_CREAT|O_TMPFILE|creat|S_IF)`)
	makes   = regexp.MustCompile(`(memfd_create|link|linkat|symlinkat)\(`)
)

// checkTrace allows the server to make files only where they belong: the
// blobs and the control socket of its data directory.
func checkTrace(t *testing.T, trace, data string) {
	t.Helper()
	allowed := regexp.MustCompile(`^` + regexp.QuoteMeta(data) + `/(vault\.db|blobs/[0-9a-f]{32}|control\.sock)$`)
	opens, blobs := 0, 0
	for line := range strings.Lines(trace) {
		if strings.Contains(line, "vault.db") {
			opens++
		}
		if m := makes.FindString(line); m != "" {
			t.Errorf("traced: %s", line)
		}
		m := creates.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if !allowed.MatchString(m[1]) {
			t.Errorf("the server made a file: %s", line)
		}
		if strings.Contains(m[1], "/blobs/") {
			blobs++
		}
	}
	if opens == 0 {
		t.Error("the trace does not even show the store being opened")
	}
	t.Logf("traced: %d blobs made", blobs)
}

// TestTheTraceWouldShow checks the check: a program that makes a temporary
// file is seen.
func TestTheTraceWouldShow(t *testing.T) {
	strace := need(t, "strace", "strace")
	trace := filepath.Join(t.TempDir(), "trace")
	out, err := exec.Command(strace, "-f", "-qq", "-y", "-e", "trace=open,openat,creat", "-o", trace, "sh", "-c", "mktemp").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	defer os.Remove(strings.TrimSpace(string(out)))
	b, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	if !creates.Match(b) {
		t.Errorf("mktemp is not seen in %s", b)
	}
}
