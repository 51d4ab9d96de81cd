package metadata

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image/jpeg"
	"image/png"
	"math"
	"reflect"
	"strings"
	"testing"
)

func read(b []byte) (*Info, error) { return Read(bytes.NewReader(b), int64(len(b))) }

func strip(b []byte) ([]byte, error) {
	var out bytes.Buffer
	err := Strip(&out, bytes.NewReader(b), int64(len(b)))
	return out.Bytes(), err
}

func sampleOf(t *testing.T, name string) []byte {
	t.Helper()
	for _, s := range samples(t) {
		if s.name == name {
			return s.data
		}
	}
	t.Fatalf("no sample %s", name)
	return nil
}

func others(i *Info) string {
	var names []string
	for _, o := range i.Others {
		names = append(names, o.Name)
	}
	return strings.Join(names, ", ")
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-6 }

func TestReadACamerasExif(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		exif := cameraExif(order, 6)
		for name, b := range map[string][]byte{
			"image/jpeg": withSegments(plainJPEG(t), segmentOf(markerAPP1, append([]byte(exifHeader), exif...))),
			"image/png":  withChunks(plainPNG(t), chunkOf("eXIf", exif)),
			"image/webp": extendedWebP(flagExif, riffOf("VP8L", []byte(onePixel)), riffOf("EXIF", exif)),
		} {
			i, err := read(b)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if i.Type != name || i.Orientation != 6 || i.Thumbnail != 30 {
				t.Errorf("%s: %+v", name, i)
			}
			want := Device{"MARK-MAKE", "MARK-MODEL", "MARK-SERIAL", "MARK-MAKER MARK-LENS", "MARK-LENSSERIAL", "MARK-SOFTWARE", "MARK-OWNER", "MARK-ARTIST"}
			if i.Device != want {
				t.Errorf("%s: device %+v", name, i.Device)
			}
			if want := (Time{"2026:03:04 10:11:12 +01:00", "2026:03:05 11:00:00 +02:00", "2026:03:04 09:11:12"}); i.Time != want {
				t.Errorf("%s: time %+v", name, i.Time)
			}
			if p := i.Place; p == nil || !near(p.Latitude, -12.925033333) || !near(p.Longitude, 100.88) || p.Altitude == nil || *p.Altitude != -3.5 {
				t.Errorf("%s: place %+v", name, p)
			}
			if got := others(i); got != "Exif, description, maker note" {
				t.Errorf("%s: others %s", name, got)
			}
		}
	}
}

func TestReadXMP(t *testing.T) {
	i, err := read(withSegments(plainJPEG(t), segmentOf(markerAPP1, []byte(xmpHeader+packet))))
	if err != nil {
		t.Fatal(err)
	}
	if i.Device != (Device{Make: "MARK-XMAKE", Serial: "MARK-XSERIAL", Artist: "MARK-CREATOR"}) || i.PlaceNames != "MARK-CITY, Thailand" || i.Time.Taken != "2026-03-04T10:00:00+07:00" {
		t.Errorf("%+v", i)
	}
	if p := i.Place; p == nil || !near(p.Latitude, 13.758333333) || !near(p.Longitude, -100.51) || p.Altitude == nil || *p.Altitude != 23.1 {
		t.Errorf("place %+v", i.Place)
	}
	// What the camera wrote goes before what an editor wrote, wherever they stand.
	exif, xmp := segmentOf(markerAPP1, append([]byte(exifHeader), cameraExif(binary.LittleEndian, 1)...)), segmentOf(markerAPP1, []byte(xmpHeader+packet))
	for _, both := range [][]byte{withSegments(plainJPEG(t), exif, xmp), withSegments(plainJPEG(t), xmp, exif)} {
		i, err := read(both)
		if err != nil || i.Device.Make != "MARK-MAKE" || i.Place.Latitude > 0 || i.PlaceNames != "MARK-CITY, Thailand" {
			t.Errorf("%+v, %v", i, err)
		}
		if o := i.Others[len(i.Others)-1]; o != (Item{"another place, in XMP", 0, "13.758333, -100.510000"}) {
			t.Errorf("the other place: %+v", o)
		}
	}
	// A packet that a stranger broke, or made to grow.
	for _, broken := range []string{
		packet[:len(packet)/2], strings.Repeat("<a>", 1<<14), `<!DOCTYPE a [<!ENTITY b "bbbb">]><a tiff:Make="&b;">`, "\x00", "<rdf:li",
	} {
		if i, err := read(withSegments(plainJPEG(t), segmentOf(markerAPP1, []byte(xmpHeader+broken)))); err != nil || others(i) != "XMP" {
			t.Errorf("%.20q: %+v, %v", broken, i, err)
		}
	}
}

func TestReadSamples(t *testing.T) {
	for name, want := range map[string]string{
		"plain.jpg":     "",
		"camera.jpg":    "Exif, description, maker note, XMP, ICC profile, MPF, index of more images, IPTC and Photoshop, APP14 beyond Adobe's, APP14 Adobe, comment, APP5 MARK, another place, in XMP",
		"motion.jpg":    "Exif, description, maker note, film after the image",
		"second.jpg":    "another image after the image",
		"plain.png":     "",
		"texts.png":     "Exif, description, maker note, tEXt Author, tEXt Comment, zTXt Raw profile type exif, XMP, ICC profile, tIME, fdAT, prVt, data after the image, another place, in XMP",
		"plain.webp":    "",
		"simple.webp":   "Exif, description, maker note, data after the image",
		"extended.webp": "ICC profile, Exif, description, maker note, XMP, chunk MARK, another place, in XMP",
		"film.webp":     "chunk note in a frame, Exif, description, maker note",
	} {
		i, err := read(sampleOf(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := others(i); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	i, _ := read(sampleOf(t, "camera.jpg"))
	for _, o := range i.Others {
		if o.Name == "comment" && (o.Text != "MARK-COMMENT" || o.Size != 12) {
			t.Errorf("%+v", o)
		}
	}
	if i.Thumbnail != 33 { // of JFIF and of Exif
		t.Errorf("thumbnails of %d bytes", i.Thumbnail)
	}
	i, _ = read(sampleOf(t, "texts.png"))
	if i.Device.Artist != "MARK-ARTIST" || i.Time.Changed != "2026:03:05 11:00:00 +02:00" {
		t.Errorf("%+v", i)
	}
}

// stripped holds what is promised of every file that Strip copies.
func stripped(t *testing.T, before []byte) []byte {
	t.Helper()
	was, err := read(before)
	if err != nil {
		t.Fatalf("reading it: %v", err)
	}
	after, err := strip(before)
	if err != nil {
		t.Fatalf("stripping it: %v", err)
	}
	is, err := read(after)
	if err != nil {
		t.Fatalf("reading the copy: %v", err)
	}
	want := &Info{Type: was.Type}
	if was.Orientation > 1 {
		want.Orientation = was.Orientation
	}
	if !reflect.DeepEqual(is, want) {
		t.Errorf("the copy says %+v, want %+v", is, want)
	}
	if again, err := strip(after); err != nil || !bytes.Equal(again, after) {
		t.Errorf("stripped twice it is another: %v", err)
	}
	return after
}

func TestStrip(t *testing.T) {
	turned := map[string]bool{"camera.jpg": true, "texts.png": true, "extended.webp": true}
	for _, s := range samples(t) {
		t.Run(s.name, func(t *testing.T) {
			after := stripped(t, s.data)
			if bytes.Contains(after, []byte("MARK")) {
				t.Errorf("left in it: %q", after[bytes.Index(after, []byte("MARK")):])
			}
			if i, _ := read(after); (i.Orientation == 6) != turned[s.name] {
				t.Errorf("orientation %d", i.Orientation)
			}
			if strings.HasPrefix(s.name, "plain") && !bytes.Equal(after, s.data) {
				t.Error("it had no metadata, and is another")
			}
			switch {
			case strings.HasSuffix(s.name, ".jpg"):
				one, err := jpeg.Decode(bytes.NewReader(s.data))
				two, err2 := jpeg.Decode(bytes.NewReader(after))
				if err != nil || err2 != nil || !reflect.DeepEqual(one, two) {
					t.Errorf("it shows something else: %v, %v", err, err2)
				}
			case strings.HasSuffix(s.name, ".png"):
				one, err := png.Decode(bytes.NewReader(s.data))
				two, err2 := png.Decode(bytes.NewReader(after))
				if err != nil || err2 != nil || !reflect.DeepEqual(one, two) {
					t.Errorf("it shows something else: %v, %v", err, err2)
				}
			case strings.HasSuffix(s.name, ".webp"): // see TestOutsideJudges for pixels
				if !bytes.Contains(after, []byte("VP8L\x0d\x00\x00\x00"+onePixel+"\x00")) {
					t.Error("the image data is gone")
				}
			}
		})
	}
}

// A segment of a kind that few decoders know is not needed by any.
func TestStripDropsWhatItDoesNotKnow(t *testing.T) {
	after := stripped(t, withSegments(plainJPEG(t), segmentOf(0xf0, []byte("MARK")), segmentOf(0xc8, []byte("MARK"))))
	if !bytes.Equal(after, plainJPEG(t)) {
		t.Error("something was left")
	}
}

// JFIF stays, which says how wide a pixel is, and its thumbnail goes.
func TestStripDropsTheThumbnailOfJFIF(t *testing.T) {
	after := stripped(t, sampleOf(t, "camera.jpg"))
	if want := "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x02\x00\x00\x48\x00\x48\x00\x00\xff\xe1"; !bytes.HasPrefix(after, []byte(want)) {
		t.Errorf("it begins with %q", after[:len(want)])
	}
}

// The flags of a WebP that was stripped say what is in it.
func TestStripCorrectsTheFlags(t *testing.T) {
	for name, want := range map[string]byte{"extended.webp": flagAlpha | flagExif, "film.webp": flagAnimation} {
		after, err := strip(sampleOf(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if string(after[12:16]) != "VP8X" || after[20] != want {
			t.Errorf("%s: %q has flags %x, want %x", name, after[12:16], after[20], want)
		}
		if size := binary.LittleEndian.Uint32(after[4:]); int(size) != len(after)-8 {
			t.Errorf("%s says %d bytes of %d", name, size, len(after)-8)
		}
	}
}

func TestOnlyImagesAreRead(t *testing.T) {
	for _, b := range []string{"", "\xff", "GIF89a..........", "%PDF-1.7 and so on", "RIFF\x04\x00\x00\x00WAVEfmt ", "\x00\x00\x00\x18ftypheic", "photo.jpg"} {
		if i, err := read([]byte(b)); !errors.Is(err, ErrUnknown) || i != nil {
			t.Errorf("%q: %+v, %v", b, i, err)
		}
		if out, err := strip([]byte(b)); !errors.Is(err, ErrUnknown) || len(out) > 0 {
			t.Errorf("%q: stripped to %q, %v", b, out, err)
		}
	}
}
