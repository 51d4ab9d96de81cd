package e2e

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A page is how the server answered.
type page struct {
	status   int
	language string
	text     string // without the escapes of HTML
}

// post submits a report and returns the page that comes, whatever it says.
func post(url, contentType string, body io.Reader, size int) (page, error) {
	req, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		return page{}, err
	}
	req.Header.Set("Content-Type", contentType)
	req.ContentLength = int64(size) // what the server reserves goes by it
	r, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return page{}, err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return page{}, err
	}
	return page{r.StatusCode, r.Header.Get("Content-Language"), html.UnescapeString(string(text))}, nil
}

// A held upload is a report with a file of which the rest is still to come.
type held struct {
	codename, account string
	blob              string // its name
	rest              []byte
	to                *io.PipeWriter
	answered          chan error // then page is set
	page              page
}

// hold sends all but the last MiB of a report with a file of that size, in
// English or another language, and waits until a blob of it with content lies
// on the disk.
func hold(t *testing.T, s *server, language, account string, file attachment) *held {
	t.Helper()
	before := blobs(t, s.data)
	codename, err := form(http.DefaultClient, s.web)
	if err != nil {
		t.Fatal(err)
	}
	contentType, r := reportBody(codename, [][2]string{{"what.seen", account}}, file)
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	cut := len(body) - 1<<20
	if cut <= 0 {
		t.Fatalf("a report of %d bytes leaves nothing to hold back", len(body))
	}
	pr, pw := io.Pipe()
	h := &held{codename: codename, account: account, rest: body[cut:], to: pw, answered: make(chan error, 1)}
	t.Cleanup(func() { pw.CloseWithError(io.ErrUnexpectedEOF) })
	go func() {
		var err error
		h.page, err = post(s.web+"/"+language+"/report", contentType, pr, len(body))
		pr.CloseWithError(io.ErrClosedPipe) // nobody reads on
		h.answered <- err
	}()
	if _, err := pw.Write(body[:cut]); err != nil {
		t.Fatalf("sending a part of an upload: %v", err)
	}
	eventually(t, 20*time.Second, "the upload has a blob with content", func() bool {
		for _, name := range blobs(t, s.data) {
			info, err := os.Stat(filepath.Join(s.data, "blobs", name))
			if err == nil && info.Size() > 0 && !slices.Contains(before, name) {
				h.blob = name
			}
		}
		return h.blob != ""
	})
	return h
}

// finish sends the rest and returns the page that comes.
func (h *held) finish(t *testing.T) page {
	t.Helper()
	// A server that answered before the end need not take the rest.
	if _, err := h.to.Write(h.rest); err == nil {
		h.to.Close()
	}
	select {
	case err := <-h.answered:
		if err != nil {
			t.Fatalf("the rest of an upload was sent and not answered: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the rest of an upload was sent and not answered after 30 s")
	}
	return h.page
}

// cut breaks the connection off and expects that no answer came.
func (h *held) cut(t *testing.T) {
	t.Helper()
	h.to.CloseWithError(io.ErrUnexpectedEOF)
	if err := <-h.answered; err == nil {
		t.Errorf("an upload that never ended was answered with status %d", h.page.status)
	}
}

// sendAgain sends the held report anew and whole.
func (h *held) sendAgain(t *testing.T, s *server, language string, size int) page {
	t.Helper()
	return sendWhole(t, s, language, h.codename, h.account, size)
}

// sendWhole sends a report, with a photo if size is not 0. Unlike send it
// announces the length, as browsers do: room is reserved for so much.
func sendWhole(t *testing.T, s *server, language, codename, account string, size int) page {
	t.Helper()
	var files []attachment
	if size > 0 {
		files = append(files, photo(size))
	}
	contentType, r := reportBody(codename, [][2]string{{"what.seen", account}}, files...)
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	p, err := post(s.web+"/"+language+"/report", contentType, bytes.NewReader(body), len(body))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// photo is a file of that size.
func photo(size int) attachment {
	return attachment{"photo.jpg", bytes.NewReader(bytes.Repeat([]byte("photo"), size/5))}
}

var heading = regexp.MustCompile(`<h[12][^>]*>[^<]*`)

// is says what is wrong with the page, if anything is: its status, language
// and what it must say.
func (p page) is(status int, language string, says ...string) error {
	for _, s := range says {
		if !strings.Contains(p.text, s) {
			return fmt.Errorf("the page of status %d does not say %q: %q", p.status, s, heading.FindAllString(p.text, -1))
		}
	}
	if p.status != status || p.language != language {
		return fmt.Errorf("status %d in %q, want %d in %q: %q", p.status, p.language, status, language, heading.FindAllString(p.text, -1))
	}
	return nil
}

// blobs returns the names of the files in which large reports lie.
func blobs(t *testing.T, data string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(data, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
