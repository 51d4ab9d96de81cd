package intake

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/vault"
)

// maxReplies is how many replies, the newest, a page shows.
const maxReplies = 50

// A thread is what a witness finds on coming back.
type thread struct {
	Day     ledger.Day // the report was received
	Replies []reply    // oldest first
	More    int        // older ones that are not shown
}

type reply struct {
	Day        ledger.Day
	Text       string
	Unreadable bool // damaged, or of a later version
}

// returnForm asks for the codename.
func (s *Server) returnForm(x *exchange) error {
	x.answer(http.StatusOK, s.returnPage(x.lang, ""))
	return nil
}

// comeBack opens a case for its witness. A codename that was never issued and
// one that leads nowhere are the same thing here: both are derived, both are
// looked up, both get the same page. Only what can't be a codename at all is
// told at once, which gives nothing away.
func (s *Server) comeBack(x *exchange) error {
	codename, err := readCodename(x)
	if errors.Is(err, seal.ErrCodename) {
		x.answer(http.StatusUnprocessableEntity, s.returnPage(x.lang, "words"))
		return nil
	} else if err != nil {
		return err
	}
	instance := s.vault.Roster().Instance()
	credential, err := s.derive(x.r.Context(), codename, instance)
	if err != nil {
		return err
	}
	found, err := s.vault.FindTag(credential.Tag)
	if errors.Is(err, vault.ErrNotFound) {
		x.answer(http.StatusNotFound, s.returnPage(x.lang, "unknown"))
		return nil
	} else if err != nil {
		return fmt.Errorf("looking the codename up: %w", err)
	}
	thread, err := s.thread(found.ID, credential, seal.Context{
		Instance: instance.String(), Case: found.ID.String(), Kind: seal.KindReply,
	})
	if err != nil {
		return err
	}
	x.answer(http.StatusOK, s.repliesPage(x.lang, thread))
	return nil
}

// readCodename reads the form of the return page: one field.
func readCodename(x *exchange) (seal.Codename, error) {
	parts, err := x.parts()
	if err != nil {
		return seal.Codename{}, err
	}
	part, err := parts.next()
	if err == io.EOF || err == nil && part.Name != "codename" {
		return seal.Codename{}, refuse("other-form", nil, nil)
	} else if err != nil {
		return seal.Codename{}, err
	}
	typed, err := parts.readText(part)
	if errors.Is(err, errTextTooLong) {
		return seal.Codename{}, seal.ErrCodename
	} else if err != nil {
		return seal.Codename{}, err
	}
	switch _, err := parts.next(); err {
	case io.EOF:
	case nil:
		return seal.Codename{}, refuse("other-form", nil, nil)
	default:
		return seal.Codename{}, err
	}
	if err := x.readEnd(); err != nil {
		return seal.Codename{}, err
	}
	return seal.ParseCodename(typed)
}

// thread opens the replies of a case, in memory, with the witness's key.
func (s *Server) thread(id ledger.CaseID, cred *seal.Credential, want seal.Context) (thread, error) {
	messages, err := s.vault.Messages(id)
	if err != nil {
		return thread{}, fmt.Errorf("listing a case's messages: %w", err)
	}
	var t thread
	var replies []vault.Entry
	for _, m := range messages {
		switch m.Leaf.Kind {
		case ledger.KindReport:
			t.Day = m.Leaf.Day
		case ledger.KindReply:
			replies = append(replies, m)
		}
	}
	if more := len(replies) - maxReplies; more > 0 {
		t.More, replies = more, replies[more:]
	}
	for _, m := range replies {
		// A reply that does not open is said on the page and nowhere else: a
		// log line would tell when its one witness came back.
		text, err := s.openReply(m.Index, cred, want)
		t.Replies = append(t.Replies, reply{Day: m.Leaf.Day, Text: text, Unreadable: err != nil})
	}
	return t, nil
}

func (s *Server) openReply(index int64, cred *seal.Credential, want seal.Context) (string, error) {
	sealed, err := s.vault.OpenMessage(index)
	if err != nil {
		return "", err
	}
	defer sealed.Close()
	m, err := seal.ReadMessage(sealed, sealed.Size(), cred.Identity, want, nil)
	if err != nil {
		return "", err
	}
	message, err := report.ParseMessage(m.Body)
	if err != nil {
		return "", err
	}
	return message.Text, nil
}
