package onion

import (
	"strings"
	"testing"
	"time"
)

// What tor 0.4.9.11 said in a private network: as it started, with nobody to
// connect to, and with a clock three days behind.
func TestParseBootstrap(t *testing.T) {
	for text, want := range map[string]struct {
		percent int
		phase   string
		warns   string // in the warning; "" for none
	}{
		`NOTICE BOOTSTRAP PROGRESS=0 TAG=starting SUMMARY="Starting"`:                                              {0, "Starting", ""},
		`NOTICE BOOTSTRAP PROGRESS=75 TAG=enough_dirinfo SUMMARY="Loaded enough directory info to build circuits"`: {75, "Loaded enough directory info to build circuits", ""},
		`NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY="Done"`:                                                    {100, "Done", ""},
		`WARN BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY="Connecting to a relay" WARNING="Connection refused" REASON=CONNECTREFUSED COUNT=1 RECOMMENDATION=ignore HOSTID="AB" HOSTADDR="127.0.0.1:1"`: {5, "Connecting to a relay", "connections are refused"},
		`WARN BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY="Connecting to a relay" WARNING="Connection refused" REASON=CONNECTREFUSED COUNT=10 RECOMMENDATION=warn HOSTID="AB" HOSTADDR="127.0.0.1:1"`:  {5, "Connecting to a relay", "connections are refused"},
		`WARN BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY="Connecting" WARNING="No route to host" REASON=NOROUTE COUNT=10 RECOMMENDATION=warn`:                                                         {5, "Connecting", "no route to the network"},
		`WARN BOOTSTRAP PROGRESS=40 TAG=requesting_keys SUMMARY="Asking for authority key certs" WARNING="Clock skew" REASON=CLOCK_SKEW COUNT=1 RECOMMENDATION=warn`:                             {40, "Asking for authority key certs", ""},
		`WARN BOOTSTRAP PROGRESS=14 TAG=handshake SUMMARY="Handshaking with a relay" WARNING="something \"new\"" REASON=NOVEL COUNT=10 RECOMMENDATION=warn`:                                      {14, "Handshaking with a relay", `NOVEL something "new"`},
	} {
		b, ok := parseBootstrap(text)
		if !ok || b.Percent != want.percent || b.Phase != want.phase {
			t.Errorf("%s: read as %+v, %t", text, b, ok)
		}
		if urgent := strings.Contains(text, "RECOMMENDATION=warn") && !strings.Contains(text, "CLOCK_SKEW"); b.Urgent != urgent {
			t.Errorf("%s: urgent %t", text, b.Urgent)
		}
		if warned := b.Warning != nil; warned != (want.warns != "") || warned && (!strings.Contains(b.Warning.What, want.warns) || b.Warning.Do == "") {
			t.Errorf("%s: warning %+v, want one of %q", text, b.Warning, want.warns)
		}
	}
	for _, text := range []string{
		"", "NOTICE", "NOTICE BOOTSTRAP", "NOTICE CIRCUIT_ESTABLISHED", "NOTICE BOOTSTRAP PROGRESS=x", "NOTICE BOOTSTRAP PROGRESS=101 TAG=t", "NOTICE BOOTSTRAP PROGRESS=-1 TAG=t",
	} {
		if b, ok := parseBootstrap(text); ok {
			t.Errorf("%q: read as %+v", text, b)
		}
	}
}

func TestParseGeneral(t *testing.T) {
	for text, want := range map[string]string{
		`WARN CLOCK_SKEW SKEW=-259200 SOURCE=OR:127.0.0.1:5001`:                         "3 days behind",
		`WARN CLOCK_SKEW SKEW=7300 SOURCE=CONSENSUS`:                                    "2 hours ahead",
		`WARN CLOCK_SKEW SKEW=-1800 SOURCE=DIRSERV:127.0.0.1:1`:                         "30 minutes behind",
		`WARN CLOCK_SKEW SKEW=45 SOURCE=CONSENSUS`:                                      "45 seconds ahead",
		`WARN CLOCK_SKEW SOURCE=CONSENSUS`:                                              "clock is wrong",
		`WARN CLOCK_SKEW SKEW=-9223372036854775808 SOURCE=X`:                            "behind",
		`NOTICE CLOCK_JUMPED TIME=300`:                                                  "clock jumped",
		`WARN DANGEROUS_VERSION CURRENT=0.4.9.1 REASON=OBSOLETE RECOMMENDED="0.4.9.11"`: "out of date",
		`WARN TOO_MANY_CONNECTIONS CURRENT=1024`:                                        "no more sockets",
	} {
		trouble, ok := parseGeneral(text)
		if !ok || !strings.Contains(trouble.What, want) || trouble.Do == "" {
			t.Errorf("%s: %+v, %t; want %q", text, trouble, ok, want)
		}
	}
	for _, text := range []string{"", "NOTICE", "NOTICE CONSENSUS_ARRIVED", `NOTICE DANGEROUS_VERSION CURRENT=0.4.9.11 REASON=NEW RECOMMENDED="x"`} {
		if trouble, ok := parseGeneral(text); ok {
			t.Errorf("%q: %+v", text, trouble)
		}
	}
}

// Of what tor writes, nothing that points to anybody gets into our log.
func TestClean(t *testing.T) {
	const at, fingerprint = "Nov 24 16:00:00.000 ", "B5208194984EF4F1D4E8DA8B3FB36A0D7AE8F2C1"
	onion := strings.Repeat("a", 55) + "d.onion"
	for line, want := range map[string][2]string{
		at + "[notice] Bootstrapped 100% (done): Done":            {"notice", "Bootstrapped 100% (done): Done"},
		at + "[notice] New control connection opened.":            {},
		at + "[notice] Received a request from 203.0.113.7":       {},
		at + "[info] anything":                                    {},
		at + "[warn] Connection from 203.0.113.7:4711 went away":  {"warn", "Connection from [scrubbed] went away"},
		at + "[warn] Connection from [2001:db8::7]:443 went away": {"warn", "Connection from [scrubbed] went away"},
		at + "[warn] Bad request for " + onion + " came":          {"warn", "Bad request for [scrubbed] came"},
		at + "[warn] Relay $" + fingerprint + "~name at its end":  {"warn", "Relay [scrubbed] at its end"},
		at + "[err] Reading config failed--see warnings above.":   {"err", "Reading config failed--see warnings above."},
		"no line of tor's": {},
		"":                 {},
	} {
		if severity, text := clean(line); severity != want[0] || text != want[1] {
			t.Errorf("%q: %q, %q; want %q", line, severity, text, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("Nov 24 16:00:00.000 [warn] Connection from 203.0.113.7:4711 went away")
	f.Add("Nov 24 16:00:00.000 [notice] Bootstrapped 100% (done): Done")
	f.Add("[] [warn] [x] ")
	f.Fuzz(func(t *testing.T, line string) {
		severity, text := clean(line)
		if severity == "" && text != "" {
			t.Errorf("%q without a severity", text)
		}
		if redacted.MatchString(strings.ReplaceAll(text, "[scrubbed]", " ")) && severity != "notice" {
			t.Errorf("%q still holds an address", text)
		}
	})
}

func FuzzEvents(f *testing.F) {
	f.Add(`WARN BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY="Connecting to a relay" WARNING="Connection refused" REASON=CONNECTREFUSED COUNT=10 RECOMMENDATION=warn`)
	f.Add(`WARN CLOCK_SKEW SKEW=-259200 SOURCE=OR:127.0.0.1:5001`)
	f.Add(`NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY="a \"quoted\" \\ one`)
	f.Fuzz(func(t *testing.T, text string) {
		if b, ok := parseBootstrap(text); ok && (b.Percent < 0 || b.Percent > 100) {
			t.Errorf("%+v", b)
		}
		if trouble, ok := parseGeneral(text); ok && (trouble.What == "" || trouble.Do == "") {
			t.Errorf("%+v", trouble)
		}
	})
}

// What the supervisor says and does as time passes, of which no event tells.
func TestInspect(t *testing.T) {
	service := &Service{Name: "web", Dir: t.TempDir(), Port: 80, Target: "127.0.0.1:1"}
	begin := time.Now()
	fresh := func(percent int) *supervisor {
		s, err := newSupervisor(Control{}, []*Service{service}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		s.state.reset(begin, s.services)
		s.state.bootstrapped(bootstrap{Percent: percent, Phase: "Somewhere"}, begin)
		s.state.added(service, true, begin)
		return s
	}
	look := func(s *supervisor, after time.Duration, again bool, what string) {
		t.Helper()
		services := s.inspect(begin.Add(after))
		said := ""
		if s.state.trouble != nil {
			said = s.state.trouble.What
		}
		if (len(services) == 1) != again || !strings.Contains(said, what) || (what == "") != (said == "") {
			t.Errorf("after %s: %d to publish anew, trouble %q; want %t, %q", after, len(services), said, again, what)
		}
	}

	s := fresh(40)
	look(s, time.Minute, false, "")
	look(s, 3*time.Minute, false, "tor has been at 40 % (Somewhere) for 3m0s")
	s.state.bootstrapped(bootstrap{Percent: 45}, begin.Add(4*time.Minute))
	look(s, 5*time.Minute, false, "")

	// What tor complains of counts once the start has stood still for a while.
	s = fresh(5)
	s.state.bootstrapped(bootstrap{Percent: 5, Warning: &Trouble{"no route", "look"}}, begin)
	look(s, 10*time.Second, false, "")
	look(s, 20*time.Second, false, "no route")

	s = fresh(100)
	look(s, 2*time.Minute, false, "")
	look(s, 4*time.Minute, true, "descriptor was not uploaded")
	s.state.descriptor(service.id(), "UPLOADED", begin.Add(5*time.Minute))
	look(s, 6*time.Minute, false, "")
	s.state.descriptor("another's", "UPLOADED", begin.Add(2*time.Hour))
	look(s, 3*time.Hour, false, "")
	look(s, 3*time.Hour+6*time.Minute, true, "descriptor was not uploaded")

	// A page that can't be fetched, three times in a row.
	s = fresh(100)
	s.state.descriptor(service.id(), "UPLOADED", begin)
	for range fetchPatience {
		look(s, 6*time.Minute, false, "")
		s.fetched(service, Fetch{At: begin, Why: "no"})
	}
	look(s, 6*time.Minute, true, "could not be fetched")
	if status := s.status(); status.Well() {
		t.Errorf("well: %+v", status)
	}
	s.fetched(service, Fetch{At: begin, OK: true})
	look(s, 7*time.Minute, false, "")
	if status := s.status(); !status.Well() {
		t.Errorf("not well: %+v", status)
	}
}
