package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	// ErrVersion means that a report has a format version that this program
	// does not know.
	ErrVersion = errors.New("unknown report format version")
	// ErrTooLarge means that a JSON form is longer than MaxSize.
	ErrTooLarge = fmt.Errorf("report is larger than %d bytes", MaxSize)
	// ErrMalformed means that data is not a report's JSON form.
	ErrMalformed = errors.New("malformed report")
)

// Parse reads the JSON form of a report. Members that it does not know, at
// the top level or in a section, are kept for Marshal.
//
// The error wraps ErrTooLarge, ErrMalformed or ErrVersion, and the report is
// nil; or it is a *ValidationError, and the report is there all the same: a
// newer program may know choices and limits that this one does not, and a tip
// must not become unreadable for that.
func Parse(data []byte) (*Report, error) {
	if len(data) > MaxSize {
		return nil, ErrTooLarge
	}
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: not valid UTF-8", ErrMalformed)
	}
	top, err := members(data)
	if err != nil {
		return nil, fmt.Errorf("reading a report: %w", err)
	}
	r := new(Report)
	// The version goes first: nothing may be said about the rest of a form
	// that is not known.
	if err := r.readVersion(top); err != nil {
		return nil, err
	}
	for _, m := range top {
		if err := r.readMember(m); err != nil {
			return nil, err
		}
	}
	if err := r.Validate(); err != nil {
		return r, err
	}
	return r, nil
}

func (r *Report) readVersion(top []member) error {
	i := slices.IndexFunc(top, func(m member) bool { return m.name == "version" })
	if i < 0 {
		return fmt.Errorf("%w: it names none", ErrVersion)
	}
	if string(top[i].value) != fmt.Sprint(Version) {
		return fmt.Errorf("%w: this program reads version %d only", ErrVersion, Version)
	}
	r.Version = Version
	return nil
}

func (r *Report) readMember(m member) error {
	switch m.name {
	case "version":
		return nil
	case "language":
		return read("language", m.value, &r.Language)
	case "received":
		return read("received", m.value, &r.Received)
	case "consent":
		return byName["consent"].read(r, m.value)
	}
	for _, s := range sections {
		if s.name != m.name {
			continue
		}
		inner, err := members(m.value)
		if err != nil {
			return fmt.Errorf("reading %s: %w", s.name, err)
		}
		for _, im := range inner {
			if f := byName[s.name+"."+im.name]; f != nil {
				if err := f.read(r, im.value); err != nil {
					return err
				}
			} else {
				s.unknown(r).keep(im)
			}
		}
		return nil
	}
	r.unknown.keep(m)
	return nil
}

func (u *unknown) keep(m member) {
	if *u == nil {
		*u = make(unknown)
	}
	(*u)[m.name] = m.value
}

func (f *Field) read(r *Report, value json.RawMessage) error {
	if f.list != nil {
		return read(f.Name, value, f.list(r))
	}
	return read(f.Name, value, f.text(r))
}

// read decodes a string or a list of strings. encoding/json takes null for
// either, and for an element of a list; the schema does not.
func read[T string | []string](name string, value json.RawMessage, to *T) error {
	var elements []*string
	var err error
	switch to := any(to).(type) {
	case *string:
		var s *string
		if err = json.Unmarshal(value, &s); err == nil && s != nil {
			*to = *s
			return nil
		}
	case *[]string:
		if err = json.Unmarshal(value, &elements); err == nil && elements != nil && !slices.Contains(elements, nil) {
			for _, e := range elements {
				*to = append(*to, *e)
			}
			return nil
		}
	}
	return fmt.Errorf("%w: %s has the wrong type", ErrMalformed, name)
}

// member is one name and value of a JSON object, the value compact.
type member struct {
	name  string
	value json.RawMessage
}

// members splits a JSON object. A name given twice is refused: two programs
// would read two different reports. Names are compared exactly, unlike in
// json.Unmarshal.
func members(data []byte) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	malformed := func() error {
		return fmt.Errorf("%w: not a JSON object, near byte %d", ErrMalformed, d.InputOffset())
	}
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, malformed()
	}
	var list []member
	seen := make(map[string]bool)
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, malformed()
		}
		if seen[name] {
			return nil, fmt.Errorf("%w: a name is given twice, near byte %d", ErrMalformed, d.InputOffset())
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, malformed()
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			return nil, malformed()
		}
		list = append(list, member{name, compact.Bytes()})
	}
	if _, err := d.Token(); err != nil {
		return nil, malformed()
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, malformed()
	}
	return list, nil
}

// Marshal returns the JSON form: UTF-8, one field a line, fields in the order
// of the form, empty ones left out, then what is unknown, sorted. The same
// report always gives the same bytes. It does not validate, so that a report
// from a newer program can be passed on.
//
// The error wraps ErrVersion or ErrTooLarge.
func (r *Report) Marshal() ([]byte, error) {
	if r.Version != 0 && r.Version != Version {
		return nil, fmt.Errorf("%w: this program writes version %d only", ErrVersion, Version)
	}
	top := []string{property("version", fmt.Sprint(Version))}
	if r.Language != "" {
		top = append(top, property("language", quote(r.Language)))
	}
	if r.Received != "" {
		top = append(top, property("received", quote(r.Received)))
	}
	for _, s := range sections {
		var inner []string
		for i := range table {
			if f := &table[i]; f.Section == s.name {
				if v := f.write(r); v != "" {
					inner = append(inner, property(strings.TrimPrefix(f.Name, s.name+"."), v))
				}
			}
		}
		inner = append(inner, s.unknown(r).write()...)
		if inner != nil {
			top = append(top, property(s.name, object(inner, "  ")))
		}
	}
	if v := byName["consent"].write(r); v != "" {
		top = append(top, property("consent", v))
	}
	top = append(top, r.unknown.write()...)
	data := []byte(object(top, "") + "\n")
	if len(data) > MaxSize {
		return nil, ErrTooLarge
	}
	return data, nil
}

// MarshalJSON is Marshal, so that a report inside another JSON form loses
// nothing either.
func (r Report) MarshalJSON() ([]byte, error) { return r.Marshal() }

// write returns the field's value as JSON, or "" if it is empty.
func (f *Field) write(r *Report) string {
	if f.text != nil {
		if *f.text(r) == "" {
			return ""
		}
		return quote(*f.text(r))
	}
	if len(*f.list(r)) == 0 {
		return ""
	}
	var quoted []string
	for _, v := range *f.list(r) {
		quoted = append(quoted, quote(v))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// write returns the unknown members by name. Their values stay compact:
// indenting nested data of unknown depth could multiply its size.
func (u unknown) write() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(u)) {
		out = append(out, property(name, string(u[name])))
	}
	return out
}

func property(name, value string) string { return quote(name) + ": " + value }

func object(properties []string, indent string) string {
	inner := "\n" + indent + "  "
	return "{" + inner + strings.Join(properties, ","+inner) + "\n" + indent + "}"
}

// quote returns s as a JSON string. "<" stays "<": people read this form too,
// and whoever puts it into a page must escape it anyway.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}
