package desk_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"net/http"
	"strings"
	"testing"

	"tocsin/desk"
	"tocsin/testorg"
	"tocsin/vault"
)

// posing answers with those bytes for vault.db and those for the blobs.
func posing(t *testing.T, o *testorg.Org, store, blobs func(w io.Writer)) *desk.Client {
	t.Helper()
	addr := o.Pose(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/store" {
			store(w)
		} else {
			blobs(w)
		}
	}))
	return o.Dial(t, addr, o.Workers[0].Desk)
}

// stream returns what writes those frames and ends them.
func stream(write func(w *desk.Writer)) func(io.Writer) {
	return func(to io.Writer) {
		w := desk.NewWriter(to)
		write(w)
		w.Close()
	}
}

func image(w *desk.Writer, leaves int64) {
	w.Write(desk.Blobs, 0, nil)
	w.Write(desk.Image, leaves, make([]byte, 100))
}

// A desk that sends no store, or more than one, or not all of it, is an error.
func TestAHostileDeskSendsNoStore(t *testing.T) {
	o := testorg.New(t, 1)
	for name, c := range map[string]struct {
		answer func(io.Writer)
		want   error
	}{
		"nothing":           {func(io.Writer) {}, desk.ErrTruncated},
		"garbage":           {func(w io.Writer) { io.WriteString(w, strings.Repeat("garbage ", 10000)) }, desk.ErrVersion},
		"no frame":          {stream(func(*desk.Writer) {}), desk.ErrMalformed},
		"no vault.db":       {stream(func(w *desk.Writer) { w.Write(desk.Blobs, 0, nil) }), desk.ErrMalformed},
		"no sum before":     {stream(func(w *desk.Writer) { w.Write(desk.Image, 1, nil) }), desk.ErrMalformed},
		"a sum beyond all":  {stream(func(w *desk.Writer) { w.Write(desk.Blobs, math.MaxInt64, nil); w.Write(desk.Image, 1, nil) }), desk.ErrMalformed},
		"another frame":     {stream(func(w *desk.Writer) { w.Write(desk.Blobs, 0, nil); w.Write(desk.Leaf, 1, nil) }), desk.ErrMalformed},
		"two stores":        {stream(func(w *desk.Writer) { image(w, 3); w.Write(desk.Image, 3, nil) }), desk.ErrMalformed},
		"something after":   {func(w io.Writer) { stream(func(w *desk.Writer) { image(w, 3) })(w); io.WriteString(w, "more") }, desk.ErrMalformed},
		"less than is said": {cut(stream(func(w *desk.Writer) { image(w, 3) }), 80), desk.ErrTruncated},
		"no end":            {func(w io.Writer) { image(desk.NewWriter(w), 3) }, desk.ErrTruncated},
		"hanging up":        {func(io.Writer) { panic(http.ErrAbortHandler) }, desk.ErrHungUp},
		"hanging up midway": {func(w io.Writer) { image(desk.NewWriter(w), 3); panic(http.ErrAbortHandler) }, nil},
	} {
		_, err := fetch(t, posing(t, o, c.answer, nil))
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// cut writes all but the last n bytes.
func cut(write func(io.Writer), n int) func(io.Writer) {
	return func(w io.Writer) {
		var b bytes.Buffer
		write(&b)
		w.Write(b.Bytes()[:b.Len()-n])
	}
}

// What a desk sends in the place of blobs ends the check, and says nothing
// about the store.
func TestAHostileDeskSendsNoBlobs(t *testing.T) {
	o := testorg.New(t, 1)
	for name, answer := range map[string]func(io.Writer){
		"garbage":        func(w io.Writer) { io.WriteString(w, strings.Repeat("garbage ", 10000)) },
		"another frame":  stream(func(w *desk.Writer) { w.Write(desk.Leaf, 2, []byte("leaf")) }),
		"out of order":   stream(func(w *desk.Writer) { w.Write(desk.Message, 1, nil); w.Write(desk.Message, 1, nil) }),
		"beyond the end": stream(func(w *desk.Writer) { w.Write(desk.Message, 3, nil) }),
		"no end":         func(w io.Writer) { desk.NewWriter(w).Write(desk.Message, 1, nil) },
		"half a blob":    cut(stream(func(w *desk.Writer) { w.Write(desk.Message, 2, []byte("ciphertext")) }), 20),
		"hanging up":     func(io.Writer) { panic(http.ErrAbortHandler) },
	} {
		s, err := fetch(t, posing(t, o, stream(func(w *desk.Writer) { image(w, 3) }), answer))
		if err != nil {
			t.Fatal(err)
		}
		blob, err := s.Blob(t.Context(), 2, "")
		if err == nil {
			_, err = io.ReadAll(blob)
			blob.Close()
		}
		if !errors.Is(err, vault.ErrSource) {
			t.Errorf("%s: %v, want ErrSource", name, err)
		}
	}
}

// What was not asked for is passed over, and what does not come is not there.
func TestBlobsThatDoNotComeAreNotThere(t *testing.T) {
	o := testorg.New(t, 1)
	s, err := fetch(t, posing(t, o, stream(func(w *desk.Writer) { image(w, 10) }), stream(func(w *desk.Writer) {
		w.Write(desk.Message, 2, []byte("two"))
		w.Write(desk.Absent, 3, nil)
		w.Write(desk.Message, 5, []byte("five"))
		w.Write(desk.Message, 6, []byte("six"))
	})))
	if err != nil {
		t.Fatal(err)
	}
	for index, want := range []string{"", "", "", "", "", "five", "six", "", ""} {
		if index == 2 {
			continue // was not asked for
		}
		blob, err := s.Blob(t.Context(), int64(index), "")
		switch {
		case want == "":
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("blob %d: %v, want ErrNotExist", index, err)
			}
		case err != nil:
			t.Errorf("blob %d: %v", index, err)
		default:
			if got, err := io.ReadAll(blob); string(got) != want || err != nil {
				t.Errorf("blob %d: %q, %v", index, got, err)
			}
			blob.Close()
		}
	}
}

// While a blob is open the next waits, and no longer than its context.
func TestOneBlobAtATime(t *testing.T) {
	o := testorg.New(t, 1)
	s, err := fetch(t, posing(t, o, stream(func(w *desk.Writer) { image(w, 10) }), stream(func(w *desk.Writer) {
		w.Write(desk.Message, 1, []byte("one"))
		w.Write(desk.Message, 2, []byte("two"))
	})))
	if err != nil {
		t.Fatal(err)
	}
	one := must(s.Blob(t.Context(), 1, ""))
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := s.Blob(ended, 2, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("the second meanwhile: %v", err)
	}
	opened := make(chan *vault.Blob)
	go func() { opened <- must(s.Blob(t.Context(), 2, "")) }()
	if got := must(io.ReadAll(one)); string(got) != "one" {
		t.Errorf("the first: %q", got)
	}
	one.Close()
	if got := must(io.ReadAll(<-opened)); string(got) != "two" {
		t.Errorf("the second: %q", got)
	}
}

// endless gives as many bytes as are asked for.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// Whoever can write to the store's disk can make a blob of any size. It is not
// read to its end: what follows is asked for anew.
func TestAnEndlessBlobIsNotPassedOver(t *testing.T) {
	o := testorg.New(t, 1)
	addr := o.Pose(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		frames := desk.NewWriter(w)
		defer frames.Close()
		switch r.URL.String() {
		case "/v1/store":
			image(frames, 10)
		case "/v1/blobs?from=0&to=10":
			frames.Stream(desk.Message, 1, 1<<40, endless{}) // until nobody takes more
		case "/v1/blobs?from=2&to=10":
			frames.Write(desk.Message, 2, []byte("two"))
		}
	}))
	s, err := fetch(t, o.Dial(t, addr, o.Workers[0].Desk))
	if err != nil {
		t.Fatal(err)
	}
	one := must(s.Blob(t.Context(), 1, ""))
	if one.Size != 1<<40 {
		t.Errorf("it has %d bytes", one.Size)
	}
	one.Close()
	if got, err := io.ReadAll(must(s.Blob(t.Context(), 2, ""))); string(got) != "two" || err != nil {
		t.Errorf("the one after: %q, %v", got, err)
	}
}
