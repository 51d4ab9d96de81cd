package intake

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

//go:embed style/style.css
var styleFile []byte

// A stylesheet is the only thing that a browser may keep: its name holds its
// digest, so that a new one has a new name. It is the same for everybody and
// holds no secret, so it is compressed, once.
type stylesheet struct {
	path          string
	plain, zipped []byte
}

func loadStylesheet() (*stylesheet, error) {
	plain := shrink(styleFile)
	sum := sha256.Sum256(plain)
	zipped, err := zip(plain)
	if err != nil {
		return nil, fmt.Errorf("compressing the stylesheet: %w", err)
	}
	return &stylesheet{"/style-" + hex.EncodeToString(sum[:8]) + ".css", plain, zipped}, nil
}

// spaces are those that stand for the eye only: around braces, and after a colon,
// semicolon or comma. None stands in a string of our stylesheet.
var spaces = strings.NewReplacer(" {", "{", "{ ", "{", " }", "}", "; ", ";", ": ", ":", ", ", ",")

// shrink drops what only we read.
func shrink(css []byte) []byte {
	var b bytes.Buffer
	for line := range strings.Lines(string(css)) {
		line = spaces.Replace(strings.TrimSpace(line))
		b.WriteString(line)
		// A selector or value may go on in the next line.
		if n := len(line); n > 0 && !strings.ContainsRune("{};,", rune(line[n-1])) {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

func (s *stylesheet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	// What only means something to a document would weigh for nothing.
	for _, name := range documentHeaders {
		h.Del(name)
	}
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := s.plain
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = s.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that went away needs no stylesheet
	}
}

// acceptsGzip reads an Accept-Encoding (RFC 9110, section 12.5.3) as far as
// gzip goes.
func acceptsGzip(header string) bool {
	for _, part := range strings.Split(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		key, q, _ := strings.Cut(strings.TrimSpace(params), "=")
		if !strings.EqualFold(strings.TrimSpace(key), "q") {
			return true
		}
		weight, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return err != nil || weight > 0
	}
	return false
}
