package e2e

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	cdp "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// axeCore is the script that knows the rules.
func axeCore(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile("axe/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal("axe-core is missing; at the top of the project: npm ci --ignore-scripts --prefix e2e/axe")
	}
	return string(script)
}

// inject runs a script in all pages from now on. They have none of their own.
func (b *browser) inject(script string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, cdp.AddScriptToEvaluateOnNewDocument, cdp.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	if err == nil {
		_, err = chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{})
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// accessible holds the page against axe-core's rules for WCAG 2.2, levels A and
// AA, and for what it calls best practice; with everything open but the list of
// languages, which would lie over what is below it. In the dark only colours
// are different, in all languages in the same way: three will do.
func (b *browser) accessible(lang, name string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("main details").forEach(d => { d.open = true })`))
	b.obeys(name, `{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}`)
	if !slices.Contains([]string{"ar", "en", "hi"}, lang) {
		return
	}
	b.media("", dark)
	b.obeys(name+", dark", `{type: "rule", values: ["color-contrast"]}`)
	b.media("")
}

// obeys runs some of axe-core's rules on the page.
func (b *browser) obeys(name, rules string) {
	b.t.Helper()
	run := fmt.Sprintf(`axe.run(document, {runOnly: %s, resultTypes: ["violations"]}).then(r => ({
		passed: r.passes.length,
		wrong: r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.html + ": " + n.failureSummary)),
	}))`, rules)
	result := get(b, chromedp.Evaluate[struct {
		Passed int
		Wrong  []string
	}](run, chromedp.EvalAwaitPromise))
	if result.Passed == 0 {
		b.t.Errorf("%s: axe found nothing to check", name)
	}
	for _, w := range result.Wrong {
		b.t.Errorf("%s: %s", name, w)
	}
}
