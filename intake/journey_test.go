package intake

import (
	"net/http"
	"strings"
	"testing"

	"tocsin/report"
)

// The whole way of a witness: form, received, return.
func TestJourney(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.newCodename("en")
	large := strings.Repeat("plate ", 400_000) // 2.4 MB: three parts
	p := w.post("/en/report",
		entry{name: "codename", value: codename},
		entry{name: "danger.now", value: "yes"},
		entry{name: "what.seen", value: "A man brought a child\r\nto room 12."},
		entry{name: "what.categories", value: "travel-tourism"},
		entry{name: "what.categories", value: "trafficking"},
		entry{name: "where.country", value: "thaïland"},
		entry{name: "consent", value: "caseworkers"},
		entry{name: "files", file: "plate.jpg", value: large},
		entry{name: "files", noFile: true},
		entry{name: "files", file: "../../etc/passwd", value: "second"},
	)
	if p.status != http.StatusOK || !strings.Contains(p.body, "Your report has been received") {
		t.Fatalf("status %d:\n%s", p.status, p.body)
	}
	for _, word := range strings.Fields(codename) {
		if !strings.Contains(p.body, "<span>"+word+"</span>") {
			t.Errorf("the received page lacks the word %q", word)
		}
	}
	w.wantReports(1)

	m, files := w.open(codename)
	r, err := report.Parse(m.Body)
	must(t, err)
	if r.What.Seen != "A man brought a child\nto room 12." || r.Where.Country != "TH" ||
		r.Danger.Now != "yes" || len(r.What.Categories) != 2 || r.Language != "en" || r.Received == "" {
		t.Errorf("the sealed report reads %+v", r)
	}
	if len(files) != 2 || files["plate.jpg"] != large || files["passwd"] != "second" {
		t.Errorf("%d files came out, or other ones than went in", len(files))
	}

	// With other spacing and case, and in another language.
	typed := strings.ToUpper(strings.ReplaceAll(codename, " ", "\u00a0 -"))
	p = w.post("/en/return", entry{name: "codename", value: typed})
	if p.status != http.StatusOK || !strings.Contains(p.body, "There is no answer yet") {
		t.Errorf("coming back: status %d:\n%s", p.status, p.body)
	}
}
