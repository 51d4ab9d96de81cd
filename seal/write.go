package seal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"tocsin/seal/padme"
)

// MessageWriter writes one sealed message. It is not for concurrent use. After
// any error the message cannot be finished and every later call returns that
// error: the destination holds a file that will not open, to be discarded.
type MessageWriter struct {
	age      io.WriteCloser
	manifest Manifest
	size     int64  // plaintext bytes written
	buf      []byte // up to one part of an attachment and a byte of the next
	err      error
}

var (
	errFinished = errors.New("the message is finished")
	errAborted  = errors.New("the message was given up")
)

// NewMessage begins a message with its body and seals it to the recipients,
// who must be at least one and all different: the case key's, and for a reply
// the witness's too. A body of more than MaxBody is refused with ErrTooLarge.
// Nothing is written to dst when an error comes back for an argument.
func NewMessage(dst io.Writer, c Context, body []byte, to ...*age.HybridRecipient) (*MessageWriter, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("beginning a message: %w", err)
	}
	if len(body) > MaxBody {
		return nil, fmt.Errorf("beginning a message: %w: a body of %d bytes, and %d is the most", ErrTooLarge, len(body), MaxBody)
	}
	all, err := recipients(to)
	if err != nil {
		return nil, fmt.Errorf("beginning a message: %w", err)
	}
	sealed, err := age.Encrypt(dst, all...)
	if err != nil {
		return nil, fmt.Errorf("beginning a message: %w", err)
	}
	digest := sha256.Sum256(body)
	w := &MessageWriter{age: sealed, manifest: Manifest{
		Version:    Version,
		Context:    c,
		Body:       bodyName(c.Kind),
		BodySHA256: hex.EncodeToString(digest[:]),
		Files:      []File{},
	}}
	if err := w.entry(w.manifest.Body, body); err != nil {
		return nil, fmt.Errorf("beginning a message: %w", err)
	}
	return w, nil
}

// Size returns how many bytes of plaintext were written so far.
func (w *MessageWriter) Size() int64 { return w.size }

// Attach streams one attachment into the message. Name and media type are kept
// as they are but for their length (255 and 127 characters) and for bytes that
// are not UTF-8, so that no witness is turned away for a file's name. It fails
// with ErrTooLarge for one file or one byte more than the format holds; limits
// below that are for the caller to put on content. An error of content is
// returned wrapped, and like any other makes the message unusable.
func (w *MessageWriter) Attach(name, mediaType string, content io.Reader) (File, error) {
	if w.err != nil {
		return File{}, w.err
	}
	f, err := w.attach(name, mediaType, content)
	if err != nil {
		w.fail(fmt.Errorf("attaching a file: %w", err))
		return File{}, w.err
	}
	w.manifest.Files = append(w.manifest.Files, f)
	return f, nil
}

func (w *MessageWriter) attach(name, mediaType string, content io.Reader) (File, error) {
	number := len(w.manifest.Files) + 1
	if number > MaxFiles {
		return File{}, fmt.Errorf("%w: %d files are the most", ErrTooLarge, MaxFiles)
	}
	f := File{Path: filePath(number), Name: cut(name, 255), Type: cut(mediaType, 127)}
	hash := sha256.New()
	have := 0
	for {
		var err error
		if have, err = w.fill(content, have); err != nil {
			return File{}, err
		}
		f.Parts++
		if f.Parts > maxParts {
			return File{}, fmt.Errorf("%w: a file of more than %d bytes", ErrTooLarge, MaxFileSize)
		}
		part := w.buf[:min(have, PartSize)]
		path := f.Path
		if f.Parts > 1 || have > PartSize {
			path = partPath(number, f.Parts)
		}
		if err := w.entry(path, part); err != nil {
			return File{}, err
		}
		hash.Write(part)
		f.Size += int64(len(part))
		if have <= PartSize {
			break
		}
		w.buf[0], have = w.buf[PartSize], 1
	}
	f.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return f, nil
}

// fill reads on into the buffer, which holds have bytes, until content ends or
// one byte more than a part is there: that byte tells whether another part
// follows. The buffer grows with the first large attachment, so that a small
// one does not cost a megabyte.
//
// io.ReadFull will not do: it returns io.ErrUnexpectedEOF for an end, which is
// also what a multipart reader returns for a connection that was cut.
func (w *MessageWriter) fill(content io.Reader, have int) (int, error) {
	for idle := 0; have <= PartSize; {
		if have == len(w.buf) {
			larger := make([]byte, min(max(2*have, chunkSize), PartSize+1))
			copy(larger, w.buf)
			clear(w.buf)
			w.buf = larger
		}
		n, err := content.Read(w.buf[have:])
		have += n
		if err == io.EOF {
			break
		} else if err != nil {
			return have, err
		}
		if idle++; n > 0 {
			idle = 0
		} else if idle == 100 {
			return have, io.ErrNoProgress
		}
	}
	return have, nil
}

// Close finishes the message: manifest, end of archive, padding, last chunk.
// Only when it returns nil will the message open. It is safe to call it after
// an error, which it then returns.
func (w *MessageWriter) Close() error {
	if w.err != nil {
		return w.err
	}
	if err := w.finish(); err != nil {
		w.fail(fmt.Errorf("finishing a message: %w", err))
		return w.err
	}
	w.fail(errFinished)
	return nil
}

// Abort gives the message up and wipes the buffer, without a byte more to the
// destination: Close would write manifest and padding, up to a sixteenth of
// what is there. After Close or an error there is nothing left to give up.
func (w *MessageWriter) Abort() {
	if w.err == nil {
		w.fail(errAborted)
	}
}

func (w *MessageWriter) finish() error {
	manifest, err := w.manifest.marshal()
	if err != nil {
		return err
	}
	defer clear(manifest)
	if err := w.entry(manifestName, manifest); err != nil {
		return err
	}
	if err := w.zeros(padme.Size(w.size+2*blockSize) - w.size); err != nil {
		return err
	}
	return w.age.Close()
}

// fail ends the writer's life with an error for all later calls.
func (w *MessageWriter) fail(err error) {
	clear(w.buf)
	w.buf = nil
	w.err = err
}

// entry writes one whole entry of the archive.
func (w *MessageWriter) entry(name string, content []byte) error {
	if err := w.write(header(name, int64(len(content)))[:]); err != nil {
		return err
	}
	if err := w.write(content); err != nil {
		return err
	}
	return w.zeros(gap(int64(len(content))))
}

var zeroBlock [32 << 10]byte

func (w *MessageWriter) zeros(n int64) error {
	for n > 0 {
		p := zeroBlock[:min(n, int64(len(zeroBlock)))]
		if err := w.write(p); err != nil {
			return err
		}
		n -= int64(len(p))
	}
	return nil
}

func (w *MessageWriter) write(p []byte) error {
	n, err := w.age.Write(p)
	w.size += int64(n)
	return err
}

// cut returns the first n characters of s as valid UTF-8.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}
