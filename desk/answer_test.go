package desk

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

// An answer whose time is over sends nothing more, however fast it is taken.
func TestAnAnswerEndsInTime(t *testing.T) {
	wrote := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a := newAnswer(w)
		a.may = func() bool { return true }
		_, err := a.Write(make([]byte, 1<<20))
		if err == nil {
			a.until = time.Now().Add(-time.Second)
			_, err = a.Write(make([]byte, 1<<20))
		} else {
			t.Errorf("before: %v", err)
		}
		wrote <- err
	}))
	defer server.Close()
	go func() {
		if resp, err := http.Get(server.URL); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}()
	if err := <-wrote; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("when its time is over: %v, want a deadline's end", err)
	}
}
