package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bin is where TestMain put the real programs and the stock age.
var bin string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "tocsin-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		bin = dir
		cmd := exec.Command("go", "build", "-trimpath", "-o", bin+"/",
			"./cmd/intake", "./cmd/triage", "./cmd/audit", "filippo.io/age/cmd/age", "filippo.io/age/cmd/age-keygen")
		cmd.Dir = ".."
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the programs: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// copySource copies the project, without what is built or stored in it.
func copySource(t *testing.T, to string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", path)
		if err != nil {
			return err
		}
		switch rel {
		case ".git", "bin", "data", "dist", "screenshots", "e2e/axe/node_modules":
			return filepath.SkipDir
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, info.Mode())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// need returns the path of a program that the tests are judged by.
func need(t testing.TB, program, debian string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is missing; on Debian: apt-get install %s", program, debian)
	}
	return path
}

// tracer is the strace that a server can be started under. The server closes
// itself to debuggers, so that only root can read what it hands to the kernel,
// or who is root of a namespace.
func tracer(t testing.TB) []string {
	t.Helper()
	strace := need(t, "strace", "strace")
	if os.Getuid() == 0 {
		return []string{strace}
	}
	return []string{need(t, "unshare", "util-linux"), "--map-root-user", strace}
}

// setUp makes a demonstration organisation and returns its directory.
func setUp(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("../demo/setup.sh", dir, "127.0.0.1:1")
	cmd.Env = append(os.Environ(), "BIN="+bin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("setting up: %v\n%s", err, out)
	}
	return dir
}

// command runs one of the programs and returns what it printed to stdout.
func command(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, name), args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return string(out)
}

// A server is a running intake.
type server struct {
	cmd  *exec.Cmd
	data string // its data directory
	web  string // http://127.0.0.1:port, or the onion service's
	desk string // 127.0.0.1:port, or the onion service's
	done chan error

	mu  sync.Mutex
	log bytes.Buffer // all it printed, guarded by mu
}

// startIntake starts intake serve on the store under dir, through the programs
// in wrap if there are any, with a temporary directory of its own.
func startIntake(t testing.TB, dir, tmp string, wrap ...string) *server {
	t.Helper()
	return startServer(t, dir, tmp, append(wrap, filepath.Join(bin, "intake"), "serve", "--data", filepath.Join(dir, "intake"),
		"--listen", "127.0.0.1:0", "--desk", "127.0.0.1:0"))
}

// startServer starts the server that args are the command line of, and waits
// until it says where witnesses and case workers come in.
func startServer(t testing.TB, dir, tmp string, args []string) *server {
	t.Helper()
	s := &server{cmd: exec.Command(args[0], args[1:]...), data: filepath.Join(dir, "intake"), done: make(chan error, 1)}
	s.cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	pr, pw := io.Pipe()
	s.cmd.Stdout, s.cmd.Stderr = pw, pw
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	go func() {
		var once sync.Once
		for lines := bufio.NewScanner(pr); lines.Scan(); {
			line := lines.Text()
			s.mu.Lock()
			s.log.WriteString(line + "\n")
			if m := regexp.MustCompile(`^listening on (https?://\S+)`).FindStringSubmatch(line); m != nil {
				s.web = m[1]
			} else if m := regexp.MustCompile(`^desk listening .*on (\S+)`).FindStringSubmatch(line); m != nil {
				s.desk = m[1]
			}
			up := s.web != "" && s.desk != ""
			s.mu.Unlock()
			if up {
				once.Do(func() { close(ready) })
			}
		}
	}()
	go func() {
		err := s.cmd.Wait()
		pw.Close()
		s.done <- err
	}()
	select {
	case <-ready:
	case err := <-s.done:
		t.Fatalf("intake ended at once: %v\n%s", err, s.logged())
	case <-time.After(30 * time.Second):
		s.kill()
		t.Fatalf("intake is not ready after 30 s\n%s", s.logged())
	}
	t.Cleanup(s.kill)
	return s
}

func (s *server) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// kill ends the server and what wraps it without warning.
func (s *server) kill() {
	syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	if err, ok := <-s.done; ok {
		_ = err
		close(s.done)
	}
}

// stop ends the server as an operator does and expects exit code 0.
func (s *server) stop(t testing.TB) {
	t.Helper()
	syscall.Kill(-s.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case err := <-s.done:
		close(s.done)
		if err != nil {
			t.Errorf("after SIGTERM: %v\n%s", err, s.logged())
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("intake does not stop\n%s", s.logged())
	}
}

var codenameField = regexp.MustCompile(`name="codename"[^>]*value="([^"]+)"`)

// errNotTheForm says that the server answered, and with something else than
// the report form. Every other error of form is the connection's.
var errNotTheForm = errors.New("no codename in the form")

// form fetches the report form and returns the codename made with it.
func form(c *http.Client, web string) (string, error) {
	r, err := c.Get(web + "/en/report")
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	page, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	m := codenameField.FindSubmatch(page)
	if m == nil {
		return "", fmt.Errorf("%w (status %s)", errNotTheForm, r.Status)
	}
	return string(m[1]), nil
}

// An attachment is a file in a report.
type attachment struct {
	name    string
	content io.Reader
}

// reportBody streams a report as a browser sends it.
func reportBody(codename string, fields [][2]string, files ...attachment) (contentType string, body io.Reader) {
	pr, pw := io.Pipe()
	m := multipart.NewWriter(pw)
	go func() {
		err := m.WriteField("codename", codename)
		for _, f := range fields {
			if err == nil {
				err = m.WriteField(f[0], f[1])
			}
		}
		for _, f := range files {
			var w io.Writer
			if err == nil {
				w, err = m.CreateFormFile("files", f.name)
			}
			if err == nil {
				_, err = io.Copy(w, f.content)
			}
		}
		if err == nil {
			err = m.Close()
		}
		pw.CloseWithError(err)
	}()
	return m.FormDataContentType(), pr
}

// send submits a report and returns nil if the page says that it was received.
func send(c *http.Client, web, userAgent, codename string, fields [][2]string, files ...attachment) error {
	contentType, body := reportBody(codename, fields, files...)
	req, err := http.NewRequest("POST", web+"/en/report", body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", userAgent)
	r, err := c.Do(req)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	page, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.StatusCode != http.StatusOK || !strings.Contains(string(page), strings.Fields(codename)[0]) {
		return fmt.Errorf("status %s: %s", r.Status, page)
	}
	return nil
}
