package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// The size of a telephone, in CSS pixels.
const phoneWidth, phoneHeight = 390, 844

// A browser is one tab of real headless Chromium, at the size of a telephone.
// It records what it asks for and what it complains of.
type browser struct {
	t     *testing.T
	ctx   context.Context // with a limit
	tabs  context.Context // of which further tabs are opened, without one
	shots string          // the directory for pictures, or ""

	mu         sync.Mutex
	every      []string // URLs asked for, but data:
	since      int      // how many of them requests returned
	complaints []string
}

// newBrowser starts Chromium with those switches beside its own and runs no
// scripts of pages in it.
func newBrowser(t *testing.T, flags ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(need(t, "chromium", "chromium")),
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
	)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(options, flags...)...)
	t.Cleanup(cancel)
	// Chromium ends with the context that it was started by: one without a limit.
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if _, err := chromedp.Run(ctx, chromedp.Title()); err != nil {
		t.Fatalf("starting chromium: %v", err)
	}
	b := tab(t, ctx)
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	if err != nil {
		t.Fatal(err)
	}
	// Were scripts on, the title would change.
	b.leave(chromedp.Navigate(`data:text/html,<!doctype html><title>off</title><script>document.title='on'</script>`))
	if title := get(b, chromedp.Title()); title != "off" {
		t.Fatal("JavaScript is on in this test")
	}
	return b
}

// tab opens a tab in the browser of ctx, which starts if it does not run.
func tab(t *testing.T, ctx context.Context) *browser {
	t.Helper()
	b := &browser{t: t, shots: os.Getenv("TOCSIN_SCREENSHOTS")}
	var cancel context.CancelFunc
	b.tabs, cancel = chromedp.NewContext(ctx, chromedp.WithListener(b.listen))
	t.Cleanup(cancel)
	b.ctx, cancel = context.WithTimeout(b.tabs, 5*time.Minute)
	t.Cleanup(cancel)
	_, err := chromedp.Call(b.ctx, network.Enable, network.EnableParams{})
	if err == nil {
		_, err = chromedp.Call(b.ctx, log.Enable, cdp.Empty{})
	}
	if err == nil {
		_, err = chromedp.Call(b.ctx, audits.Enable, cdp.Empty{})
	}
	if err != nil {
		t.Fatalf("starting chromium: %v", err)
	}
	b.size(phoneWidth, phoneHeight, 1)
	return b
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		// data: are the pages' empty icon and the little pictures of
		// Chromium's own date fields.
		if !strings.HasPrefix(e.Request.URL, "data:") {
			b.every = append(b.every, e.Request.URL)
		}
	case *audits.EventIssueAdded:
		details, _ := json.Marshal(e.Issue.Details)
		b.complaints = append(b.complaints, fmt.Sprintf("%s: %s", e.Issue.Code, details))
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, strings.TrimSpace(e.Entry.Text+" "+e.Entry.URL))
	}
}

// requests returns the URLs asked for since it was last called.
func (b *browser) requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.every[b.since:]
	b.since = len(b.every)
	return list
}

func (b *browser) size(width, height int64, scale float64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height, chromedp.EmulateScale(scale)))
}

// A feature is a CSS media feature and its value.
type feature [2]string

var dark, forcedColors = feature{"prefers-color-scheme", "dark"}, feature{"forced-colors", "active"}

// media makes pages look as in that medium, with those features; without any,
// as on a screen.
func (b *browser) media(medium string, features ...feature) {
	b.t.Helper()
	p := emulation.SetEmulatedMediaParams{Media: medium}
	for _, f := range features {
		p.Features = append(p.Features, &emulation.MediaFeature{Name: f[0], Value: f[1]})
	}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, p); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// leave does what leads to another page and waits until that is there.
func (b *browser) leave(step chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if _, err := chromedp.RunResponse(b.ctx, step); err != nil {
		b.t.Fatal(err)
	}
}

func get[T any](b *browser, a chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// click clicks on what leads to another page.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.leave(chromedp.Click(chromedp.CSS(selector)))
}

// text is what a reader sees of an element.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return get(b, chromedp.Text(chromedp.CSS(selector)))
}

// has says whether the page has such an element.
func (b *browser) has(selector string) bool {
	b.t.Helper()
	return get(b, chromedp.Evaluate[bool]("document.querySelector("+quoted(selector)+") !== null"))
}

// quoted writes a string as JavaScript reads it.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings can be marshalled
	}
	return string(b)
}

// picture keeps a picture of the whole page, where pictures are wanted.
func (b *browser) picture(name string) {
	b.t.Helper()
	if b.shots == "" {
		return
	}
	b.keep(name+".png", get(b, chromedp.FullScreenshot(100)))
}

func (b *browser) keep(name string, content []byte) {
	b.t.Helper()
	name = filepath.Join(b.shots, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
