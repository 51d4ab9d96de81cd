package triage

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/report"
)

// An ontology is what testdata/case-uco-1.4.0.json says of the shapes.
type ontology struct {
	Classes map[string]struct {
		Is         []string            `json:"is"`
		Properties map[string]property `json:"properties"`
	} `json:"classes"`
}

type property struct {
	Datatype string `json:"datatype"`
	Class    string `json:"class"`
	Max      int    `json:"max"`
	Min      int    `json:"min"`
}

func readOntology(t *testing.T) *ontology {
	t.Helper()
	text, err := os.ReadFile("testdata/case-uco-1.4.0.json")
	ok(t, err)
	o := new(ontology)
	ok(t, json.Unmarshal(text, o))
	return o
}

func (o *ontology) is(class, super string) bool {
	return class == super || slices.ContainsFunc(o.Classes[class].Is, func(c string) bool { return o.is(c, super) })
}

// properties returns what a class and those above it say.
func (o *ontology) properties(class string) map[string]property {
	all := make(map[string]property)
	for name, p := range o.Classes[class].Properties {
		all[name] = p
	}
	for _, super := range o.Classes[class].Is {
		for name, p := range o.properties(super) {
			all[name] = p
		}
	}
	return all
}

// A graph is a file of JSON-LD as its nodes by their names.
type graph struct {
	*ontology
	nodes  map[string]map[string]any
	faults []string
}

func (g *graph) fault(what ...string) { g.faults = append(g.faults, strings.Join(what, " ")) }

// collect finds the nodes: what has a type. The rest are references.
func (g *graph) collect(v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			g.collect(x)
		}
	case map[string]any:
		if id, ok := v["@id"].(string); ok && v["@type"] != nil {
			if g.nodes[id] != nil {
				g.fault(id, "is named twice")
			}
			g.nodes[id] = v
		}
		for name, x := range v {
			if name != "@context" {
				g.collect(x)
			}
		}
	}
}

var uuidForm = regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// check holds each node against the shapes of its class.
func (g *graph) check() {
	for id, n := range g.nodes {
		class, _ := n["@type"].(string)
		if _, known := g.Classes[class]; !known {
			g.fault(class, "is no class")
			continue
		}
		if !uuidForm.MatchString(id) {
			g.fault(id, "does not end with a UUID")
		}
		known := g.properties(class)
		for name, p := range known {
			if p.Min > 0 && n[name] == nil {
				g.fault(class, "lacks", name)
			}
		}
		for name, v := range n {
			p, ok := known[name]
			if strings.HasPrefix(name, "@") {
				continue
			}
			if !ok {
				g.fault(class, "has no", name)
				continue
			}
			values, many := v.([]any)
			if !many {
				values = []any{v}
			}
			if p.Max > 0 && len(values) > p.Max || len(values) == 0 {
				g.fault(class, "has too many or too few", name)
			}
			for _, x := range values {
				g.value(class+" "+name, x, p)
			}
		}
	}
}

var lexical = map[string]*regexp.Regexp{
	"xsd:decimal":   regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?$`),
	"xsd:hexBinary": regexp.MustCompile(`^([0-9a-fA-F]{2})+$`),
}

func (g *graph) value(where string, v any, p property) {
	if p.Class != "" {
		ref, _ := v.(map[string]any)
		id, _ := ref["@id"].(string)
		class, _ := g.nodes[id]["@type"].(string)
		if !g.is(class, p.Class) {
			g.fault(where, "is a", class, "and not a", p.Class)
		}
		return
	}
	datatype := "xsd:string"
	switch v := v.(type) {
	case float64:
		datatype = "xsd:integer"
		if v != float64(int64(v)) {
			datatype = "xsd:double"
		}
	case map[string]any:
		datatype, _ = v["@type"].(string)
		if text, _ := v["@value"].(string); lexical[datatype] == nil || !lexical[datatype].MatchString(text) {
			g.fault(where, "is no", datatype, text)
		}
	}
	if datatype != p.Datatype {
		g.fault(where, "is a", datatype, "and not a", p.Datatype)
	}
}

func checkCase(t *testing.T, text []byte) *graph {
	t.Helper()
	var top any
	ok(t, json.Unmarshal(text, &top))
	g := &graph{ontology: readOntology(t), nodes: make(map[string]map[string]any)}
	g.collect(top)
	g.check()
	return g
}

func provenanceOf(files ...bagFile) *provenance {
	return &provenance{Instance: "i", Case: "c", Organisation: "Example", Routed: "2026-03-05", Files: files,
		Sealed: []source{{Index: 2, Kind: "report", Day: "2026-03-04", SHA256: strings.Repeat("ab", 32)}, {Index: -1, Kind: "reply", SHA256: strings.Repeat("cd", 32)}}}
}

// All that a report can name is in the words of the ontology, and nothing else.
func TestTheCaseHoldsAgainstTheOntologysShapes(t *testing.T) {
	r := full(t)
	ok(t, r.Set("online.url", "https://example.org/a\nhttps://example.org/b"))
	text, err := caseUCO(r, provenanceOf(bagFile{Path: "files/001.jpg", Message: 2, Type: "image/jpeg", Size: 42, SHA256: strings.Repeat("ab", 32)}))
	ok(t, err)
	g := checkCase(t, text)
	for _, f := range g.faults {
		t.Error(f)
	}
	count := make(map[string]int)
	for _, n := range g.nodes {
		count[n["@type"].(string)]++
	}
	for class, n := range map[string]int{"case-investigation:Investigation": 1, "case-investigation:ProvenanceRecord": 2, "uco-observable:URL": 2,
		"uco-observable:DigitalAccount": 1, "uco-observable:File": 1, "uco-types:Hash": 1, "uco-location:Location": 1} {
		if count[class] != n {
			t.Errorf("%d of %s", count[class], class)
		}
	}
	again, err := caseUCO(r, provenanceOf(bagFile{Path: "files/001.jpg", Message: 2, Type: "image/jpeg", Size: 42, SHA256: strings.Repeat("ab", 32)}))
	if err != nil || string(again) != string(text) {
		t.Error("the same case is written in two ways")
	}
	// The least there is.
	little := new(report.Report)
	ok(t, little.Set("what.seen", "x"))
	text, err = caseUCO(little, provenanceOf())
	ok(t, err)
	for _, f := range checkCase(t, text).faults {
		t.Errorf("of a short report: %s", f)
	}
}

// The check itself can fail.
func TestTheShapesRefuse(t *testing.T) {
	r := full(t)
	text, err := caseUCO(r, provenanceOf(bagFile{Path: "files/001.jpg", Message: 2, Type: "image/jpeg", Size: 42, SHA256: strings.Repeat("ab", 32)}))
	ok(t, err)
	for _, c := range [][2]string{
		{`"@type": "uco-observable:File"`, `"@type": "uco-observable:Fail"`},
		{`"uco-observable:sizeInBytes": 42`, `"uco-observable:sizeInBytes": "42"`},
		{`"uco-types:hashMethod": "SHA256",`, ``},
		{`"uco-location:country"`, `"uco-location:land"`},
		{`"@value": "abab`, `"@value": "zzab`},
		{`"uco-identity:Organization"`, `"uco-location:Location"`},
	} {
		broken := strings.Replace(string(text), c[0], c[1], 1)
		if broken == string(text) {
			t.Errorf("nothing to break at %s", c[0])
		} else if len(checkCase(t, []byte(broken)).faults) == 0 {
			t.Errorf("with %s for %s nothing is wrong", c[1], c[0])
		}
	}
}

func TestTheCaseIsThereIfItIsAskedFor(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain, attachment{"MARK-NAME.jpg", random(100)})
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	without, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	if _, err := os.Stat(filepath.Join(s.unpack(without.Bag), "data/case.jsonld")); !os.IsNotExist(err) {
		t.Errorf("it is there unasked: %v", err)
	}
	with, err := s.alice.Route(s.find(c), "police", With{CaseUCO: true})
	ok(t, err)
	text, err := os.ReadFile(filepath.Join(s.unpack(with.Bag), "data/case.jsonld"))
	ok(t, err)
	for _, f := range checkCase(t, text).faults {
		t.Error(f)
	}
	for _, mark := range []string{"MARK-CONTACT", "MARK-NAME", "traveller"} {
		if strings.Contains(string(text), mark) {
			t.Errorf("case.jsonld holds %s, which the witness did not let leave", mark)
		}
	}
}
