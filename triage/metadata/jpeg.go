package metadata

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// JPEG's markers, ITU-T T.81 table B.1.
const (
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerDQT   = 0xdb
	markerDNL   = 0xdc
	markerDRI   = 0xdd
	markerDHT   = 0xc4
	markerDAC   = 0xcc
	markerAPP0  = 0xe0
	markerAPP1  = 0xe1
	markerAPP2  = 0xe2
	markerAPP13 = 0xed
	markerAPP14 = 0xee
	markerAPP15 = 0xef
	markerCOM   = 0xfe
)

const (
	exifHeader  = "Exif\x00\x00"
	xmpHeader   = "http://ns.adobe.com/xap/1.0/\x00"
	adobeLength = 12 // bytes of an APP14 of Adobe, T.872 6.5.3
	jfifLength  = 14 // and of an APP0 of JFIF without its thumbnail, T.871 10.1
)

// A jpegWalk is the state of a walk over a JPEG.
type jpegWalk struct {
	*file
	jfif    []byte // the whole segment, made anew
	adobe   bool   // an APP14 of Adobe was there
	frame   bool   // a SOF was there
	scanned bool
}

func (f *file) walkJPEG() ([]part, error) {
	w := &jpegWalk{file: f}
	off := int64(2)
	for range maxParts {
		b, err := f.bytes(off, 2)
		if err != nil {
			return nil, err
		}
		marker := b[1]
		if b[0] != 0xff {
			return nil, damaged("byte %d begins no segment", off)
		}
		switch marker {
		case 0xff: // fill
			if off, err = f.fill(off + 1); err != nil {
				return nil, err
			}
			continue
		case markerEOI:
			return w.end(off + 2)
		}
		if marker < 0xc0 || marker >= 0xd0 && marker <= markerSOI {
			return nil, damaged("marker %02x at byte %d has no place there", marker, off)
		}
		if b, err = f.bytes(off+2, 2); err != nil {
			return nil, err
		}
		n := int64(binary.BigEndian.Uint16(b))
		if n < 2 {
			return nil, damaged("the segment at byte %d is shorter than its length", off)
		}
		content, err := f.bytes(off+4, int(n-2))
		if err != nil {
			return nil, err
		}
		if err := w.segment(marker, content, off); err != nil {
			return nil, err
		}
		off += 2 + n
		if marker == markerSOS {
			end, err := f.entropy(off)
			if err == nil {
				err = f.keep(off, end-off)
			}
			if err != nil {
				return nil, err
			}
			off, w.scanned = end, true
		}
	}
	return nil, damaged("it has more than %d segments", maxParts)
}

// fill returns where the last of the 0xff from off on is.
func (f *file) fill(off int64) (int64, error) {
	for {
		b, err := f.ahead(off)
		if err != nil {
			return 0, err
		}
		for i, c := range b {
			if c != 0xff {
				return off + int64(i) - 1, nil
			}
		}
		off += int64(len(b))
	}
}

// segment keeps what decoding needs and looks into what it doesn't.
func (w *jpegWalk) segment(marker byte, b []byte, off int64) error {
	keep := func(ok bool) error {
		if !ok {
			return damaged("the segment %02x at byte %d is not as long as its content", marker, off)
		}
		return w.keep(off, int64(4+len(b)))
	}
	switch marker {
	case markerDQT:
		return keep(wholeQuantization(b))
	case markerDHT:
		return keep(wholeHuffman(b))
	case markerDAC:
		return keep(len(b)%2 == 0)
	case markerDRI, markerDNL:
		return keep(len(b) == 2)
	case markerSOS:
		if !w.frame {
			return damaged("a scan at byte %d comes before its frame", off)
		}
		return keep(len(b) > 0 && len(b) == 4+2*int(b[0]))
	case markerAPP14:
		if len(b) >= adobeLength && bytes.HasPrefix(b, []byte("Adobe")) && !w.adobe {
			w.adobe = true
			if len(b) > adobeLength {
				w.found("APP14 beyond Adobe's", int64(len(b)-adobeLength), nil)
			}
			return w.put(part{made: segmentOf(marker, b[:adobeLength])})
		}
	}
	switch {
	case marker >= 0xc0 && marker <= 0xcf && marker != 0xc8: // SOF
		if w.frame {
			return damaged("it has a second frame at byte %d", off)
		}
		w.frame = true
		return keep(len(b) > 6 && len(b) == 6+3*int(b[5]))
	case marker >= markerAPP0 && marker <= markerAPP15:
		w.application(marker, b)
	case marker == markerCOM:
		w.found("comment", int64(len(b)), b)
	default:
		w.found(fmt.Sprintf("segment %02x", marker), int64(len(b)), nil)
	}
	return nil
}

// application looks into a segment that programs use as they like.
func (w *jpegWalk) application(marker byte, b []byte) {
	n := int64(len(b))
	has := func(m byte, prefix string) bool { return marker == m && bytes.HasPrefix(b, []byte(prefix)) }
	switch {
	case has(markerAPP0, "JFIF\x00") && n >= jfifLength && w.jfif == nil:
		w.info.Thumbnail += n - jfifLength
		w.jfif = segmentOf(marker, b[:jfifLength])
		w.jfif[4+12], w.jfif[4+13] = 0, 0 // its size
	case has(markerAPP0, "JFXX\x00"):
		w.info.Thumbnail += n
		w.found("JFXX", n, nil)
	case has(markerAPP1, exifHeader[:5]) && n >= int64(len(exifHeader)):
		w.exif(b[len(exifHeader):])
	case has(markerAPP1, xmpHeader):
		w.xmp(b[len(xmpHeader):])
	case has(markerAPP1, "http://ns.adobe.com/xmp/extension/\x00"):
		w.found("XMP, extended", n, nil)
	case has(markerAPP2, "ICC_PROFILE\x00"):
		w.found("ICC profile", n, nil)
	case has(markerAPP2, "MPF\x00"):
		w.found("MPF, index of more images", n, nil)
	case has(markerAPP13, "Photoshop 3.0\x00"):
		w.found("IPTC and Photoshop", n, nil)
	default:
		w.found(fmt.Sprintf("APP%d %s", marker-markerAPP0, identifier(b)), n, nil)
	}
}

// identifier is what most application segments begin with.
func identifier(b []byte) string {
	for i, c := range b {
		if c <= ' ' || c > '~' || i == 16 {
			return string(b[:i])
		}
	}
	return string(b)
}

// entropy returns where the entropy-coded data that begins at off ends: at the
// first marker that is no restart (T.81 B.1.1.2 and B.1.1.5).
func (f *file) entropy(off int64) (int64, error) {
	for {
		b, err := f.ahead(off)
		if err != nil {
			return 0, err
		}
		i := bytes.IndexByte(b, 0xff)
		if i < 0 {
			off += int64(len(b))
			continue
		}
		off += int64(i)
		if b, err = f.bytes(off, 2); err != nil {
			return 0, err
		}
		switch c := b[1]; {
		case c == 0 || c >= 0xd0 && c <= 0xd7:
			off += 2
		case c == 0xff:
			off++
		default:
			return off, nil
		}
	}
}

// end makes the copy's parts of an image that ended before off.
func (w *jpegWalk) end(off int64) ([]part, error) {
	if !w.scanned {
		return nil, damaged("it has no image in it")
	}
	if err := w.trailing(off); err != nil {
		return nil, err
	}
	parts := []part{{made: []byte{0xff, markerSOI}}}
	if w.jfif != nil {
		parts = append(parts, part{made: w.jfif})
	}
	if o := w.turned(); o != 0 {
		parts = append(parts, part{made: segmentOf(markerAPP1, append([]byte(exifHeader), orientationOnly(o)...))})
	}
	return append(append(parts, w.body...), part{made: []byte{0xff, markerEOI}}), nil
}

// segmentOf returns a new segment.
func segmentOf(marker byte, content []byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(2+len(content)))
	return append(b, content...)
}

// wholeQuantization reports whether b is quantization tables and nothing else
// (T.81 B.2.4.1).
func wholeQuantization(b []byte) bool {
	for len(b) > 0 {
		n := 1 + 64
		if b[0]>>4 != 0 {
			n = 1 + 2*64
		}
		if b[0]>>4 > 1 || b[0]&15 > 3 || n > len(b) {
			return false
		}
		b = b[n:]
	}
	return true
}

// wholeHuffman is the same for Huffman tables (T.81 B.2.4.2).
func wholeHuffman(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 17 || b[0]>>4 > 1 || b[0]&15 > 3 {
			return false
		}
		n := 17
		for _, c := range b[1:17] {
			n += int(c)
		}
		if n > len(b) {
			return false
		}
		b = b[n:]
	}
	return true
}
