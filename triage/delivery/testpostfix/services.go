package testpostfix

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"
)

// listen runs a service of the server's until the test ends.
func listen(t testing.TB, answer func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				answer(conn)
			}()
		}
	}()
	return l.Addr().String()
}

// answerPolicy answers Postfix's policy questions (SMTPD_POLICY_README), each
// of which ends with an empty line.
func (s *Server) answerPolicy(conn net.Conn) {
	for in := bufio.NewScanner(conn); in.Scan(); {
		if in.Text() != "" {
			continue
		}
		s.mu.Lock()
		action := s.policy()
		s.mu.Unlock()
		fmt.Fprintf(conn, "action=%s\n\n", action)
	}
}

// answerAuth knows User and Password, and speaks Dovecot's authentication
// protocol, version 1.1, as far as AUTH PLAIN needs it.
func answerAuth(conn net.Conn) {
	fmt.Fprint(conn, "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00\nDONE\n")
	right := base64.StdEncoding.EncodeToString([]byte("\x00" + User + "\x00" + Password))
	for in := bufio.NewScanner(conn); in.Scan(); {
		fields := strings.Split(in.Text(), "\t")
		if fields[0] != "AUTH" || len(fields) < 3 {
			continue
		}
		if strings.HasSuffix(in.Text(), "\tresp="+right) {
			fmt.Fprintf(conn, "OK\t%s\tuser=%s\n", fields[1], User)
		} else {
			fmt.Fprintf(conn, "FAIL\t%s\tuser=%s\n", fields[1], User)
		}
	}
}
