package e2e

import (
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// pictures keeps some pages in some languages in other ways than a telephone's.
func (g *gallery) pictures(t *testing.T, of *browser) {
	some := &gallery{web: g.web, langs: []string{"fr", "ar", "hi"}, names: []string{"home", "form", "received", "replies", "relay"}}
	for _, way := range []struct {
		name          string
		width, height int64
		scale         float64
		features      []feature
	}{
		{"dark", phoneWidth, phoneHeight, 1, []feature{dark}},
		{"320", 320, 640, 1, nil},
		{"1280", 1280, 800, 1, nil},
		{"zoom-200", 320, 640, 2, nil},
		{"forced-colours", phoneWidth, phoneHeight, 1, []feature{forcedColors}},
		{"forced-colours-dark", phoneWidth, phoneHeight, 1, []feature{forcedColors, dark}},
	} {
		some.each(t, of, func(b *browser) {
			b.size(way.width, way.height, way.scale)
			b.media("", way.features...)
		}, func(b *browser, lang, name string) { b.picture(way.name + "/" + lang + "-" + name) })
	}
	some.each(t, of, func(*browser) {}, func(b *browser, lang, name string) {
		if slices.Contains([]string{"relay", "received"}, name) {
			b.keep("print/"+lang+"-"+name+".pdf", get(b, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4))))
		}
	})
}
