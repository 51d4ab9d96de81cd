package triage

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/vault"
)

// pushed pushes all that a home has queued, which the desk must take.
func (s *station) pushed(h *Home) *Pushed {
	s.t.Helper()
	p, err := h.Push(s.t.Context(), s.desk.addr, nothing)
	ok(s.t, err)
	for _, r := range p.Refused {
		s.t.Fatalf("%s of %s: %v", r.What(), r.Leaf.Case, r.Err)
	}
	return p
}

// caseOf is what a home knows of a case.
func (s *station) caseOf(h *Home, c *told) *Case {
	s.t.Helper()
	found, err := h.Find(c.id.String())
	ok(s.t, err)
	return found
}

// deskFrom is the desk of a case as a home shows it.
func (s *station) deskFrom(h *Home, c *told) Desk {
	s.t.Helper()
	shown, err := h.Show(s.caseOf(h, c))
	ok(s.t, err)
	return shown.Desk
}

func (s *station) note(h *Home, c *told, n Note) {
	s.t.Helper()
	_, err := h.AddNote(s.caseOf(h, c), &n)
	ok(s.t, err)
}

// What case workers say and decide reaches each other, in the order of the
// ledger, and nobody else.
func TestNotesAreForColleagues(t *testing.T) {
	s := newStation(t)
	bob := s.hire("bob")
	c := s.addCase(s.vault, plain)
	s.pushed(s.alice)
	decision := &Decision{Rules: "2026-11", Proposed: json.RawMessage(`[{"rule": "R2"}]`), To: []string{"police"}, Reason: "OURS-REASON"}
	s.note(s.alice, c, Note{Text: "OURS-NOTE one\r\nand two", Assign: "bob", Mark: []string{"hotel", MarkSealed}, Decision: decision})
	queued := s.deskFrom(s.alice, c)
	if !queued.Notes[0].Queued || queued.Assigned != "bob" || !queued.Marked(MarkSealed) {
		t.Errorf("while it is queued: %+v", queued)
	}
	everyFile(t, s.alice.Dir, func(path string, data []byte) {
		if bytes.Contains(data, []byte("OURS-")) || bytes.Contains(data, []byte(MarkSealed)) {
			t.Errorf("%s holds the note in the clear", path)
		}
	})
	s.pushed(s.alice)
	s.pushed(bob)
	s.note(bob, c, Note{Unmark: []string{"hotel"}, Mark: []string{"asked-back"}})
	s.pushed(bob)
	s.pushed(s.alice)
	var both []Desk
	for _, h := range []*Home{s.alice, bob} {
		both = append(both, s.deskFrom(h, c))
	}
	a, _ := json.Marshal(both[0])
	b, _ := json.Marshal(both[1])
	if !bytes.Equal(a, b) {
		t.Errorf("alice sees\n%s\nand bob\n%s", a, b)
	}
	d := both[0]
	if d.Assigned != "bob" || !slices.Equal(d.Marks, []string{"asked-back", MarkSealed}) || len(d.Notes) != 2 {
		t.Fatalf("the desk is %s", a)
	}
	if n := d.Notes[0]; n.By != "alice" || n.Day != "2026-03-04" || n.Text != "OURS-NOTE one\nand two" || n.Queued ||
		n.Decision == nil || string(n.Decision.Proposed) != `[{"rule":"R2"}]` || n.Decision.Reason != "OURS-REASON" {
		t.Errorf("alice's note is %+v", n)
	}
	list, err := bob.List()
	ok(t, err)
	if v := list[0]; v.Assigned != "bob" || !slices.Equal(v.Marks, d.Marks) || v.Messages != 0 || v.Problem != "" {
		t.Errorf("in the list: %+v", v)
	}

	// The witness's key does not open it; the police's bag does not have it.
	history, err := s.vault.Messages(c.id)
	ok(t, err)
	note := history[1]
	if note.Leaf.Kind != ledger.KindNote {
		t.Fatalf("the second message is a %s", note.Leaf.Kind)
	}
	sealed, err := s.vault.OpenMessage(note.Index)
	ok(t, err)
	defer sealed.Close()
	if _, err := seal.ReadMessage(sealed, sealed.Size(), c.witness, c.context(s.vault, seal.KindNote), nil); !errors.Is(err, seal.ErrKey) {
		t.Errorf("opened with the witness's key: %v, want ErrKey", err)
	}
	r, err := s.alice.Route(s.caseOf(s.alice, c), "police", With{})
	ok(t, err)
	everyFile(t, s.unpack(r.Bag), func(path string, data []byte) {
		if bytes.Contains(data, []byte("OURS-")) || bytes.Contains(data, []byte("asked-back")) {
			t.Errorf("%s holds what is the organisation's own", path)
		}
	})
	if err := s.vault.Withdraw(t.Context(), c.id, c.secret); !errors.Is(err, vault.ErrRefused) {
		t.Errorf("withdrawing after a note: %v, want ErrRefused", err)
	}
}

// A command that is repeated changes nothing, and a note says something.
func TestANoteSaysSomethingNew(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	s.note(s.alice, c, Note{Text: "called the hotel", Assign: "alice", Mark: []string{"hotel"}})
	for name, n := range map[string]Note{
		"the same again":            {Text: "called the hotel", Assign: "alice", Mark: []string{"hotel"}},
		"whose it is":               {Assign: "alice"},
		"a mark that is there":      {Mark: []string{"hotel"}},
		"off a mark that is not":    {Unmark: []string{"beach"}},
		"on and off, and on before": {Mark: []string{"hotel"}, Unmark: []string{"hotel", "beach"}},
	} {
		if _, err := s.alice.AddNote(s.caseOf(s.alice, c), &n); !errors.Is(err, ErrNoChange) {
			t.Errorf("%s: %v, want ErrNoChange", name, err)
		}
	}
	for name, n := range map[string]Note{
		"nothing":              {},
		"spaces":               {Text: " \n\t"},
		"bytes":                {Text: "\xff"},
		"a text too long":      {Text: strings.Repeat("é", report.MaxMessage+1)},
		"a reason too long":    {Decision: &Decision{Reason: strings.Repeat("é", report.MaxMessage+1)}},
		"proposals too large":  {Decision: &Decision{Proposed: json.RawMessage(`"` + strings.Repeat("x", maxNote) + `"`)}},
		"proposals of no form": {Decision: &Decision{Proposed: json.RawMessage(`[`)}},
		"a stranger":           {Assign: "mallory"},
		"no name":              {Assign: "../bob"},
		"a mark of two words":  {Mark: []string{"two words"}},
		"an escape":            {Unmark: []string{"\x1b[2J"}},
		"too many marks":       {Mark: slices.Repeat([]string{"m"}, maxMarks+1)},
		"no destination":       {Decision: &Decision{To: []string{"Police!"}}},
	} {
		if _, err := s.alice.AddNote(s.caseOf(s.alice, c), &n); err == nil || errors.Is(err, ErrNoChange) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if q, err := s.alice.Queue(); err != nil || len(q) != 1 || q[0].What() != "note" {
		t.Errorf("queued: %d, %v", len(q), err)
	}
	s.note(s.alice, c, Note{Assign: Nobody, Unmark: []string{"hotel"}})
	if d := s.deskFrom(s.alice, c); d.Assigned != "" || len(d.Marks) != 0 {
		t.Errorf("nobody's, without marks: %+v", d)
	}
	s.note(s.alice, c, Note{Text: "called the hotel", Assign: "alice", Mark: []string{"hotel"}})
}

// A note that can't be read is shown as such, and the report is read and handed
// over all the same; what it claims of its writer counts for nothing.
func TestABrokenNoteKeepsNobodyFromTheReport(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	for name, body := range map[string]string{
		"another version": `{"version": 2, "text": "later"}`,
		"no JSON":         "\x1b[2J",
		"nothing in it":   `{"version": 1}`,
	} {
		s.forgeNote(c, name, body)
	}
	s.forgeNote(c, "another's name", `{"version":1,"by":"bob","day":"1999-01-01","queued":false,"problem":"\u001b[2J","text":"`+
		`a\u001b]0;owned\u0007\u202egnp.exe\u2066\nsecond","mark":["mine"],"decision":{"rules":"\u001b[2J","to":[],"reason":"\u202e"}}`)
	shown, err := s.alice.Show(s.find(c))
	ok(t, err)
	if n := shown.Desk.Notes; len(n) != 4 || n[3].By != "alice" || n[3].Day != "2026-03-04" || n[3].Problem != "" || !n[3].Queued {
		t.Errorf("the notes are %+v", n)
	}
	for _, n := range shown.Desk.Notes[:3] {
		if n.Problem == "" || n.Text != "" {
			t.Errorf("shown as a note: %+v", n)
		}
	}
	var out bytes.Buffer
	ok(t, shown.Write(&out))
	for _, r := range out.String() {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			t.Fatalf("%U reached the terminal:\n%q", r, out.String())
		}
	}
	list, err := s.alice.List()
	ok(t, err)
	if v := list[0]; v.Problem == "" || v.Account == "" || !slices.Equal(v.Marks, []string{"mine"}) {
		t.Errorf("in the list: %+v", v)
	}
	if _, err := s.alice.Route(s.find(c), "police", With{}); err != nil {
		t.Errorf("handing over: %v", err)
	}
}

// forgeNote queues what another program could have sealed as a note.
func (s *station) forgeNote(c *told, name, body string) {
	s.t.Helper()
	var sealed bytes.Buffer
	w, err := seal.NewMessage(&sealed, c.context(s.vault, seal.KindNote), []byte(body), c.key.Recipient())
	if err == nil {
		err = w.Close()
	}
	ok(s.t, err)
	_, err = s.alice.enqueue(&ledger.Leaf{
		Event: ledger.EventMessage, Kind: ledger.KindNote, Case: c.id, Size: int64(sealed.Len()), Digest: digestOf(sealed.Bytes()),
	}, sealed.Bytes())
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
}

func FuzzNote(f *testing.F) {
	f.Add([]byte(`{"version":1,"day":"2026-03-04","by":"alice","text":"called","assign":"bob","mark":["hotel"],"unmark":["hand-over-sealed"]}`))
	f.Add([]byte(`{"version":1,"decision":{"rules":"1","proposed":[{"to":"police","rule":"R1"}],"to":["police"],"reason":"asked by phone"}}`))
	f.Add([]byte(`{"version":1,"assign":"-"}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := unmarshalNote(body)
		if err != nil {
			if !errors.Is(err, errNote) && !errors.Is(err, ErrVersion) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		again, err := n.marshal()
		if err != nil {
			t.Skip("it grew beyond the limit in its canonical form")
		}
		back, err := unmarshalNote(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		if third, err := back.marshal(); err != nil || !bytes.Equal(third, again) {
			t.Errorf("%s became %s, %v", again, third, err)
		}
		d := new(Desk)
		d.take(*n)
		if d.Assigned == Nobody || !slices.IsSorted(d.Marks) {
			t.Errorf("the desk is %+v", d)
		}
	})
}
