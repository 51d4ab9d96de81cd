package intake

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// A browser is a real Chromium with scripts switched off, which records what
// it asks for and what it complains of.
type browser struct {
	t     testing.TB
	ctx   context.Context
	shots string // where screenshots go, or ""

	mu         sync.Mutex
	requests   []string
	complaints []string
}

// newBrowser starts Chromium with those switches beside its own. With
// TOCSIN_SCREENSHOTS set to a directory, screenshots are kept there.
func newBrowser(t testing.TB, width, height int64, flags ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Fatal("chromium is missing; on Debian: apt-get install chromium")
	}
	b := &browser{t: t, shots: os.Getenv("TOCSIN_SCREENSHOTS")}
	ctx, cancel := chromedp.NewContext(context.Background(),
		chromedp.WithAllocatorOptions(append(append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
			chromedp.UserDataDir(t.TempDir()),
			chromedp.Flag("disable-component-update", true),
			chromedp.Flag("disable-dev-shm-usage", true)), flags...)...),
		chromedp.WithListener(b.listen))
	t.Cleanup(cancel)
	b.ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	_, err := chromedp.Call(b.ctx, network.Enable, network.EnableParams{})
	must(t, err)
	_, err = chromedp.Call(b.ctx, log.Enable, cdp.Empty{})
	must(t, err)
	_, err = chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	must(t, err)
	b.do(chromedp.EmulateViewport(width, height))
	return b
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.Method+" "+e.Request.URL)
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, e.Entry.Text+" "+e.Entry.URL)
	}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	must(b.t, chromedp.Do(b.ctx, steps...))
}

// leave does what leads to another page and waits until it is there.
func (b *browser) leave(step chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	_, err := chromedp.RunResponse(b.ctx, step)
	must(b.t, err)
}

// see checks that the page says something, and keeps a picture of it.
func (b *browser) see(name, text string) {
	b.t.Helper()
	html, err := chromedp.Run(b.ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	must(b.t, err)
	if !strings.Contains(strings.ReplaceAll(html, "&nbsp;", "\u00a0"), text) {
		b.t.Errorf("%s: the page does not say %q:\n%s", name, text, html)
	}
	if b.shots == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	must(b.t, err)
	must(b.t, os.WriteFile(filepath.Join(b.shots, name+".png"), picture, 0o644))
}

// A witness with a phone, without scripts: home, form with a mistake in it,
// form mended and with a file, received, return.
func TestBrowserJourney(t *testing.T) {
	w := newWorld(t, setup{})
	b := newBrowser(t, 390, 844)
	photo := filepath.Join(t.TempDir(), "plate.jpg")
	must(t, os.WriteFile(photo, []byte("not really a photo"), 0o600))

	b.leave(chromedp.Navigate(w.url + "/fr/"))
	b.see("1-home", "Je signale")
	b.leave(chromedp.Click(chromedp.CSS(`a.button[href="/fr/report"]`)))
	b.see("2-form", "Que s'est-il passé")
	b.do(chromedp.SendKeys(chromedp.CSS(`#where-country`), "Atlantis"))
	b.leave(chromedp.Click(chromedp.CSS(`main .actions button[type=submit]`)))
	b.see("3-invalid", "Il y a quelque chose à corriger")
	b.do(
		chromedp.Clear(chromedp.CSS(`#where-country`)),
		chromedp.SendKeys(chromedp.CSS(`#where-country`), "Belgique"),
		chromedp.SendKeys(chromedp.CSS(`#what-seen`), "Un homme est entré avec un enfant."),
		chromedp.SetUploadFiles(chromedp.CSS(`#files`), []string{photo}),
	)
	attribute, err := chromedp.Run(b.ctx, chromedp.AttributeValue(chromedp.CSS(`input[name=codename]`), "value"))
	must(t, err)
	codename := attribute.Value
	b.leave(chromedp.Click(chromedp.CSS(`main .actions button[type=submit]`)))
	b.see("4-received", "Votre signalement a été reçu")
	b.leave(chromedp.Click(chromedp.CSS(`a.button[href="/fr/return"]`)))
	b.do(chromedp.SendKeys(chromedp.CSS(`#codename`), strings.ToUpper(codename)))
	b.see("5-return", "Tapez les huit mots")
	b.leave(chromedp.Click(chromedp.CSS(`main button[type=submit]`)))
	b.see("6-replies", "Il n'y a pas encore de réponse")

	if _, files := w.open(codename); files["plate.jpg"] != "not really a photo" {
		t.Errorf("the files that came out: %d", len(files))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.requests {
		_, url, _ := strings.Cut(r, " ")
		// data: are the little pictures of Chromium's own date fields.
		if !strings.HasPrefix(url, w.url+"/") && !strings.HasPrefix(url, "data:") {
			t.Errorf("the browser asked another host: %s", r)
		}
	}
	for _, c := range b.complaints {
		if !strings.Contains(c, "favicon.ico") && !strings.Contains(c, "422") {
			t.Errorf("the browser complains: %s", c)
		}
	}
	t.Logf("%d requests", len(b.requests))
}
