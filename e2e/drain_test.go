package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// askToStop sends SIGTERM and waits until new witnesses are turned away.
func askToStop(t *testing.T, s *server) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "no new connection is taken", func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.web, "http://"))
		if err == nil {
			c.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
}

// TestStoppingTakesTheRest asks the server to stop while an upload comes in
// and another witness is about to send. The upload is taken to its end; the
// other is told to come again, or hears nothing, but is never told that the
// report was received.
func TestStoppingTakesTheRest(t *testing.T) {
	const size = 3 << 20
	dir := setUp(t)
	store := openStore(t, dir)
	s := startIntake(t, dir, t.TempDir())
	upload := hold(t, s, "fr", "half of it was sent before", photo(size))

	// It came in before and has said half a line.
	late, err := net.Dial("tcp", strings.TrimPrefix(s.web, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if _, err := io.WriteString(late, "POST /fr/rep"); err != nil {
		t.Fatal(err)
	}
	askToStop(t, s)
	body := "--b\r\nContent-Disposition: form-data; name=\"what.seen\"\r\n\r\ntoo late\r\n--b--\r\n"
	fmt.Fprintf(late, "ort HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if r, err := http.ReadResponse(bufio.NewReader(late), nil); err != nil {
		t.Logf("who had only begun to ask was cut off: %v", err)
	} else {
		text, _ := io.ReadAll(r.Body)
		p := page{r.StatusCode, r.Header.Get("Content-Language"), string(text)}
		if err := p.is(http.StatusServiceUnavailable, "fr", "Le serveur redémarre"); err != nil {
			t.Error(err)
		}
	}

	select {
	case err := <-s.done:
		close(s.done)
		t.Fatalf("the server did not wait for an upload: %v\n%s", err, s.logged())
	default:
	}
	if err := upload.finish(t).is(http.StatusOK, "fr", gotIt); err != nil {
		t.Error(err)
	}
	select {
	case err := <-s.done:
		close(s.done)
		if err != nil {
			t.Errorf("the server ended with %v\n%s", err, s.logged())
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("the server goes on when all is taken\n%s", s.logged())
	}
	one := 1
	store.check(t, map[string]string{upload.codename: upload.account}, &one)
}

// TestSecondSignalEndsAtOnce does not wait for an upload any more. What was
// acknowledged is there, the upload is not, and can be sent again.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	const size = 3 << 20
	dir := setUp(t)
	store := openStore(t, dir)
	s := startWith(t, dir, `{"drain_seconds": 3600}`)
	received := map[string]string{}
	for _, size := range []int{0, size} {
		codename, p := sendFrench(t, s, "acknowledged", size)
		if err := p.is(http.StatusOK, "fr", gotIt); err != nil {
			t.Fatal(err)
		}
		received[codename] = "acknowledged"
	}
	upload := hold(t, s, "fr", "half of it was sent", photo(size))
	askToStop(t, s)
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.done:
		close(s.done)
	case <-time.After(10 * time.Second):
		t.Fatalf("the server waits for an upload after a second signal\n%s", s.logged())
	}
	if status := s.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("the server ended with %v, want by the signal", s.cmd.ProcessState)
	}
	upload.cut(t)
	all := len(received)
	store.check(t, received, &all)

	s = startIntake(t, dir, t.TempDir())
	if err := upload.sendAgain(t, s, "fr", size).is(http.StatusOK, "fr", gotIt); err != nil {
		t.Error(err)
	}
	received[upload.codename] = upload.account
	s.stop(t)
	all = len(received)
	store.check(t, received, &all)
}
