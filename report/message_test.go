package report

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestMessageSurvivesTheWayThere(t *testing.T) {
	m, err := NewMessage("fr", "2026-02-03", "  Merci.\r\nVoici la suite.\x00 ")
	if err != nil {
		t.Fatal(err)
	}
	data, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseMessage(data)
	if err != nil {
		t.Fatal(err)
	}
	if got.Text != "Merci.\nVoici la suite." || got.Language != "fr" || got.Day != "2026-02-03" {
		t.Errorf("%+v", got)
	}
}

// A reply may say to whom a case went, with a text or without one.
func TestMessageSaysWhoHasTheCase(t *testing.T) {
	for _, text := range []string{"", "They will ask for you."} {
		m, err := NewMessage("", "2026-02-03", text, Authorities()...)
		if err != nil {
			t.Fatal(err)
		}
		data, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		const list = `"handed_to": ["police", "foreign-affairs", "child-protection", "hotline", "justice", "other"]`
		if !strings.Contains(string(data), list) {
			t.Errorf("written as %s", data)
		}
		got, err := ParseMessage(data)
		if err != nil || got.Text != text || !slices.Equal(got.HandedTo, Authorities()) {
			t.Errorf("%s reads %+v, %v", data, got, err)
		}
	}
	Authorities()[0] = "nobody"
	if _, err := NewMessage("", "", "", "police"); err != nil {
		t.Errorf("a caller changed the list: %v", err)
	}
	// What a newer program wrote is read as far as it goes, and told.
	invalid := new(ValidationError)
	m, err := ParseMessage([]byte(`{"version":1,"handed_to":["interpol"]}`))
	if !errors.As(err, &invalid) || m == nil || !slices.Equal(m.HandedTo, []string{"interpol"}) {
		t.Errorf("an unknown authority: %+v, %v", m, err)
	}
}

func TestMessageSaysWhatWasRead(t *testing.T) {
	for _, text := range []string{"", "Room 12"} {
		data, err := (&Message{Day: "2026-02-03", Text: text, Seen: 2}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseMessage(data)
		if err != nil || got.Seen != 2 || got.Text != text {
			t.Errorf("%s reads %+v, %v", data, got, err)
		}
	}
	for _, seen := range []string{"0", "-1", "1.5", `"2"`, "null", "1000001", "99999999999999999999"} {
		if _, err := ParseMessage([]byte(`{"version":1,"text":"x","seen":` + seen + `}`)); err == nil {
			t.Errorf("seen %s was taken", seen)
		}
	}
}

func TestMessagesThatAreRefused(t *testing.T) {
	invalid := new(ValidationError)
	for what, to := range map[string][]string{
		"an unknown authority": {"interpol"}, "no authority": {""}, "a capital": {"Police"}, "one twice": {"police", "justice", "police"},
	} {
		if _, err := NewMessage("", "", "text", to...); !errors.As(err, &invalid) || len(invalid.Problems) != 1 || invalid.Problems[0].Field != "handed_to" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := NewMessage("", "", strings.Repeat("é", MaxMessage+1)); !errors.As(err, &invalid) {
		t.Errorf("too long: %v", err)
	}
	if _, err := NewMessage("", "", " \n "); !errors.Is(err, ErrEmpty) {
		t.Errorf("empty: %v", err)
	}
	if _, err := NewMessage("", "", "\xff"); !errors.Is(err, ErrNotUTF8) {
		t.Errorf("not UTF-8: %v", err)
	}
	if _, err := NewMessage("", "2026-02-30", "text"); !errors.As(err, &invalid) {
		t.Errorf("a day that does not exist: %v", err)
	}
	for data, want := range map[string]error{
		`{"version":2,"text":"a"}`:            ErrVersion,
		`{"text":"a"}`:                        ErrVersion,
		`{"version":1}`:                       ErrEmpty,
		`{"version":1,"text":1}`:              ErrMalformed,
		`{"version":1,"text":"a","text":"b"}`: ErrMalformed,
		`[]`:                                  ErrMalformed,

		`{"version":1,"handed_to":[]}`:                      ErrEmpty,
		`{"version":1,"text":" ","handed_to":[]}`:           ErrEmpty,
		`{"version":1,"handed_to":"police"}`:                ErrMalformed,
		`{"version":1,"handed_to":["police",null]}`:         ErrMalformed,
		`{"version":1,"handed_to":null,"text":"a"}`:         ErrMalformed,
		`{"version":1,"handed_to":[["police"]],"text":"a"}`: ErrMalformed,
	} {
		if _, err := ParseMessage([]byte(data)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", data, err, want)
		}
	}
}

// What an older program does not know comes out as it went in.
func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"version":1,"language":"en","day":"2026-01-02","text":"Thank you."}`))
	f.Add([]byte(`{"version":1,"text":"a\nb","seen":[1,{"x":null}],"Text":"other"}`))
	f.Add([]byte(`{"version":1,"text":""}`))
	f.Add([]byte(`{"version":1,"day":"2026-01-02","handed_to":["police","child-protection"]}`))
	f.Add([]byte(`{"version":1,"text":"a","handed_to":[],"handed_on":["police"]}`))
	f.Add([]byte(`{"version":1,"text":"a","handed_to":["interpol","<>"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseMessage(data)
		if err != nil {
			return
		}
		once, err := m.Marshal()
		if errors.Is(err, ErrTooLarge) {
			return
		}
		again, err := ParseMessage(once)
		if err != nil {
			t.Fatalf("%s became %s: %v", data, once, err)
		}
		twice, err := again.Marshal()
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s became %s and then %s, %v", data, once, twice, err)
		}
	})
}
