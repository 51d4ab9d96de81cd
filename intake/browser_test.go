package intake

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A browser is a real Chromium with scripts switched off.
type browser struct {
	t   testing.TB
	ctx context.Context
}

// newBrowser starts Chromium with those switches beside its own.
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
	b := &browser{t: t}
	ctx, cancel := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(append(append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-component-update", true)), flags...)...))
	t.Cleanup(cancel)
	b.ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	must(t, err)
	b.do(chromedp.EmulateViewport(width, height))
	return b
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

// see checks that the page says something.
func (b *browser) see(name, text string) {
	b.t.Helper()
	html, err := chromedp.Run(b.ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	must(b.t, err)
	if !strings.Contains(strings.ReplaceAll(html, "&nbsp;", "\u00a0"), text) {
		b.t.Errorf("%s: the page does not say %q:\n%s", name, text, html)
	}
}
