package report

import (
	"bytes"
	"errors"
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

func TestMessagesThatAreRefused(t *testing.T) {
	invalid := new(ValidationError)
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
