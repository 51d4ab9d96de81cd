package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/age"
	"tocsin/seal/agefile"
	"tocsin/seal/padme"
)

// read opens a message and returns what visit was handed.
func read(sealed []byte, k *CaseKey, want Context) (*Message, [][]byte, error) {
	var contents [][]byte
	m, err := ReadMessage(bytes.NewReader(sealed), int64(len(sealed)), k.Identity(), want,
		func(_ File, r io.Reader) error {
			b, err := io.ReadAll(r)
			contents = append(contents, b)
			return err
		})
	return m, contents, err
}

func TestMessageRoundTrip(t *testing.T) {
	key := newKey(t)
	for _, kind := range []Kind{KindReport, KindAddition, KindReply, KindNote, KindDraft} {
		for _, sizes := range [][]int{
			{}, {0}, {1}, {511, 512, 513}, {PartSize - 1, PartSize, PartSize + 1},
			{2 * PartSize, 0, 2*PartSize + 1, 65536, 3*PartSize - 1},
		} {
			t.Run(fmt.Sprint(kind, sizes), func(t *testing.T) {
				c := reportContext
				if c.Kind = kind; kind != KindReport {
					c.Record = ""
				}
				body := []byte("body of " + kind)
				var attached [][]byte
				for i, n := range sizes {
					attached = append(attached, pattern(n + i)[i:])
				}
				file := sealed(t, key, c, body, attached...)
				m, contents, err := read(file, key, c)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(m.Body, body) || m.Version != 1 || m.Context != c || len(m.Files) != len(sizes) || len(contents) != len(sizes) {
					t.Fatalf("read %+v and %d files", m, len(contents))
				}
				for i, f := range m.Files {
					sum := sha256.Sum256(attached[i])
					want := File{
						Path: fmt.Sprintf("files/%03d", i+1), Name: fmt.Sprintf("file %d.jpg", i+1), Type: "image/jpeg",
						Size: int64(len(attached[i])), SHA256: hex.EncodeToString(sum[:]), Parts: max(1, (len(attached[i])+PartSize-1)/PartSize),
					}
					if f != want {
						t.Errorf("file %d is %+v, want %+v", i+1, f, want)
					}
					if !bytes.Equal(contents[i], attached[i]) {
						t.Errorf("file %d came out different", i+1)
					}
				}
				listed, err := ReadMessage(bytes.NewReader(file), int64(len(file)), key.Identity(), c, nil)
				if err != nil || !bytes.Equal(listed.Body, body) || len(listed.Files) != len(sizes) {
					t.Errorf("without a visit: %+v, %v", listed, err)
				}
			})
		}
	}
}

// A report says which record of its case it was sealed with. A reader may ask
// for one, or take what is there and judge.
func TestTheRecordOfAReport(t *testing.T) {
	key := newKey(t)
	file := sealed(t, key, reportContext, []byte("body"))
	open := reportContext
	open.Record = ""
	if m, _, err := read(file, key, open); err != nil || m.Record != digestOf("record") {
		t.Errorf("left open: %+v, %v", m, err)
	}
	other := reportContext
	other.Record = digestOf("another")
	if _, _, err := read(file, key, other); !errors.Is(err, ErrContext) {
		t.Errorf("with another record: %v, want ErrContext", err)
	}
	// What another program sealed without one, or where none belongs.
	for name, change := range map[string]func(*Manifest){
		"a report without a record": func(m *Manifest) { m.Record = "" },
		"a report with half of one": func(m *Manifest) { m.Record = m.Record[:32] },
		"a note with a record":      func(m *Manifest) { m.Kind, m.Body = KindNote, "note.json" },
		"a reply with a record":     func(m *Manifest) { m.Kind, m.Body = KindReply, "message.json" },
	} {
		m := manifestOf("body")
		change(m)
		file := encrypt(t, pad(plainEntry(m.Body, []byte("body")), manifestEntry(t, m)), key.Recipient())
		want := m.Context
		want.Record = ""
		if _, _, err := read(file, key, want); !errors.Is(err, ErrContents) {
			t.Errorf("%s: %v, want ErrContents", name, err)
		}
	}
}

// All that an observer sees of a message is the step that its size falls on.
func TestMessagesArePadded(t *testing.T) {
	key := newKey(t)
	size := func(body int, files ...int) int64 {
		var attached [][]byte
		for _, n := range files {
			attached = append(attached, pattern(n))
		}
		file := sealed(t, key, reportContext, pattern(body), attached...)
		info, err := agefile.Inspect(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		if !padme.OnStep(info.PlaintextSize) || info.HeaderSize != agefile.HybridHeaderSize(1) {
			t.Errorf("plaintext of %d, header of %d", info.PlaintextSize, info.HeaderSize)
		}
		return info.PlaintextSize
	}
	for _, body := range []int{0, 1, 500, 5000, 12000} {
		if got := size(body); got != padme.Floor {
			t.Errorf("a body of %d bytes makes a plaintext of %d, not the floor", body, got)
		}
	}
	if one, many := size(100, 900_000), size(100, 300_000, 300_000, 298_000); one != many {
		t.Errorf("the number of files shows: %d and %d bytes", one, many)
	}
	// Every block boundary around a step: no plaintext is between two.
	for n := padme.Floor - 4096; n < padme.Floor+2048; n += 256 {
		size(n)
	}
}

func TestMessageWriterSize(t *testing.T) {
	w, err := NewMessage(io.Discard, reportContext, pattern(1000), newKey(t).Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if w.Size() != 512+1024 {
		t.Errorf("%d bytes after the body", w.Size())
	}
	if _, err := w.Attach("n", "t", bytes.NewReader(pattern(PartSize+1))); err != nil {
		t.Fatal(err)
	}
	if want := int64(512 + 1024 + 512 + PartSize + 512 + 512); w.Size() != want {
		t.Errorf("%d bytes after the file, want %d", w.Size(), want)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !padme.OnStep(w.Size()) {
		t.Errorf("%d bytes in the end", w.Size())
	}
	if err := w.Close(); err == nil {
		t.Error("a second Close says nothing")
	}
	if _, err := w.Attach("n", "t", strings.NewReader("")); err == nil {
		t.Error("a file was attached after Close")
	}
}

func TestNewMessageRefuses(t *testing.T) {
	r := newKey(t).Recipient()
	long := strings.Repeat("x", 129)
	for name, c := range map[string]struct {
		context Context
		body    []byte
		to      []*age.HybridRecipient
		want    error
	}{
		"large body":           {reportContext, make([]byte, MaxBody+1), []*age.HybridRecipient{r}, ErrTooLarge},
		"nobody":               {reportContext, nil, nil, ErrRecipient},
		"nil":                  {reportContext, nil, []*age.HybridRecipient{nil}, ErrRecipient},
		"somebody twice":       {reportContext, nil, []*age.HybridRecipient{r, r}, ErrRecipient},
		"no kind":              {Context{"i", "c", "", ""}, nil, []*age.HybridRecipient{r}, ErrContext},
		"another kind":         {Context{"i", "c", "rumour", ""}, nil, []*age.HybridRecipient{r}, ErrContext},
		"no instance":          {Context{"", "c", KindReply, ""}, nil, []*age.HybridRecipient{r}, ErrContext},
		"no case":              {Context{"i", "", KindReply, ""}, nil, []*age.HybridRecipient{r}, ErrContext},
		"an instance too long": {Context{long, "c", KindReply, ""}, nil, []*age.HybridRecipient{r}, ErrContext},
		"no record":            {Context{"i", "c", KindReport, ""}, nil, []*age.HybridRecipient{r}, ErrContext},
		"a record in capitals": {Context{"i", "c", KindReport, strings.ToUpper(digestOf("x"))}, nil, []*age.HybridRecipient{r}, ErrContext},
		"a reply's record":     {Context{"i", "c", KindReply, digestOf("x")}, nil, []*age.HybridRecipient{r}, ErrContext},
	} {
		var out bytes.Buffer
		if _, err := NewMessage(&out, c.context, c.body, c.to...); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if out.Len() > 0 {
			t.Errorf("%s: %d bytes were written", name, out.Len())
		}
	}
}

// The largest body and the most files with the longest names still read back.
func TestMessageAtItsLimits(t *testing.T) {
	key := newKey(t)
	var out bytes.Buffer
	w, err := NewMessage(&out, reportContext, pattern(MaxBody), key.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Repeat("\x01", 300) // six bytes each in JSON
	for range MaxFiles {
		if _, err := w.Attach(name, name, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	m, contents, err := read(out.Bytes(), key, reportContext)
	if err != nil || len(contents) != MaxFiles || len(m.Body) != MaxBody {
		t.Fatalf("%d files, %v", len(contents), err)
	}
	if len(m.Files[0].Name) != 255 || len(m.Files[0].Type) != 127 {
		t.Errorf("name of %d, type of %d", len(m.Files[0].Name), len(m.Files[0].Type))
	}

	w, err = NewMessage(io.Discard, reportContext, nil, key.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	for range MaxFiles {
		if _, err := w.Attach("", "", strings.NewReader("")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Attach("", "", strings.NewReader("")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one file more than there can be: %v", err)
	}
	if err := w.Close(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Close after a failure: %v", err)
	}
}

// A message that is given up costs nothing more and can't be taken up again;
// one that is finished stays so.
func TestAbort(t *testing.T) {
	key := newKey(t)
	begin := func() (*MessageWriter, *bytes.Buffer) {
		var out bytes.Buffer
		w, err := NewMessage(&out, reportContext, []byte("body"), key.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Attach("n", "t", bytes.NewReader(pattern(3*PartSize))); err != nil {
			t.Fatal(err)
		}
		return w, &out
	}
	w, out := begin()
	before, buf := out.Len(), w.buf[:cap(w.buf)]
	w.Abort()
	if _, err := w.Attach("n", "t", strings.NewReader("x")); !errors.Is(err, errAborted) {
		t.Errorf("a file attached after Abort: %v", err)
	}
	if err := w.Close(); !errors.Is(err, errAborted) {
		t.Errorf("Close after Abort: %v", err)
	}
	if out.Len() != before {
		t.Errorf("%d bytes were written after Abort", out.Len()-before)
	}
	if bytes.ContainsFunc(buf, func(r rune) bool { return r != 0 }) {
		t.Error("the buffer was not wiped")
	}
	if _, _, err := read(out.Bytes(), key, reportContext); !damaged(err) {
		t.Errorf("what was given up opens: %v", err)
	}
	w, out = begin()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if _, _, err := read(out.Bytes(), key, reportContext); err != nil {
		t.Errorf("given up after it was finished: %v", err)
	}
}

// Whatever a browser calls a file is kept as text, and nothing in it changes
// where the file lies in the archive.
func TestFileNamesAreData(t *testing.T) {
	key := newKey(t)
	names := map[string]string{
		"../../etc/passwd":       "../../etc/passwd",
		"a\x00b\nc\x1b[2J":       "a\x00b\nc\x1b[2J",
		"Фото №1 <b>.jpg":        "Фото №1 <b>.jpg",
		"\u202egpj.exe":          "\u202egpj.exe",
		"bad \xff\xfe utf":       "bad \uFFFD utf",
		strings.Repeat("é", 300): strings.Repeat("é", 255),
		"":                       "",
	}
	for given, want := range names {
		var out bytes.Buffer
		w, err := NewMessage(&out, reportContext, nil, key.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		f, err := w.Attach(given, "", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		m, _, err := read(out.Bytes(), key, reportContext)
		if err != nil {
			t.Fatal(err)
		}
		if m.Files[0] != f || f.Name != want || f.Path != "files/001" {
			t.Errorf("%q became %+v, and Attach said %+v", given, m.Files[0], f)
		}
	}
}

// A connection that dies in an upload must never look like the end of a file,
// whatever error says so: multipart readers use io.ErrUnexpectedEOF.
func TestUploadCutShort(t *testing.T) {
	key := newKey(t)
	for _, cut := range []error{io.ErrUnexpectedEOF, errors.New("connection reset")} {
		for _, n := range []int{0, 10, PartSize, PartSize + 1, 2*PartSize + 10} {
			var out bytes.Buffer
			w, err := NewMessage(&out, reportContext, []byte("body"), key.Recipient())
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Attach("n", "t", io.MultiReader(bytes.NewReader(pattern(n)), iotest.ErrReader(cut)))
			if !errors.Is(err, cut) {
				t.Errorf("after %d bytes: %v", n, err)
			}
			if err := w.Close(); !errors.Is(err, cut) {
				t.Errorf("Close after %d bytes: %v", n, err)
			}
			if _, _, err := read(out.Bytes(), key, reportContext); !errors.Is(err, ErrDamaged) {
				t.Errorf("what was written of %d bytes opens: %v", n, err)
			}
		}
	}
}

func TestReaderThatGivesNothing(t *testing.T) {
	w, err := NewMessage(io.Discard, reportContext, nil, newKey(t).Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Attach("n", "t", idleReader{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("%v, want io.ErrNoProgress", err)
	}
}

type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }

// failAfter is a disk that is full after n bytes.
type failAfter struct {
	n   int
	err error
}

func (f *failAfter) Write(p []byte) (int, error) {
	if len(p) > f.n {
		return 0, f.err
	}
	f.n -= len(p)
	return len(p), nil
}

// Wherever the disk fills up, the writer says so by Close at the latest.
func TestDestinationFails(t *testing.T) {
	key := newKey(t)
	full := errors.New("disk full")
	whole := sealed(t, key, reportContext, []byte("body"), pattern(200_000))
	for n := 0; n < len(whole); n += 4001 {
		w, err := NewMessage(&failAfter{n, full}, reportContext, []byte("body"), key.Recipient())
		if err == nil {
			_, err = w.Attach("file 1.jpg", "image/jpeg", bytes.NewReader(pattern(200_000)))
			if closing := w.Close(); err == nil {
				err = closing
			} else if !errors.Is(closing, full) {
				t.Errorf("after %d bytes, Close forgot the failure: %v", n, closing)
			}
		}
		if !errors.Is(err, full) {
			t.Errorf("after %d of %d bytes: %v", n, len(whole), err)
		}
	}
}
