package intake

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"filippo.io/age"

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

// The same form sent twice, one after the other and many times at once, is one
// report; so is one whose connection was cut before the answer.
func TestSendingTwiceIsSendingOnce(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.newCodename("nl")
	form := []entry{
		{name: "codename", value: codename}, {name: "what.seen", value: "first"},
		{name: "files", file: "a", value: strings.Repeat("x", 1<<20)},
	}
	answers := make(chan answer)
	for range 8 {
		go func() {
			body, contentType := encode(t, form...)
			resp, err := http.Post(w.url+"/nl/report", contentType, bytes.NewReader(body))
			if err != nil {
				answers <- answer{body: err.Error()}
				return
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			answers <- answer{resp.StatusCode, resp.Header, string(b)}
		}()
	}
	again := 0
	for range 8 {
		p := <-answers
		if p.status != http.StatusOK || !strings.Contains(p.body, "Uw melding is ontvangen") {
			t.Errorf("status %d:\n%s", p.status, p.body)
		}
		if strings.Contains(p.body, "was al aangekomen") {
			again++
		}
	}
	if again != 7 {
		t.Errorf("%d answers say that it had arrived before, want 7", again)
	}
	w.wantReports(1)

	// Cut before the answer: whether or not it arrived, sending again helps.
	codename = w.newCodename("nl")
	body := field("codename", codename) + field("what.seen", "x") + "--" + boundary + "--\r\n"
	c := w.dial()
	c.send(head("/nl/report", len(body)) + body)
	must(t, c.Close())
	p := w.post("/nl/report", entry{name: "codename", value: codename}, entry{name: "what.seen", value: "x"})
	if p.status != http.StatusOK {
		t.Errorf("sending again: status %d", p.status)
	}
	w.wantReports(2)
	if m, _ := w.open(codename); !bytes.Contains(m.Body, []byte(`"seen": "x"`)) && !bytes.Contains(m.Body, []byte(`"seen":"x"`)) {
		t.Errorf("the sealed report reads %s", m.Body)
	}
}

func TestReplies(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.newCodename("en")
	w.post("/en/report", entry{name: "codename", value: codename}, entry{name: "what.seen", value: "x"})
	w.reply(codename, "Which room?\n<b>Take care</b>")
	stranger, err := age.GenerateHybridIdentity()
	must(t, err)
	w.reply(codename, "sealed to somebody else", stranger.Recipient())
	p := w.post("/en/return", entry{name: "codename", value: codename})
	for _, want := range []string{"2 answers", "Which room?\n&lt;b&gt;Take care&lt;/b&gt;", "cannot be shown", "Received on"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the page lacks %q:\n%s", want, p.body)
		}
	}
	if p.header.Get("Cache-Control") != "no-store" {
		t.Error("the page may be kept")
	}
	for range maxReplies {
		w.reply(codename, "again")
	}
	p = w.post("/en/return", entry{name: "codename", value: codename})
	if strings.Count(p.body, "<article") != maxReplies || !strings.Contains(p.body, "2 older answers") {
		t.Errorf("%d answers on the page", strings.Count(p.body, "<article"))
	}
}

// A wrong codename and one that was never issued get the same page; what is
// not a codename is told so. What was typed is there to be mended.
func TestWrongCodenames(t *testing.T) {
	w := newWorld(t, setup{})
	issued := w.newCodename("en")
	w.post("/en/report", entry{name: "codename", value: issued}, entry{name: "what.seen", value: "x"})
	words := strings.Fields(issued)
	words[0], words[1] = words[1], words[0]
	wrong, never := strings.Join(words, " "), w.newCodename("en")
	one := w.post("/en/return", entry{name: "codename", value: wrong})
	other := w.post("/en/return", entry{name: "codename", value: never})
	trim := func(p answer, typed string) string {
		return strings.TrimRight(strings.Replace(p.body, typed, "", 1), "\n")
	}
	if words[0] != words[1] && (one.status != other.status || trim(one, wrong) != trim(other, never) || len(one.body) != len(other.body)) {
		t.Errorf("status %d and %d, %d and %d bytes, or different pages", one.status, other.status, len(one.body), len(other.body))
	}
	for typed, want := range map[string]string{
		"": "letters a to z",
		"zoom zoom qqqq zoom zoom zoom zoom zoom": "Word 3 is not one of our list",
		"zoom zoom zoom":          "We read 3 words",
		issued + " zoom":          "We read 9 words",
		strings.Repeat("a", 5000): "letters a to z",
		"пароль":                  "letters a to z",
	} {
		p := w.post("/en/return", entry{name: "codename", value: typed})
		if p.status != http.StatusOK || !strings.Contains(p.body, want) {
			t.Errorf("%.20q: status %d, and not %q", typed, p.status, want)
		}
		if len(p.body) != len(one.body) {
			t.Errorf("%.20q: a page of %d bytes, others have %d", typed, len(p.body), len(one.body))
		}
		if typed != "" && strings.Contains(p.body, typed) != (len(typed) <= maxTyped) {
			t.Errorf("%.20q: what was typed is lost", typed)
		}
	}
	w.post("/en/return", entry{name: "codename", value: strings.Repeat("x ", maxText)}).want(t, w.server, "en", "text-too-long")
	w.post("/en/return").want(t, w.server, "en", "other-form")
	w.post("/en/return", entry{name: "codename", value: issued}, entry{name: "codename", value: issued}).want(t, w.server, "en", "other-form")
}

// An envelope goes to those who are case workers when the report is whole.
func TestRosterComesIntoForceDuringAnUpload(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.newCodename("en")
	c := w.dial()
	c.send(head("/en/report", -1))
	// The server asks for more only when it has taken the text in.
	c.send(chunk(field("codename", codename) + field("what.seen", "x") + fileHead("a") + strings.Repeat("x", 8<<20)))
	next, err := age.GenerateHybridIdentity()
	must(t, err)
	w.worker = next
	w.roster.Number++
	w.roster.Workers[0].Recipient = next.Recipient().String()
	signed, err := w.roster.Sign(w.org)
	must(t, err)
	must(t, w.vault.UpdateRoster(context.Background(), signed))
	c.send(chunk(last) + "0\r\n\r\n")
	if p := c.answer(); p.status != http.StatusOK {
		t.Fatalf("status %d", p.status)
	}
	w.open(codename) // with the new case worker's key
}
