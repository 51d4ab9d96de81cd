package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"os"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"tocsin/triage/delivery/testpostfix"
)

// A mailbox is the mail server of the one script that has one.
type mailbox struct {
	t      *testing.T
	server *testpostfix.Server
	proxy  *testpostfix.Proxy
	mails  [][]byte
}

// mailServer starts a Postfix: $NOTLS offers no TLS and $GREY asks the policy;
// $CA signed its certificate.
func mailServer(ts *testscript.TestScript, _ bool, _ []string) {
	b := ts.Value("mail").(*mailbox)
	b.server = testpostfix.Start(b.t)
	ts.Setenv("CA", b.server.CA)
	ts.Setenv("NOTLS", atLocalhost(ts, b.server.NoTLS))
	ts.Setenv("GREY", atLocalhost(ts, b.server.Grey))
}

// atLocalhost returns the address by the name that is in the certificate.
func atLocalhost(ts *testscript.TestScript, addr string) string {
	_, port, err := net.SplitHostPort(addr)
	check(ts, err)
	return "localhost:" + port
}

// mailPolicy sets what the server at $GREY does with mail: policy ACTION.
func mailPolicy(ts *testscript.TestScript, _ bool, args []string) {
	ts.Value("mail").(*mailbox).server.Policy(func() string { return args[0] })
}

// cutMail puts a proxy in front of the server, whose address becomes $PROXY: cut
// BYTES…. The first connection goes silent after so many bytes, and so on.
func cutMail(ts *testscript.TestScript, _ bool, args []string) {
	var cuts []testpostfix.Cut
	for _, a := range args {
		n, err := strconv.ParseInt(a, 10, 64)
		check(ts, err)
		cuts = append(cuts, testpostfix.Cut{After: n, Silent: true})
	}
	ts.Value("mail").(*mailbox).behind(ts, cuts...)
}

// muteMail puts a proxy in front of the server that lets nothing come back once
// the client sent so many bytes: mute BYTES.
func muteMail(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[0], 10, 64)
	check(ts, err)
	ts.Value("mail").(*mailbox).behind(ts, testpostfix.Cut{After: n, Mute: true})
}

func (b *mailbox) behind(ts *testscript.TestScript, cuts ...testpostfix.Cut) {
	b.proxy = testpostfix.NewProxy(b.t, b.server.Addr, cuts...)
	ts.Setenv("PROXY", atLocalhost(ts, b.proxy.Addr))
}

// cutReached waits until a connection came to its cut.
func cutReached(ts *testscript.TestScript, _ bool, _ []string) {
	<-ts.Value("mail").(*mailbox).proxy.Reached
}

// readMails waits until N mails came in all, and writes the last one's
// attachment to the file attachment: mails N.
func readMails(ts *testscript.TestScript, _ bool, args []string) {
	b := ts.Value("mail").(*mailbox)
	n, err := strconv.Atoi(args[0])
	check(ts, err)
	b.mails = b.server.Mails(b.t, n)
	if n == 0 {
		return
	}
	_, data := attachment(ts, b.mails[n-1])
	check(ts, os.WriteFile(ts.MkAbs("attachment"), data, 0o600))
}

// sameMessage holds that two mails have one Message-ID and one attachment:
// same-message N M, from 1.
func sameMessage(ts *testscript.TestScript, _ bool, args []string) {
	b := ts.Value("mail").(*mailbox)
	var ids [2]string
	var files [2][]byte
	for i, a := range args {
		n, err := strconv.Atoi(a)
		check(ts, err)
		ids[i], files[i] = attachment(ts, b.mails[n-1])
	}
	if ids[0] == "" || ids[0] != ids[1] || !bytes.Equal(files[0], files[1]) {
		ts.Fatalf("%s brought %d bytes, %s %d", ids[0], len(files[0]), ids[1], len(files[1]))
	}
}

// attachment returns a mail's Message-ID and the file in it.
func attachment(ts *testscript.TestScript, text []byte) (id string, data []byte) {
	m, err := mail.ReadMessage(bytes.NewReader(text))
	check(ts, err)
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	check(ts, err)
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextPart()
		check(ts, err)
		if part.FileName() == "" {
			continue
		}
		data, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
		check(ts, err)
		return m.Header.Get("Message-Id"), data
	}
}

// randomFile makes a file that does not compress: random FILE BYTES.
func randomFile(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	check(ts, err)
	data := make([]byte, n)
	rand.Read(data)
	check(ts, os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}
