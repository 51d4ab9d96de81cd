package desk

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

type piece struct {
	kind  Kind
	index int64
	data  string
}

func encode(t testing.TB, pieces ...piece) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, p := range pieces {
		if err := w.Write(p.kind, p.index, []byte(p.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(r io.Reader) ([]piece, error) {
	var got []piece
	fr := NewReader(r)
	for {
		f, err := fr.Next()
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		data, err := io.ReadAll(f.Body)
		if err != nil {
			return got, err
		}
		got = append(got, piece{f.Kind, f.Index, string(data)})
	}
}

var sample = []piece{
	{Roster, 0, "roster\n"},
	{Checkpoint, 0, "checkpoint\n"},
	{Leaf, 7, "leaf"},
	{Message, 8, strings.Repeat("x", 100_000)},
	{Absent, 9, ""},
}

func TestStreamGivesBackWhatWasWritten(t *testing.T) {
	got, err := decode(iotest.OneByteReader(bytes.NewReader(encode(t, sample...))))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(sample) {
		t.Fatalf("%d frames came back of %d", len(got), len(sample))
	}
	for i := range sample {
		if got[i] != sample[i] {
			t.Errorf("frame %d: %q %d came back as %q %d", i, sample[i].kind, sample[i].index, got[i].kind, got[i].index)
		}
	}
}

func TestUnreadBodiesAreSkipped(t *testing.T) {
	r := NewReader(bytes.NewReader(encode(t, sample...)))
	var kinds []byte
	for {
		f, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, byte(f.Kind))
	}
	if string(kinds) != "rclma" {
		t.Errorf("kinds %q", kinds)
	}
}

// Cut anywhere, a stream must never read as complete.
func TestEveryCutIsNoticed(t *testing.T) {
	whole := encode(t, piece{Leaf, 1, "one"}, piece{Absent, 2, ""})
	for n := range whole {
		if _, err := decode(bytes.NewReader(whole[:n])); !errors.Is(err, ErrTruncated) {
			t.Errorf("cut after %d of %d bytes: %v", n, len(whole), err)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	whole := encode(t, piece{Leaf, 1, "one"})
	change := func(at int, to byte) []byte {
		b := bytes.Clone(whole)
		b[at] = to
		return b
	}
	start := len(magic)
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"another version":    {bytes.Replace(whole, []byte(".v1\n"), []byte(".v2\n"), 1), ErrVersion},
		"an HTML page":       {[]byte("<!doctype html><title>no</title>"), ErrVersion},
		"an unknown kind":    {change(start, 'q'), ErrMalformed},
		"a negative index":   {change(start+1, 0xff), ErrMalformed},
		"a leaf of 2^48":     {change(start+11, 1), ErrMalformed},
		"a wrong count":      {change(len(whole)-9, 9), ErrMalformed},
		"a tail":             {append(bytes.Clone(whole), 'x'), ErrMalformed},
		"an end with a body": {change(len(whole)-1, 1), ErrMalformed},
	} {
		if _, err := decode(bytes.NewReader(c.data)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestWriterRefusesWhatNoReaderTakes(t *testing.T) {
	w := NewWriter(io.Discard)
	for name, err := range map[string]error{
		"an unknown kind": w.Write('q', 0, nil),
		"a large leaf":    w.Write(Leaf, 0, make([]byte, limits[Leaf]+1)),
		"an index":        w.Write(Leaf, -1, nil),
	} {
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.Stream(Message, 1, 10, strings.NewReader("short")); !errors.Is(err, ErrTruncated) {
		t.Errorf("a short body: %v", err)
	}
	if err := w.Close(); err == nil {
		t.Error("a broken stream was closed as if it were whole")
	}
}

func TestAMessageIsNotHeldInMemory(t *testing.T) {
	r := NewReader(bytes.NewReader(encode(t, piece{Message, 1, "m"})))
	f, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Bytes(); !errors.Is(err, ErrMalformed) {
		t.Errorf("Bytes of a message: %v", err)
	}
}

// Bodies that are not read are passed over in a file as in a pipe, and a cut is
// noticed in either.
func TestBodiesThatAreNotRead(t *testing.T) {
	whole := encode(t, sample...)
	for cut := range len(whole) + 1 {
		heads := func(r io.Reader) (list []Frame, err error) {
			frames := NewReader(r)
			for {
				f, err := frames.Next()
				if err != nil {
					return list, err
				}
				list = append(list, Frame{Kind: f.Kind, Index: f.Index, Size: f.Size})
			}
		}
		file, err1 := heads(bytes.NewReader(whole[:cut]))
		pipe, err2 := heads(io.MultiReader(bytes.NewReader(whole[:cut])))
		want := ErrTruncated
		if cut == len(whole) {
			want = io.EOF
		}
		if !errors.Is(err1, want) || !errors.Is(err2, want) || !slices.Equal(file, pipe) {
			t.Errorf("cut to %d of %d bytes: %v, %v", cut, len(whole), err1, err2)
		}
	}
}

// What parses is written back as the same bytes.
func FuzzFrames(f *testing.F) {
	f.Add(encode(f, sample[:3]...))
	f.Add(encode(f, sample[2], sample[4]))
	f.Add(encode(f, piece{Statement, 0, "leaf"}, piece{Message, 0, "age"}))
	f.Add(encode(f, piece{Accepted, 12, ""}, piece{Checkpoint, 0, "note"}))
	f.Add(encode(f, piece{Record, 3, "record"}, piece{Envelope, 3, "age"}))
	f.Add(encode(f))
	f.Add([]byte(magic))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		if again := encode(t, got...); !bytes.Equal(again, data) {
			t.Errorf("%d bytes were written back as %d other bytes", len(data), len(again))
		}
	})
}
