package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"tocsin/testtor"
)

// TestWitnessInABrowser walks the witness's way in real Chromium without
// JavaScript, at the size of a telephone, and the case worker's meanwhile.
func TestWitnessInABrowser(t *testing.T) {
	for _, lang := range []string{"fr", "nl", "ar"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			dir := setUp(t)
			s := startIntake(t, dir, t.TempDir())
			j := &journey{browser: newBrowser(t), lang: lang, words: readCatalogue(t, lang), dir: dir, web: s.web, desk: s.desk}
			j.walk("room 214, " + lang)
		})
	}
}

// A journey is a witness's way through the pages in one language, with a
// browser that runs no scripts.
type journey struct {
	*browser
	lang  string
	words catalogue
	dir   string // of the organisation
	web   string // http://host
	desk  string
	tor   *testtor.Client // the case worker's, or nil

	steps    int
	codename string
}

// walk is all of it. what is seen, and tells the report from others.
func (j *journey) walk(what string) {
	j.leave(chromedp.Navigate(j.web + "/" + j.lang + "/"))
	j.see("home", "home.heading")
	j.inDanger()
	j.write(what)
	j.send()
	j.click(`a.button[href$="/return"]`)
	j.comeBack("return", "replies", "replies.none")
	j.addMore()
	j.answer(what)
	j.click(`main > .actions a.button`) // done reading
	j.click(`a.button[href$="/return"]`)
	j.comeBack("return-again", "replies-answered", "status.handed")
	j.answered()
	j.click(`form[action$="/proof"] button`)
	j.see("proof-later", "proof.later") // the receipt is made at midnight
	j.quiet()
}

// inDanger takes the way for a child in danger, with a country.
func (j *journey) inDanger() {
	j.click(`a.button.alarm`)
	j.see("danger", "danger.lead")
	j.do(chromedp.SetValue(chromedp.CSS(`#country`), "BE"))
	j.click(`form.choose button`)
	j.see("danger-country", "numbers.checked")
	if number := j.text(`.numbers .call`); number != "112" {
		j.t.Errorf("the first number for Belgium is %q", number)
	}
	j.requests()
	j.click(`form[action$="/report/again"] button`)
	// The form and, where it isn't there from before, its stylesheet.
	if asked := j.requests(); len(asked) > 2 {
		j.t.Errorf("the form took %d requests: %s", len(asked), asked)
	}
	j.see("form", "form.lead")
	if !j.has(`input[name="danger.now"][value="yes"]:checked`) {
		j.t.Error("who comes from the page for danger finds no danger marked")
	}
	j.codename = get(j.browser, chromedp.AttributeValue(chromedp.CSS(`input[name="codename"]`), "value")).Value
	if len(strings.Fields(j.codename)) != 8 {
		j.t.Fatalf("the codename is %q", j.codename)
	}
}

// write fills the form in and changes the language in the middle of it.
func (j *journey) write(what string) {
	const seen = `textarea[name="what.seen"]`
	j.do(chromedp.SendKeys(chromedp.CSS(seen), what))
	country := get(j.browser, chromedp.Value(chromedp.CSS(`#where-country`)))
	own := j.words
	other := map[string]string{"fr": "ar", "ar": "fr"}[j.lang]
	if other == "" {
		other = "en"
	}
	for _, to := range []string{other, j.lang} {
		j.do(chromedp.Click(chromedp.CSS(`.langs summary`)))
		j.click(fmt.Sprintf(`.langs button[formaction^="/%s/"]`, to))
		if j.words = own; to != j.lang {
			j.words = readCatalogue(j.t, to)
		}
		j.see("form-in-"+to, "form.again")
		if text := get(j.browser, chromedp.Value(chromedp.CSS(seen))); text != what {
			j.t.Errorf("in %s %q became %q", to, what, text)
		}
		words := get(j.browser, chromedp.AttributeValue(chromedp.CSS(`input[name="codename"]`), "value")).Value
		if words != j.codename || !j.has(`input[name="danger.now"][value="yes"]:checked`) {
			j.t.Errorf("the form in %s is not the same form", to)
		}
	}
	if back := get(j.browser, chromedp.Value(chromedp.CSS(`#where-country`))); back != country || country == "" {
		j.t.Errorf("the country was %q and is %q", country, back)
	}
}

// send attaches three files, sends the report and types the words once.
func (j *journey) send() {
	j.do(chromedp.SetUploadFiles(chromedp.CSS(`input[name="files"]`), j.files(reported...)))
	j.see("form-filled", "files.never")
	j.click(`#form .actions button`)
	j.see("received", "received.heading")
	shown := j.text(`.words`)
	for _, w := range strings.Fields(j.codename) {
		if !strings.Contains(shown, w) {
			j.t.Errorf("the word %q is not on the received page", w)
		}
	}
	if number := j.text(`.numbers .call`); number != "112" {
		j.t.Errorf("the received page says to call %q", number)
	}
	j.do(chromedp.SendKeys(chromedp.CSS(`#typed`), strings.ToUpper(j.codename)))
	j.click(`#keep button`)
	j.see("received-tried", "received.try.right")
}

// comeBack types the words as people do, and expects the case.
func (j *journey) comeBack(step, then, says string) {
	j.t.Helper()
	j.see(step, "return.lead")
	j.do(chromedp.SendKeys(chromedp.CSS(`#codename`), "  "+strings.ToUpper(strings.ReplaceAll(j.codename, " ", "-"))))
	j.click(`#keep button`)
	j.see(then, says)
}

// The names of the files that go with the report and with the addition.
var (
	reported = []string{"plate.jpg", "façade de l'hôtel.jpg", "ملاحظة.txt"}
	added    = []string{"ticket.png"}
)

// files makes files of those names and returns their paths.
func (j *journey) files(names ...string) []string {
	dir := j.t.TempDir()
	var paths []string
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("this is "+name), 0o600); err != nil {
			j.t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

const addition = "the car is back, two people got out"

func (j *journey) addMore() {
	j.do(
		chromedp.SendKeys(chromedp.CSS(`#text`), addition),
		chromedp.SetUploadFiles(chromedp.CSS(`input[name="files"]`), j.files(added...)))
	j.click(`#keep .actions button`)
	j.see("replies-added", "add.received")
	j.stages("status.received", "status.added", "")
}

const reply = "Merci. Is the car still there?"

// answer is the case worker's part: to read, reply, hand over and tell.
func (j *journey) answer(what string) {
	j.triage("pull")
	var list []struct{ Case, Account string }
	if err := json.Unmarshal([]byte(j.triage("list", "--json")), &list); err != nil {
		j.t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(c struct{ Case, Account string }) bool { return c.Account == what })
	if i < 0 {
		j.t.Fatalf("no case says %q: %v", what, list)
	}
	id := list[i].Case
	if shown := j.triage("show", id); !strings.Contains(shown, what) || !strings.Contains(shown, addition) {
		j.t.Errorf("show: %s", shown)
	}
	listed := j.triage("files", id)
	for _, name := range append(slices.Clone(reported), added...) {
		if !strings.Contains(listed, name) {
			j.t.Errorf("files: no %s in %s", name, listed)
		}
	}
	file := filepath.Join(j.t.TempDir(), "reply.txt")
	if err := os.WriteFile(file, []byte(reply), 0o600); err != nil {
		j.t.Fatal(err)
	}
	j.triage("reply", id, file)
	j.triage("route", id, "--to", "police", "--tell", "police")
	j.triage("push")
}

// answered holds what the witness reads then.
func (j *journey) answered() {
	if said := j.text(`article.reply .said`); said != reply {
		j.t.Errorf("the reply on the page is %q", said)
	}
	j.stages("status.received", "status.added", "status.read", "status.handed")
	if handed := j.text(`.status li:last-child`); !strings.Contains(handed, j.words.says(j.t, "authority.police")) {
		j.t.Errorf("to whom the case was handed: %q", handed)
	}
}

// stages expects the lines of how far the report is; "" is any.
func (j *journey) stages(keys ...string) {
	j.t.Helper()
	lines := strings.Split(strings.TrimSpace(j.text(`.status`)), "\n")
	if len(lines) != len(keys) {
		j.t.Fatalf("%d lines say how far the report is, want %d: %q", len(lines), len(keys), lines)
	}
	for i, key := range keys {
		if key != "" && !strings.Contains(lines[i], j.words.says(j.t, key)) {
			j.t.Errorf("line %d of how far the report is: %q, want %s", i, lines[i], key)
		}
	}
}

// triage runs the case worker's tool.
func (j *journey) triage(args ...string) string {
	j.t.Helper()
	if args[0] == "pull" || args[0] == "push" {
		return mustTriage(j.t, j.dir, "alice", j.tor, append(args, "--desk", j.desk)...)
	}
	return mustTriage(j.t, j.dir, "alice", nil, args...)
}

// see holds what must be true of every page: it says the message of that key,
// reads in the direction of its language, does not scroll sideways, and has an
// address and a title from a short list. That list leaves no room in either for
// a word of the codename or anything else that was typed.
func (j *journey) see(step, key string) {
	j.t.Helper()
	if page := j.text(`main`); !strings.Contains(page, j.words.says(j.t, key)) {
		j.t.Errorf("%s: the page does not say %s:\n%s", step, key, page)
	}
	if dir := get(j.browser, chromedp.Evaluate[string](`getComputedStyle(document.body).direction`)); dir != j.words.Dir {
		j.t.Errorf("%s: the direction is %s, want %s", step, dir, j.words.Dir)
	}
	for _, width := range []int64{phoneWidth, 320} {
		j.size(width, phoneHeight, 1)
		if over := get(j.browser, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`)); over > 0 {
			j.t.Errorf("%s: at %d pixels the page is %d too wide", step, width, over)
		}
	}
	j.size(phoneWidth, phoneHeight, 1)
	place, ok := strings.CutPrefix(get(j.browser, chromedp.Location()), j.web)
	if !ok || !places.MatchString(place) {
		j.t.Errorf("%s: the address is %s", step, place)
	}
	title, ok := strings.CutSuffix(get(j.browser, chromedp.Title()), " · Tocsin")
	if !ok || !slices.ContainsFunc(titles, func(key string) bool { return j.words.Messages[key] == title }) {
		j.t.Errorf("%s: the title is %q", step, title)
	}
	j.steps++
	j.picture(fmt.Sprintf("journey/%s/%02d-%s", j.lang, j.steps, step))
}

var (
	places = regexp.MustCompile(`^/[a-z]{2}/(|danger(#numbers)?|report|report/again|received(#try)?|return|add|proof)$`)
	titles = []string{"home.title", "danger.title", "form.title", "received.title", "return.title", "replies.title", "proof.title"}
)

// quiet expects that the browser asked nobody but us, and complained of nothing.
func (j *journey) quiet() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, u := range j.every {
		place, ok := strings.CutPrefix(u, j.web)
		if !ok || !places.MatchString(place) && !strings.HasPrefix(place, "/style") {
			j.t.Errorf("the browser asked for %s", u)
		}
	}
	for _, c := range j.complaints {
		// Chromium does not know that an onion service's plain HTTP is as good
		// as https. Tor Browser does.
		if strings.HasPrefix(c, "The Cross-Origin-Opener-Policy header has been ignored") && strings.Contains(j.web, ".onion") {
			continue
		}
		j.t.Errorf("the browser complains: %s", c)
	}
	if len(j.every) < 15 {
		j.t.Errorf("only %d requests were seen", len(j.every))
	}
}
