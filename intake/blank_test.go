package intake

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"tocsin/seal"
)

func unzip(t *testing.T, s string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(s))
	must(t, err)
	b, err := io.ReadAll(r)
	must(t, err)
	return string(b)
}

// The compressed form is the form: two readers of gzip agree, and it is what
// the template makes.
func TestCompressedForm(t *testing.T) {
	w := newWorld(t, setup{})
	for _, l := range w.server.languages.all {
		for _, testify := range []bool{false, true} {
			at := "/" + l.Code + "/" + action(testify)
			p := w.get(at, "Accept-Encoding", "gzip")
			if p.header.Get("Content-Encoding") != "gzip" {
				t.Fatalf("%s: not compressed", at)
			}
			html := unzip(t, p.body)
			c, err := seal.ParseCodename(hiddenCodename(t, html))
			must(t, err)
			if want := w.server.formPage(l, &draft{testify: testify, codename: c}, nil, false).String(); html != want {
				t.Errorf("%s: the compressed form is another than the template's", at)
			}
			gunzip := exec.Command("gzip", "-dc")
			gunzip.Stdin = strings.NewReader(p.body)
			out, err := gunzip.Output()
			if err != nil || string(out) != html {
				t.Errorf("%s: gzip reads it differently: %v", at, err)
			}
			plain := w.get(at)
			if plain.header.Get("Content-Encoding") != "" || len(plain.body) != len(html) {
				t.Errorf("%s: uncompressed, the form has %d bytes, compressed it holds %d", at, len(plain.body), len(html))
			}
		}
	}
}

// Neither the codename's letters nor their number show in the length of what
// is sent.
func TestLengthHidesTheCodename(t *testing.T) {
	w := newWorld(t, setup{})
	b, err := w.server.blank(w.server.languages.all[0], false)
	must(t, err)
	lengths := make(map[string]bool)
	for range 100 {
		c, err := seal.NewCodename()
		must(t, err)
		for _, zipped := range []bool{true, false} {
			page, encoding := b.page(w.server.hidden(c), w.server.words(c), zipped)
			if (encoding == "gzip") != zipped {
				t.Fatalf("asked to be compressed: %v, and its encoding is %q", zipped, encoding)
			}
			lengths[fmt.Sprint("compressed: ", zipped, ", bytes: ", page.Len())] = true
		}
	}
	if len(lengths) != 2 {
		t.Errorf("100 forms come in %d lengths, want one compressed and one plain: %v", len(lengths), lengths)
	}
}

// What was typed is never compressed together with a codename.
func TestReshownFormIsNotCompressed(t *testing.T) {
	w := newWorld(t, setup{})
	body, contentType := encode(t, entry{name: "codename", value: w.newCodename("en")}, entry{name: "suspect.name", value: "x"})
	req, err := http.NewRequest("POST", w.url+"/en/report", bytes.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept-Encoding", "gzip")
	p := w.do(req)
	p.want(t, w.server, "en", "invalid")
	if p.header.Get("Content-Encoding") != "" {
		t.Error("it is compressed")
	}
}

// A newer roster's policy shows in the form at once.
func TestFormFollowsTheRoster(t *testing.T) {
	w := newWorld(t, setup{})
	if !strings.Contains(w.get("/en/report").body, `type="file"`) {
		t.Fatal("no file field")
	}
	w.roster.Number++
	w.roster.Policy.Attachments = false
	signed, err := w.roster.Sign(w.org)
	must(t, err)
	must(t, w.vault.UpdateRoster(context.Background(), signed))
	if strings.Contains(w.get("/en/report").body, `type="file"`) {
		t.Error("the form still asks for files")
	}
}
