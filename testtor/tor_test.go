package testtor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// idleEnv makes the test program start one tor in that directory, print its
// process number, and wait to be killed.
const idleEnv = "TESTTOR_IDLE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(idleEnv); dir != "" {
		t, err := startIdle(context.Background(), dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(t.process.Pid)
		<-t.done
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// startIdle starts a tor that touches no network.
func startIdle(ctx context.Context, dir string, lines ...string) (*tor, error) {
	member := dir + "/member"
	c := append(processTorrc(member, dir), "SocksPort 0", "DisableNetwork 1")
	if err := (torrc{"GeoIPFile " + os.DevNull}).write(member); err != nil {
		return nil, err
	}
	if err := append(c, lines...).write(dir + "/" + torrcName); err != nil {
		return nil, err
	}
	program, err := exec.LookPath("tor")
	if err != nil {
		return nil, err
	}
	return startTor(ctx, program, "idle", dir)
}

// TestNothingSurvives kills a program that started a tor and expects the tor
// to be gone.
func TestNothingSurvives(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), idleEnv+"="+t.TempDir())
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatalf("the program with the tor: %v", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for late := time.After(20 * time.Second); runs(pid); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("tor %d lives on", pid)
		}
	}
}

// runs tells whether there is a process of that number that is not waiting to
// be reaped.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

// TestErrorsShowTheLog holds that whoever waits in vain learns what tor said.
func TestErrorsShowTheLog(t *testing.T) {
	ctx := t.Context()
	if _, err := startIdle(ctx, t.TempDir(), "NoSuchOption 1"); err == nil || !strings.Contains(err.Error(), "NoSuchOption") {
		t.Errorf("with a bad torrc: %v", err)
	}
	idle, err := startIdle(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	err = idle.wait(ctx, pollInterval, "the end of days", func() (bool, error) { return false, nil })
	if err == nil || !strings.Contains(err.Error(), "the end of days") || !strings.Contains(err.Error(), "DisableNetwork") {
		t.Errorf("after a limit: %v", err)
	}
	if err := idle.stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	if idle, err = startIdle(ctx, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	idle.process.Kill()
	<-idle.done
	if err := idle.stop(); err == nil {
		t.Error("a tor that had ended by itself was stopped without an error")
	}
}

func TestMissingTor(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Start(t.Context(), t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "apt-get install tor") {
		t.Errorf("without tor: %v", err)
	}
}
