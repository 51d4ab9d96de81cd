package intake

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"tocsin/report"
	"tocsin/vault"
)

// A refusal is a request that was not done, as the witness is told of it: the
// catalogue holds refusal.<kind>.heading, .what (with the argument put in) and
// .do.
type refusal struct {
	kind   string
	status int
	arg    any // for the text; nil where it takes none
	err    error
}

func (r *refusal) Error() string {
	if r.err != nil {
		return r.kind + ": " + r.err.Error()
	}
	return r.kind
}

func (r *refusal) Unwrap() error { return r.err }

// The kinds of refusals and their statuses. A test walks through the table and
// holds every catalogue against it.
var refusals = map[string]int{
	"invalid":          http.StatusUnprocessableEntity,   // 422: fields to mend
	"text-too-long":    http.StatusRequestEntityTooLarge, // 413
	"file-too-large":   http.StatusRequestEntityTooLarge,
	"report-too-large": http.StatusRequestEntityTooLarge,
	"too-many-files":   http.StatusRequestEntityTooLarge,
	"no-files":         http.StatusUnprocessableEntity, // the roster takes none
	"too-many-parts":   http.StatusBadRequest,
	"malformed":        http.StatusBadRequest,
	"wrong-order":      http.StatusBadRequest,
	"other-form":       http.StatusBadRequest,          // a field or codename that this form does not have
	"trap":             http.StatusUnprocessableEntity, // a field that people do not see holds something
	"not-a-form":       http.StatusUnsupportedMediaType,
	"too-slow":         http.StatusRequestTimeout,
	"lost":             http.StatusBadRequest, // the body ended early; hardly anybody reads this
	"busy":             http.StatusServiceUnavailable,
	"stopping":         http.StatusServiceUnavailable,
	"no-space":         http.StatusInsufficientStorage,
	"cross-origin":     http.StatusForbidden,
	"not-found":        http.StatusNotFound,
	"method":           http.StatusMethodNotAllowed,
	"internal":         http.StatusInternalServerError,
}

// refuse makes the refusal of that kind. A kind outside the table is a mistake
// in this package.
func refuse(kind string, arg any, err error) *refusal {
	status, ok := refusals[kind]
	if !ok {
		panic("intake: no such refusal: " + kind)
	}
	return &refusal{kind: kind, status: status, arg: arg, err: err}
}

// refusalOf says how an error from reading or keeping a request is told to the
// witness. What is not the request's fault is "internal".
func refusalOf(err error, body *pacedBody) *refusal {
	var r *refusal
	switch {
	case errors.As(err, &r):
		return r
	// Once reading the connection failed, whatever parser was above it only
	// passed that on.
	case body != nil && errors.Is(body.err, errTooSlow):
		return refuse("too-slow", nil, err)
	case body != nil && body.err != nil:
		return refuse("lost", nil, err)
	case errors.Is(err, errTooManyParts):
		return refuse("too-many-parts", maxParts, err)
	case errors.Is(err, errTextTooLong):
		return refuse("text-too-long", maxText, err)
	case errors.Is(err, errMalformed), errors.Is(err, io.ErrUnexpectedEOF):
		return refuse("malformed", nil, err)
	case errors.Is(err, report.ErrUnknownField):
		return refuse("other-form", nil, err)
	case errors.Is(err, report.ErrNotUTF8):
		return refuse("malformed", nil, err)
	case errors.Is(err, vault.ErrNoSpace):
		return refuse("no-space", nil, err)
	}
	return refuse("internal", nil, fmt.Errorf("unexpected: %w", err))
}
