package intake

import (
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/seal/roster"
)

// An attack is a request, byte for byte, and what comes of it.
type attack struct {
	name        string
	contentType string // "" for a form with the boundary of the other tests
	bare        bool   // without the codename, which otherwise comes first
	body        []byte
	more        []byte // after body, again and again until the answer is there
	kind        string // of the refusal, or "" for a report that is kept
	files       []string
}

// climber is in every name that tries to get somewhere.
const climber = "climber"

// attacks lists them; directory is where a name may try to get to.
func attacks(directory string) []attack {
	const (
		named = `Content-Disposition: form-data; name="what.heard"`
		end   = "--" + boundary + "--\r\n"
	)
	text := field("what.seen", "x")
	part := func(header, content string) string {
		return "--" + boundary + "\r\n" + header + "\r\n\r\n" + content
	}
	var all []attack
	refused := func(kind, name, body string) *attack {
		all = append(all, attack{name: name, body: []byte(body), kind: kind})
		return &all[len(all)-1]
	}
	endless := func(kind, name, body, more string) *attack {
		a := refused(kind, name, body)
		a.more = []byte(chunk(more))
		return a
	}
	kept := func(name, body string, files ...string) {
		all = append(all, attack{name: name, body: []byte(body), files: files})
	}

	refused("malformed", "no boundary", text+end).contentType = "multipart/form-data"
	refused("malformed", "another boundary", text+end).contentType = "multipart/form-data; boundary=other"
	refused("not-a-form", "another kind of multipart", text+end).contentType = "multipart/mixed; boundary=" + boundary
	refused("malformed", "no end", text)
	refused("malformed", "the boundary all over", text+strings.Repeat("--"+boundary, 20_000))
	refused("wrong-order", "wrong order", text+fileHead("a")+"x\r\n"+field("what.heard", "late")+end)
	refused("other-form", "the codename last", text+fileHead("a")+"x\r\n"+field("codename", "x")+end).bare = true
	refused("too-many-parts", "10,000 parts", text+strings.Repeat(field("what.categories", "trafficking"), 10_000)+end)
	refused("too-many-parts", "10,000 files without a name", text+strings.Repeat(fileHead("")+"\r\n", 10_000)+end)
	refused("too-many-files", "10,000 files", text+strings.Repeat(fileHead("../"+climber)+"\r\n", 10_000)+end)
	refused("malformed", "a header of 1 MB", text+part(named+"\r\nX: "+strings.Repeat("x", 1<<20), "x\r\n")+end)
	refused("malformed", "headers of 1 MB", text+part(named+strings.Repeat("\r\nX: y", 1<<20/6), "x\r\n")+end)
	refused("malformed", "a file's name of 1 MB", text+fileHead(strings.Repeat("../", 1<<20/3)+climber)+last)
	refused("other-form", "a field called like a path", text+field("../"+climber, "x")+end)
	refused("malformed", "a field with NUL in its name", text+field("what.heard\x00"+climber, "x")+end)
	refused("malformed", "a field with a line end in its name", text+field("what.heard\n"+climber, "x")+end)
	refused("other-form", "a field with an override in its name", text+field("\u202e"+climber, "x")+end)
	inner := "--inner\r\nContent-Disposition: form-data; name=\"files\"; filename=\"../" + climber + "\"\r\n\r\nx\r\n--inner--\r\n"
	kept("a form inside a field", text+part(named+"\r\nContent-Type: multipart/form-data; boundary=inner", inner)+end)
	kept("a form inside a file", text+part("Content-Disposition: form-data; name=\"files\"; filename=\"form\"\r\n"+
		"Content-Type: multipart/mixed; boundary=inner", inner)+end, "form")

	x := strings.Repeat("x", 64<<10)
	endless("text-too-long", "a part that never ends", text+part(named, ""), x)
	endless("file-too-large", "a file that never ends", text+fileHead("../\u202e"+climber), x)
	endless("file-too-large", "a file of boundaries that are none", text+fileHead("a"), strings.Repeat("\r\n--"+boundary[1:], 4<<10))
	endless("malformed", "a header that never ends", text+"--"+boundary+"\r\nX: ", x)
	endless("malformed", "headers that never end", text+"--"+boundary+"\r\n", strings.Repeat("X: y\r\n", 8<<10))
	endless("too-many-parts", "parts that never end", text, strings.Repeat(field("what.categories", "other"), 100))
	endless("malformed", "a preamble that never ends", "x", x).bare = true
	endless("malformed", "an epilogue that never ends", text+end, x)

	// What comes before the last slash goes in reading; the rest is kept.
	var files string
	var names []string
	for _, f := range [][2]string{
		{"../../../../../" + climber, climber},
		{filepath.Join(directory, climber), climber},
		{strings.Repeat("../", 900) + climber, climber},
		{climber + "/", climber},
		{"../..", ".."},
		{`..\..\..\` + climber, `..\..\..\` + climber},
		{`C:\` + climber, `C:\` + climber},
		{"../\u202egpj." + climber + ".exe", "\u202egpj." + climber + ".exe"},
		{"..\u2066/../\u202e" + climber, "\u202e" + climber},
		{"\xff\xfe" + climber, "\ufffd" + climber},
	} {
		files += fileHead(f[0]) + "content\r\n"
		names = append(names, f[1])
	}
	kept("files with names that lead elsewhere", text+files+end, names...)
	for _, name := range []string{
		"a\x00" + climber, "a\n" + climber, "a\r\nX-Evil: " + climber, "a\r\n\r\n" + climber,
		"../\x00/\u202e\n" + climber, climber + "\x1b[2J\x07",
	} {
		refused("malformed", "a file called "+name, text+fileHead(name)+"content"+last)
	}
	return all
}

// deliver sends the attack as fast as the server takes it and returns the
// answer, and the largest heap seen meanwhile.
func (a *attack) deliver(t *testing.T, w *world, codename string) (p answer, peak uint64) {
	conn, err := net.Dial("tcp", w.addr)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(time.Minute))) // so that a hanging test ends
	c := wire{t, conn}
	start := field("codename", codename)
	if a.bare {
		start = ""
	}
	length := len(start) + len(a.body)
	if a.more != nil {
		length, start = -1, chunk(start+string(a.body))
	}
	head := head("/en/report", length)
	if a.contentType != "" {
		head = strings.Replace(head, "multipart/form-data; boundary="+boundary, a.contentType, 1)
	}
	c.send(head + start)
	sample := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
	}
	if a.more == nil {
		// As browsers do: everything, and only then a look at the answer.
		for piece := range slices.Chunk(a.body, 64<<10) {
			_, err := c.Write(piece)
			must(t, err)
			sample()
		}
		return c.answer(), peak
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for {
			if _, err := c.Write(a.more); err != nil {
				return
			}
			sample()
		}
	}()
	p = c.answer()
	c.Close()
	<-sent
	return p, peak
}

// Every attack, again and again: the whole answer comes, memory stays where it
// was, and a name is never more than data.
func TestHostileMultipartOnTheWire(t *testing.T) {
	top := t.TempDir()
	data := filepath.Join(top, "a", "b", "c")
	must(t, os.MkdirAll(data, 0o700))
	w := newWorld(t, setup{directory: data, policy: func(p *roster.Policy) { p.MaxFile, p.MaxFiles = 100_000, 10 }})
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	// So that what is measured is in use and not garbage.
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	live := func() int64 {
		w.server.settle() // no request is being answered
		for range cap(w.server.bodies) {
			<-w.server.bodies
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	reports := 0
	for _, a := range attacks(top) {
		t.Run(a.name, func(t *testing.T) {
			var before int64
			var peak uint64
			for i := range 1 + rounds {
				if i == 1 { // the first was to warm up
					before, peak = live(), 0
				}
				codename := w.newCodename("en")
				p, most := a.deliver(t, w, codename)
				peak = max(peak, most)
				if strings.Contains(p.body, climber) {
					t.Fatalf("a name is in the answer:\n%s", p.body)
				}
				if a.kind != "" {
					p.want(t, w.server, "en", a.kind)
				} else if p.status != http.StatusOK {
					t.Errorf("status %d", p.status)
				}
				if t.Failed() {
					return
				}
				if a.kind != "" {
					continue
				}
				reports++
				m, _ := w.open(codename)
				var names []string
				for _, f := range m.Files {
					names = append(names, f.Name)
				}
				if !slices.Equal(names, a.files) {
					t.Fatalf("kept as %q, want %q", names, a.files)
				}
			}
			grown, most := live()-before, int64(peak)-before
			t.Logf("after %d rounds the heap is %d KiB larger; meanwhile it was at most %d KiB larger", rounds, grown>>10, most>>10)
			// A round may not leave so much as a buffer behind. What is in use
			// meanwhile are derivations of 8 MiB each, the server's and the
			// test's, and one that is not collected yet.
			if grown > 96<<10 || most > 64<<20 {
				t.Error("memory moved")
			}
		})
	}
	w.wantReports(reports)
	must(t, filepath.WalkDir(top, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, climber) {
			t.Errorf("a name was used as a path: %s", path)
		}
		return err
	}))
	if log := w.log.String(); log != "" {
		t.Errorf("the log says: %s", log)
	}
}
