package metadata

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"
)

// pictureOf is an image in which no two columns are alike.
func pictureOf(t testing.TB) *image.RGBA {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 33, 17))
	for x := range 33 {
		for y := range 17 {
			m.Set(x, y, color.RGBA{uint8(7 * x), uint8(13 * y), uint8(x * y), 255})
		}
	}
	return m
}

func plainJPEG(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, pictureOf(t), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func plainPNG(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, pictureOf(t)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// onePixel is the content of a VP8L chunk with one pixel.
const onePixel = "/\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07"

func webpOf(chunks ...[]byte) []byte {
	body := append([]byte("WEBP"), bytes.Join(chunks, nil)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func extendedWebP(flags byte, chunks ...[]byte) []byte {
	return webpOf(append([][]byte{riffOf("VP8X", []byte{flags, 0, 0, 0, 0, 0, 0, 0, 0, 0})}, chunks...)...)
}

// frameOf is an ANMF chunk.
func frameOf(chunks ...[]byte) []byte {
	return riffOf("ANMF", append(make([]byte, frameHead), bytes.Join(chunks, nil)...))
}

// withSegments puts segments behind a JPEG's SOI.
func withSegments(b []byte, segments ...[]byte) []byte {
	return append(append(append([]byte(nil), b[:2]...), bytes.Join(segments, nil)...), b[2:]...)
}

// withChunks puts chunks behind a PNG's header.
func withChunks(b []byte, chunks ...[]byte) []byte {
	const head = 8 + 25
	return append(append(append([]byte(nil), b[:head]...), bytes.Join(chunks, nil)...), b[head:]...)
}

// A tag is an entry of a table that tiffOf makes.
type tag struct {
	id, kind uint16
	n        uint32
	data     []byte
}

func textTag(id uint16, s string) tag { return tag{id, 2, uint32(len(s) + 1), []byte(s + "\x00")} }

func rationals(o binary.AppendByteOrder, id uint16, v ...uint32) tag {
	var b []byte
	for _, n := range v {
		b = o.AppendUint32(b, n)
	}
	return tag{id, 5, uint32(len(v) / 2), b}
}

// tableOf lays a table out at an offset of its buffer, with the values behind it.
func tableOf(o binary.AppendByteOrder, at uint32, next uint32, tags ...tag) []byte {
	values := at + 2 + 12*uint32(len(tags)) + 4
	b := o.AppendUint16(nil, uint16(len(tags)))
	var behind []byte
	for _, t := range tags {
		b = o.AppendUint16(b, t.id)
		b = o.AppendUint16(b, t.kind)
		b = o.AppendUint32(b, t.n)
		if len(t.data) <= 4 {
			b = append(b, append(append([]byte(nil), t.data...), 0, 0, 0, 0)[:4]...)
			continue
		}
		b = o.AppendUint32(b, values+uint32(len(behind)))
		behind = append(behind, t.data...)
	}
	return append(o.AppendUint32(b, next), behind...)
}

// cameraExif is built as cameras do: four tables, a thumbnail, a maker note.
func cameraExif(o binary.AppendByteOrder, orientation uint16) []byte {
	long := func(id uint16, n uint32) tag { return tag{id, 4, 1, o.AppendUint32(nil, n)} }
	const photoAt, placeAt, thumbAt, picAt = 1000, 2000, 3000, 4000
	b := []byte("II*\x00")
	if o.AppendUint16(nil, 1)[0] == 0 {
		b = []byte("MM\x00*")
	}
	b = o.AppendUint32(b, 8)
	put := func(at uint32, table []byte) {
		b = append(b, make([]byte, int(at)-len(b))...)
		b = append(b, table...)
	}
	put(8, tableOf(o, 8, thumbAt,
		textTag(0x010e, "MARK-DESCRIPTION"), textTag(0x010f, "MARK-MAKE"), textTag(0x0110, "MARK-MODEL"),
		tag{0x0112, 3, 1, o.AppendUint16(nil, orientation)},
		textTag(0x0131, "MARK-SOFTWARE"), textTag(0x0132, "2026:03:05 11:00:00"), textTag(0x013b, "MARK-ARTIST"),
		long(0x8769, photoAt), long(0x8825, placeAt)))
	put(photoAt, tableOf(o, photoAt, 0,
		textTag(0x9003, "2026:03:04 10:11:12"), textTag(0x9010, "+02:00"), textTag(0x9011, "+01:00"),
		tag{0x927c, 7, 40, bytes.Repeat([]byte("MARK-NOTE!"), 4)},
		textTag(0xa430, "MARK-OWNER"), textTag(0xa431, "MARK-SERIAL"), textTag(0xa433, "MARK-MAKER"),
		textTag(0xa434, "MARK-LENS"), textTag(0xa435, "MARK-LENSSERIAL")))
	put(placeAt, tableOf(o, placeAt, 0,
		textTag(1, "S"), rationals(o, 2, 12, 1, 55, 1, 3012, 100), textTag(3, "E"), rationals(o, 4, 100, 1, 52, 1, 4800, 100),
		tag{5, 1, 1, []byte{1}}, rationals(o, 6, 35, 10), rationals(o, 7, 9, 1, 11, 1, 12, 1), textTag(0x1d, "2026:03:04")))
	put(thumbAt, tableOf(o, thumbAt, 0, long(0x0201, picAt), long(0x0202, 30)))
	put(picAt, []byte("MARK-THUMBNAIL-MARK-THUMBNAIL!"))
	return b
}

const packet = `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" tiff:Make="MARK-XMAKE" exif:GPSLatitude="13,45.5N" exif:GPSLongitude="100,30,36W" exif:GPSAltitude="231/10" photoshop:City="MARK-CITY" photoshop:Country="Thailand">
<aux:SerialNumber>MARK-XSERIAL</aux:SerialNumber><exif:DateTimeOriginal>2026-03-04T10:00:00+07:00</exif:DateTimeOriginal>
<dc:creator><rdf:Seq><rdf:li>MARK-CREATOR</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>`

// A sample is an image with marks in its metadata.
type sample struct {
	name string
	data []byte
}

// samples are images that Strip copies.
func samples(t testing.TB) []sample {
	t.Helper()
	j, p := plainJPEG(t), plainPNG(t)
	little, big := cameraExif(binary.LittleEndian, 6), cameraExif(binary.BigEndian, 1)
	exif := func(b []byte) []byte { return segmentOf(markerAPP1, append([]byte(exifHeader), b...)) }
	jfif := append([]byte("JFIF\x00\x01\x02\x00\x00\x48\x00\x48\x01\x01"), "MAR"...)
	pixel := riffOf("VP8L", []byte(onePixel))
	text := func(name, s string) []byte { return chunkOf(name, []byte(s)) }
	film := "\x00\x00\x00\x18ftypmp42MARK-FILM"
	return []sample{
		{"plain.jpg", j},
		{"camera.jpg", withSegments(j, segmentOf(markerAPP0, jfif), exif(little), segmentOf(markerAPP1, []byte(xmpHeader+packet)),
			segmentOf(markerAPP2, []byte("ICC_PROFILE\x00\x01\x01MARK-PROFILE")), segmentOf(markerAPP2, []byte("MPF\x00MARK-MPF")),
			segmentOf(markerAPP13, []byte("Photoshop 3.0\x00MARK-IPTC")), segmentOf(markerAPP14, []byte("Adobe\x00\x64\x00\x00\x00\x00\x01MARK-BEYOND")), segmentOf(markerAPP14, []byte("Adobe\x00MARK-2.")),
			segmentOf(markerCOM, []byte("MARK-COMMENT")), segmentOf(0xe5, []byte("MARK")), []byte{0xff, 0xff})},
		{"motion.jpg", append(withSegments(j, exif(big)), film...)},
		{"second.jpg", append(j[:len(j):len(j)], withSegments(j, exif(big))...)},
		{"plain.png", p},
		{"texts.png", append(withChunks(p, chunkOf("eXIf", little), text("tEXt", "Author\x00MARK-AUTHOR"), text("tEXt", "Comment\x00MARK-COMMENT"),
			text("zTXt", "Raw profile type exif\x00\x00MARK"), text("iTXt", xmpKeyword+"\x00\x00\x00\x00\x00"+packet), text("iCCP", "MARK-PROFILE\x00\x00"),
			text("tIME", "\x07\xea\x03\x04\x0a\x0b\x0c"), text("gAMA", "\x00\x00\xb1\x8f"), text("fdAT", "\x00\x00\x00\x00MARK-NOT-SHOWN"), text("prVt", "MARK")), "MARK-BEHIND"...)},
		{"plain.webp", webpOf(pixel)},
		{"simple.webp", append(webpOf(pixel, riffOf("EXIF", little)), "MARK-BEHIND"...)},
		{"extended.webp", extendedWebP(0x3c, riffOf("ICCP", []byte("MARK-PROFILE")), riffOf("ALPH", []byte("\x00odd")), pixel[:len(pixel)-1], []byte("M"), // the byte that pads
			riffOf("EXIF", append([]byte(exifHeader), little...)), riffOf("XMP ", []byte(packet)), riffOf("MARK", []byte("MARK")))},
		{"film.webp", extendedWebP(0x02, riffOf("ANIM", make([]byte, 6)), frameOf(pixel, riffOf("note", []byte("MARK"))), frameOf(riffOf("ALPH", []byte{0}), pixel), riffOf("EXIF", big))},
	}
}
