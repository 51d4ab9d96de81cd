package intake

import (
	"strings"

	"tocsin/report"
)

// look says how a field of the report appears in the form. A field that is not
// in the table appears as its kind suggests, among the further questions of
// its section: nothing that package report asks for can be forgotten here.
type look struct {
	main bool // asked at once, not behind "more"
	help bool // the catalogue holds field.<name>.help
	rows int  // of a text of several lines
}

var looks = map[string]look{
	"danger.now":           {main: true},
	"danger.departure":     {main: true},
	"danger.details":       {main: true, help: true},
	"what.seen":            {main: true, help: true, rows: 6},
	"what.heard":           {main: true, rows: 3},
	"what.suspected":       {main: true, help: true, rows: 3},
	"what.categories":      {help: true},
	"what.behaviour":       {rows: 3},
	"what.why":             {rows: 3},
	"when.date":            {main: true},
	"when.time":            {main: true},
	"when.ongoing":         {main: true},
	"when.roughly":         {main: true, help: true},
	"where.country":        {main: true, help: true},
	"where.city":           {main: true},
	"where.place":          {main: true, help: true},
	"where.coordinates":    {help: true},
	"online.url":           {main: true, help: true, rows: 2},
	"online.platform":      {main: true},
	"online.handle":        {main: true, help: true},
	"suspect.name":         {main: true, help: true},
	"suspect.description":  {main: true, help: true, rows: 4},
	"suspect.nationality":  {main: true},
	"suspect.role":         {main: true},
	"suspect.flight":       {help: true},
	"child.description":    {main: true, help: true, rows: 3},
	"child.age":            {main: true},
	"child.sex":            {main: true},
	"child.language":       {main: true},
	"child.missing":        {main: true},
	"others.intervened":    {main: true},
	"others.witnesses":     {rows: 2},
	"others.reaction":      {rows: 2},
	"evidence.description": {main: true, help: true, rows: 2},
	"witness.role":         {main: true},
	"witness.present":      {main: true},
	"witness.testify":      {main: true},
	"witness.country":      {},
	"consent":              {main: true, help: true},
	"witness.contact":      {main: true, help: true, rows: 2},
}

// sectionsWithIntro are those for which the catalogue holds
// section.<name>.intro.
var sectionsWithIntro = map[string]bool{"what": true, "child": true, "evidence": true, "witness": true}

// shared are answers that mean the same to every question; the catalogue holds
// them once, as choice.<value>.
var shared = map[string]bool{report.Yes: true, report.No: true, report.Unknown: true, "other": true}

// choiceKey is the catalogue's key for an answer.
func choiceKey(field, value string) string {
	if shared[value] {
		return "choice." + value
	}
	return "choice." + field + "." + value
}

// A control is one question as the template draws it.
type control struct {
	Name    string
	ID      string
	Widget  string // "line", "text", "radio", "select", "check", "date", "time", "country"
	Label   string
	Help    string
	Problem string
	Value   string
	Max     int
	Rows    int
	Options []option
}

// DescribedBy is the value of aria-describedby, or "".
func (c control) DescribedBy() string {
	var ids []string
	if c.Help != "" {
		ids = append(ids, c.ID+"-help")
	}
	if c.Problem != "" {
		ids = append(ids, c.ID+"-wrong")
	}
	return strings.Join(ids, " ")
}

type option struct {
	Value, Label string
	Chosen       bool
}

// A group is one section of the form: what is asked at once, and what stands
// behind "more". More is open when something in it was answered or is wrong, and
// for those who testify.
type group struct {
	Section string
	Intro   bool
	Main    []control
	More    []control
	Open    bool
}

// groups lays the report's fields out, with what the draft holds filled in and
// the problems at their fields.
func (s *Server) groups(l *Language, d *draft) []group {
	r := &d.report
	wrong := make(map[string]string)
	for _, p := range d.problems {
		wrong[p.Field] = l.T("problem."+string(p.Kind), p.Limit)
	}
	var out []group
	for _, f := range report.Fields() {
		section := f.Section
		if section == "consent" {
			section = "witness" // one conversation: who I am and who may ask me
		}
		if len(out) == 0 || out[len(out)-1].Section != section {
			out = append(out, group{Section: section, Intro: sectionsWithIntro[section], Open: d.testify})
		}
		g := &out[len(out)-1]
		c := s.control(l, f, r.Get(f.Name))
		c.Problem = wrong[f.Name]
		if looks[f.Name].main {
			g.Main = append(g.Main, c)
			continue
		}
		g.More = append(g.More, c)
		if c.Problem != "" || len(r.Get(f.Name)) > 0 {
			g.Open = true
		}
	}
	return out
}

func (s *Server) control(l *Language, f report.Field, values []string) control {
	look := looks[f.Name]
	c := control{
		Name:  f.Name,
		ID:    strings.ReplaceAll(f.Name, ".", "-"),
		Label: l.T("field." + f.Name),
		Max:   f.Max,
		Rows:  max(look.rows, 2),
	}
	if look.help {
		c.Help = l.T("field." + f.Name + ".help")
	}
	if len(values) > 0 {
		c.Value = values[0]
	}
	switch {
	case f.Format == report.Country:
		c.Widget, c.Value = "country", s.gazetteer.name(l, c.Value)
		c.Max = 100 // a name, longer than the code that the report keeps
		return c
	case f.Kind == report.Choices:
		c.Widget = "check"
	case f.Kind == report.Choice && len(f.Choices) <= 5:
		c.Widget = "radio"
	case f.Kind == report.Choice:
		c.Widget = "select"
	case f.Kind == report.Text:
		c.Widget = "text"
	// A browser's own picker takes whole dates and times only: anything else
	// that was typed before is shown again as text.
	case f.Format == report.Date && (c.Value == "" || len(c.Value) == len("2006-01-02")):
		c.Widget = "date"
	case f.Format == report.Time && (c.Value == "" || len(c.Value) == len("15:04")):
		c.Widget = "time"
	default:
		c.Widget = "line"
	}
	for _, v := range f.Choices {
		o := option{Value: v, Label: l.T(choiceKey(f.Name, v))}
		for _, have := range values {
			o.Chosen = o.Chosen || have == v
		}
		c.Options = append(c.Options, o)
	}
	return c
}
