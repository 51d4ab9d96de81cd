package intake

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"strings"
	"unicode/utf8"
)

// Bounds on a multipart body that no honest form comes near.
const (
	// maxPartHeader bounds the headers of one part, in bytes, and also what
	// may stand before the first part.
	maxPartHeader = 8 << 10
	// readAhead is what mime/multipart may read past a part's headers: the
	// size of its buffer, and no more.
	readAhead = 5 << 10
	// maxParts bounds the number of parts, fields and files together.
	maxParts = 1000
	// maxText bounds the text of all fields of a report together, in bytes.
	maxText = 1 << 20
	// smallText is what all but a few forms may hold of it.
	smallText = 64 << 10
	// maxName bounds a file's name and type as kept in the sealed manifest, in
	// characters.
	maxName = 255
)

var (
	errMalformed    = errors.New("malformed multipart body")
	errTooManyParts = fmt.Errorf("more than %d parts", maxParts)
	errTextTooLong  = fmt.Errorf("more than %d bytes of text", maxText)
)

// A partReader reads a multipart body part by part with bounds on what stands
// between the contents. mime/multipart by itself accepts 10 MiB of headers a
// part.
type partReader struct {
	mr *multipart.Reader
	// budget is what may still be read from the connection before the next
	// part begins; only in force while between is true.
	src     io.Reader
	budget  int64
	between bool

	// more is asked once, when there is more text than smallText: its error
	// ends the form. Where it is nil there may not be more.
	more func() error

	parts int
	text  int64
	room  int64 // for text, in all
	cur   *multipart.Part
}

// newPartReader reads a body with that boundary from src.
func newPartReader(src io.Reader, boundary string) *partReader {
	p := &partReader{src: src, room: smallText}
	p.mr = multipart.NewReader(readerFunc(p.read), boundary)
	return p
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// read is what mime/multipart reads from.
func (p *partReader) read(buf []byte) (int, error) {
	if !p.between {
		return p.src.Read(buf)
	}
	if p.budget <= 0 {
		return 0, errMalformed
	}
	if int64(len(buf)) > p.budget {
		buf = buf[:p.budget]
	}
	n, err := p.src.Read(buf)
	p.budget -= int64(n)
	return n, err
}

// A formPart is one part of the body. Its content must be read to the end
// before the next part is asked for.
type formPart struct {
	// Name is the form field's name.
	Name string
	// File and Type are what the browser calls the file, cut to maxName
	// characters. They are data: nothing may use them as a path.
	File, Type string
	io.Reader
}

// next returns the next part, or io.EOF after the last.
func (p *partReader) next() (*formPart, error) {
	if p.cur != nil {
		// What the caller left unread must not be charged to the next header.
		if _, err := io.Copy(io.Discard, p.cur); err != nil {
			return nil, err
		}
	}
	if p.parts == maxParts {
		return nil, errTooManyParts
	}
	p.between, p.budget = true, maxPartHeader+readAhead
	// NextRawPart: NextPart would decode quoted-printable, which no browser
	// sends and which would make the file another than the witness's.
	part, err := p.mr.NextRawPart()
	p.between = false
	switch {
	case err == io.EOF:
		return nil, io.EOF
	case err != nil:
		// The parser's error may quote a header, and with it a file's name.
		return nil, errMalformed
	}
	p.parts++
	p.cur = part
	name := part.FormName()
	if name == "" {
		return nil, errMalformed
	}
	return &formPart{
		Name:   name,
		File:   cut(part.FileName()),
		Type:   cut(part.Header.Get("Content-Type")),
		Reader: part,
	}, nil
}

// readText returns the whole of a text part. The sum of all is bounded.
func (p *partReader) readText(part *formPart) (string, error) {
	var b strings.Builder
	for {
		n, err := io.Copy(&b, io.LimitReader(part, p.room-p.text+1))
		if err != nil {
			return "", err
		}
		if p.text += n; p.text <= p.room {
			return b.String(), nil
		}
		if p.room == maxText || p.more == nil {
			return "", errTextTooLong
		}
		if err := p.more(); err != nil {
			return "", err
		}
		p.room = maxText
	}
}

// cut makes s valid UTF-8 of at most maxName characters.
func cut(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if utf8.RuneCountInString(s) <= maxName {
		return s
	}
	return string([]rune(s)[:maxName])
}
