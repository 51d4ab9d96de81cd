package intake

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// maxEpilogue is what may follow the last part of a form, in bytes.
const maxEpilogue = 4 << 10

// submit takes a report in. In the order of the form: codename, text, files;
// the text is checked before a file is let in, and a report that is kept
// already is told from a new one before anything is sealed.
func (s *Server) submit(testify bool) step {
	return func(x *exchange) error {
		d := &draft{testify: testify}
		x.again = s.formAgain(x.lang, d)
		return s.take(x, d)
	}
}

func (s *Server) take(x *exchange, d *draft) error {
	parts, err := x.parts()
	if err != nil {
		return err
	}
	parts.more = x.enterLarge
	file, err := s.readText(d, x, parts)
	if err != nil {
		return err
	}
	if err := d.check(x.lang); err != nil {
		return err
	}
	signed := s.vault.Roster()
	credential, err := s.derive(x.r.Context(), d.codename, signed.Instance())
	if err != nil {
		return err
	}
	switch found, err := s.vault.FindTag(credential.Tag); {
	case err == nil:
		// A read may show what is not yet, or never will be, on disk.
		if err := s.vault.Durable(context.WithoutCancel(x.r.Context())); err != nil {
			return fmt.Errorf("waiting for the report that is there: %w", err)
		}
		page, err := s.gone(x.lang, found.ID)
		if err != nil {
			return err
		}
		if page == nil {
			page = s.receivedPage(x.lang, receipt{Codename: d.codename, Again: true, Report: &d.report})
		}
		// What else comes is the same again. It is read to its end so that
		// the browser gets to the page.
		x.body.drain(drainBytes, drainTime)
		x.answerFilled(page)
		return nil
	case !errors.Is(err, vault.ErrNotFound):
		return fmt.Errorf("looking the codename up: %w", err)
	}
	again := false
	err = s.counted(x, file != nil, signed.Policy, func() error {
		return s.keep(x, d, parts, file, credential, signed.Policy)
	})
	if errors.Is(err, vault.ErrTagExists) {
		again = true // the same form, sent twice at once: the other was first
	} else if err != nil {
		return err
	}
	s.full.Store(false)
	x.answerFilled(s.receivedPage(x.lang, receipt{Codename: d.codename, Again: again, Report: &d.report}))
	return nil
}

// readText reads the fields into the draft and returns the first file, or nil
// if the form has none.
func (s *Server) readText(d *draft, x *exchange, parts *partReader) (*formPart, error) {
	var wrong error // in a field; told when all text has been read, not to lose it
	for {
		part, err := parts.next()
		switch {
		case err == io.EOF:
			return nil, errors.Join(wrong, x.readEnd())
		case err != nil:
			return nil, err
		case part.Name == "files":
			empty, err := noFile(part)
			if err != nil {
				return nil, err
			}
			if empty {
				continue // a file field in which nothing was chosen
			}
			return part, wrong
		}
		value, err := parts.readText(part)
		if err != nil {
			return nil, err
		}
		switch part.Name {
		case "codename":
			if d.codename, err = seal.ParseCodename(value); err != nil {
				wrong = refuse("other-form", nil, err)
			}
		case trapField:
			d.trap = value
		default:
			if err := s.set(x.lang, d, part.Name, value); err != nil {
				wrong = err
			}
		}
	}
}

// trapField is a field that the form has and people do not see: a program that
// fills in forms without reading them fills it in. What such a form says is not
// dropped, in case a person's browser did it: the form comes back, with the field
// shown.
const trapField = "website"

// noFile says whether a part of a file field holds no file, which is how
// browsers send a field in which nothing was chosen.
func noFile(part *formPart) (bool, error) {
	if part.File != "" {
		return false, nil
	}
	b := bufio.NewReaderSize(part.Reader, 16)
	part.Reader = b
	switch _, err := b.Peek(1); err {
	case nil:
		return false, nil
	case io.EOF:
		return true, nil
	default:
		return false, err
	}
}

// readEnd reads what follows the last part, so that the connection can be
// used again and "received" never overtakes the request.
func (x *exchange) readEnd() error {
	n, err := io.Copy(io.Discard, io.LimitReader(x.body, maxEpilogue+1))
	if err != nil {
		return err
	}
	if n > maxEpilogue {
		return errMalformed
	}
	return nil
}

// check completes the report and says what the witness has to mend.
func (d *draft) check(l *Language) error {
	if !d.worthShowing() {
		return refuse("other-form", nil, nil)
	}
	if d.trap != "" {
		return refuse("trap", nil, nil)
	}
	d.report.Language = l.Code
	d.report.Received = string(ledger.DayOf(time.Now()))
	var invalid *report.ValidationError
	if err := d.report.Validate(); errors.As(err, &invalid) {
		d.problems = append(d.problems, invalid.Problems...)
	} else if err != nil {
		return err
	}
	if len(d.problems) > 0 {
		return refuse("invalid", nil, nil)
	}
	return nil
}

// derive computes a codename's credential, a few at a time, after a place in each
// of the queues was found.
func (s *Server) derive(ctx context.Context, c seal.Codename, i roster.Instance, queues ...chan struct{}) (*seal.Credential, error) {
	for _, places := range append(queues, s.derives) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		case <-ctx.Done():
			return nil, refuse("lost", nil, nil)
		}
	}
	return c.Derive(i)
}

// keep seals the report and its files under a new case key and commits them.
// It returns nil after they are on stable storage, vault.ErrTagExists if the
// same codename got there first, and otherwise leaves nothing behind.
func (s *Server) keep(x *exchange, d *draft, parts *partReader, file *formPart, cred *seal.Credential, p roster.Policy) error {
	body, err := d.report.Marshal()
	if errors.Is(err, report.ErrTooLarge) {
		return errTextTooLong
	} else if err != nil {
		return fmt.Errorf("encoding a report: %w", err)
	}
	key, err := seal.NewCaseKey()
	if err != nil {
		return err
	}
	upload, err := s.newUpload(x, len(body), file != nil, p)
	if err != nil {
		return err
	}
	defer upload.Discard()
	record := vault.Case{
		ID:        ledger.NewCaseID(),
		Tag:       cred.Tag,
		Codename:  cred.Version,
		Recipient: key.Recipient().String(),
		Witness:   cred.Identity.Recipient().String(),

		Withdrawal: sha256.Sum256(cred.Withdrawal[:]),
	}
	message, err := seal.NewMessage(upload, reportContext(s.vault.Roster().Instance(), &record), body, key.Recipient())
	if err != nil {
		return err
	}
	defer message.Abort() // wipes its buffer when the report is refused
	if _, err := attach(x, parts, file, message, p, p.MaxReport-int64(len(body))); err != nil {
		return err
	}
	if err := message.Close(); err != nil {
		return err
	}
	// The whole report is here: a witness who goes away now has sent it.
	ctx := context.WithoutCancel(x.r.Context())
	for {
		// The envelope comes last: a roster may have come into force while the
		// files came in, and its case workers are those who must be able to
		// read. The vault says so if one does between here and the commit.
		workers, err := s.workers()
		if err != nil {
			return err
		}
		sealed, err := key.Envelope(workers.recipients)
		if err != nil {
			return err
		}
		// Commit point: before AddCase returns nil nothing is promised.
		err = s.vault.AddCase(ctx, record, vault.Envelope{Roster: workers.roster, Sealed: sealed}, upload)
		if !errors.Is(err, vault.ErrRosterChanged) {
			return err
		}
	}
}

// newUpload opens an upload for a body of that size and, with files set, for
// what else the form may hold.
func (s *Server) newUpload(x *exchange, body int, files bool, p roster.Policy) (*vault.Upload, error) {
	plain, count := int64(body), p.MaxFiles
	switch {
	case !files:
		count = 0 // so that a text counts as the small upload that it is
	case x.r.ContentLength > 0:
		plain += min(x.r.ContentLength, p.MaxReport)
	default:
		plain += p.MaxReport
	}
	return s.vault.NewUpload(sealedAtMost(plain, count))
}

// attach streams the files into the message, from the first on to the end of
// the form, and returns what was kept. left is what the report may still grow by, in
// bytes.
func attach(x *exchange, parts *partReader, file *formPart, to *seal.MessageWriter, p roster.Policy, left int64) (kept []seal.File, err error) {
	if file == nil {
		return nil, nil // readText saw the end
	}
	for count := 1; ; count++ {
		if count > p.MaxFiles {
			return nil, refuse("too-many-files", p.MaxFiles, nil)
		}
		limited := &limitedReader{src: file, left: p.MaxFile, over: refuse("file-too-large", sizeText(x.lang, p.MaxFile), nil)}
		if left < p.MaxFile {
			limited.left, limited.over = left, refuse("report-too-large", sizeText(x.lang, p.MaxReport), nil)
		}
		one, err := to.Attach(file.File, file.Type, limited)
		if errors.Is(err, seal.ErrTooLarge) {
			// The roster may allow more than a message holds.
			return nil, refuse("report-too-large", sizeText(x.lang, p.MaxReport), err)
		} else if err != nil {
			return nil, err
		}
		kept = append(kept, one)
		left -= one.Size
		for {
			if file, err = parts.next(); err == io.EOF {
				return kept, x.readEnd()
			} else if err != nil {
				return nil, err
			}
			if file.Name != "files" {
				return nil, refuse("wrong-order", nil, nil)
			}
			empty, err := noFile(file)
			if err != nil {
				return nil, err
			}
			if !empty {
				break
			}
		}
	}
}

// A limitedReader ends with the error over when src holds more than left bytes.
type limitedReader struct {
	src  io.Reader
	left int64
	over error
}

func (r *limitedReader) Read(p []byte) (int, error) {
	if int64(len(p)) > r.left+1 {
		p = p[:r.left+1]
	}
	n, err := r.src.Read(p)
	if int64(n) > r.left {
		return 0, r.over
	}
	r.left -= int64(n)
	return n, err
}
