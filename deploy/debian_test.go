//go:build debian

package deploy

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	shipped = "127.0.0.1:8080" // --listen as the package ships it
	data    = "/var/lib/tocsin"
)

// TestOnABareDebian installs the package on a Debian that holds nothing but
// apt, boots that, types what the package says to type, and is a witness. Then
// the service dies, is upgraded and is purged.
func TestOnABareDebian(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("only root may install and boot a Debian: sudo make test-deb")
	}
	tmp := t.TempDir()
	root := filepath.Join(tmp, "root")
	var deb, said string
	step(t, "build the package and triage", func() {
		deb = makeDeb(t, "..", "022", "v1.2.3")
		run(t, "go", "build", "-o", tmp+"/", "../cmd/triage")
	})
	step(t, "make a bare Debian", func() { bareDebian(t, root) })
	step(t, "install the package with apt-get", func() {
		if err := os.WriteFile(filepath.Join(root, "root/tocsin-intake.deb"), read(t, deb), 0o644); err != nil {
			t.Fatal(err)
		}
		said = run(t, "systemd-nspawn", nspawn(root, "--pipe", "--resolv-conf=copy-host",
			"--setenv=DEBIAN_FRONTEND=noninteractive",
			"apt-get", "install", "-y", "--no-install-recommends", "/root/tocsin-intake.deb")...)
	})
	steps := typed(said)
	if len(steps) != 5 {
		t.Fatalf("the package says to type %q, want five commands, in\n%s", steps, said)
	}

	var m *machine
	step(t, "boot it", func() { m = boot(t, root) })
	if got := m.sh(t, "stat -c '%U:%G %a' "+data); got != "tocsin:tocsin 700\n" {
		t.Errorf("%s is of %s", data, got)
	}
	if got := m.sh(t, "systemctl is-enabled intake; systemctl is-active intake; true"); got != "disabled\ninactive\n" {
		t.Errorf("before there is an organisation, the service is %q", got)
	}
	m.sh(t, "systemd-analyze verify intake.service tocsin-cosign.service tocsin-cosign.timer")
	if out, err := m.command("systemctl start intake").CombinedOutput(); err == nil {
		t.Errorf("started without a store: %s", out)
	}

	step(t, "type what the package says", func() {
		m.sh(t, strings.Replace(steps[0], "NAME", "demo.example/tocsin", 1))
		roster, key := organisation(t, tmp, m.sh(t, "cat intake.card"))
		m.put(t, "/tmp/roster", roster)
		m.put(t, "/tmp/org.pub", key)
		m.sh(t, steps[1])
		m.sh(t, steps[2])
		if got := m.sh(t, steps[3]); !regexp.MustCompile(`^[a-z2-7]{56}\.onion\n$`).MatchString(got) {
			t.Errorf("%s prints %q", steps[3], got)
		}
		m.sh(t, steps[4]) // the tor of the package tor
	})
	step(t, "get the page", func() { m.page(t) })
	m.confined(t)
	m.onion(t)
	m.cosigned(t)

	step(t, "kill it: it comes back", func() {
		before := m.pid(t)
		m.sh(t, "systemctl kill --signal=KILL --kill-whom=main intake")
		m.comesBack(t, before)
	})
	step(t, "upgrade it: the new program runs, options and store stay", func() {
		before := m.pid(t)
		m.sh(t, "echo '# ours' >>/etc/default/intake && dpkg -i tocsin-intake.deb")
		m.comesBack(t, before)
		if got := m.sh(t, "tail -n 1 /etc/default/intake"); got != "# ours\n" {
			t.Errorf("options now end with %q", got)
		}
	})
	step(t, "serve on a port below 1024", func() {
		m.sh(t, `install -D -m 644 -t /etc/systemd/system/intake.service.d /usr/share/doc/tocsin-intake/low-port.conf &&
			sed -i 's/^INTAKE_OPTIONS=.*/INTAKE_OPTIONS="--listen 127.0.0.1:443"/' /etc/default/intake &&
			systemctl daemon-reload && systemctl restart intake`)
		m.waitFor(t, "a witness gets the form on port 443", func() bool { return m.answers("127.0.0.1:443") })
		m.sh(t, `sed -i 's/:443/:8080/' /etc/default/intake && systemctl restart intake`)
	})
	step(t, "lose the store, and restore it from its backup", func() {
		commands := backup(t)
		m.sh(t, commands[0])
		m.sh(t, "systemctl stop intake && rm -r "+data)
		m.sh(t, commands[1])
		m.page(t)
	})
	step(t, "purge it: the store stays", func() {
		out := m.sh(t, "dpkg --purge tocsin-intake 2>&1")
		if !strings.Contains(out, data+" was left") {
			t.Errorf("purging says nothing of the store:\n%s", out)
		}
		if got := m.sh(t, "systemctl is-active intake tocsin-cosign.timer; ls "+data+"/vault.db; find /etc -name 'intake*' ! -path '*.service.d*'"); got != "inactive\ninactive\n"+data+"/vault.db\n" {
			t.Errorf("after purging: %q", got)
		}
	})
	step(t, "shut it down", func() { m.stop(t) })
}

// step prints how long a part of the test took.
func step(t *testing.T, what string, do func()) {
	t.Helper()
	start := time.Now()
	do()
	t.Logf("%6.1f s  %s", time.Since(start).Seconds(), what)
}

// bareDebian makes the release of Debian that this machine runs, with apt and
// what apt needs and nothing else, from the mirrors that this machine uses.
func bareDebian(t *testing.T, root string) {
	t.Helper()
	codename := strings.TrimSpace(run(t, "sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME"))
	args := []string{"--quiet", "--variant=apt", "--mode=root", "--dpkgopt=force-unsafe-io", "--skip=cleanup/apt"}
	for line := range strings.Lines(run(t, "apt-config", "dump", "--no-empty")) {
		if regexp.MustCompile(`(?i)^Acquire::(https?|Check|Retries)`).MatchString(line) {
			args = append(args, "--aptopt="+strings.TrimSuffix(strings.TrimSpace(line), ";"))
		}
	}
	args = append(args, codename, root)
	var mirrors int
	targets := run(t, "apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages")
	for line := range strings.Lines(targets) {
		if f := strings.Fields(line); len(f) == 3 && strings.HasPrefix(f[1], codename) {
			args = append(args, "deb "+strings.Join(f, " "))
			mirrors++
		}
	}
	if mirrors == 0 {
		t.Fatalf("apt has no mirror of %s configured:\n%s", codename, targets)
	}
	run(t, "mmdebstrap", args...)
}

// nspawn returns arguments that work where systemd isn't the init.
func nspawn(root string, args ...string) []string {
	return append([]string{"--quiet", "--register=no", "--keep-unit", "--directory=" + root,
		fmt.Sprintf("--machine=tocsin-test-%d", os.Getpid())}, args...)
}

// typed returns the commands that the package says to type: all that is
// indented in what it printed.
func typed(said string) []string {
	var steps []string
	for line := range strings.Lines(said) {
		if command, ok := strings.CutPrefix(line, "     "); ok {
			steps = append(steps, strings.TrimSpace(command))
		}
	}
	return steps
}

// backup returns what the README says to type for a backup, and to restore it.
func backup(t *testing.T) [2]string {
	t.Helper()
	_, text, _ := strings.Cut(string(read(t, "../README.md")), "\n### Backup\n")
	text, _, _ = strings.Cut(text, "\n#")
	var commands [2]string
	blocks := regexp.MustCompile(`(?:(?m:^    .*\n)+)`).FindAllString(text, -1)
	if len(blocks) != len(commands) {
		t.Fatalf("README.md has %d blocks of commands on the backup, want %d", len(blocks), len(commands))
	}
	for i, b := range blocks {
		commands[i] = "set -e\n" + b
	}
	return commands
}

// organisation makes one with that intake in it, and returns its signed roster
// and its key.
func organisation(t *testing.T, dir, card string) (roster, key string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "intake.card"), []byte(card), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "sh", "-c", `
		set -e
		cd "$1"
		./triage --home alice keygen --name alice >alice.card
		./triage --home offline org init --name Demonstration
		./triage --home offline org set-intake intake.card
		./triage --home offline org add-worker alice.card
		./triage --home offline org key >org.pub
		./triage --home offline org sign`, "sh", dir)
	return string(read(t, filepath.Join(dir, "offline/org/roster"))), string(read(t, filepath.Join(dir, "org.pub")))
}

// A machine is a Debian that has booted, with a network of its own that leads
// nowhere.
type machine struct {
	cmd  *exec.Cmd
	init string // its PID 1, as seen from here
	done chan struct{}
}

func boot(t *testing.T, root string) *machine {
	t.Helper()
	// The filter of systemd-nspawn 252 does not know Landlock.
	args := nspawn(root, "--boot", "--console=pipe", "--private-network",
		"--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp")
	m := &machine{cmd: exec.Command("systemd-nspawn", args...), done: make(chan struct{})}
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	m.cmd.Stdout, m.cmd.Stderr = &said, &said
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		m.cmd.Wait()
		close(m.done)
	}()
	t.Cleanup(func() {
		m.cmd.Process.Kill()
		<-m.done
		os.Remove(fmt.Sprintf("/run/systemd/nspawn/propagate/tocsin-test-%d", os.Getpid()))
	})
	children := fmt.Sprintf("/proc/%d/task/%d/children", m.cmd.Process.Pid, m.cmd.Process.Pid)
	m.waitFor(t, "it has booted", func() bool {
		b, _ := os.ReadFile(children)
		if m.init = strings.TrimSpace(string(b)); m.init == "" {
			return false
		}
		out, _ := m.command("systemctl is-system-running").Output()
		state := strings.TrimSpace(string(out))
		if state == "degraded" {
			t.Fatalf("booted, but not everything runs:\n%s", m.sh(t, "systemctl --no-pager --failed"))
		}
		return state == "running"
	})
	return m
}

// waitFor waits for up to a minute.
func (m *machine) waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 600 {
		if ok() {
			return
		}
		select {
		case <-m.done:
			t.Fatalf("waiting until %s: the machine ended", what)
		case <-time.After(100 * time.Millisecond):
		}
	}
	out, _ := m.command("systemctl --no-pager status intake; journalctl --no-pager -n 60").CombinedOutput()
	t.Fatalf("waited a minute until %s\n%s", what, out)
}

// command is a command typed by root on the machine, in root's home.
func (m *machine) command(command string) *exec.Cmd {
	cmd := exec.Command("nsenter", "--target", m.init, "--all", "sh", "-c", "cd /root && "+command)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"}
	return cmd
}

// sh runs a command that must succeed and returns what it printed to stdout.
func (m *machine) sh(t *testing.T, command string) string {
	t.Helper()
	cmd := m.command(command)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		log, _ := m.command("journalctl --no-pager -n 40").Output()
		t.Fatalf("%s: %v\n%s%s\n%s", command, err, out, stderr.Bytes(), log)
	}
	return string(out)
}

// put writes a file on the machine that anyone may read.
func (m *machine) put(t *testing.T, name, content string) {
	t.Helper()
	cmd := m.command("cat >" + name)
	cmd.Stdin = strings.NewReader(content)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("writing %s: %v\n%s", name, err, out)
	}
}

// answers says whether a witness on the machine gets the form.
func (m *machine) answers(addr string) bool {
	out, err := exec.Command("nsenter", "--target", m.init, "--net", "curl", "-sS", "--fail", "--max-time", "5", "http://"+addr+"/en/report").Output()
	return err == nil && strings.Contains(string(out), `name="codename"`)
}

func (m *machine) page(t *testing.T) {
	t.Helper()
	m.waitFor(t, "a witness gets the form", func() bool { return m.answers(shipped) })
	if got := m.sh(t, "systemctl is-active intake; systemctl is-enabled intake"); got != "active\nenabled\n" {
		t.Errorf("the service is %q", got)
	}
}

// pid is the service's, as the machine counts.
func (m *machine) pid(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(m.sh(t, "systemctl show --property=MainPID --value intake"))
}

// comesBack waits until another process than before answers.
func (m *machine) comesBack(t *testing.T, before string) {
	t.Helper()
	m.waitFor(t, "it is back", func() bool {
		now := m.pid(t)
		return now != "0" && now != before && m.answers(shipped)
	})
}

// confined checks on the running process that the unit does what it says.
func (m *machine) confined(t *testing.T) {
	t.Helper()
	pid := m.pid(t)
	status := m.sh(t, "cat /proc/"+pid+"/status")
	for _, want := range []string{
		`(?m)^NoNewPrivs:\s+1$`,
		`(?m)^Seccomp:\s+2$`,
		`(?m)^CapBnd:\s+0+$`,
		`(?m)^CapEff:\s+0+$`,
		`(?m)^Uid:\s+` + strings.TrimSpace(m.sh(t, "id -u tocsin")) + `\s`,
	} {
		if !regexp.MustCompile(want).MatchString(status) {
			t.Errorf("the service's status does not match %s:\n%s", want, status)
		}
	}
	if got := m.sh(t, "systemctl show --property=MemorySwapMax --value intake"); got != "0\n" {
		t.Errorf("MemorySwapMax is %s", got)
	}
	if got := m.sh(t, "grep core /proc/"+pid+"/limits"); len(strings.Fields(got)) < 6 || strings.Fields(got)[4] != "0" || strings.Fields(got)[5] != "0" {
		t.Errorf("core dumps: %s", got)
	}
	if got := m.sh(t, "find "+data+" ! -user tocsin -o -perm /077 ! -type l"); got != "" {
		t.Errorf("others may reach\n%s", got)
	}
	// Where the service lives, it can write into its state and temporary
	// directories only, and run nothing that lies there.
	lives := "nsenter --target " + pid + " --mount "
	if got := m.sh(t, lives+"setpriv --reuid=tocsin --regid=tocsin --clear-groups "+
		"find / -path /proc -prune -o -type d -writable -print 2>/dev/null | grep -v ^"+data+"/ | sort"); got != "/tmp\n"+data+"\n/var/tmp\n" {
		t.Errorf("the service can write into\n%s", got)
	}
	for _, dir := range []string{"/tmp", "/var/tmp", data} {
		m.sh(t, lives+"cp /bin/true "+dir+"/run-me")
		if out, err := m.command(lives + dir + "/run-me").CombinedOutput(); err == nil || !strings.Contains(string(out), "Permission denied") {
			t.Errorf("running a file in %s: %v %s", dir, err, out)
		}
		m.sh(t, lives+"rm "+dir+"/run-me")
	}
}

// onion checks that the service keeps a tor running and says why it can't be
// reached: this machine's network leads nowhere.
func (m *machine) onion(t *testing.T) {
	t.Helper()
	var said string
	m.waitFor(t, "the service tells of its tor", func() bool {
		said = m.sh(t, "runuser -u tocsin -- intake status --data "+data+"; test $? = 1")
		return strings.Contains(said, "start at ")
	})
	if !regexp.MustCompile(`(?m)^tor +0\.[0-9.]+, start at [0-9]+ %`).MatchString(said) {
		t.Errorf("intake status says\n%s", said)
	}
	t.Logf("intake status, without a network:\n%s", said)
	if got := m.sh(t, "journalctl --no-pager -u intake"); strings.Contains(got, "notification message") {
		t.Errorf("another process than the server speaks to the service manager:\n%s", got)
	}
}

// cosigned checks that the timer runs with the service, and that what it starts
// reaches the server and nothing else of its data.
func (m *machine) cosigned(t *testing.T) {
	t.Helper()
	if got := m.sh(t, "systemctl is-active tocsin-cosign.timer"); got != "active\n" {
		t.Errorf("the timer is %q", got)
	}
	m.sh(t, "systemctl start tocsin-cosign")
	if got := m.sh(t, "journalctl --no-pager -o cat -u tocsin-cosign"); !strings.Contains(got, "the roster names no cosigners") {
		t.Errorf("intake cosign says\n%s", got)
	}
	const other = "/run/systemd/system/tocsin-cosign.service.d"
	m.sh(t, "mkdir "+other)
	m.put(t, other+"/other.conf", "[Service]\nExecStart=\nExecStart=ls -A "+data+"\nStandardOutput=file:/run/seen\n")
	if got := m.sh(t, "systemctl daemon-reload; systemctl start tocsin-cosign; cat /run/seen"); got != "control.sock\n" {
		t.Errorf("of the data directory it sees\n%s", got)
	}
	m.sh(t, "rm -r "+other+" && systemctl daemon-reload")
}

// stop shuts the machine down as its power button does.
func (m *machine) stop(t *testing.T) {
	t.Helper()
	m.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-m.done:
	case <-time.After(30 * time.Second):
		t.Error("the machine does not shut down")
	}
}
