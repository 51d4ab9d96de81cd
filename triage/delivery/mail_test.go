package delivery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/triage/delivery/testpostfix"
)

const bagName = "7k3q000000000000000000000a-0badcafe.tar.age"

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// aBag opens a bag of so many bytes, and closes it when the test ends.
func aBag(t testing.TB, size int) (*Bag, []byte) {
	t.Helper()
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i*i>>8 ^ i)
	}
	path := filepath.Join(t.TempDir(), bagName)
	ok(t, os.WriteFile(path, data, 0o600))
	b, err := Open(path, bagName, sha256.Sum256(data))
	ok(t, err)
	t.Cleanup(func() { b.File.Close() })
	return b, data
}

func letter(to string) *Letter {
	return &Letter{Organisation: "Bureau Één, Brussel", To: to, Language: "nl", Date: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)}
}

// server is the client's view of a server at addr.
func server(p *testpostfix.Server, addr string) *Server {
	_, port, _ := net.SplitHostPort(addr)
	return &Server{Host: "localhost", Port: port, ImplicitTLS: addr == p.Implicit, From: testpostfix.From, CAFile: p.CA}
}

// attachment takes a delivered mail apart, as a mail program does.
func attachment(t testing.TB, text []byte) (m *mail.Message, words, name string, data []byte) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(text))
	ok(t, err)
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	ok(t, err)
	if kind != "multipart/mixed" {
		t.Fatalf("a mail of type %s", kind)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	first, err := parts.NextPart() // it undoes quoted-printable
	ok(t, err)
	body, err := io.ReadAll(first)
	ok(t, err)
	second, err := parts.NextPart()
	ok(t, err)
	if second.Header.Get("Content-Transfer-Encoding") != "base64" {
		t.Fatalf("the attachment's head: %v", second.Header)
	}
	data, err = io.ReadAll(base64Reader(second))
	ok(t, err)
	if _, err := parts.NextPart(); !errors.Is(err, io.EOF) {
		t.Errorf("after the attachment: %v", err)
	}
	return m, string(body), second.FileName(), data
}

func TestMail(t *testing.T) {
	p := testpostfix.Start(t)

	t.Run("accepted", func(t *testing.T) {
		for i, addr := range []string{p.Addr, p.Implicit} {
			b, data := aBag(t, 300_000+i)
			answer, err := server(p, addr).Send(t.Context(), letter(testpostfix.Police), b)
			ok(t, err)
			if !strings.Contains(answer, "queued as") {
				t.Errorf("the server answered %q", answer)
			}
			mails := p.Mails(t, i+1)
			m, words, name, got := attachment(t, mails[i])
			if !bytes.Equal(got, data) || name != bagName {
				t.Errorf("%d bytes arrived as %q, %d were sent", len(got), name, len(data))
			}
			for field, want := range map[string]string{
				"Message-Id": messageID(testpostfix.From, b), "To": "<desk@police.example>", "Subject": "Verzegelde overdracht",
				"Date": "Wed, 04 Mar 2026 10:00:00 +0000",
			} {
				if got := m.Header.Get(field); got != want {
					t.Errorf("%s: %q, want %q", field, got, want)
				}
			}
			from, err := m.Header.AddressList("From")
			ok(t, err)
			if len(from) != 1 || from[0].Address != testpostfix.From || from[0].Name != "Bureau Één, Brussel" {
				t.Errorf("From: %v", from)
			}
			if !strings.Contains(words, "age -d -i uw.sleutel "+bagName+" | tar -x\n") || !strings.HasPrefix(words, "Bureau Één, Brussel\n") {
				t.Errorf("the mail says\n%s", words)
			}
			if head := string(mails[i]); !strings.Contains(head, "using TLSv1.3") || !strings.Contains(head, "Received: from localhost (localhost [127.0.0.1])") {
				t.Errorf("the mail went in without TLS 1.3, or names this machine:\n%.2000s", head)
			}
		}
	})
	before := len(p.Mails(t, 2))
	nothingMore := func(t *testing.T) { t.Helper(); p.Mails(t, before) }

	t.Run("refused", func(t *testing.T) {
		b, _ := aBag(t, 1000)
		_, err := server(p, p.Addr).Send(t.Context(), letter(testpostfix.Unknown), b)
		wantCode(t, err, 550, true)
		nothingMore(t)
	})
	t.Run("greylisted", func(t *testing.T) {
		for _, addr := range []string{p.Grey, p.GreyAfter} {
			p.Policy(func() string { return "450 4.7.1 come back later" })
			b, data := aBag(t, 20_000)
			_, err := server(p, addr).Send(t.Context(), letter(testpostfix.Police), b)
			wantCode(t, err, 450, false)
			nothingMore(t)
			p.Policy(func() string { return "DUNNO" })
			_, err = b.File.Seek(0, io.SeekStart)
			ok(t, err)
			_, err = server(p, addr).Send(t.Context(), letter(testpostfix.Police), b)
			ok(t, err)
			before++
			if _, _, _, got := attachment(t, p.Mails(t, before)[before-1]); !bytes.Equal(got, data) {
				t.Error("other bytes arrived")
			}
		}
		p.Policy(func() string { return "554 5.7.1 never" })
		b, _ := aBag(t, 20_000)
		_, err := server(p, p.GreyAfter).Send(t.Context(), letter(testpostfix.Police), b)
		wantCode(t, err, 554, true)
		nothingMore(t)
	})
	t.Run("no TLS", func(t *testing.T) {
		b, _ := aBag(t, 1000)
		s := server(p, p.NoTLS)
		s.User, s.Password = testpostfix.User, testpostfix.Password
		_, err := s.Send(t.Context(), letter(testpostfix.Police), b)
		if !errors.Is(err, ErrNoTLS) || IsPermanent(err) {
			t.Errorf("error %v", err)
		}
		nothingMore(t)
	})
	t.Run("wrong certificate", func(t *testing.T) {
		b, _ := aBag(t, 1000)
		_, err := server(p, p.Wrong).Send(t.Context(), letter(testpostfix.Police), b)
		if _, ok := errors.AsType[x509.HostnameError](err); !ok || IsPermanent(err) {
			t.Errorf("a certificate for another name: %v", err)
		}
		for _, addr := range []string{p.Addr, p.Implicit} {
			s := server(p, addr)
			s.CAFile = "" // the system knows nothing of the test's CA
			_, err := s.Send(t.Context(), letter(testpostfix.Police), b)
			if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok || IsPermanent(err) {
				t.Errorf("a certificate of an unknown CA: %v", err)
			}
		}
		nothingMore(t)
	})
	t.Run("old TLS", func(t *testing.T) {
		b, _ := aBag(t, 1000)
		_, err := server(p, p.OldTLS).Send(t.Context(), letter(testpostfix.Police), b)
		if err == nil || IsPermanent(err) {
			t.Errorf("TLS 1.1: %v", err)
		}
		nothingMore(t)
	})
	t.Run("size", func(t *testing.T) {
		// The smallest bag that is too large, and the largest that is not.
		size := 0
		for b, _ := aBag(t, 0); letter(testpostfix.Police).write(testpostfix.From, b).size() <= testpostfix.SmallSize; b.Size++ {
			size = int(b.Size) + 1
		}
		b, _ := aBag(t, size)
		_, err := server(p, p.Small).Send(t.Context(), letter(testpostfix.Police), b)
		if !errors.Is(err, ErrTooLarge) || !IsPermanent(err) {
			t.Errorf("too large: %v", err)
		}
		if at, _ := b.File.Seek(0, io.SeekCurrent); at != 0 {
			t.Errorf("%d bytes of it were read", at)
		}
		nothingMore(t)
		b, _ = aBag(t, size-1)
		_, err = server(p, p.Small).Send(t.Context(), letter(testpostfix.Police), b)
		ok(t, err)
		before++
		nothingMore(t)
	})
	t.Run("login", func(t *testing.T) {
		b, _ := aBag(t, 1000)
		s := server(p, p.Login)
		_, err := s.Send(t.Context(), letter(testpostfix.Police), b)
		wantCode(t, err, 554, true)
		s.User, s.Password = testpostfix.User, "wrong"
		_, err = s.Send(t.Context(), letter(testpostfix.Police), b)
		wantCode(t, err, 535, true)
		if strings.Contains(err.Error(), "wrong") {
			t.Errorf("the error shows the password: %v", err)
		}
		nothingMore(t)
		s.Password = testpostfix.Password
		_, err = s.Send(t.Context(), letter(testpostfix.Police), b)
		ok(t, err)
		before++
		nothingMore(t)
		s = server(p, p.Addr) // offers no AUTH
		s.User, s.Password = testpostfix.User, testpostfix.Password
		if _, err = s.Send(t.Context(), letter(testpostfix.Police), b); !IsPermanent(err) {
			t.Errorf("AUTH that is not offered: %v", err)
		}
		nothingMore(t)
	})
	t.Run("dropped", func(t *testing.T) {
		b, _ := aBag(t, 200_000)
		for _, after := range []int64{0, 10, 30, 600, 50_000, 270_000} {
			proxy := testpostfix.NewProxy(t, p.Addr, testpostfix.Cut{After: after})
			_, err := b.File.Seek(0, io.SeekStart)
			ok(t, err)
			s := server(p, p.Addr)
			_, s.Port, _ = net.SplitHostPort(proxy.Addr)
			if _, err := s.Send(t.Context(), letter(testpostfix.Police), b); err == nil || IsPermanent(err) {
				t.Errorf("cut after %d bytes: %v", after, err)
			}
			nothingMore(t)
		}
	})
	t.Run("a file that ends early", func(t *testing.T) {
		b, _ := aBag(t, 200_000)
		ok(t, b.File.Close())
		var err error
		ok(t, os.Truncate(b.File.Name(), 150_000))
		b.File, err = os.Open(b.File.Name())
		ok(t, err)
		if _, err := server(p, p.Addr).Send(t.Context(), letter(testpostfix.Police), b); !errors.Is(err, ErrChanged) {
			t.Errorf("error %v", err)
		}
		nothingMore(t)
	})
	t.Run("interrupted", func(t *testing.T) {
		b, _ := aBag(t, 2_000_000)
		proxy := testpostfix.NewProxy(t, p.Addr, testpostfix.Cut{After: 500_000, Silent: true})
		s := server(p, p.Addr)
		_, s.Port, _ = net.SplitHostPort(proxy.Addr)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-proxy.Reached; cancel() }()
		if _, err := s.Send(ctx, letter(testpostfix.Police), b); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		nothingMore(t)
	})
	t.Run("nobody there", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ok(t, err)
		_, port, _ := net.SplitHostPort(l.Addr().String())
		l.Close()
		b, _ := aBag(t, 10)
		s := &Server{Host: "localhost", Port: port, From: testpostfix.From}
		if _, err := s.Send(t.Context(), letter(testpostfix.Police), b); err == nil || IsPermanent(err) {
			t.Errorf("error %v", err)
		}
	})
}

func wantCode(t testing.TB, err error, code int, permanent bool) {
	t.Helper()
	no, ok := errors.AsType[*textproto.Error](err)
	if !ok || no.Code != code || IsPermanent(err) != permanent {
		t.Fatalf("error %v, permanent %t; want code %d, permanent %t", err, IsPermanent(err), code, permanent)
	}
}
