package intake

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"sync"
	"time"

	"tocsin/ledger"
)

// Pages that are the same for everybody who asks in one language hold no secret
// and nothing that anybody typed: they are made once, and compressed once.

// fixedKey is what such a page depends on.
type fixedKey struct {
	name   string
	lang   *Language
	roster [32]byte
	day    ledger.Day // entries of the directory grow old
}

type fixedPage struct{ plain, zipped []byte }

// fixedPages holds those that were asked for under the roster in force today.
type fixedPages struct {
	mu    sync.Mutex
	pages map[fixedKey]*fixedPage
}

// fixed answers with the page of that name, which render makes if it is not
// there yet.
func (s *Server) fixed(x *exchange, name string, render func() (*bytes.Buffer, error)) error {
	key := fixedKey{name, x.lang, s.vault.Roster().Digest, ledger.DayOf(time.Now())}
	page, err := s.fixedPages.get(key, render)
	if err != nil {
		return err
	}
	body := page.plain
	x.w.Header().Add("Vary", "Accept-Encoding")
	if acceptsGzip(x.r.Header.Get("Accept-Encoding")) {
		x.w.Header().Set("Content-Encoding", "gzip")
		body = page.zipped
	}
	x.answer(http.StatusOK, bytes.NewBuffer(body))
	return nil
}

func (f *fixedPages) get(key fixedKey, render func() (*bytes.Buffer, error)) (*fixedPage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.pages[key]; p != nil {
		return p, nil
	}
	made, err := render()
	if err != nil {
		return nil, fmt.Errorf("making the page %s: %w", key.name, err)
	}
	p := &fixedPage{plain: made.Bytes()}
	if p.zipped, err = zip(p.plain); err != nil {
		return nil, fmt.Errorf("compressing the page %s: %w", key.name, err)
	}
	// Those of another day or roster are of no more use.
	for k := range f.pages {
		if k.day != key.day || k.roster != key.roster {
			delete(f.pages, k)
		}
	}
	if f.pages == nil {
		f.pages = make(map[fixedKey]*fixedPage)
	}
	f.pages[key] = p
	return p, nil
}

// zip compresses what is the same for everybody.
func zip(plain []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
