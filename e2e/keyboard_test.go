package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestKeyboardAlone sends a report with the keys that everybody has: Tab, Enter,
// Space, the arrows and letters.
func TestKeyboardAlone(t *testing.T) {
	for _, lang := range []string{"en", "ar"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			dir := setUp(t)
			s := startIntake(t, dir, t.TempDir())
			k := &keyboard{browser: newBrowser(t)}
			k.leave(chromedp.Navigate(s.web + "/" + lang + "/"))
			k.firstStops()
			k.opens(`a[href$="/danger"]`)
			k.firstStops()
			k.leave(chromedp.Navigate(s.web + "/" + lang + "/"))
			k.opens(`section.danger a[href$="/report"]`)
			k.firstStops()

			// The answers to one question are one stop; arrows go between them.
			k.to(`input[name="danger.now"]`)
			k.press(" ")
			k.press(kb.ArrowDown)
			k.press(kb.ArrowUp)
			if !k.has(`input[name="danger.now"][value="yes"]:checked`) {
				t.Error("Space and the arrows do not choose an answer")
			}
			k.to(`textarea[name="what.seen"]`)
			k.press("by keyboard")
			k.to(`#form details > summary`)
			k.press(" ")
			if !k.has(`#form details[open]`) {
				t.Error("Space does not open further questions")
			}
			k.to(`#form details[open] :is(input, textarea, select)`)
			k.to(`input[name="files"]`)
			k.to(`#form .actions button`)
			k.leave(chromedp.KeyEvent(kb.Enter))
			if !k.has(`.words`) || !k.has(`#typed`) {
				t.Errorf("after Enter on the button: %s", k.text(`main`))
			}
			k.firstStops()
			k.to(`#typed`)
			k.press("not these words")
			k.to(`#keep button`)
			k.leave(chromedp.KeyEvent(" "))
			if !k.has(`#typed-wrong`) {
				t.Errorf("after Space on the button: %s", k.text(`main`))
			}
			mustTriage(t, dir, "alice", nil, "pull", "--desk", s.desk)
			if id := caseIDs(t, mustTriage(t, dir, "alice", nil, "list", "--json")); len(id) != 1 {
				t.Fatalf("%d cases, want 1", len(id))
			} else if shown := mustTriage(t, dir, "alice", nil, "show", id[0]); !strings.Contains(shown, "by keyboard") {
				t.Errorf("show: %s", shown)
			}
			if k.stops < 60 {
				t.Errorf("only %d stops were looked at", k.stops)
			}
		})
	}
}

// A keyboard is a browser of whose pages nothing is done but by keys.
type keyboard struct {
	*browser
	stops int
}

// A focus is where the keyboard is, in the window.
type focus struct {
	What    string  // the element, as HTML begins
	Matches bool    // the selector that was asked for
	Outline string  // its style
	Width   float64 // of the outline
	Seen    float64 // how much of it is in the window and not under the way out
}

// at looks at the focus: it must show wherever the keyboard stops, and the way
// out, which stays in its place, must not lie over it: at most over a corner of
// what is large. Of a field of several lines it is the first that counts, because
// a browser brings the caret into sight and not the field.
func (k *keyboard) at(selector string) focus {
	k.t.Helper()
	f := get(k.browser, chromedp.Evaluate[focus](`(() => {
		const common = (a, b) => Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) * Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
		const e = document.activeElement, s = getComputedStyle(e), whole = e.getBoundingClientRect();
		const height = e.matches("textarea") ? 2 * parseFloat(s.fontSize) : whole.height;
		const r = new DOMRect(whole.x, whole.y, whole.width, height);
		const inside = common(r, {left: 0, top: 0, right: innerWidth, bottom: innerHeight});
		const covered = e.matches(".leave") ? 0 : common(r, document.querySelector(".leave").getBoundingClientRect());
		return {What: e.outerHTML.slice(0, 120), Matches: e.matches(`+quoted(selector)+`),
			Outline: s.outlineStyle, Width: parseFloat(s.outlineWidth), Seen: (inside - covered) / (r.width * r.height)};
	})()`))
	k.stops++
	if f.Outline == "none" || f.Width < 2 {
		k.t.Errorf("the focus does not show: outline %s %v: %s", f.Outline, f.Width, f.What)
	}
	if f.Seen < 0.75 {
		k.t.Errorf("%.2f of the focus is in sight: %s", f.Seen, f.What)
	}
	return f
}

func (k *keyboard) press(keys string) {
	k.t.Helper()
	k.do(chromedp.KeyEvent(keys))
}

// firstStops expects, on a page just opened, the link past the header first and
// the way out second.
func (k *keyboard) firstStops() {
	k.t.Helper()
	for _, selector := range []string{"a.skip", "a.leave"} {
		k.press(kb.Tab)
		if f := k.at(selector); !f.Matches {
			k.t.Errorf("the stop is not %s: %s", selector, f.What)
		}
	}
}

// to goes on to the next stop of that kind.
func (k *keyboard) to(selector string) {
	k.t.Helper()
	for range 150 {
		k.press(kb.Tab)
		if k.at(selector).Matches {
			return
		}
	}
	k.t.Fatalf("the keyboard never gets to %s", selector)
}

// opens follows a link.
func (k *keyboard) opens(selector string) {
	k.t.Helper()
	k.to(selector)
	k.leave(chromedp.KeyEvent(kb.Enter))
}
