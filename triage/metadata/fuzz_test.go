package metadata

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

func seeds(f *testing.F) {
	for _, s := range append(samples(f), broken(f)...) {
		if len(s.data) < 1<<16 {
			f.Add(s.data)
		}
	}
	for _, s := range twisted() {
		f.Add(withChunks(plainPNG(f), chunkOf("eXIf", s.data)))
	}
}

// Whatever a file holds, Read ends, in bounded memory, with texts that are
// short and no error but its own.
func FuzzRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var i *Info
		var err error
		if n := allocated(func() { i, err = read(b) }); n > mostAllocated {
			t.Errorf("%d bytes were allocated", n)
		}
		switch {
		case errors.Is(err, ErrUnknown):
			return
		case err != nil && !errors.Is(err, ErrDamaged):
			t.Fatal(err)
		}
		if len(i.Others) > maxItems || i.Orientation < 0 || i.Orientation > 8 {
			t.Errorf("%+v", i)
		}
		texts := []string{i.PlaceNames, i.Time.Taken, i.Time.Changed, i.Time.Satellite}
		for v := reflect.ValueOf(i.Device); len(texts) < 4+v.NumField(); {
			texts = append(texts, v.Field(len(texts)-4).String())
		}
		for _, o := range i.Others {
			texts = append(texts, o.Name, o.Text)
			if o.Size < 0 || o.Size > 64*int64(len(b)) {
				t.Errorf("%+v in %d bytes", o, len(b))
			}
		}
		for _, s := range texts {
			if len(s) > 2*maxText+1 {
				t.Errorf("a text of %d bytes", len(s))
			}
		}
		if p := i.Place; p != nil && !(p.Latitude >= -90 && p.Latitude <= 90 && p.Longitude >= -180 && p.Longitude <= 180) {
			t.Errorf("place %+v", p)
		}
	})
}

// What Strip copies tells nothing but how it is turned, and stripping it again
// changes nothing; what it does not copy is not begun.
func FuzzStrip(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		was, err := read(b)
		once, err2 := strip(b)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("Read: %v, Strip: %v", err, err2)
		}
		if err != nil {
			if len(once) > 0 {
				t.Fatalf("%d bytes and %v", len(once), err2)
			}
			return
		}
		if len(once) > len(b)+64 {
			t.Errorf("%d bytes became %d", len(b), len(once))
		}
		is, err := read(once)
		want := &Info{Type: was.Type}
		if was.Orientation > 1 {
			want.Orientation = was.Orientation
		}
		if err != nil || !reflect.DeepEqual(is, want) {
			t.Fatalf("the copy says %+v, %v; want %+v", is, err, want)
		}
		if twice, err := strip(once); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("stripped twice it is another: %v", err)
		}
	})
}
