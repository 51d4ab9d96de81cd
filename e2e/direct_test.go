package e2e

import (
	"bufio"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	traced   = regexp.MustCompile(`^(\d+)\s+(.*)$`)
	becameID = regexp.MustCompile(`\)\s+= (\d+)`)
)

// nothingDirect reads a trace of a server in onion mode and fails the test if
// any process but tor looked a name up or connected to anything that is not a
// unix socket.
func nothingDirect(t *testing.T, trace string) {
	t.Helper()
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parent := map[string]string{}
	isTor := map[string]bool{}
	tor := func(pid string) bool {
		for ; pid != ""; pid = parent[pid] {
			if isTor[pid] {
				return true
			}
		}
		return false
	}
	var lines []string
	for in := bufio.NewScanner(f); in.Scan(); {
		lines = append(lines, in.Text())
	}
	// First who is whose child: a child's first line may come before the one
	// that tells of it.
	for _, l := range lines {
		m := traced.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		pid, call := m[1], m[2]
		if strings.HasPrefix(call, "execve(") && strings.Contains(call, `/tor", [`) {
			isTor[pid] = true
		}
		if regexp.MustCompile(`(clone3?|v?fork)(\(| resumed)`).MatchString(call) {
			if id := becameID.FindStringSubmatch(call); id != nil {
				parent[id[1]] = pid
			}
		}
	}
	own, tors := 0, 0
	for _, l := range lines {
		m := traced.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		if tor(m[1]) {
			tors++
			continue
		}
		own++
		sends := regexp.MustCompile(`^(connect|sendto|sendmsg|sendmmsg)\(`).MatchString(m[2])
		if sends && strings.Contains(m[2], "AF_INET") {
			t.Errorf("not through Tor: %s", l)
		}
	}
	if own < 20 || tors < 20 {
		t.Errorf("the trace shows too little: %d calls of the server's, %d of tor's", own, tors)
	}
}
