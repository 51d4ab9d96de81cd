package triage

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"

	"tocsin/report"
)

// caseFile is where it lies, under data/.
const caseFile = "case.jsonld"

// caseContext says what the prefixes of names stand for.
var caseContext = map[string]string{
	"case-investigation": "https://ontology.caseontology.org/case/investigation/",
	"uco-core":           "https://ontology.unifiedcyberontology.org/uco/core/",
	"uco-identity":       "https://ontology.unifiedcyberontology.org/uco/identity/",
	"uco-location":       "https://ontology.unifiedcyberontology.org/uco/location/",
	"uco-observable":     "https://ontology.unifiedcyberontology.org/uco/observable/",
	"uco-types":          "https://ontology.unifiedcyberontology.org/uco/types/",
	"xsd":                "http://www.w3.org/2001/XMLSchema#",
}

// A node is an object of JSON-LD.
type node map[string]any

// A caseGraph collects the nodes of one case. What nothing was told of has no
// node, and accounts in the witness's words stay in report.json.
type caseGraph struct {
	name    string // begins the names that node IDs are made from
	objects []any
	told    []any // references to what the report names
}

// caseUCO writes what may leave of a report as CASE.
func caseUCO(r *report.Report, p *provenance) ([]byte, error) {
	g := &caseGraph{name: "tocsin:" + p.Instance + ":" + p.Case + ":"}
	from := g.add("uco-identity:Organization", "organisation", node{"uco-core:name": p.Organisation})
	g.online(r)
	g.location(r)
	files := g.files(p.Files)
	for _, s := range p.Sealed {
		g.record(s, files[s.Index])
	}
	investigation := node{
		"uco-core:name": "Report " + p.Case, "uco-core:createdBy": from, "case-investigation:investigationForm": "suspicious-activity",
		"uco-core:description": fmt.Sprintf("Report of suspected child sexual exploitation, handed over by %s on %s. The accounts are in report.json.", p.Organisation, p.Routed),
	}
	if focus := r.What.Categories; len(focus) > 0 {
		investigation["case-investigation:focus"] = focus
	}
	if objects := g.references(); len(objects) > 0 {
		investigation["uco-core:object"] = objects
	}
	g.add("case-investigation:Investigation", "investigation", investigation)
	return marshalReadable(node{
		"@context": caseContext, "@id": g.id("bundle"), "@type": "uco-core:Bundle",
		"uco-core:specVersion": "1.4.0", "uco-core:object": g.objects,
	})
}

// online adds addresses and the account that something was seen at.
func (g *caseGraph) online(r *report.Report) {
	for line := range strings.Lines(r.Online.URL) {
		if line = strings.TrimSpace(line); line != "" {
			what := fmt.Sprintf("url-%d", len(g.told)+1)
			g.tell("uco-observable:URL", what, nil, g.facet("uco-observable:URLFacet", what, node{"uco-observable:fullValue": line}))
		}
	}
	if r.Online.Handle != "" {
		more := node{}
		if r.Online.Platform != "" {
			more["uco-core:description"] = r.Online.Platform
		}
		g.tell("uco-observable:DigitalAccount", "account", more,
			g.facet("uco-observable:AccountFacet", "account", node{"uco-observable:accountIdentifier": r.Online.Handle}))
	}
}

// location adds the place of the facts.
func (g *caseGraph) location(r *report.Report) {
	var facets []any
	address := node{}
	for name, v := range map[string]string{"country": r.Where.Country, "locality": r.Where.City, "street": r.Where.Address} {
		if v != "" && v != report.Unknown {
			address["uco-location:"+name] = v
		}
	}
	if len(address) > 0 {
		facets = append(facets, g.facet("uco-location:SimpleAddressFacet", "address", address))
	}
	if lat, long, ok := strings.Cut(r.Where.Coordinates, ","); ok {
		facets = append(facets, g.facet("uco-location:LatLongCoordinatesFacet", "coordinates", node{
			"uco-location:latitude": typed("xsd:decimal", lat), "uco-location:longitude": typed("xsd:decimal", long),
		}))
	}
	if len(facets) == 0 && r.Where.Place == "" {
		return
	}
	more := node{}
	if r.Where.Place != "" {
		more["uco-core:name"] = r.Where.Place
	}
	g.tell("uco-location:Location", "location", more, facets...)
}

// files adds the attachments and returns references to them by the message
// that they came with.
func (g *caseGraph) files(list []bagFile) map[int64][]any {
	by := make(map[int64][]any)
	for i, f := range list {
		what := fmt.Sprintf("file-%d", i+1)
		hash := node{"@id": g.id(what + "-hash"), "@type": "uco-types:Hash", "uco-types:hashMethod": "SHA256", "uco-types:hashValue": typed("xsd:hexBinary", f.SHA256)}
		content := node{"uco-observable:hash": hash, "uco-observable:sizeInBytes": f.Size}
		if f.Type != "" {
			content["uco-observable:mimeType"] = f.Type
		}
		by[f.Message] = append(by[f.Message], g.add("uco-observable:File", what, node{"uco-core:hasFacet": []any{
			g.facet("uco-observable:FileFacet", what, node{
				"uco-observable:fileName": f.Path[strings.LastIndex(f.Path, "/")+1:], "uco-observable:filePath": "data/" + f.Path, "uco-observable:sizeInBytes": f.Size,
			}),
			g.facet("uco-observable:ContentDataFacet", what+"-content", content),
		}}))
	}
	return by
}

// record adds what a sealed message brought: of the report also what it names.
func (g *caseGraph) record(s source, objects []any) {
	if s.Kind == "report" {
		objects = append(append([]any{}, g.told...), objects...)
	}
	n := node{
		"case-investigation:exhibitNumber": fmt.Sprintf("leaf-%d", s.Index),
		"uco-core:description":             fmt.Sprintf("Sealed %s of %s, %d bytes, SHA-256 %s", s.Kind, s.Day, s.Size, s.SHA256),
	}
	if s.Index < 0 {
		n["case-investigation:exhibitNumber"] = "queued-" + s.SHA256[:8]
	}
	if len(objects) > 0 {
		n["uco-core:object"] = objects
	}
	g.add("case-investigation:ProvenanceRecord", "record-"+s.SHA256, n)
}

// tell adds something that the report names.
func (g *caseGraph) tell(class, what string, more node, facets ...any) {
	n := node{}
	for k, v := range more {
		n[k] = v
	}
	if len(facets) > 0 {
		n["uco-core:hasFacet"] = facets
	}
	g.told = append(g.told, g.add(class, what, n))
}

// add puts an object into the graph and returns a reference to it.
func (g *caseGraph) add(class, what string, n node) node {
	n["@id"], n["@type"] = g.id(what), class
	g.objects = append(g.objects, n)
	return node{"@id": n["@id"]}
}

func (g *caseGraph) facet(class, what string, n node) node {
	n["@id"], n["@type"] = g.id(what+"-"+class), class
	return n
}

func (g *caseGraph) references() []any {
	var list []any
	for _, o := range g.objects {
		list = append(list, node{"@id": o.(node)["@id"]})
	}
	return list
}

// uuidURL is RFC 9562's namespace for names that are URLs.
const uuidURL = "\x6b\xa7\xb8\x11\x9d\xad\x11\xd1\x80\xb4\x00\xc0\x4f\xd4\x30\xc8"

// id names a node by a UUID of version 5 (RFC 9562), so that the same case has
// the same names in every bag. UCO asks that names end with one.
func (g *caseGraph) id(what string) string {
	sum := sha1.Sum([]byte(uuidURL + g.name + what))
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80
	x := hex.EncodeToString(sum[:16])
	return "urn:uuid:" + x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

func typed(datatype, value string) node { return node{"@type": datatype, "@value": value} }
