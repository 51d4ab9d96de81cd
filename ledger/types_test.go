package ledger_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/ledger"
)

func TestDays(t *testing.T) {
	for _, s := range []string{"2026-03-14", "2028-02-29", "1999-12-31", "0001-01-01", "9999-12-31"} {
		d, err := ledger.ParseDay(s)
		if err != nil || string(d) != s {
			t.Errorf("ParseDay(%s) = %s, %v", s, d, err)
		}
		begin := d.Time()
		if begin.Location() != time.UTC || begin.Format(time.RFC3339) != s+"T00:00:00Z" {
			t.Errorf("%s begins at %s", s, begin)
		}
		if ledger.DayOf(begin) != d || ledger.DayOf(begin.Add(24*time.Hour-1)) != d || ledger.DayOf(begin.Add(-1)) >= d {
			t.Errorf("%s does not begin and end at midnight", s)
		}
	}
	for _, s := range []string{
		"", "2026-3-14", "2026-03-14 ", " 2026-03-14", "2026-03-14\n", "2026-02-29", "2026-13-01", "2026-00-01", "2026-01-00",
		"26-03-14", "12026-03-14", "-2026-03-14", "2026/03/14", "20260314", "2026-03-14T00:00:00Z", "２０２６-03-14",
	} {
		d, err := ledger.ParseDay(s)
		wantError(t, s, err, ledger.ErrMalformed)
		if d != "" {
			t.Errorf("%q is the day %s", s, d)
		}
	}
	// Two places, one moment, one day: that of UTC.
	brussels, tokyo := time.FixedZone("", 3600), time.FixedZone("", 9*3600)
	if d := ledger.DayOf(time.Date(2026, 3, 14, 0, 59, 0, 0, brussels)); d != "2026-03-13" {
		t.Errorf("one minute to one in Brussels is %s", d)
	}
	if d := ledger.DayOf(time.Date(2026, 3, 15, 8, 59, 0, 0, tokyo)); d != "2026-03-14" {
		t.Errorf("one minute to nine in Tokyo is %s", d)
	}
}

func TestCaseIDs(t *testing.T) {
	// RFC 4648 base32, as `basenc --base32` writes it, in lower case.
	const text = "aaisem2ekvthpcezvk54zxpo74"
	if got := someCase.String(); got != text {
		t.Errorf("the case is %s, was %s", got, text)
	}
	if id, err := ledger.ParseCaseID(text); err != nil || id != someCase {
		t.Errorf("ParseCaseID = %x, %v", id, err)
	}
	seen := map[ledger.CaseID]bool{}
	for range 1000 {
		id := ledger.NewCaseID()
		if seen[id] {
			t.Fatalf("%s came twice", id)
		}
		seen[id] = true
		s := id.String()
		if len(s) != 26 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Fatalf("%s is no name for a file", s)
		}
		if back, err := ledger.ParseCaseID(s); err != nil || back != id {
			t.Fatalf("%s read back is %s, %v", s, back, err)
		}
	}
	for _, s := range []string{
		"", text[:25], text + "a", text + "======", strings.ToUpper(text), text[:25] + "5", text[:25] + "1", text[:25] + "/",
		text + "\n", text[:13] + "\n" + text[13:], text[:13] + "\r\n" + text[13:], " " + text, "../" + text[3:],
	} {
		_, err := ledger.ParseCaseID(s)
		wantError(t, s, err, ledger.ErrMalformed)
	}
}

func TestDigests(t *testing.T) {
	text := strings.Repeat("aa", 32)
	if digestA.String() != text {
		t.Errorf("the digest is %s", digestA)
	}
	if d, err := ledger.ParseDigest(text); err != nil || d != digestA {
		t.Errorf("ParseDigest = %s, %v", d, err)
	}
	for _, s := range []string{"", text[1:], text[2:], text + "aa", strings.ToUpper(text), "0x" + text[2:], text[1:] + "g", text[1:] + "\n", " " + text} {
		_, err := ledger.ParseDigest(s)
		wantError(t, s, err, ledger.ErrMalformed)
	}
}
