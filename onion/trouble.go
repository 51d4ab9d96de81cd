package onion

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Trouble is why a service can't be reached, in plain words, and what the
// operator can do about it.
type Trouble struct {
	What string `json:"what"`
	Do   string `json:"do"`
}

const setClock = "set the clock (timedatectl set-ntp true); Tor needs it right to within minutes"

// The troubles that do not come from an event of tor.
var (
	troubleMissing = Trouble{
		"the program tor was not found",
		"install it (on Debian: apt-get install tor) or name it with --tor; it is looked for again by itself",
	}
	// A clock that is ahead gets no CLOCK_SKEW event: relays' certificates
	// look expired, and tor's log says so.
	troubleClockAhead  = Trouble{"this machine's clock is ahead, by the dates of the relays' certificates", setClock}
	troubleNoNetwork   = Trouble{"tor sees no network", "see that this machine reaches the Internet"}
	troubleUnpublished = Trouble{
		"the onion service's descriptor was not uploaded when it should have been: nobody new finds the service",
		"it is published anew by itself; if this stays, look at the network and at the clock",
	}
	troubleUnreachable = Trouble{
		"the service's own page could not be fetched through Tor",
		"it is tried again, and the service published anew, by itself; if this stays, look at the network and at the clock",
	}
)

const endedPrefix = "tor ended: "

// ended tells of our own tor, or that there is none, rather than of how it can
// be reached.
func (t *Trouble) ended() bool {
	return *t == troubleMissing || strings.HasPrefix(t.What, endedPrefix)
}

func troubleEnded(why string) Trouble {
	return Trouble{endedPrefix + why, "it is started again by itself; the log has what tor said before"}
}

func troubleControl(err error, own bool) Trouble {
	if own {
		return Trouble{"tor is not answering yet: " + err.Error(), "it is asked again by itself"}
	}
	return Trouble{err.Error(), "see that the tor named by --tor-control runs, and that this user may read its cookie or has its password; it is asked again by itself"}
}

func troubleStalled(b bootstrap, after time.Duration) Trouble {
	return Trouble{
		fmt.Sprintf("tor has been at %d %% (%s) for %s", b.Percent, b.Phase, after.Round(time.Second)),
		"see that this machine reaches the Internet and that its clock is right; where Tor is blocked, give bridges in a file with --torrc",
	}
}

// reasons are the REASONs of a bootstrap warning (control-spec, "BOOTSTRAP",
// and the reasons of ORCONN events), for people. Those that are not here are
// given as they are.
var reasons = map[string]string{
	"NOROUTE":        "there is no route to the network",
	"CONNECTREFUSED": "connections are refused",
	"TIMEOUT":        "connections time out",
	"CONNECTRESET":   "connections are cut",
	"IOERROR":        "connections fail",
	"TLS_ERROR":      "something in between breaks TLS",
	"RESOURCELIMIT":  "this machine has no more sockets or memory for tor",
	"IDENTITY":       "relays answer with other keys than they should; something in between may interfere",
	"DONE":           "connections are closed at once; if this machine's clock is ahead, that is why",
}

// A bootstrap is how far tor's start is.
type bootstrap struct {
	Percent int
	Phase   string
	Warning *Trouble // what tor complains of, if it does
	Urgent  bool     // tor itself takes the warning for more than a first failure
}

// parseBootstrap reads the text of a STATUS_CLIENT BOOTSTRAP event after its
// type, or the answer to GETINFO status/bootstrap-phase: they are the same.
func parseBootstrap(text string) (b bootstrap, ok bool) {
	fields := strings.SplitN(text, " ", 3)
	if len(fields) != 3 || fields[1] != "BOOTSTRAP" {
		return b, false
	}
	args := arguments(fields[2])
	percent, err := strconv.Atoi(args["PROGRESS"])
	if err != nil || percent < 0 || percent > 100 {
		return b, false
	}
	b = bootstrap{Percent: percent, Phase: args["SUMMARY"]}
	// Of a wrong clock a STATUS_GENERAL event says more.
	if fields[0] == "WARN" && args["REASON"] != "CLOCK_SKEW" {
		b.Urgent = args["RECOMMENDATION"] == "warn"
		why, ok := reasons[args["REASON"]]
		if !ok {
			why = strings.TrimSpace(args["REASON"] + " " + args["WARNING"])
		}
		b.Warning = &Trouble{
			fmt.Sprintf("tor does not get into the Tor network: at %d %% (%s), %s", percent, b.Phase, why),
			"see that this machine reaches the Internet and that its firewall lets tor out; where Tor is blocked, give bridges in a file with --torrc",
		}
	}
	return b, true
}

// parseGeneral reads the text of a STATUS_GENERAL event after its type. The
// second result tells whether it speaks of trouble.
func parseGeneral(text string) (Trouble, bool) {
	fields := strings.SplitN(text, " ", 3)
	if len(fields) < 2 {
		return Trouble{}, false
	}
	args := map[string]string{}
	if len(fields) == 3 {
		args = arguments(fields[2])
	}
	switch fields[1] {
	case "CLOCK_SKEW":
		// SKEW is how many seconds the clock is ahead, negative behind.
		skew, err := strconv.ParseInt(args["SKEW"], 10, 64)
		if err != nil || skew == 0 {
			return Trouble{"this machine's clock is wrong, says tor", setClock}, true
		}
		way := "ahead"
		if skew < 0 {
			skew, way = -skew, "behind"
		}
		return Trouble{fmt.Sprintf("this machine's clock is %s %s of what the Tor network says", roughly(skew), way), setClock}, true
	case "CLOCK_JUMPED":
		return Trouble{"this machine's clock jumped", setClock}, true
	case "DANGEROUS_VERSION":
		if reason := args["REASON"]; reason == "OBSOLETE" || reason == "UNRECOMMENDED" {
			return Trouble{"this version of tor is out of date, says the Tor network", "upgrade tor (on Debian: apt-get update && apt-get install tor)"}, true
		}
	case "TOO_MANY_CONNECTIONS":
		return Trouble{"tor has no more sockets", "raise the limit of open files (LimitNOFILE in the unit)"}, true
	}
	return Trouble{}, false
}

// roughly is a number of seconds for people.
func roughly(seconds int64) string {
	switch {
	case seconds >= 2*86400:
		return fmt.Sprintf("%d days", seconds/86400)
	case seconds >= 2*3600:
		return fmt.Sprintf("%d hours", seconds/3600)
	case seconds >= 2*60:
		return fmt.Sprintf("%d minutes", seconds/60)
	}
	return fmt.Sprintf("%d seconds", seconds)
}

var (
	argumentForm = regexp.MustCompile(`([A-Z_]+)=("(?:[^"\\]|\\.)*"|\S*)`)
	escaped      = regexp.MustCompile(`\\(.)`)
)

// arguments reads KEY=VALUE and KEY="VALUE" (control-spec, QuotedString). bine
// splits quoted values at their blanks.
func arguments(text string) map[string]string {
	args := map[string]string{}
	for _, m := range argumentForm.FindAllStringSubmatch(text, -1) {
		value := m[2]
		if quoted, ok := strings.CutPrefix(value, `"`); ok {
			value = escaped.ReplaceAllString(strings.TrimSuffix(quoted, `"`), "$1")
		}
		args[m[1]] = value
	}
	return args
}
