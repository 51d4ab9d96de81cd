package report

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// told returns the hotel sample under a consent, with fields of a newer
// program.
func told(t *testing.T, consent Consent) *Report {
	t.Helper()
	r, err := Parse(samples(t)["hotel.json"])
	if err != nil {
		t.Fatal(err)
	}
	r.Consent = consent
	r.unknown.keep(member{"signed", []byte(`"MARKER by name"`)})
	r.Witness.unknown.keep(member{"messenger", []byte(`"MARKER account"`)})
	r.Where.unknown.keep(member{"from_window", []byte(`"MARKER room"`)})
	return r
}

func TestWithoutConsentTheWitnessStaysBehind(t *testing.T) {
	for _, consent := range []Consent{ConsentCaseworkers, ConsentNone, "", Unknown, "Direct", "a tier of later years"} {
		r := told(t, consent)
		out, held := r.Withhold()
		want := []Withheld{
			{"others.witnesses", ReasonConsent},
			{"witness.role", ReasonConsent},
			{"witness.present", ReasonConsent},
			{"witness.testify", ReasonConsent},
			{"witness.country", ReasonConsent},
			{"witness.contact", ReasonConsent},
			{"where.from_window", ReasonUnknown},
			{"witness.messenger", ReasonUnknown},
			{"signed", ReasonUnknown},
		}
		if !slices.Equal(held, want) {
			t.Errorf("consent %q: withheld %v, want %v", consent, held, want)
		}
		data, err := out.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		for _, gone := range []string{"MARKER", r.Witness.Contact, r.Others.Witnesses, `"witness"`} {
			if strings.Contains(string(data), gone) {
				t.Errorf("consent %q: %q leaves with the report", consent, gone)
			}
		}
		// All the rest leaves.
		for _, f := range Fields() {
			left := slices.Equal(out.Get(f.Name), r.Get(f.Name))
			kept := slices.ContainsFunc(want, func(w Withheld) bool { return w.Field == f.Name })
			if left == kept {
				t.Errorf("consent %q: %s left: %v, want %v", consent, f.Name, left, !kept)
			}
		}
		if out.Language != r.Language || out.Received != r.Received {
			t.Errorf("consent %q: language or day changed", consent)
		}
		if !reflect.DeepEqual(r, told(t, consent)) {
			t.Errorf("consent %q: the original changed", consent)
		}
	}
}

func TestWithConsentNothingStaysBehind(t *testing.T) {
	r := told(t, ConsentDirect)
	out, held := r.Withhold()
	if len(held) != 0 || !reflect.DeepEqual(out, r) {
		t.Errorf("withheld %v, left %+v", held, out)
	}
}

func TestOnlyWhatIsThereIsWithheld(t *testing.T) {
	r := &Report{What: What{Seen: "x"}, Witness: Witness{Role: "resident"}}
	if _, held := r.Withhold(); !slices.Equal(held, []Withheld{{"witness.role", ReasonConsent}}) {
		t.Errorf("withheld %v", held)
	}
}

// TestEveryFieldAboutTheWitnessIsIdentifying makes whoever adds a field to the
// section decide against the rule, not by oversight.
func TestEveryFieldAboutTheWitnessIsIdentifying(t *testing.T) {
	for _, f := range Fields() {
		if f.Section == "witness" && !slices.Contains(identifying, f.Name) {
			t.Errorf("%s leaves without consent", f.Name)
		}
	}
}

func TestWithholdSharesNothing(t *testing.T) {
	for _, consent := range []Consent{ConsentDirect, ConsentNone} {
		r := told(t, consent)
		out, _ := r.Withhold()
		out.What.Categories[0] = "changed"
		out.Others.Intervened[0] = "changed"
		for _, v := range out.unknown {
			v[0] = 'x'
		}
		out.Witness.unknown.keep(member{"more", []byte("1")})
		if !reflect.DeepEqual(r, told(t, consent)) {
			t.Errorf("consent %q: changing the copy changed the original", consent)
		}
	}
}
