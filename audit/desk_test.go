package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"testing"

	"tocsin/audit"
	"tocsin/desk"
	"tocsin/ledger"
	"tocsin/vault"
)

// TestForgeriesAreNamedOverTheDesk: what is found in a forged store is found
// where a desk serves it, but for files that no record names, which no desk
// sends.
func TestForgeriesAreNamedOverTheDesk(t *testing.T) {
	good := newForgery(t)
	key := good.NewAuditor(t, "carol")
	for _, c := range forgeries {
		t.Run(c.want+", "+c.name, func(t *testing.T) {
			f := good.copy(t)
			c.forge(f)
			dir, err := vault.OpenDir(f.dir)
			if err != nil {
				t.Fatal(err)
			}
			defer dir.Close()
			src := &recorder{Dir: dir}
			want := f.verify(src)
			want.Findings = slices.DeleteFunc(want.Findings, func(f audit.Finding) bool {
				return f.ID == "file-unknown" || f.ID == "blob-stray"
			})
			want.Whole = !slices.ContainsFunc(want.Findings, func(f audit.Finding) bool { return f.Severity != audit.Notice })

			store, err := f.Dial(t, f.Pose(t, src), key).Store(t.Context(), t.TempDir(), func(int64, int64) {})
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			got, err := audit.Verify(t.Context(), audit.Options{Source: store, Roster: f.Signed, OrgKey: f.Key, Last: f.last, Today: ledger.DayOf(f.Day)})
			if src.unreadable {
				// The desk can't send it either.
				if !errors.Is(err, vault.ErrSource) {
					t.Errorf("a blob can't be read: %v, want ErrSource", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if g, w := asJSON(t, got), asJSON(t, want); g != w {
				t.Errorf("over the desk\n%s\nin the directory\n%s", g, w)
			}
		})
	}
}

func (f *forgery) verify(src vault.Source) *audit.Result {
	f.Helper()
	r, err := audit.Verify(f.T.Context(), audit.Options{Source: src, Roster: f.Signed, OrgKey: f.Key, Last: f.last, Today: ledger.DayOf(f.Day)})
	f.must(err)
	return r
}

func asJSON(t *testing.T, r *audit.Result) string {
	t.Helper()
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A recorder notes which blobs a check asks for, and then is a desk that serves
// what the check saw.
type recorder struct {
	*vault.Dir
	blobs      []recorded
	unreadable bool
}

type recorded struct {
	index int64
	name  string // empty if it is not there
}

func (r *recorder) Blob(ctx context.Context, index int64, name string) (*vault.Blob, error) {
	b, err := r.Dir.Blob(ctx, index, name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		name = ""
	case err != nil:
		r.unreadable = true
	}
	r.blobs = append(r.blobs, recorded{index, name})
	return b, err
}

// ServeHTTP is the desk.
func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	frames := desk.NewWriter(w)
	var err error
	if req.URL.Path == "/v1/store" {
		db, size := r.DB()
		err = errors.Join(frames.Write(desk.Blobs, r.BlobBytes(), nil),
			frames.Stream(desk.Image, leafCount+100, size, io.NewSectionReader(db, 0, size)))
	} else {
		for _, b := range r.blobs {
			if err == nil {
				err = r.send(frames, b)
			}
		}
	}
	if err == nil {
		err = frames.Close()
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (r *recorder) send(frames *desk.Writer, b recorded) error {
	if b.name == "" {
		return frames.Write(desk.Absent, b.index, nil)
	}
	blob, err := r.Dir.Blob(context.Background(), b.index, b.name)
	if err != nil {
		return err
	}
	defer blob.Close()
	return frames.Stream(desk.Message, b.index, blob.Size, blob)
}
