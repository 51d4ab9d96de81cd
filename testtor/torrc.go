package testtor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A torrc is a tor's configuration, line by line.
type torrc []string

func (c *torrc) add(format string, args ...any) { *c = append(*c, fmt.Sprintf(format, args...)) }

func (c torrc) write(path string) error {
	return os.WriteFile(path, []byte(strings.Join(c, "\n")+"\n"), 0o600)
}

// quote writes a path as torrc reads it.
func quote(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path) + `"`
}

// memberTorrc are the lines that make any tor a member of the network.
func memberTorrc(a *authority, orPort, dirPort int) torrc {
	return torrc{
		"TestingTorNetwork 1",
		fmt.Sprintf("DirAuthority authority orport=%d no-v2 v3ident=%s 127.0.0.1:%d %s", orPort, a.v3ident, dirPort, a.fingerprint),
		// Five relays: one that is late must not stop circuits.
		"PathsNeededToBuildCircuits 0.25",
		// Reading these takes half a second and 20 MB in each process.
		"GeoIPFile " + os.DevNull,
		"GeoIPv6File " + os.DevNull,
		// The default scheduler waits for the kernel's word on every
		// connection, which makes uploads over loopback several times slower.
		"Schedulers Vanilla",
	}
}

// processTorrc are the lines that each process started here has.
func processTorrc(member, dataDir string) torrc {
	return torrc{
		"%include " + quote(member),
		"DataDirectory " + quote(dataDir),
		"ControlPort 127.0.0.1:auto",
		"ControlPortWriteToFile " + quote(filepath.Join(dataDir, controlPortName)),
		"CookieAuthentication 1",
		"Log notice stdout",
		"SafeLogging 0", // there is nobody's secret in this network
		"ShutdownWaitLength 0",
		"NumCPUs 1",
	}
}

// relayTorrc are the lines that each relay has, the authority too.
func relayTorrc(nickname string) torrc {
	return torrc{
		"Nickname " + nickname,
		"Address 127.0.0.1",
		"AssumeReachable 1",
		"SocksPort 0",
		"ExitRelay 0",
		"ContactInfo none",
		// Nothing asks the machine's resolver.
		"ServerDNSDetectHijacking 0",
		`ServerDNSTestAddresses ""`,
		"ServerDNSResolvConfFile " + os.DevNull,
	}
}

// The authority's votes. The first one is far off, until [Network.vote] moves
// it; the interval after it is long, because an onion service's descriptor
// moves to other relays each 24 intervals.
const (
	farInterval  = 1800 // seconds
	voteInterval = 5    // of the first vote, once it is moved
	voteDelay    = 2    // the least that tor takes
)

func authorityTorrc(orPort, dirPort int) torrc {
	c := torrc{
		"AuthoritativeDirectory 1",
		"V3AuthoritativeDirectory 1",
		"TestingDirAuthVoteGuard *",
		"TestingDirAuthVoteHSDir *",
		"V3AuthNIntervalsValid 3",
		// Fixed windows: congestion control makes too much of the short and
		// uneven round trips of loopback.
		"ConsensusParams cc_alg=0",
	}
	c.add("ORPort 127.0.0.1:%d", orPort)
	c.add("DirPort 127.0.0.1:%d", dirPort)
	c.add("V3AuthVotingInterval %d seconds", farInterval)
	c.add("V3AuthVoteDelay %d seconds", voteDelay)
	c.add("V3AuthDistDelay %d seconds", voteDelay)
	c.add("TestingV3AuthInitialVotingInterval %d seconds", farInterval)
	c.add("TestingV3AuthInitialVoteDelay %d seconds", voteDelay)
	c.add("TestingV3AuthInitialDistDelay %d seconds", voteDelay)
	return c
}

// writeBandwidth gives a new relay a past in which it carried traffic. Without
// one all relays advertise no bandwidth, and a choice that is weighted by
// bandwidth finds no path.
func writeBandwidth(dataDir string, now time.Time) error {
	const interval = 86400     // seconds
	const perSecond = 10 << 20 // bytes
	end := now.UTC().Add(-time.Minute).Format("2006-01-02 15:04:05")
	var c torrc
	for _, way := range []string{"Read", "Write"} {
		c.add("BWHistory%sEnds %s", way, end)
		c.add("BWHistory%sInterval %d", way, interval)
		c.add("BWHistory%sValues %d", way, perSecond*interval)
		c.add("BWHistory%sMaxima %d", way, perSecond)
	}
	return c.write(filepath.Join(dataDir, "state"))
}
