package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"time"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/vault"
)

// add takes in what a witness adds to a report: text and files, or that the replies
// were read. In the order of the form: codename, numbers, text, files, as with a
// report.
func (s *Server) add(x *exchange) error {
	parts, err := x.parts()
	if err != nil {
		return err
	}
	parts.more = x.enterLarge
	fields, file, err := readSome(x, parts, "codename", "once", "seen", "read", "text")
	if err != nil {
		return err
	}
	x.again = s.addAgain(x.lang, fields)
	x.heard()
	page, err := s.open(x, fields, func(x *exchange, v *visit, fields map[string]string) (*bytes.Buffer, error) {
		return s.addTo(x, v, fields, parts, file)
	})
	if err != nil {
		return err
	}
	x.answerAlike(page)
	return nil
}

// addAgain is what a refusal of an addition shows: the form as it was filled in.
func (s *Server) addAgain(l *Language, fields map[string]string) func(*notice) *bytes.Buffer {
	return func(n *notice) *bytes.Buffer {
		c, err := seal.ParseCodename(fields["codename"])
		if err != nil {
			return nil
		}
		a, err := newAddition(fields["once"], seen(fields))
		if err != nil {
			return nil
		}
		return s.render("add", struct {
			view
			attachments
			addition
			Codename string
			Text     string
			Problem  string
			Notice   *notice
			Wrong    []control
		}{s.carrying(l, "replies", "return", "keep"), s.attachments(l), a, c.String(), fields["text"], "", n, nil})
	}
}

// addTo seals an addition to the case and commits it.
func (s *Server) addTo(x *exchange, v *visit, fields map[string]string, parts *partReader, file *formPart) (*bytes.Buffer, error) {
	once, err := parseOnce(fields["once"])
	if err != nil {
		return nil, refuse("other-form", nil, nil)
	}
	if fields["read"] != "" && (file != nil || fields["text"] != "") {
		return nil, refuse("other-form", nil, nil) // our page has no such form
	}
	m, err := newMessage(x.lang, fields)
	if err != nil {
		var invalid *report.ValidationError
		r := replies{Once: fields["once"], Text: fields["text"]}
		switch {
		case errors.Is(err, report.ErrEmpty):
			r.Problem = x.lang.T("problem.empty")
		case errors.As(err, &invalid) && invalid.Problems[0].Kind == report.TooLong:
			r.Problem = x.lang.T("problem.too-long", report.MaxMessage)
		case errors.As(err, &invalid):
			r.Problem = x.lang.T("problem.bad-format")
		default:
			return nil, err
		}
		return s.repliesPage(x, v, r)
	}
	// It counts in the hour and finds a place like a report.
	policy := s.vault.Roster().Policy
	err = s.counted(x, file != nil, policy, func() error {
		return s.keepAddition(x, v, once, m, parts, file)
	})
	if errors.Is(err, vault.ErrRetired) {
		return s.repliesPage(x, v, replies{}) // which says so
	} else if err != nil {
		return nil, err
	}
	said := "add.received"
	if fields["read"] != "" {
		said = "seen.told"
	}
	return s.repliesPage(x, v, replies{Said: said})
}

// newMessage returns what a form says, and how many replies its page had: the text,
// or, from the form that has none, only that they were read. Nobody but the case
// workers learns which.
func newMessage(l *Language, fields map[string]string) (*report.Message, error) {
	day := string(ledger.DayOf(time.Now()))
	if fields["read"] != "" {
		m := &report.Message{Language: l.Code, Day: day, Seen: seen(fields)}
		return m, m.Validate()
	}
	m, err := report.NewMessage(l.Code, day, fields["text"])
	if err == nil {
		m.Seen = seen(fields)
	}
	return m, err
}

// seen is how many replies the page showed that the form is from.
func seen(fields map[string]string) int {
	n, err := strconv.Atoi(fields["seen"])
	if err != nil || n < 0 || n > report.MaxSeen {
		return 0
	}
	return n
}

// keepAddition returns nil after the addition is on stable storage, and otherwise
// leaves nothing behind.
func (s *Server) keepAddition(x *exchange, v *visit, once [32]byte, m *report.Message, parts *partReader, file *formPart) error {
	body, err := m.Marshal()
	if err != nil {
		return fmt.Errorf("encoding an addition: %w", err)
	}
	to, err := seal.ParseRecipients([]string{v.found.Recipient})
	if err != nil {
		return fmt.Errorf("reading a case's recipient: %w", err)
	}
	policy := s.vault.Roster().Policy
	upload, err := s.newUpload(x, len(body), file != nil, policy)
	if err != nil {
		return err
	}
	defer upload.Discard()
	message, err := seal.NewMessage(upload, v.context(seal.KindAddition), body, to...)
	if err != nil {
		return err
	}
	defer message.Abort() // wipes its buffer when the addition is refused
	files, err := attach(x, parts, file, message, policy, policy.MaxReport-int64(len(body)))
	if err != nil {
		return err
	}
	if err := message.Close(); err != nil {
		return err
	}
	// Commit point: before AddAddition returns nil nothing is promised. All of it
	// is here: a witness who goes away now has sent it.
	_, err = s.vault.AddAddition(context.WithoutCancel(x.r.Context()), v.found.ID, sameOnce(once, m.Text, files), upload)
	return err
}

// sameOnce makes of a form's number one of what was sent from it: the same sent
// twice is kept once, but what was changed in between is not lost.
func sameOnce(once [32]byte, text string, files []seal.File) [32]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%x %x", once, sha256.Sum256([]byte(text)))
	for _, f := range files {
		fmt.Fprintf(h, " %s %x", f.SHA256, sha256.Sum256([]byte(f.Name)))
	}
	return [32]byte(h.Sum(nil))
}
