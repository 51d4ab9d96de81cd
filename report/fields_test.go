package report

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// inWire writes a Go name as the form does: PlaceKind is place_kind.
func inWire(name string) string {
	if strings.ToUpper(name) == name {
		return strings.ToLower(name)
	}
	var b strings.Builder
	for i, c := range name {
		if unicode.IsUpper(c) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// TestEveryFieldOfTheTypesIsInTheTable walks the Go types, so that a field
// added to them can't be forgotten by the form, the JSON form and the schema.
func TestEveryFieldOfTheTypesIsInTheTable(t *testing.T) {
	var r Report
	places := make(map[any]string)
	for _, f := range Fields() {
		var at any
		if f.list != nil {
			at = f.list(&r)
		} else {
			at = f.text(&r)
		}
		if other, ok := places[at]; ok {
			t.Errorf("%s and %s lie in the same place", other, f.Name)
		}
		places[at] = f.Name
	}
	keepers := make(map[string]*unknown)
	for _, s := range sections {
		keepers[s.name] = s.unknown(&r)
	}
	v := reflect.ValueOf(&r).Elem()
	found := 0
	for i := range v.NumField() {
		section, name := v.Field(i), inWire(v.Type().Field(i).Name)
		switch name {
		case "version", "language", "received", "unknown":
			continue
		case "consent":
			if places[(*string)(&r.Consent)] != "consent" {
				t.Error("consent is not in the table")
			}
			found++
			continue
		}
		for j := range section.NumField() {
			field := inWire(section.Type().Field(j).Name)
			if field == "unknown" {
				if section.Field(j).Addr().UnsafePointer() != reflect.ValueOf(keepers[name]).UnsafePointer() {
					t.Errorf("section %s does not keep its own unknown fields", name)
				}
				continue
			}
			if got, want := places[section.Field(j).Addr().Interface()], name+"."+field; got != want {
				t.Errorf("the field of the types %s is %q in the table", want, got)
			}
			found++
		}
	}
	if found != len(places) {
		t.Errorf("%d fields in the types, %d in the table", found, len(places))
	}
}

func TestFieldsDescribeTheForm(t *testing.T) {
	var order []string
	for _, f := range Fields() {
		section, _, _ := strings.Cut(f.Name, ".")
		if f.Section != section {
			t.Errorf("%s says it is in section %q", f.Name, f.Section)
		}
		if !slices.Contains(order, section) {
			order = append(order, section)
		} else if order[len(order)-1] != section {
			t.Errorf("%s stands apart from the rest of its section", f.Name)
		}
		if f.Max <= 0 {
			t.Errorf("%s has no limit", f.Name)
		}
		if hasChoices := f.Kind == Choice || f.Kind == Choices; hasChoices != (len(f.Choices) > 0) {
			t.Errorf("%s is of kind %s and has %d choices", f.Name, f.Kind, len(f.Choices))
		} else if hasChoices && f.Name != "consent" && f.Choices[len(f.Choices)-1] != Unknown {
			t.Errorf("%s does not take unknown for an answer", f.Name)
		}
		for i, c := range f.Choices {
			if slices.Contains(f.Choices[:i], c) {
				t.Errorf("%s offers %q twice", f.Name, c)
			}
			if len(c) > f.Max {
				t.Errorf("%s offers %q, which is longer than its limit", f.Name, c)
			}
		}
	}
	want := []string{"danger", "what", "when", "where", "online", "suspect", "child",
		"others", "evidence", "witness", "consent"}
	if !slices.Equal(order, want) {
		t.Errorf("sections in order %v, want %v", order, want)
	}
}

func TestFieldsBelongToTheCaller(t *testing.T) {
	fields := Fields()
	for i := range fields {
		fields[i].Name = "changed"
		for j := range fields[i].Choices {
			fields[i].Choices[j] = "changed"
		}
	}
	r := Report{What: What{Seen: "x"}}
	if err := r.Set("danger.now", Yes); err != nil {
		t.Fatal(err)
	}
	if err := r.Validate(); err != nil {
		t.Error(err)
	}
}

func TestCountries(t *testing.T) {
	if len(countryCodes) != 250 || !slices.IsSorted(countryCodes) {
		t.Errorf("%d codes, sorted: %v; want the 249 of the standard and XK, sorted",
			len(countryCodes), slices.IsSorted(countryCodes))
	}
	for _, c := range countryCodes {
		if len(c) != 2 || strings.Trim(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			t.Errorf("%q is no alpha-2 code", c)
		}
	}
	for _, c := range []string{"BE", "NL", "TH", "SX", "SS", "XK"} {
		if !slices.Contains(countryCodes, c) {
			t.Errorf("%s is missing", c)
		}
	}
	for _, c := range []string{"UK", "AN", "YU", "EU"} {
		if slices.Contains(countryCodes, c) {
			t.Errorf("%s is not assigned to a country", c)
		}
	}
}

// TestTermsNeverBlameTheChild holds the terms that the Luxembourg Guidelines
// reject out of every name, choice and term.
func TestTermsNeverBlameTheChild(t *testing.T) {
	said := []string{string(Schema)}
	for _, f := range Fields() {
		said = append(said, append(f.Choices, f.Name)...)
	}
	for _, c := range Categories() {
		said = append(said, c.Term)
	}
	for _, s := range said {
		for _, bad := range []string{"child prostitut", "child porn", "pornograph", "child sex tour",
			"sex worker", "child victim of prost", "prostitute", "client", "customer"} {
			if strings.Contains(strings.ToLower(s), bad) {
				t.Errorf("%.80q says %q", s, bad)
			}
		}
	}
}

func TestCategoriesAreChoices(t *testing.T) {
	want := []string{"other", Unknown}
	cs := Categories()
	for i := len(cs) - 1; i >= 0; i-- {
		if cs[i].Term == "" {
			t.Errorf("%s has no term", cs[i].Code)
		}
		want = append([]string{cs[i].Code}, want...)
	}
	if got := byName["what.categories"].Choices; !slices.Equal(got, want) {
		t.Errorf("what.categories offers %v, want %v", got, want)
	}
	cs[0].Code = "changed"
	if Categories()[0].Code == "changed" {
		t.Error("Categories hands out its own slice")
	}
}
