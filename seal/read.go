package seal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"filippo.io/age"
)

// Message is what ReadMessage found.
type Message struct {
	Body []byte
	Manifest
}

// ReadMessage opens the sealed message of that many bytes with an identity of
// one of its recipients, checks that it is the wanted one, and hands visit
// every attachment in order: what the manifest says of it, and a reader of its
// content, of which visit may leave the rest unread.
//
// A want without a record takes a report with any: what to do with one whose
// record was altered since is then for the caller, who finds in the manifest
// the digest that it was sealed with.
//
// With a visit, a nil error means that all of the message is authentic, laid
// out as the format says and equal to its manifest. The content that visit
// reads is authentic as it comes, but only at the reader's end known to be
// what the manifest says: a mismatch takes the place of io.EOF. The message as
// a whole is whole only when ReadMessage has returned nil; if it returns an
// error, the caller must discard what visit received. An error of visit is
// returned wrapped.
//
// With visit nil, the files' contents are passed over and not checked, nor is
// the padding: a listing costs the decryption of a few chunks however large the
// attachments are.
//
// Errors: ErrKey, ErrDamaged, ErrContents, ErrContext, ErrVersion; or src's
// own, wrapped. Memory is bounded by MaxBody, the manifest and half a MiB.
func ReadMessage(src io.ReaderAt, size int64, id age.Identity, want Context, visit func(File, io.Reader) error) (*Message, error) {
	s := &source{r: src}
	plain, n, err := s.open(size, id)
	if err != nil {
		return nil, fmt.Errorf("opening a message: %w", err)
	}
	m, err := readArchive(plain, n, want, visit, s.fault)
	if err != nil {
		return nil, fmt.Errorf("reading a message: %w", err)
	}
	return m, nil
}

// readArchive is ReadMessage once it is decrypted. fault explains an error of
// plain.
func readArchive(plain io.ReaderAt, size int64, want Context, visit func(File, io.Reader) error, fault func(error) error) (*Message, error) {
	w := newWindow(plain, size, 1, fault)
	defer w.wipe()
	l, err := survey(w)
	if err != nil {
		return nil, err
	}
	manifest, err := w.content(l.manifest)
	if err != nil {
		return nil, err
	}
	defer clear(manifest)
	m, err := parseManifest(manifest)
	if err != nil {
		return nil, err
	}
	if !m.Context.is(want) {
		return nil, ErrContext
	}
	if err := m.describes(l); err != nil {
		return nil, err
	}
	body, err := w.content(l.body)
	if err != nil {
		return nil, err
	}
	if digest := sha256.Sum256(body); hex.EncodeToString(digest[:]) != m.BodySHA256 {
		return nil, fmt.Errorf("%w: the body is not what the manifest says", ErrContents)
	}
	if visit != nil {
		if err := readFiles(plain, size, l, m.Files, visit, fault); err != nil {
			return nil, err
		}
		if err := w.zeros(l.manifest.end(), size); err != nil {
			return nil, err
		}
	}
	return &Message{Body: body, Manifest: *m}, nil
}

// content returns a content and checks the gap behind it.
func (w *window) content(e extent) ([]byte, error) {
	b := make([]byte, e.size)
	if err := w.readFull(b, e.offset); err != nil {
		return nil, err
	}
	return b, w.zeros(e.offset+e.size, e.end())
}

// readFiles hands every attachment to visit. It reads in larger strides than
// the survey, since age allocates a chunk anew for each.
func readFiles(plain io.ReaderAt, size int64, l *layout, files []File, visit func(File, io.Reader) error, fault func(error) error) error {
	if len(files) == 0 {
		return nil
	}
	w := newWindow(plain, size, 4, fault)
	defer w.wipe()
	for i, f := range files {
		r := &fileReader{w: w, at: l.files[i], digest: f.SHA256, hash: sha256.New()}
		if err := visit(f, r); err != nil {
			return fmt.Errorf("file %d: %w", i+1, err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return fmt.Errorf("file %d: %w", i+1, err)
		}
	}
	return nil
}

// fileReader joins the parts of one attachment and ends in io.EOF only if they
// have the digest of the manifest. An error stays.
type fileReader struct {
	w      *window
	at     extent
	pos    int64 // in the joined content
	digest string
	hash   hash.Hash
	err    error
}

func (r *fileReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if r.pos == r.at.size {
		r.err = r.finish()
		return 0, r.err
	}
	// Each part has a header before it, and all but the last are full.
	part, in := r.pos/PartSize, r.pos%PartSize
	n := min(int64(len(p)), PartSize-in, r.at.size-r.pos)
	p = p[:n]
	if r.err = r.w.readFull(p, r.at.offset+part*(blockSize+PartSize)+blockSize+in); r.err != nil {
		return 0, r.err
	}
	r.hash.Write(p)
	r.pos += n
	return len(p), nil
}

func (r *fileReader) finish() error {
	end := r.at.offset + int64(parts(r.at.size))*blockSize + r.at.size
	if err := r.w.zeros(end, end+gap(r.at.size)); err != nil {
		return err
	}
	if hex.EncodeToString(r.hash.Sum(nil)) != r.digest {
		return fmt.Errorf("%w: a file is not what the manifest says", ErrContents)
	}
	return io.EOF
}
