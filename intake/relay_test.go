package intake

import (
	"fmt"
	"image"
	"image/color"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// move is a rectangle as the path of a code has it: from x, y, so wide, one high.
var move = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)

// draw makes a picture of an SVG's path, each unit so many pixels wide, and
// checks that nothing else is in it.
func draw(t testing.TB, viewBox, path string, scale int) image.Image {
	t.Helper()
	var size, again int
	if _, err := fmt.Sscanf(viewBox, "0 0 %d %d", &size, &again); err != nil || size != again {
		t.Fatalf("the code stands in %q", viewBox)
	}
	img := image.NewGray(image.Rect(0, 0, size*scale, size*scale))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	if left := move.ReplaceAllString(path, ""); left != "" {
		t.Fatalf("the path holds %q", left)
	}
	number := func(s string) int { n, err := strconv.Atoi(s); must(t, err); return n }
	for _, m := range move.FindAllStringSubmatch(path, -1) {
		x, y, wide := number(m[1]), number(m[2]), number(m[3])
		if number(m[4]) != wide || x < quietZone || y < quietZone || x+wide > size-quietZone || y+1 > size-quietZone {
			t.Errorf("%s is no line of a code of %d with a quiet zone", m[0], size)
		}
		for py := y * scale; py < (y+1)*scale; py++ {
			for px := x * scale; px < (x+wide)*scale; px++ {
				img.SetGray(px, py, color.Gray{})
			}
		}
	}
	return img
}

// scan reads a QR code as a telephone does.
func scan(t testing.TB, img image.Image) string {
	t.Helper()
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	must(t, err)
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	must(t, err)
	return result.GetText()
}

// codes are the addresses that the codes on a page lead to, in their order:
// those drawn, and those that show one of these again.
func codes(t testing.TB, p answer) []string {
	t.Helper()
	d := p.document(t)
	drawn, all := make(map[string]string), []string(nil)
	for _, svg := range d.all("svg") {
		if attribute(svg, "class") != "qr" {
			continue
		}
		inside := document{t, svg}
		if uses := inside.all("use"); len(uses) > 0 {
			all = append(all, drawn[strings.TrimPrefix(attribute(uses[0], "href"), "#")])
			continue
		}
		paths := inside.all("path")
		box := attribute(svg, "viewBox") // which HTML spells so
		n := strings.Fields(box)[2]
		// White beneath the whole: a poster may be printed in the dark scheme.
		if attribute(paths[0], "d") != fmt.Sprintf("M0 0h%sv%sH0z", n, n) || attribute(paths[0], "fill") != "#fff" || attribute(paths[1], "fill") != "#000" {
			t.Errorf("a code has no ground of its own: %v", paths[0].Attr)
		}
		for _, scale := range []int{3, 8} {
			got := scan(t, draw(t, box, attribute(paths[1], "d"), scale))
			if scale == 3 {
				drawn[attribute(paths[1], "id")] = got
				all = append(all, got)
			} else if got != all[len(all)-1] {
				t.Errorf("at another size the code reads %q", got)
			}
		}
	}
	return all
}

// The codes on the poster and on the cards lead to the addresses that stand
// beside them: those of the configuration, and of the onion service.
func TestCodesLeadToTheSite(t *testing.T) {
	const site = "https://tips.example.org"
	onion := "http://" + onionAddress
	cards := func(address string) []string { return slices.Repeat([]string{address}, cardsPerSheet) }
	for name, tc := range map[string]struct {
		address, onion string
		want           []string
	}{
		"both":      {site, onionAddress, append([]string{site, onion}, cards(site)...)},
		"no onion":  {site, "", append([]string{site}, cards(site)...)},
		"no name":   {"", onionAddress, append([]string{onion}, cards(onion)...)},
		"neither":   {"", "", nil},
		"a port":    {site + ":8443", "", append([]string{site + ":8443"}, cards(site+":8443")...)},
		"in a test": {"http://127.0.0.1:8080", "", append([]string{"http://127.0.0.1:8080"}, cards("http://127.0.0.1:8080")...)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{
				config: func(c *Config) { c.Address = tc.address },
				server: func(s *Server) { s.Announce(tc.onion) },
			})
			for _, l := range w.server.languages.all[:3] {
				p := w.get("/" + l.Code + "/relay")
				if got := codes(t, p); !slices.Equal(got, tc.want) {
					t.Errorf("%s: the codes lead to %q, want %q", l.Code, got, tc.want)
				}
				if tc.want == nil {
					p.wantSaid(t, []string{w.says(l.Code, "relay.none")}, []string{"<svg class=\"qr\"", "poster"})
				}
			}
		})
	}
}

// Whoever asks chooses the Host header, and the page is made once for all:
// neither it nor what a proxy says is ever on it.
func TestPostersBearNobodysHost(t *testing.T) {
	for _, address := range []string{"", "https://tips.example.org"} {
		w := newWorld(t, setup{config: func(c *Config) { c.Address = address }})
		for range 2 {
			p := w.getAs("evil.example", "/en/relay", map[string]string{"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "Origin": "https://evil.example"})
			if p.status != 200 || strings.Contains(p.body, "evil") || strings.Contains(fmt.Sprint(p.header), "evil") {
				t.Errorf("status %d, and the host is in the answer:\n%s", p.status, p.body)
			}
			for _, to := range codes(t, p) {
				if to != address {
					t.Errorf("a code leads to %q", to)
				}
			}
		}
	}
}

// Codes of any length are read back, and one that can't be drawn is an error.
func TestCodes(t *testing.T) {
	for n := 1; n < 300; n += 37 {
		want := "https://" + strings.Repeat("a", n)
		code, err := newQRCode(want)
		must(t, err)
		if got := scan(t, draw(t, fmt.Sprintf("0 0 %d %d", code.Size, code.Size), code.Path, 4)); got != want {
			t.Errorf("%q is read as %q", want, got)
		}
	}
	if _, err := newQRCode(strings.Repeat("a", 5000)); err == nil {
		t.Error("a code of 5,000 letters was drawn")
	}
}
