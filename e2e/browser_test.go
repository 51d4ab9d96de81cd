package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// browser is headless Chromium at the size of a phone, with JavaScript off.
func browser(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(need(t, "chromium", "chromium")),
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-quic", true),
		chromedp.WindowSize(390, 844),
	)
	opts = append(opts, more...)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	if err != nil {
		t.Fatalf("starting chromium: %v", err)
	}
	return ctx
}

// TestWitnessInABrowser walks the witness's way in real Chromium without
// JavaScript: home, form with two files, received, return, and the reply that
// a case worker wrote meanwhile.
func TestWitnessInABrowser(t *testing.T) {
	dir := setUp(t)
	s := startIntake(t, dir, t.TempDir())
	ctx := browser(t)
	var mu sync.Mutex
	var asked []string // URLs, guarded by mu
	err := chromedp.Listen(ctx, func(ev any) {
		if e, ok := ev.(*network.EventRequestWillBeSent); ok {
			mu.Lock()
			asked = append(asked, e.Request.URL)
			mu.Unlock()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	photos := t.TempDir()
	var files []string
	for _, name := range []string{"plate.jpg", "façade de l'hôtel.jpg"} {
		path := filepath.Join(photos, name)
		if err := os.WriteFile(path, []byte("a photograph of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	const form, submit = `form[action="/fr/report"]`, ` button[type="submit"]`
	do(t, ctx,
		// Were scripts on, the title would change.
		chromedp.Navigate(`data:text/html,<title>off</title><script>document.title='on'</script>`))
	title := get(t, ctx, chromedp.Title())
	do(t, ctx,
		chromedp.Navigate(s.web+"/fr/"),
		chromedp.Click(chromedp.CSS(`a[href="/fr/report"]`)),
		chromedp.WaitVisible(chromedp.CSS(form)))
	codename := get(t, ctx, chromedp.AttributeValue(chromedp.CSS(`input[name="codename"]`), "value")).Value
	do(t, ctx,
		chromedp.SendKeys(chromedp.CSS(`textarea[name="what.seen"]`), "Un homme avec une fillette à la réception, chambre 214"),
		chromedp.SetUploadFiles(chromedp.CSS(`input[name="files"]`), files),
		chromedp.Click(chromedp.CSS(form+submit)),
		chromedp.WaitVisible(chromedp.CSS(`a.button[href="/fr/return"]`)))
	received := get(t, ctx, chromedp.Text(chromedp.CSS(`main`)))
	if title != "off" {
		t.Error("JavaScript is on in this test")
	}
	if words := strings.Fields(codename); len(words) != 8 {
		t.Fatalf("codename %q", codename)
	} else {
		for _, w := range words {
			if !strings.Contains(received, w) {
				t.Errorf("the word %q is not on the received page", w)
			}
		}
	}

	home := filepath.Join(dir, "alice")
	triage := func(args ...string) string {
		return command(t, "triage", append([]string{"--home", home}, args...)...)
	}
	triage("pull", "--desk", s.desk)
	ids := caseIDs(t, triage("list", "--json"))
	if len(ids) != 1 {
		t.Fatalf("%d cases, want 1", len(ids))
	}
	if shown := triage("show", ids[0]); !strings.Contains(shown, "chambre 214") {
		t.Errorf("show: %s", shown)
	}
	if listed := triage("files", ids[0]); !strings.Contains(listed, "façade de l'hôtel.jpg") {
		t.Errorf("files: %s", listed)
	}
	reply := filepath.Join(t.TempDir(), "reply.txt")
	if err := os.WriteFile(reply, []byte("Merci. La voiture est-elle encore là ?"), 0o600); err != nil {
		t.Fatal(err)
	}
	triage("reply", ids[0], reply)
	triage("push", "--desk", s.desk)

	do(t, ctx,
		chromedp.Click(chromedp.CSS(`a.button[href="/fr/return"]`)),
		chromedp.WaitVisible(chromedp.CSS(`#codename`)),
		chromedp.SendKeys(chromedp.CSS(`#codename`), "  "+strings.ToUpper(strings.ReplaceAll(codename, " ", "-"))),
		chromedp.Click(chromedp.CSS(`form[action="/fr/return"]`+submit)),
		chromedp.WaitVisible(chromedp.CSS(`article.reply`)))
	page := get(t, ctx, chromedp.Text(chromedp.CSS(`main`)))
	url := get(t, ctx, chromedp.Location())
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(page, "La voiture est-elle encore là ?") {
		t.Errorf("the reply is not on the page: %s", page)
	}
	for _, u := range append(asked, url) {
		if !strings.HasPrefix(u, s.web+"/") && !strings.HasPrefix(u, "data:") {
			t.Errorf("the browser asked another host: %s", u)
		}
		for _, w := range strings.Fields(codename) {
			if strings.Contains(strings.ToLower(u), "="+w) {
				t.Errorf("a word of the codename is in the URL %s", u)
			}
		}
	}
	if len(asked) < 5 {
		t.Errorf("only %d requests were seen", len(asked))
	}
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func get[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
