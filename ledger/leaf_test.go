package ledger_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"tocsin/ledger"
)

func TestFrozenLeaves(t *testing.T) {
	for _, f := range leaves() {
		got, err := f.leaf.Marshal()
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
			continue
		}
		if string(got) != f.text {
			t.Errorf("%s is\n%sand was\n%s", f.name, got, f.text)
		}
		back, err := ledger.ParseLeaf([]byte(f.text))
		if err != nil || !reflect.DeepEqual(*back, f.leaf) {
			t.Errorf("%s reads %+v, %v", f.name, back, err)
		}
		if f.leaf.IsSigned() != (f.statement != "") {
			t.Errorf("%s: IsSigned() = %t", f.name, f.leaf.IsSigned())
		}
	}
}

// One leaf has one text: no line less, more, moved or written otherwise.
func TestParseLeafTakesTheCanonicalFormOnly(t *testing.T) {
	for _, f := range leaves() {
		refuse := func(what, text string) {
			t.Helper()
			l, err := ledger.ParseLeaf([]byte(text))
			if l != nil || !errors.Is(err, ledger.ErrMalformed) && !errors.Is(err, ledger.ErrVersion) {
				t.Errorf("%s, %s: error %v", f.name, what, err)
			}
		}
		lines := strings.SplitAfter(strings.TrimSuffix(f.text, "\n"), "\n")
		lines[len(lines)-1] += "\n"
		for i, l := range lines {
			bare := strings.TrimSuffix(l, "\n")
			with := func(s string) string { return strings.Join(lines[:i], "") + s + strings.Join(lines[i+1:], "") }
			key, value, _ := strings.Cut(bare, " ")
			for _, s := range []string{
				"", l + l, bare + " \n", " " + l, bare + "\r\n", l + "\n", "\n" + l, key + "  " + value + "\n", key + "\t" + value + "\n",
				key + " \n", key + "\n", value + "\n", key + " !" + value + "\n", strings.ToUpper(bare) + "\n",
			} {
				refuse(strings.TrimSpace(s)+" in the place of "+bare, with(s))
			}
			if i > 0 {
				refuse("moved up "+bare, strings.Join(lines[:i-1], "")+l+lines[i-1]+strings.Join(lines[i+1:], ""))
			}
			// No line of any event fits in anywhere but where it belongs.
			for _, other := range leaves() {
				for line := range strings.Lines(other.text) {
					refuse("before "+bare+" "+line, with(line+l))
					refuse("after "+bare+" "+line, with(l+line))
				}
			}
		}
		for i := range f.text {
			refuse("cut short", f.text[:i])
		}
		refuse("a byte order mark", "\ufeff"+f.text)
		refuse("too long", f.text+strings.Repeat("x", ledger.MaxLeaf)+"\n")
	}
}

// Each field, in each event that has it, is refused in any other form.
func TestParseLeafChecksEachField(t *testing.T) {
	hex := strings.Repeat("aa", 32)
	names := []string{"", "Ana", "ana b", "-ana", ".ana", "ana/b", "añа", "a\u0000", strings.Repeat("a", 65)}
	days := []string{"", "2026-3-14", "2026-02-30", "2026-03-14T00:00:00Z", "14.03.2026", "2026-03-14 "}
	bad := map[string][]string{
		"day":         days,
		"done":        days,
		"case":        {"", "aaisem2ekvthpcezvk54zxpo74a", "aaisem2ekvthpcezvk54zxpo7", "AAISEM2EKVTHPCEZVK54ZXPO74", "aaisem2ekvthpcezvk54zxpo7b", "aaisem2ekvthpcezvk54zxpo71", "aaisem2ekvthpcezvk54zxpo74======"},
		"number":      {"", "x", "-1", "+1", "01", "1.0", "1e3", "0x1", "9223372036854775808", "18446744073709551616"},
		"after":       {"", "x", "-1", "-0", "+1", "01", "1_000", "9223372036854775807", "9223372036854775808"},
		"size":        {"", "x", "-1", "-0", "+1", "01", "1_000", "9223372036854775807", "9223372036854775808"},
		"digest":      {"", hex[2:], hex + "aa", strings.ToUpper(hex), "g" + hex[1:], hex[1:]},
		"envelope":    {"", hex[2:], hex + "aa", strings.ToUpper(hex), "g" + hex[1:], hex[1:]},
		"once":        {"", hex[2:], hex + "aa", strings.ToUpper(hex), "g" + hex[1:], hex[1:]},
		"secret":      {"", hex[2:], hex + "aa", strings.ToUpper(hex), "g" + hex[1:], hex[1:]},
		"destination": names,
		"rule":        names,
		"by":          names,
		"signature":   {"", "AAAA", "!", strings.Repeat("A", 86), strings.Repeat("A", 85) + "B==", strings.Repeat("A", 88), strings.Repeat("A", 43) + "\r" + strings.Repeat("A", 43) + "=="},
	}
	seen := map[string]bool{}
	for _, f := range leaves() {
		for line := range strings.Lines(f.text) {
			field, _, _ := strings.Cut(line, " ")
			for _, v := range bad[field] {
				seen[field] = true
				_, err := ledger.ParseLeaf([]byte(strings.Replace(f.text, "\n"+line, "\n"+field+" "+v+"\n", 1)))
				wantError(t, f.name+": "+field+" "+v, err, ledger.ErrMalformed)
			}
		}
	}
	if len(seen) != len(bad) {
		t.Errorf("only %v were tried", seen)
	}
}

func TestParseLeafRefusesWhatIsNew(t *testing.T) {
	for _, c := range []struct{ old, new string }{
		{"tocsin.leaf.v1 message", "tocsin.leaf.v2 message"},
		{"tocsin.leaf.v1 message", "tocsin.leaf.v10 message"},
		{"tocsin.leaf.v1 message", "tocsin.leaf.v1.1 message"},
		{"tocsin.leaf.v1 message", "tocsin.leaf.v1 recalled"},
		{"tocsin.leaf.v1 message", "tocsin.leaf.v1 Message"},
		{"kind report", "kind correction"},
	} {
		_, err := ledger.ParseLeaf([]byte(strings.Replace(reportText, c.old, c.new, 1)))
		wantError(t, c.new, err, ledger.ErrVersion)
	}
	_, err := ledger.ParseLeaf([]byte("tocsin.leaf.v2 case\nall is new here\n"))
	wantError(t, "version 2", err, ledger.ErrVersion)
	for _, text := range []string{"", "\n", "hello\n", "tocsin.event.v1 case\n", "tocsin.leaf case\n", " tocsin.leaf.v1 case\n", "tocsin.leaf.v1 case\n"} {
		_, err := ledger.ParseLeaf([]byte(text))
		wantError(t, text, err, ledger.ErrMalformed)
	}
}

// A reply is a case worker's and must be signed; a report and an addition are
// the witness's and can't be.
func TestRepliesAndOnlyRepliesAreSigned(t *testing.T) {
	signed := replyText[strings.Index(replyText, "done "):]
	for _, text := range []string{reportText, additionText} {
		_, err := ledger.ParseLeaf([]byte(text + signed))
		wantError(t, "a signed message of a witness", err, ledger.ErrMalformed)
	}
	_, err := ledger.ParseLeaf([]byte(strings.TrimSuffix(replyText, signed)))
	wantError(t, "an unsigned reply", err, ledger.ErrMalformed)
	for _, f := range leaves() {
		l := f.leaf
		l.Signature = nil
		if _, err := l.Marshal(); f.statement != "" {
			wantError(t, f.name+" without a signature", err, ledger.ErrMalformed)
		} else if err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
	}
}

// setters set one field each to a value that is good where the field belongs.
var setters = map[string]func(*ledger.Leaf){
	"case":        func(l *ledger.Leaf) { l.Case = ledger.CaseID{1} },
	"number":      func(l *ledger.Leaf) { l.Number = 99 },
	"kind":        func(l *ledger.Leaf) { l.Kind = ledger.KindAddition },
	"size":        func(l *ledger.Leaf) { l.Size = 99 },
	"digest":      func(l *ledger.Leaf) { l.Digest = ledger.Digest{1} },
	"envelope":    func(l *ledger.Leaf) { l.Envelope = ledger.Digest{1} },
	"destination": func(l *ledger.Leaf) { l.Destination = "foreign-affairs" },
	"rule":        func(l *ledger.Leaf) { l.Rule = "other-rule" },
	"once":        func(l *ledger.Leaf) { l.Once = ledger.Digest{1} },
	"secret":      func(l *ledger.Leaf) { l.Secret = ledger.Digest{1} },
	"after":       func(l *ledger.Leaf) { l.After = 99 },
	"done":        func(l *ledger.Leaf) { l.Done = "2026-01-01" },
	"by":          func(l *ledger.Leaf) { l.By = "bo" },
	"signature":   func(l *ledger.Leaf) { l.Signature = make([]byte, 64) },
}

// What an event does not have would be lost in writing: it must be zero.
func TestMarshalRefusesFieldsOfOtherEvents(t *testing.T) {
	refused, taken := 0, 0
	for _, f := range leaves() {
		for field, set := range setters {
			l := f.leaf
			set(&l)
			b, err := l.Marshal()
			if strings.Contains(f.text, "\n"+field+" ") && !(l.Kind == ledger.KindAddition && f.statement != "") {
				taken++
				if err != nil {
					t.Errorf("%s: %s: %v", f.name, field, err)
				}
				continue
			}
			refused++
			wantError(t, f.name+" with "+field, err, ledger.ErrMalformed)
			if b != nil {
				t.Errorf("%s with %s: written all the same", f.name, field)
			}
		}
	}
	if refused < 40 || taken < 40 {
		t.Errorf("%d refused, %d taken", refused, taken)
	}
}

// Marshal writes nothing that ParseLeaf would not read, so that no value can
// smuggle in a line.
func TestMarshalChecksValues(t *testing.T) {
	reply, held := find("reply"), find("held")
	for what, c := range map[string]struct {
		leaf   ledger.Leaf
		change func(*ledger.Leaf)
	}{
		"no event's day":         {held, func(l *ledger.Leaf) { l.Day = "" }},
		"a day too many":         {held, func(l *ledger.Leaf) { l.Day = "2026-02-29" }},
		"lines in the day":       {held, func(l *ledger.Leaf) { l.Day = "2026-03-14\ncase " + ledger.Day(someCase.String()) }},
		"no day of doing":        {held, func(l *ledger.Leaf) { l.Done = "" }},
		"no rule":                {held, func(l *ledger.Leaf) { l.Rule = "" }},
		"lines in the rule":      {held, func(l *ledger.Leaf) { l.Rule = "x\ndone 2026-03-13" }},
		"a line end in the rule": {held, func(l *ledger.Leaf) { l.Rule = "x\n" }},
		"no name":                {held, func(l *ledger.Leaf) { l.By = "" }},
		"lines in the name":      {held, func(l *ledger.Leaf) { l.By = "ana\nby bo" }},
		"a short signature":      {held, func(l *ledger.Leaf) { l.Signature = l.Signature[:63] }},
		"a long signature":       {held, func(l *ledger.Leaf) { l.Signature = make([]byte, 65) }},
		"a negative size":        {reply, func(l *ledger.Leaf) { l.Size = -1 }},
		"a size beyond counting": {reply, func(l *ledger.Leaf) { l.Size = 1 << 62 }},
		"a number beyond it":     {find("roster"), func(l *ledger.Leaf) { l.Number = 1 << 63 }},
		"no destination":         {find("handed over"), func(l *ledger.Leaf) { l.Destination = "" }},
	} {
		c.change(&c.leaf)
		b, err := c.leaf.Marshal()
		wantError(t, what, err, ledger.ErrMalformed)
		if b != nil {
			t.Errorf("%s: written all the same", what)
		}
	}
	for what, l := range map[string]ledger.Leaf{
		"no event":      {Day: "2026-03-14"},
		"unknown event": {Event: "recalled", Day: "2026-03-14"},
		"no kind":       {Event: ledger.EventMessage, Day: "2026-03-14", Size: 1},
		"unknown kind":  {Event: ledger.EventMessage, Day: "2026-03-14", Kind: "correction", Size: 1},
	} {
		_, err := l.Marshal()
		wantError(t, what, err, ledger.ErrVersion)
	}
}

// The longest leaf there may be is one that ParseLeaf reads.
func TestLongestLeafFits(t *testing.T) {
	for _, event := range []ledger.Event{ledger.EventHandedOver, ledger.EventAcknowledged} {
		l := ledger.Leaf{
			Event: event, Day: "2026-03-14", Done: "2026-03-14", Case: someCase, Size: 1<<62 - 1,
			Digest: digestA, Destination: strings.Repeat("d", 64),
		}
		l.Sign(instance, strings.Repeat("w", 64), deskKey("ana"))
		b, err := l.Marshal()
		if err != nil || len(b) > ledger.MaxLeaf {
			t.Errorf("%s: %d bytes, %v", event, len(b), err)
		}
	}
	// Names of the roster are at most 32 characters long, and any of them
	// may stand in a leaf.
	l := find("held")
	l.Sign(instance, strings.Repeat("0", 31)+"-", deskKey("ana"))
	if _, err := l.Marshal(); err != nil {
		t.Error(err)
	}
}

// A withdrawal is proved by what the record's commitment is the digest of, and
// by nothing else. The commitment was computed with sha256sum.
func TestWithdraws(t *testing.T) {
	commitment, err := ledger.ParseDigest("2b26816b927877095c29b14358af3c137109084ba54aa6aa6e19734940d7ae98")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range leaves() {
		if got := f.leaf.Withdraws(commitment); got != (f.name == "withdrawn") {
			t.Errorf("%s: Withdraws() = %t", f.name, got)
		}
		l := f.leaf
		l.Secret[31] ^= 1
		if l.Withdraws(commitment) || f.leaf.Withdraws(l.Secret) || f.leaf.Withdraws(digestD) {
			t.Errorf("%s withdraws with another secret or commitment", f.name)
		}
		l.Secret[31] ^= 1
		l.Event = ledger.EventRead
		if l.Withdraws(commitment) {
			t.Errorf("%s: an event of another kind withdraws", f.name)
		}
	}
}

func find(name string) ledger.Leaf {
	for _, f := range leaves() {
		if f.name == name {
			return f.leaf
		}
	}
	panic("no leaf " + name)
}

// Reading does not keep a hold of the caller's bytes.
func TestParseLeafCopies(t *testing.T) {
	b := []byte(replyText)
	l, err := ledger.ParseLeaf(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if got, err := l.Marshal(); err != nil || !bytes.Equal(got, []byte(replyText)) {
		t.Errorf("%s, %v", got, err)
	}
}
