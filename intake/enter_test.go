package intake

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A browser sends a form when Enter is pressed in one of its lines, as if its
// first button had been: that must be neither a language's nor, in the middle of
// a report, the one that sends it.
func TestEnterInALineSendsNothing(t *testing.T) {
	w := newWorld(t, setup{})
	b := newBrowser(t, 390, 844)
	b.leave(chromedp.Navigate(w.url + "/en/report"))
	b.do(
		chromedp.SendKeys(chromedp.CSS(`#what-seen`), "a man with a child"),
		chromedp.SendKeys(chromedp.CSS(`#where-city`), "Pattaya"+kb.Enter),
		chromedp.SendKeys(chromedp.CSS(`#where-place`), "room 12"),
	)
	b.see("enter", "Tell us what you know")
	w.wantReports(0)
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	must(t, err)
	if at != w.url+"/en/report" {
		t.Errorf("Enter led to %s", at)
	}
	// A language's button takes it along, and the form's own sends it.
	b.do(chromedp.Click(chromedp.CSS(`.langs summary`)))
	b.leave(chromedp.Click(chromedp.CSS(`button[formaction="/fr/report/again"]`)))
	b.see("enter-fr", "Pattaya")
	b.leave(chromedp.Click(chromedp.CSS(`main .actions button[type=submit]`)))
	b.see("enter-received", "Votre signalement a été reçu")
	w.wantReports(1)
}
