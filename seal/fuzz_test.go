package seal

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// An archive that is read gives, written again, the same bytes up to its
// manifest, whose JSON has other spellings, and the same manifest. No seed has
// a file in parts, a megabyte of which would slow the search to a crawl:
// TestHostileArchives is about those.
func FuzzReadMessage(f *testing.F) {
	key := newKey(f)
	add := func(c Context, body string, attached ...[]byte) {
		f.Add(decrypt(f, key, sealed(f, key, c, []byte(body), attached...)))
	}
	add(reportContext, `{"version":1}`)
	add(reportContext, "", nil, []byte("x"), pattern(600))
	add(Context{reportContext.Instance, reportContext.Case, KindReply, ""}, "reply", pattern(3))
	f.Add(pad(plainEntry("report.json", nil), plainEntry(manifestName, []byte("{}"))))
	f.Add(make([]byte, 16384))
	f.Fuzz(func(t *testing.T, archive []byte) {
		var contents [][]byte
		m, err := readArchive(bytes.NewReader(archive), int64(len(archive)), reportContext,
			func(_ File, r io.Reader) error {
				b, err := io.ReadAll(r)
				contents = append(contents, b)
				return err
			}, func(err error) error { t.Fatalf("memory fails: %v", err); return err })
		if err != nil {
			if !errors.Is(err, ErrContents) && !errors.Is(err, ErrContext) && !errors.Is(err, ErrVersion) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		var out bytes.Buffer
		w, err := NewMessage(&out, m.Context, m.Body, key.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range m.Files {
			got, err := w.Attach(f.Name, f.Type, bytes.NewReader(contents[i]))
			if err != nil {
				t.Fatal(err)
			}
			// Names longer than Attach leaves them can be read.
			f.Name, f.Type = got.Name, got.Type
			if got != f {
				t.Fatalf("the manifest says %+v and the content is %+v", f, got)
			}
		}
		upTo := w.Size()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		again := decrypt(t, key, out.Bytes())
		if !bytes.Equal(again[:upTo], archive[:upTo]) {
			t.Fatal("written again, the archive is another one")
		}
	})
}
