package triage

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal/roster"
	"tocsin/triage/screen"
)

// The first page of a hand-over stands alone: no script, no resource from
// anywhere, and a policy in it that forbids both to whatever opens it. It is
// for a person to print: who hands what to whom is at its top, then what the
// witness told, then how all of it can be checked.
//
//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"line": screen.Line,
	"text": screen.Page,
}).Parse(pageText))

type pageData struct {
	Report      *report.Report // what may leave
	Provenance  *provenance
	Destination *roster.Destination
	Received    string
	Bag         string // name of the sealed file
	Policy      roster.Policy
	Notes       []said

	*catalogue // of the destination's language
}

// firstPage renders the page.
func firstPage(d *pageData) ([]byte, error) {
	d.catalogue = catalogueOf(d.Destination.Language)
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, d); err != nil {
		return nil, fmt.Errorf("writing the first page: %w", err)
	}
	return b.Bytes(), nil
}

// Say returns a text in the page's language.
func (d *pageData) Say(key string, args ...any) string { return d.say(key, args...) }

// Language is the page's, as HTML names it.
func (d *pageData) Language() string { return d.tag.String() }

type pageSection struct {
	Title  string
	Fields []pageField
}

type pageField struct{ Label, Value string }

// Sections returns what was told, section by section, without empty answers.
func (d *pageData) Sections() []pageSection {
	var list []pageSection
	for _, f := range report.Fields() {
		values := d.Report.Get(f.Name)
		if len(values) == 0 || f.Name == "consent" {
			continue
		}
		for i, v := range values {
			values[i] = d.value(f, v)
		}
		title := d.section(f.Section)
		if n := len(list); n == 0 || list[n-1].Title != title {
			list = append(list, pageSection{Title: title})
		}
		last := &list[len(list)-1]
		last.Fields = append(last.Fields, pageField{d.field(f.Name), strings.Join(values, "\n")})
		if f.Name == "when.time" {
			last.Fields = append(last.Fields, pageField{d.say("time.label"), d.Moment()})
		}
	}
	return list
}

// Danger reports whether the witness said that a child is in danger now.
func (d *pageData) Danger() bool { return d.Report.Danger.Now == report.Yes }

// Departure reports whether the witness said that a departure is imminent.
func (d *pageData) Departure() bool { return d.Report.Danger.Departure == report.Yes }

// Deadline says until when the report is to be handed over, or "". Only the
// day it came is known: the clock starts when that day began.
func (d *pageData) Deadline() string {
	if d.Policy.DeadlineHours == 0 {
		return ""
	}
	until := ledger.Day(d.Received).Time().Add(time.Duration(d.Policy.DeadlineHours) * time.Hour)
	return d.say("page.deadline.hours", until.Format("2006-01-02 15:04 UTC"), d.Policy.DeadlineHours)
}

// Kept says until when the organisation can be asked, or "".
func (d *pageData) Kept() string {
	if d.Policy.RetentionDays == 0 {
		return ""
	}
	return string(ledger.DayOf(ledger.Day(d.Received).Time().AddDate(0, 0, d.Policy.RetentionDays)))
}

// Ask says how the organisation, and through it the witness, is asked back.
func (d *pageData) Ask() string {
	key := "page.questions.none"
	switch d.Report.Consent {
	case report.ConsentDirect:
		key = "page.questions.direct"
	case report.ConsentCaseworkers:
		key = "page.questions.ask"
	}
	return d.say(key, screen.Line(d.Provenance.Organisation))
}

// Allows says in the page's language what the witness consented to.
func (d *pageData) Allows() string { return d.consent(d.Report.Consent) }

// NotesSaid are the provenance's notes in the page's language.
func (d *pageData) NotesSaid() []string {
	var list []string
	for _, n := range d.Notes {
		list = append(list, d.say(n.Key, n.Args...))
	}
	return list
}

// reasons are the names of the sentences for why something stays behind.
var reasons = map[string]string{
	report.ReasonConsent: "reason.consent",
	report.ReasonUnknown: "reason.unknown",
	reasonName:           "reason.name",
}

// Held says what was withheld, and why.
func (d *pageData) Held() []pageField {
	var list []pageField
	for _, w := range d.Provenance.Withheld {
		label := d.of(screen.Line(w.Field), "withheld."+w.Field, "field."+w.Field)
		if section, _, ok := strings.Cut(w.Field, "."); ok && d.Messages["field."+w.Field] != "" {
			label = d.section(section) + ": " + label
		}
		list = append(list, pageField{label, d.of(w.Reason, reasons[w.Reason])})
	}
	return list
}

// A pageEvent is a line of what was done when.
type pageEvent struct {
	Day, What, By string
	Leaf          int64 // -1 if it is not in the ledger yet
}

// Events lists what was told and done, in the order of the ledger.
func (d *pageData) Events() []pageEvent {
	var list []pageEvent
	for _, l := range d.Provenance.Custody {
		list = append(list, pageEvent{Day: l.Day, What: d.event(l), By: l.By, Leaf: l.Index})
	}
	return list
}

func (d *pageData) event(l custodyLeaf) string {
	name := l.Event
	if l.Kind != "" {
		name = l.Kind
	}
	switch ledger.Event(l.Event) {
	case ledger.EventHandedOver, ledger.EventAcknowledged:
		return d.say("event."+name, l.Destination)
	}
	return d.of(name, "event."+name)
}

// Source says which sealed message something was made from.
func (d *pageData) Source(s source) string {
	kind := d.of(s.Kind, "event."+s.Kind)
	if s.Index < 0 {
		return d.say("provenance.queued", kind, s.Day, s.Size)
	}
	return d.say("provenance.message", s.Index, kind, s.Day, s.Size)
}

// AlsoHanded says who has the case too, by the names of the roster.
func (d *pageData) AlsoHanded() string {
	var names []string
	for _, l := range d.Provenance.Custody {
		if l.Event == string(ledger.EventHandedOver) && l.Destination != d.Destination.Name && !slices.Contains(names, l.Destination) {
			names = append(names, l.Destination)
		}
	}
	return strings.Join(names, ", ")
}

// AckSSH reports whether the destination acknowledges with ssh-keygen, and
// not with minisign.
func (d *pageData) AckSSH() bool { return strings.HasPrefix(d.Destination.Ack, "ssh-") }

// AckFile names the signature of an acknowledgement, or is "" if no key of the
// destination's for it is known.
func (d *pageData) AckFile() string {
	switch {
	case d.Destination.Ack == "":
		return ""
	case d.AckSSH():
		return "received.txt.sig"
	}
	return "received.txt.minisig"
}
