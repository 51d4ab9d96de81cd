package intake

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"

	"tocsin/seal"
	"tocsin/vault"
)

// Coming back: eight words lead to a case. A codename that was never issued and
// one that leads nowhere are the same thing here: both are derived, both are
// looked up, both get the same page at the same pace. Only what can't be a
// codename at all is told at once, which gives nothing away.

// A visit is a witness who came back to a case.
type visit struct {
	codename   seal.Codename
	credential *seal.Credential
	found      *vault.Case
	instance   string
}

// context is where messages of that kind belong.
func (v *visit) context(kind seal.Kind) seal.Context {
	return seal.Context{Instance: v.instance, Case: v.found.ID.String(), Kind: kind}
}

// errNoCase is what visit returns where no case is, with the page that says so.
var errNoCase = errors.New("no case under this codename")

// visit finds the case of a codename, or returns errNoCase. What it shows is on
// stable storage.
func (s *Server) visit(x *exchange, c seal.Codename) (*visit, error) {
	instance := s.vault.Roster().Instance()
	// Words can be tried by the hundred: who reports does not wait behind them.
	credential, err := s.derive(x.r.Context(), c, instance, s.guesses)
	if err != nil {
		return nil, err
	}
	found, err := s.vault.FindTag(credential.Tag)
	if errors.Is(err, vault.ErrNotFound) {
		return nil, errNoCase
	} else if err != nil {
		return nil, fmt.Errorf("looking the codename up: %w", err)
	}
	if err := s.vault.Durable(x.r.Context()); err != nil {
		return nil, fmt.Errorf("waiting for the case that is there: %w", err)
	}
	return &visit{c, credential, found, instance.String()}, nil
}

// returnForm asks for the codename.
func (s *Server) returnForm(x *exchange) error {
	return s.fixed(x, "return", func() (*bytes.Buffer, error) { return s.returnPage(x.lang, nil, ""), nil })
}

// returnAgain shows in another language what was typed so far.
func (s *Server) returnAgain(x *exchange) error {
	fields, err := readFields(x, "codename")
	if err != nil {
		return err
	}
	typed := fields["codename"]
	if len(typed) > maxTyped {
		typed = ""
	}
	x.answer(http.StatusOK, s.returnPage(x.lang, nil, typed))
	return nil
}

// A wordsProblem says why eight words open nothing: return.problem.<Kind> in the
// catalogue, with N put in unless it is 0.
type wordsProblem struct {
	Kind string
	N    int
}

// problemOf says what is wrong with what can't be a codename.
func problemOf(err error) *wordsProblem {
	var wrong *seal.CodenameError
	switch {
	case !errors.As(err, &wrong):
		return &wordsProblem{Kind: "letters"}
	case wrong.Word > 0:
		return &wordsProblem{"word", wrong.Word}
	case wrong.Words > 0:
		return &wordsProblem{"count", wrong.Words}
	}
	return &wordsProblem{Kind: "letters"}
}

// returnPage asks for the codename, with what was typed and what was wrong with
// it.
func (s *Server) returnPage(l *Language, p *wordsProblem, typed string) *bytes.Buffer {
	return s.render("return", struct {
		view
		Problem *wordsProblem
		Typed   string
	}{s.carrying(l, "return", "return/again", "keep"), p, typed})
}

// with makes a step that opens the case of the codename in a form of those
// fields and hands it to f, whose page is the answer. The form may have come
// with files, from a page that takes some, when only the language was to change:
// they are not read.
func (s *Server) with(f func(*exchange, *visit, map[string]string) (*bytes.Buffer, error), names ...string) step {
	return func(x *exchange) error {
		parts, err := x.parts()
		if err != nil {
			return err
		}
		parts.more = x.enterLarge
		fields, _, err := readSome(x, parts, append([]string{"codename"}, names...)...)
		if err != nil {
			return err
		}
		x.heard()
		page, err := s.open(x, fields, f)
		if err != nil {
			return err
		}
		x.answerAlike(page)
		return nil
	}
}

// open finds the case of the codename in fields and returns f's page, or the one
// that asks for the words again.
func (s *Server) open(x *exchange, fields map[string]string, f func(*exchange, *visit, map[string]string) (*bytes.Buffer, error)) (*bytes.Buffer, error) {
	typed, ok := fields["codename"]
	if !ok {
		return nil, refuse("other-form", nil, nil)
	}
	c, err := seal.ParseCodename(typed)
	if err != nil {
		if len(typed) > maxTyped {
			typed = ""
		}
		return s.returnPage(x.lang, problemOf(err), typed), nil
	}
	v, err := s.visit(x, c)
	if errors.Is(err, errNoCase) {
		return s.returnPage(x.lang, &wordsProblem{Kind: "unknown"}, typed), nil
	} else if err != nil {
		return nil, err
	}
	return f(x, v, fields)
}

// comeBack shows a case to its witness. once and text are those of an addition
// that is being written while the language changes.
func (s *Server) comeBack(x *exchange, v *visit, fields map[string]string) (*bytes.Buffer, error) {
	return s.repliesPage(x, v, replies{Once: fields["once"], Text: fields["text"]})
}
