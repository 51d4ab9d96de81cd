package intake

import (
	"bytes"
	"fmt"
	"strings"

	"rsc.io/qr"
)

// A qrCode is a QR code as the path of an SVG, one unit a module, with the
// quiet zone of four modules that ISO/IEC 18004 asks for.
type qrCode struct {
	Size int
	Path string
}

const quietZone = 4

// newQRCode draws text with the medium correction level, which bears a crease
// or a stain on a printed card.
func newQRCode(text string) (qrCode, error) {
	c, err := qr.Encode(text, qr.M)
	if err != nil {
		return qrCode{}, fmt.Errorf("drawing the code of an address: %w", err)
	}
	var path strings.Builder
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			from := x
			for x < c.Size && c.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+quietZone, y+quietZone, x-from, x-from)
			}
		}
	}
	return qrCode{c.Size + 2*quietZone, path.String()}, nil
}

// An address is one under which witnesses find this site.
type address struct {
	Key  string // the catalogue holds relay.<Key>, which says how to use it
	Text string // as it is typed
	Code qrCode
}

// addresses are those that posters bear: what the operator says the site is
// called, and the onion service. Never what a request says in its Host header,
// which whoever asks chooses.
func (s *Server) addresses() ([]address, error) {
	var list []address
	add := func(key, text, url string) error {
		code, err := newQRCode(url)
		list = append(list, address{key, text, code})
		return err
	}
	if a := s.config.Address; a != "" {
		if err := add("scan", strings.TrimPrefix(a, "https://"), a); err != nil {
			return nil, err
		}
	}
	if s.onion != "" {
		if err := add("scan.tor", s.onion, "http://"+s.onion); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// cardsPerSheet is how many cards of 85 by 55 mm go on a sheet of A4 or Letter.
const cardsPerSheet = 8

// relay is for those who pass the address on: a poster and cards to print.
func (s *Server) relay(x *exchange) error {
	return s.fixed(x, "relay", func() (*bytes.Buffer, error) {
		list, err := s.addresses()
		if err != nil {
			return nil, err
		}
		data := struct {
			view
			Onion     *address
			Addresses []address
			Cards     []address
		}{view: s.view(x.lang, "relay", "relay"), Addresses: list}
		for i := range list {
			if list[i].Key == "scan.tor" {
				data.Onion = &list[i]
			}
		}
		for i := 0; len(list) > 0 && i < cardsPerSheet; i++ {
			data.Cards = append(data.Cards, list[0])
		}
		return s.render("relay", data), nil
	})
}
