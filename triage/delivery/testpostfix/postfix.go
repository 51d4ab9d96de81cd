// Package testpostfix runs a real mail server for tests: Postfix, as Debian
// packages it, on loopback, with a CA of its own and everything it writes under
// one directory. It is for tests only; no program imports it.
//
// One Postfix listens on several ports, each a server with another manner: see
// [Server]. What it accepts it delivers into a Maildir.
package testpostfix

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// Police is an address whose mail is delivered into the Maildir.
	Police = "desk@police.example"
	// Unknown is an address that the server refuses with 550.
	Unknown = "nobody@police.example"
	// From is a sender's address.
	From = "tips@example.org"
	// SmallSize is the most bytes that the server at Small takes.
	SmallSize = 12_000
	// User and Password are taken at Login after TLS.
	User, Password = "tips", "correct horse"
)

// A Server is a running Postfix. The fields are addresses, host:port.
type Server struct {
	Addr      string // offers STARTTLS with a certificate for localhost
	Implicit  string // TLS from the first byte
	NoTLS     string // offers no STARTTLS
	Wrong     string // its certificate is for another name
	OldTLS    string // knows nothing newer than TLS 1.1
	Small     string // takes mails of at most SmallSize
	Grey      string // asks Policy about each recipient
	GreyAfter string // asks Policy at the end of a mail
	Login     string // takes mail only after AUTH
	CA        string // file of the CA that signed its certificates

	dir    string
	mu     sync.Mutex
	policy func() string
}

// Policy sets what Grey and GreyAfter are told to do with the next mails: an
// action of Postfix's access(5), such as "DUNNO" or "450 4.7.1 later".
func (s *Server) Policy(action func() string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.policy = action
}

// Start runs Postfix until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	if _, err := exec.LookPath("postfix"); err != nil {
		t.Fatal("postfix is missing: apt-get install postfix")
	}
	if os.Geteuid() != 0 {
		t.Fatal("postfix can only be started by root: run this package's tests as root")
	}
	dir, err := os.MkdirTemp("", "postfix")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{dir: dir, CA: filepath.Join(dir, "ca.pem"), policy: func() string { return "DUNNO" }}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.Chmod(dir, 0o755)) // its daemons run as another user
	for _, d := range []string{"conf", "queue"} {
		check(os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	owner, err := user.Lookup("postfix")
	check(err)
	var uid, gid int
	_, err = fmt.Sscan(owner.Uid+" "+owner.Gid, &uid, &gid)
	check(err)
	// What "postfix check" would make in some seconds.
	for _, d := range []string{
		"data", "mail", "queue/active", "queue/bounce", "queue/corrupt", "queue/defer", "queue/deferred", "queue/flush", "queue/hold",
		"queue/incoming", "queue/maildrop", "queue/private", "queue/public", "queue/saved", "queue/trace",
	} {
		check(os.MkdirAll(filepath.Join(dir, d), 0o700))
		check(os.Chown(filepath.Join(dir, d), uid, gid))
	}
	check(os.Mkdir(filepath.Join(dir, "queue", "pid"), 0o755))
	check(certificates(dir))
	policy, auth := listen(t, s.answerPolicy), listen(t, answerAuth)
	main := fmt.Sprintf(mainCF, dir, policy, uid, gid, auth)
	master := masterCF
	for _, p := range []struct {
		addr    *string
		options string
	}{
		{&s.Addr, ""},
		{&s.Implicit, "-o smtpd_tls_wrappermode=yes"},
		{&s.NoTLS, "-o smtpd_tls_security_level=none"},
		{&s.Wrong, fmt.Sprintf("-o smtpd_tls_chain_files=%s/wrong.pem", dir)},
		{&s.OldTLS, "-o smtpd_tls_protocols=<=TLSv1.1"},
		{&s.Small, fmt.Sprintf("-o message_size_limit=%d", SmallSize)},
		{&s.Grey, "-o smtpd_recipient_restrictions=$grey"},
		{&s.GreyAfter, "-o smtpd_end_of_data_restrictions=$grey"},
		{&s.Login, "-o smtpd_sasl_auth_enable=yes -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject"},
	} {
		*p.addr = freeAddr(t)
		master += fmt.Sprintf("%s inet n - n - - smtpd\n  %s\n", *p.addr, p.options)
	}
	check(os.WriteFile(filepath.Join(dir, "conf", "main.cf"), []byte(main), 0o644))
	check(os.WriteFile(filepath.Join(dir, "conf", "master.cf"), []byte(master), 0o644))

	conf := filepath.Join(dir, "conf")
	programs, err := exec.Command("postconf", "-c", conf, "-h", "daemon_directory").Output()
	check(err)
	// Its master, in the foreground: "postfix start" would leave it running if
	// the tests are killed.
	var out bytes.Buffer
	cmd := exec.Command(filepath.Join(strings.TrimSpace(string(programs)), "master"), "-c", conf, "-d")
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	check(cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // and its daemons
		<-done
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("postfix says:\n%s%s", out.Bytes(), log)
		}
	})
	s.awaitGreeting(t, done)
	return s
}

// awaitGreeting waits until the server answers, or has ended.
func (s *Server) awaitGreeting(t testing.TB, done chan error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
		if err == nil {
			conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			line, err := bufio.NewReader(conn).ReadString('\n')
			conn.Close()
			if err == nil && strings.HasPrefix(line, "220 ") {
				return
			}
		}
		select {
		case err := <-done:
			done <- err
			t.Fatalf("postfix ended: %v", err)
		case <-ctx.Done():
			t.Fatal("postfix does not answer")
		case <-time.After(20 * time.Millisecond): // between two questions, not for a time to pass
		}
	}
}

// mainCF: %[1]s the directory, %[2]s the policy service, %[3]d and %[4]d whose
// the Maildir is, %[5]s the authentication service.
const mainCF = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file_prefixes = %[1]s
maillog_file = %[1]s/log
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = police.example
virtual_mailbox_maps = inline:{ { desk@police.example = desk/ } }
virtual_mailbox_base = %[1]s/mail
virtual_uid_maps = static:%[3]d
virtual_gid_maps = static:%[4]d
virtual_minimum_uid = 1
smtpd_recipient_restrictions = reject_unlisted_recipient, permit_mynetworks, reject
smtpd_tls_chain_files = %[1]s/server.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_received_header = yes
tls_random_source = dev:/dev/urandom
message_size_limit = 2000000000
virtual_mailbox_limit = 0
default_transport = error:this server sends nothing
relay_transport = error:this server sends nothing
bounce_queue_lifetime = 0
grey = check_policy_service inet:%[2]s, permit_mynetworks, reject
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:%[5]s
smtpd_sasl_security_options = noanonymous
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
`

const masterCF = `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

type mail struct {
	written time.Time
	text    []byte
}

// Mails waits until n mails were delivered in all and returns their texts, the
// oldest first. More than n fail the test.
func (s *Server) Mails(t testing.TB, n int) [][]byte {
	t.Helper()
	dir := filepath.Join(s.dir, "mail", "desk", "new")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		entries, _ := os.ReadDir(dir)
		if len(entries) > n {
			t.Fatalf("%d mails were delivered, expected %d", len(entries), n)
		}
		if len(entries) == n && s.idle(t) {
			var all []mail
			for _, e := range entries {
				text, err := os.ReadFile(filepath.Join(dir, e.Name()))
				if err != nil {
					t.Fatal(err)
				}
				info, err := e.Info()
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, mail{info.ModTime(), text})
			}
			slices.SortFunc(all, func(a, b mail) int { return a.written.Compare(b.written) })
			texts := make([][]byte, 0, n)
			for _, m := range all {
				texts = append(texts, m.text)
			}
			return texts
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%d mails were delivered, expected %d", len(entries), n)
		case <-time.After(20 * time.Millisecond): // between two looks
		}
	}
}

// idle reports whether no mail is on its way inside the server.
func (s *Server) idle(t testing.TB) bool {
	t.Helper()
	for _, q := range []string{"maildrop", "incoming", "active", "deferred"} {
		busy := false
		err := filepath.WalkDir(filepath.Join(s.dir, "queue", q), func(_ string, d os.DirEntry, err error) error {
			busy = busy || err == nil && d.Type().IsRegular()
			return nil
		})
		if err != nil || busy {
			return false
		}
	}
	return true
}
