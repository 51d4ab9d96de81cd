package e2e

import (
	"bufio"
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestReceivedMeansOnDisk traces the server while it takes a report in, and
// holds the order of what it asks of the kernel: the answer's first byte comes
// after the last sync, and each sync after what it is there for. What a crash
// of the machine leaves can't be tried here; this is what it depends on.
func TestReceivedMeansOnDisk(t *testing.T) {
	dir := setUp(t)
	trace := filepath.Join(t.TempDir(), "trace")
	s := startIntake(t, dir, t.TempDir(), append(tracer(t), "-f", "-qq", "-s", "256", "-o", trace, "-e", "signal=none", "-e",
		"trace=openat,close,accept4,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendfile,splice,fsync,fdatasync,sync_file_range,msync,sync,syncfs")...)
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	for _, files := range [][]attachment{nil, {{"photo.jpg", io.LimitReader(rand.Reader, 1<<20)}}} {
		codename, err := form(client, s.web)
		if err != nil {
			t.Fatal(err)
		}
		if err := send(client, s.web, "test", codename, [][2]string{{"what.seen", "an account"}}, files...); err != nil {
			t.Fatal(err)
		}
	}
	s.stop(t)

	calls := readTrace(t, trace, filepath.Join(dir, "intake"))
	var answers []int // where in calls
	for i, c := range calls {
		if strings.Contains(c.text, `"HTTP/1.1 200 OK`) {
			answers = append(answers, i)
		}
	}
	if len(answers) != 4 {
		t.Fatalf("%d answers in the trace, want form, received, form, received", len(answers))
	}
	// Of each report: what was done since the form was handed out.
	text, file := calls[answers[0]+1:answers[1]], calls[answers[2]+1:answers[3]]
	for _, c := range text {
		if strings.HasPrefix(c.file, "blobs") {
			t.Errorf("a short text touches a blob: %s", c.text)
		}
	}
	committed(t, text, calls[answers[1]].begun)

	begun := committed(t, file, calls[answers[3]].begun)
	var blob string
	var written, synced, listed call
	for _, c := range file {
		switch {
		case c.writes() && strings.HasPrefix(c.file, "blobs/"):
			blob, written = c.file, c
		case c.syncs() && blob != "" && c.file == blob:
			synced = c
		case c.syncs() && c.file == "blobs":
			listed = c
		}
	}
	inOrder(t, written, "the blob is written", synced, "the blob is synced")
	inOrder(t, synced, "the blob is synced", listed, "its directory entry is synced")
	inOrder(t, listed, "its directory entry is synced", begun, "the database is written")
}

// committed holds one commit of bbolt and the answer after it: pages, sync,
// meta page, sync, answer. It returns the first write.
func committed(t *testing.T, calls []call, answered int) call {
	t.Helper()
	var first, pages, between, meta, last call
	for _, c := range calls {
		if c.file != "vault.db" {
			continue
		}
		switch {
		case c.writes() && metaPage.MatchString(c.text):
			meta = c
		case c.writes():
			pages = c
			if first.name == "" {
				first = c
			}
		case c.syncs() && meta.name == "":
			between = c
		case c.syncs():
			last = c
		}
	}
	inOrder(t, pages, "the pages are written", between, "the pages are synced")
	inOrder(t, between, "the pages are synced", meta, "the meta page is written")
	inOrder(t, meta, "the meta page is written", last, "the meta page is synced")
	inOrder(t, last, "the meta page is synced", call{name: "answer", begun: answered}, "the witness is answered")
	return first
}

// metaPage is a write at the place of one of the two meta pages.
var metaPage = regexp.MustCompile(`, 4096, (0|4096)\) `)

// inOrder expects the second call to have begun after the first had ended.
func inOrder(t *testing.T, a call, first string, b call, second string) {
	t.Helper()
	switch {
	case a.name == "":
		t.Errorf("not in the trace: %s", first)
	case b.name == "":
		t.Errorf("not in the trace: %s", second)
	case b.begun <= a.ended:
		t.Errorf("%s before %s:\n%s\n%s", second, first, b.text, a.text)
	}
}

// A call is one system call of a trace.
type call struct {
	name         string
	text         string // as strace writes it
	file         string // what its descriptor was opened as, inside the data directory
	begun, ended int    // lines of the trace
}

func (c call) syncs() bool {
	return (c.name == "fsync" || c.name == "fdatasync") && strings.HasSuffix(c.text, "= 0")
}

func (c call) writes() bool {
	switch c.name {
	case "write", "writev", "pwrite64", "pwritev", "pwritev2":
		return true
	}
	return false
}

var (
	traceLine = regexp.MustCompile(`^(\d+) +(.*)$`)
	resumed   = regexp.MustCompile(`^<\.\.\. \w+ resumed>`)
	callStart = regexp.MustCompile(`^(\w+)\((\d+)?`)
	opened    = regexp.MustCompile(`^openat\(\w+, "([^"]*)".* = (\d+)$`)
)

// readTrace reads what strace -f wrote, in the order in which the calls began.
// Calls of different threads overlap; strace then writes them in two parts.
func readTrace(t *testing.T, name, data string) []call {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var calls []call
	under := map[string]int{} // process → its call that has not ended
	files := map[string]string{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		m := traceLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		process, text := m[1], m[2]
		at, two := under[process]
		if rest := resumed.FindString(text); rest != "" && two {
			delete(under, process)
			calls[at].text += text[len(rest):]
			calls[at].ended = n
		} else if start := callStart.FindStringSubmatch(text); start != nil {
			whole, unfinished := strings.CutSuffix(text, " <unfinished ...>")
			at = len(calls)
			calls = append(calls, call{name: start[1], text: whole, file: files[start[2]], begun: n, ended: n})
			if start[1] == "close" { // the number is free again from here on
				delete(files, start[2])
			}
			if unfinished {
				under[process] = at
				continue
			}
		} else {
			continue
		}
		if o := opened.FindStringSubmatch(calls[at].text); o != nil {
			rel, err := filepath.Rel(data, o[1])
			if fd, numErr := strconv.Atoi(o[2]); err == nil && numErr == nil && !strings.HasPrefix(rel, "..") {
				files[strconv.Itoa(fd)] = rel
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return calls
}
