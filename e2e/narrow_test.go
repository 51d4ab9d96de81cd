package e2e

import "github.com/chromedp/chromedp"

// narrow holds that the page, with everything open, fits into a window of 320
// CSS pixels, which is also what is left of one of 640 at a zoom of 200 %: it
// does not scroll sideways, and no text leaves the window or its own box. What
// may: the receipt, which scrolls in a box of its own.
func (b *browser) narrow(name string) {
	b.t.Helper()
	b.size(320, 640, 2)
	b.finds(name+", narrow", `
			const open = [...document.querySelectorAll("details")].map(d => d.open);
			document.querySelectorAll("details").forEach(d => { d.open = true });
			const root = document.documentElement, wide = root.clientWidth;
			if (root.scrollWidth > wide) wrong.push("the page is " + root.scrollWidth + " pixels wide");
			const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
			while (texts.nextNode()) {
				const text = texts.currentNode, parent = text.parentElement;
				if (!text.data.trim() || parent.closest(".skip, .trap, .proof, select, textarea, datalist")) continue;
				let box = parent;
				while (getComputedStyle(box).display.startsWith("inline") && !box.matches(".button")) box = box.parentElement;
				const within = box.getBoundingClientRect(), range = document.createRange();
				range.selectNodeContents(text);
				for (const line of range.getClientRects()) {
					seen++;
					if (line.left < -1 || line.right > wide + 1) wrong.push("outside the window: " + text.data);
					else if (line.left < within.left - 1 || line.right > within.right + 1) wrong.push("outside its box: " + text.data);
				}
			}
			document.querySelectorAll("details").forEach((d, i) => { d.open = open[i] })`)
	b.size(phoneWidth, phoneHeight, 1)
}

// forcedColours holds that what can be used, and what stands out by its
// background, has a border where the reader's system chooses all colours.
func (b *browser) forcedColours(name string) {
	b.t.Helper()
	b.media("", forcedColors)
	b.finds(name+", forced colours", `
			if (!matchMedia("(forced-colors: active)").matches) wrong.push("the colours are not forced");
			const paper = getComputedStyle(document.body).backgroundColor;
			for (const e of document.querySelectorAll("input, textarea, select, .button, .leave, .langs summary, .danger, .notice, .words span, .key, .reply")) {
				if (e.matches("[type=hidden], [type=radio], [type=checkbox]") || e.closest(".trap")) continue;
				seen++;
				const s = getComputedStyle(e);
				for (const side of ["Top", "Right", "Bottom", "Left"]) {
					const colour = s["border" + side + "Color"];
					if (s["border" + side + "Style"] == "none" || parseFloat(s["border" + side + "Width"]) < 1 || colour == paper || /^rgba.* 0\)$/.test(colour))
						wrong.push("no border: " + e.outerHTML.slice(0, 120));
				}
			}`)
	b.media("")
}

// finds runs what looks at the page, counts in seen what it looked at and puts
// into wrong what it finds.
func (b *browser) finds(name, script string) {
	b.t.Helper()
	found := get(b, chromedp.Evaluate[struct {
		Seen  int
		Wrong []string
	}]("(() => { let seen = 0, wrong = [];"+script+"; return {seen, wrong} })()"))
	if found.Seen == 0 {
		b.t.Errorf("%s: nothing was looked at", name)
	}
	for _, w := range found.Wrong {
		b.t.Errorf("%s: %s", name, w)
	}
}
