package intake

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// A clock is one that stands still until it is told otherwise.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// newHourWorld takes reports, and at least bytes of files, in an hour of a
// clock that stands still.
func newHourWorld(t *testing.T, reports int, bytes int64) (*world, *clock) {
	t.Helper()
	c := &clock{t: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	return newWorld(t, setup{
		config: func(conf *Config) { conf.ReportsPerHour, conf.FileBytesPerHour = reports, bytes },
		server: func(s *Server) { s.hour = newHour(s.config, c.now) },
	}), c
}

// try sends a report with so many bytes of files, or none, under a fresh
// codename, and says whether it was taken. One that is not must come back.
func (w *world) try(file int) bool {
	w.t.Helper()
	form := []entry{{name: "codename", value: w.newCodename("en")}, {name: "what.seen", value: "what was typed"}}
	if file > 0 {
		form = append(form, entry{name: "files", file: "a", value: strings.Repeat("x", file)})
	}
	p := w.post("/en/report", form...)
	if p.status == 200 {
		return true
	}
	p.want(w.t, w.server, "en", "busy")
	p.wantSaid(w.t, []string{"what was typed</textarea>"}, nil)
	if hiddenCodename(w.t, p.body) != form[0].value || p.header.Get("Retry-After") == "" {
		w.t.Error("another codename, or no Retry-After")
	}
	return false
}

// The hour is the whole instance's: it fills up again evenly, and never holds
// more than an hour's worth.
func TestReportsOfAnHour(t *testing.T) {
	w, clock := newHourWorld(t, 4, 1<<30)
	take := func(want int) {
		t.Helper()
		got := 0
		for got <= want && w.try(0) {
			got++
		}
		if got != want {
			t.Errorf("%d reports were taken, want %d", got, want)
		}
	}
	take(4)
	clock.pass(14 * time.Minute)
	take(0)
	clock.pass(time.Minute)
	take(1)
	clock.pass(30 * time.Minute)
	take(2)
	clock.pass(1000 * time.Hour)
	take(4)
	clock.pass(-time.Hour) // as clocks may be set
	take(0)
	w.wantReports(11)
}

// A flood of reports with files leaves half of the hour for texts, and texts may
// use all of it.
func TestFloodOfFilesLeavesTheHourToTexts(t *testing.T) {
	w, clock := newHourWorld(t, 6, 1<<30)
	for i := range 5 {
		if got := w.try(100); got != (i < 3) {
			t.Errorf("report %d with files was taken: %v", i+1, got)
		}
	}
	for i := range 4 {
		if got := w.try(0); got != (i < 3) {
			t.Errorf("text %d after the flood was taken: %v", i+1, got)
		}
	}
	clock.pass(20 * time.Minute) // two reports, one of them with files
	if !w.try(100) || w.try(100) || !w.try(0) || w.try(0) {
		t.Error("after a third of an hour, not one report with files and one text were taken")
	}
	w.wantReports(8)
	wantNoBlobs(t, w)
}

// The bytes of files have an hour of their own, by what the request says it
// brings. A text needs none of them, and a report as large as the policy allows
// always fits an untouched hour.
func TestBytesOfAnHour(t *testing.T) {
	w, clock := newHourWorld(t, 1000, 1<<20)
	if !w.try(600 << 10) {
		t.Fatal("the first report with files was not taken")
	}
	if w.try(600 << 10) {
		t.Error("more bytes were taken than the hour has")
	}
	if !w.try(0) {
		t.Error("a text was not taken")
	}
	clock.pass(30 * time.Minute)
	if !w.try(600 << 10) {
		t.Error("after half an hour, half of the bytes are not there again")
	}
	clock.pass(time.Hour)
	if !w.try(3 << 20) {
		t.Error("a report that the policy allows finds no hour to come in")
	}
	if w.try(1) {
		t.Error("afterwards the hour is not used up")
	}
	// Who does not say how much comes is taken to bring as much as it may.
	clock.pass(59 * time.Minute)
	send := func() answer {
		c := w.dial()
		c.send(head("/en/report", -1) + chunk(field("codename", w.newCodename("en"))+field("what.seen", "x")+fileHead("a")+"x"+last) + "0\r\n\r\n")
		return c.answer()
	}
	send().want(t, w.server, "en", "busy")
	clock.pass(time.Minute)
	if p := send(); p.status != 200 {
		t.Errorf("a report of unknown length got status %d in an untouched hour", p.status)
	}
	// What did not come is given back: nobody uses an hour up by announcing.
	if !w.try(600 << 10) {
		t.Error("a report of unknown length kept what it did not bring")
	}
}

// What was not kept does not count.
func TestARefusedReportIsNotCharged(t *testing.T) {
	w, _ := newHourWorld(t, 2, 1<<30)
	for range 3 {
		w.post("/en/report", entry{name: "codename", value: w.newCodename("en")}, entry{name: "what.seen", value: "x"},
			entry{name: "files", file: "a", value: "x"}, entry{name: "what.heard", value: "too late"}).want(t, w.server, "en", "wrong-order")
	}
	if !w.try(100) || w.try(100) || !w.try(0) || w.try(0) {
		t.Error("after refused reports, not one report with files and one text were taken")
	}
}

// A report that had arrived is told so, however full the hour is, and costs
// nothing.
func TestAReportSentTwiceIsChargedOnce(t *testing.T) {
	w, _ := newHourWorld(t, 2, 1<<30)
	form := []entry{{name: "codename", value: w.newCodename("en")}, {name: "what.seen", value: "x"}}
	for range 5 {
		if p := w.post("/en/report", form...); p.status != 200 {
			t.Fatalf("status %d", p.status)
		}
	}
	if !w.try(0) || w.try(0) {
		t.Error("sending again was charged")
	}
	p := w.post("/en/report", form...)
	p.wantSaid(t, []string{w.says("en", "received.again")}, nil)
	// What is invalid is told before it is counted.
	w.post("/en/report", form[0], entry{name: "when.date", value: "yesterday"}).want(t, w.server, "en", "invalid")
	w.wantReports(2)
}

// An addition counts like a report, and comes back like one.
func TestAnAdditionCountsInTheHour(t *testing.T) {
	w, clock := newHourWorld(t, 4, 1<<30)
	codename := w.sent()
	form := w.addForm(codename, "what was added")
	file := entry{name: "files", file: "a", value: "x"}
	for i := range 3 {
		form[1].value = strings.Repeat(string("abc"[i]), 64)
		p := w.post("/en/add", append(form, file)...)
		if i < 2 {
			p.wantSaid(t, []string{w.says("en", "add.received")}, nil)
			continue
		}
		p.want(t, w.server, "en", "busy") // two of four with files
		p.wantSaid(t, []string{"\nwhat was added</textarea>", form[1].value}, nil)
	}
	w.post("/en/add", form...).wantSaid(t, []string{w.says("en", "add.received")}, nil)
	form[1].value = strings.Repeat("d", 64)
	w.post("/en/add", form...).want(t, w.server, "en", "busy")
	if w.try(0) {
		t.Error("additions were not counted")
	}
	// Coming back is never refused for it, and with time it goes through.
	w.post("/en/return", form[0]).wantSaid(t, []string{w.says("en", "replies.none")}, nil)
	clock.pass(15 * time.Minute)
	w.post("/en/add", form...).wantSaid(t, []string{w.says("en", "add.received")}, nil)
	w.wantAdditions(codename, "what was added", "what was added", "what was added", "what was added")
}
