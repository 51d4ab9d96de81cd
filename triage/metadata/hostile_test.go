package metadata

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// broken are files that look like images and must not be copied.
func broken(t testing.TB) []sample {
	t.Helper()
	j, p := plainJPEG(t), plainPNG(t)
	pixel := riffOf("VP8L", []byte(onePixel))
	flipped := append([]byte(nil), p...)
	flipped[len(flipped)-20] ^= 1
	huge := func(name string) []byte { return append([]byte("\xff\xff\xff\xff"+name), "0123456789ab"...) }
	return []sample{
		{"nothing behind SOI", j[:3]},
		{"no EOI", j[:len(j)-2]},
		{"EOI alone", []byte("\xff\xd8\xff\xd9")},
		{"nothing but fill", append([]byte("\xff\xd8"), bytes.Repeat([]byte{0xff}, 3*windowSize)...)},
		{"a length of 0", withSegments(j, []byte("\xff\xe1\x00\x00"))},
		{"a length of 1", withSegments(j, []byte("\xff\xe1\x00\x01"))},
		{"a length beyond the end", withSegments(j[:4], []byte("\xff\xe1\xff\xff"))},
		{"SOI in SOI", withSegments(j, j[:2])},
		{"a restart outside a scan", withSegments(j, []byte("\xff\xd0"))},
		{"a scan without a frame", withSegments(j, segmentOf(markerSOS, []byte("\x01\x01\x00\x00\x3f\x00")))},
		{"two frames", withSegments(j, segmentOf(0xc0, []byte("\x08\x00\x01\x00\x01\x01\x01\x11\x00")))},
		{"a text in a table", withSegments(j, segmentOf(markerDQT, []byte("MARK-HIDDEN")))},
		{"a text behind a table", withSegments(j, segmentOf(markerDHT, append(make([]byte, 17), "MARK"...)))},
		{"a text in a restart interval", withSegments(j, segmentOf(markerDRI, []byte("MARK")))},
		{"an empty scan header", withSegments(j, segmentOf(markerSOS, nil))},
		{"too many segments", withSegments(j, bytes.Repeat([]byte("\xff\xfe\x00\x02"), maxParts))},
		{"too many parts", withSegments(j, bytes.Repeat([]byte("\xff\xdd\x00\x04\x00\x00\xff\xfe\x00\x02"), maxParts))},

		{"a signature", p[:8]},
		{"no IEND", p[:len(p)-12]},
		{"a chunk of 2^32-1", append(p[:33:33], huge("tEXt")...)},
		{"a wrong checksum", flipped},
		{"no image", append(p[:33:33], p[len(p)-12:]...)},
		{"a chunk before IHDR", append([]byte(pngSignature), append(chunkOf("gAMA", make([]byte, 4)), p[8:]...)...)},
		{"two IHDR", withChunks(p, p[8:33])},
		{"a chunk that nobody knows", withChunks(p, chunkOf("MARK", nil))},
		{"a chunk without a name", withChunks(p, chunkOf("\x00\x00\x00\x00", nil))},
		{"a text in gAMA", withChunks(p, chunkOf("gAMA", []byte("MARK!")))},
		{"many gAMA", withChunks(p, chunkOf("gAMA", []byte("MARK")), chunkOf("gAMA", []byte("MARK")))},
		{"too many chunks", withChunks(p, bytes.Repeat(chunkOf("tEXt", nil), maxChunks))},

		{"a head", webpOf()},
		{"no image in it", webpOf(riffOf("EXIF", nil))},
		{"more than there is", append([]byte("RIFF\xff\xff\xff\xffWEBP"), pixel...)},
		{"a chunk beyond RIFF", webpOf(append([]byte("VP8L\xff\xff\xff\xff"), onePixel...))},
		{"half a chunk", webpOf(pixel, []byte("EXI"))},
		{"two images", webpOf(pixel, pixel)},
		{"VP8X behind an image", webpOf(pixel, riffOf("VP8X", make([]byte, 10)))},
		{"VP8X with a text", webpOf(riffOf("VP8X", []byte("0123456789MARK")), pixel)},
		{"alpha without VP8X", webpOf(riffOf("ALPH", []byte("MARK")), pixel)},
		{"alpha behind the image", extendedWebP(flagAlpha, pixel, riffOf("ALPH", []byte("MARK")))},
		{"a frame without ANIM", extendedWebP(flagAnimation, frameOf(pixel))},
		{"ANIM without a frame", extendedWebP(flagAnimation, riffOf("ANIM", make([]byte, 6)), pixel)},
		{"a frame without an image", extendedWebP(flagAnimation, riffOf("ANIM", make([]byte, 6)), frameOf(riffOf("note", nil)))},
		{"a short frame", extendedWebP(flagAnimation, riffOf("ANIM", make([]byte, 6)), riffOf("ANMF", []byte("MARK")))},
		{"frames in frames", extendedWebP(flagAnimation, riffOf("ANIM", make([]byte, 6)), nested(1000))},
		{"a frame's chunk beyond it", extendedWebP(flagAnimation, riffOf("ANIM", make([]byte, 6)), frameOf([]byte("VP8L\xff\xff\xff\x7f")), pixel)},
	}
}

func nested(n int) []byte {
	var b []byte
	for range n {
		b = frameOf(b)
	}
	return b
}

// twisted are Exifs that a walk must come to the end of.
func twisted() []sample {
	o := binary.BigEndian
	start := []byte("MM\x00*\x00\x00\x00\x08")
	long := func(id uint16, n uint32) tag { return tag{id, 4, 1, o.AppendUint32(nil, n)} }
	with := func(table []byte) []byte { return append(start[:8:8], table...) }
	var chain []byte // every table points to the next, and its pointers to all
	for i := range uint32(200) {
		at := 8 + 30*i
		chain = append(chain, tableOf(o, at, at+30, long(0x8769, at+30), long(0x8825, at+60))...)
	}
	pointers := make([]tag, 4000)
	for i := range pointers {
		pointers[i] = long(0x8769, uint32(8+i))
	}
	return []sample{
		{"empty", nil},
		{"a head", start},
		{"a table that is its own next", with(tableOf(o, 8, 8))},
		{"a pointer to itself", with(tableOf(o, 8, 0, long(0x8769, 8), long(0x8825, 8)))},
		{"two tables in a circle", with(append(tableOf(o, 8, 26, long(0x8769, 26)), tableOf(o, 26, 8, long(0x8825, 8))...))},
		{"a long chain", with(chain)},
		{"pointers everywhere", with(tableOf(o, 8, 9, pointers...))},
		{"65535 entries", with([]byte("\xff\xff"))},
		{"a table at the end", []byte("MM\x00*\xff\xff\xff\xff")},
		{"2^32-1 texts", with(tableOf(o, 8, 0, tag{0x010f, 2, 1<<32 - 1, []byte("12345678")}))},
		{"2^32-1 doubles", with(tableOf(o, 8, 0, tag{0x010f, 12, 1<<32 - 1, []byte("12345678")}))},
		{"an unknown type", with(tableOf(o, 8, 0, tag{0x010f, 60000, 1, []byte("12345678")}))},
		{"a place of nothing", with(tableOf(o, 8, 26, long(0x8825, 26)))},
		{"a place over nought", with(append(tableOf(o, 8, 0, long(0x8825, 26)), tableOf(o, 26, 0, rationals(o, 2, 1, 0, 0, 0, 1, 0), rationals(o, 4, 500, 1, 0, 1, 0, 1), rationals(o, 6, 1, 0), rationals(o, 7, 0, 0, 1, 0, 9, 1))...))},
		{"an orientation of 9", with(tableOf(o, 8, 0, tag{0x0112, 3, 1, []byte{0, 9}}))},
		{"a thumbnail of 4 GB", with(append(tableOf(o, 8, 14), tableOf(o, 14, 14, long(0x0202, 1<<32-1))...))},
		{"escapes", with(tableOf(o, 8, 0, textTag(0x010f, "\x1b]0;title\x07"+strings.Repeat("\xff", 1000))))},
	}
}

func TestDamagedFilesAreNotCopied(t *testing.T) {
	for _, s := range broken(t) {
		if out, err := strip(s.data); !errors.Is(err, ErrDamaged) || len(out) > 0 {
			t.Errorf("%s: %d bytes, %v", s.name, len(out), err)
		}
		if i, err := read(s.data); !errors.Is(err, ErrDamaged) || i == nil || i.Type == "" {
			t.Errorf("%s: %+v, %v", s.name, i, err)
		}
	}
	// What came before the damage is told.
	cut := sampleOf(t, "camera.jpg")
	if i, err := read(cut[:len(cut)-100]); !errors.Is(err, ErrDamaged) || i.Place == nil {
		t.Errorf("of a file that was cut: %+v, %v", i, err)
	}
}

// A file that ends anywhere is refused, or its end was not needed.
func TestFilesThatAreCut(t *testing.T) {
	for _, s := range samples(t) {
		for n := range s.data {
			if out, err := strip(s.data[:n]); err == nil {
				if whole, _ := strip(s.data); !bytes.Equal(out, whole) {
					t.Fatalf("%s cut to %d bytes became another image", s.name, n)
				}
			} else if len(out) > 0 {
				t.Fatalf("%s cut to %d bytes was copied in part", s.name, n)
			}
		}
	}
}

func TestExifThatIsTwisted(t *testing.T) {
	for _, s := range twisted() {
		for _, b := range [][]byte{
			withSegments(plainJPEG(t), segmentOf(markerAPP1, append([]byte(exifHeader), s.data[:min(len(s.data), 60000)]...))),
			withChunks(plainPNG(t), chunkOf("eXIf", s.data)),
			extendedWebP(flagExif, riffOf("VP8L", []byte(onePixel)), riffOf("EXIF", s.data)),
		} {
			i, err := read(b)
			if err != nil {
				t.Errorf("%s: %v", s.name, err)
				continue
			}
			if i.Place != nil || i.Orientation != 0 || i.Thumbnail > int64(len(b)) || len(i.Device.Make) > maxText {
				t.Errorf("%s: %+v", s.name, i)
			}
			stripped(t, b)
		}
	}
}

// What is behind the end of an Exif is none of it.
func TestExifThatIsCut(t *testing.T) {
	exif := cameraExif(binary.BigEndian, 6)
	for n := range exif {
		i, err := read(withSegments(plainJPEG(t), segmentOf(markerAPP1, append([]byte(exifHeader), exif[:n]...))))
		if err != nil {
			t.Fatal(err)
		}
		for got, whole := range map[string]string{
			i.Device.Make: "MARK-MAKE", i.Device.Software: "MARK-SOFTWARE", i.Device.Artist: "MARK-ARTIST", i.Device.Owner: "MARK-OWNER", i.Device.LensSerial: "MARK-LENSSERIAL",
		} {
			if got != "" && got != whole {
				t.Fatalf("cut to %d bytes it says %q", n, got)
			}
		}
	}
}

// Tables that point at each other, or are pointed at twice, are read once each.
func TestTablesInACircle(t *testing.T) {
	o := binary.BigEndian
	here, there := []byte{0, 0, 0, 8}, []byte{0, 0, 0, 54}
	b := append([]byte("MM\x00*\x00\x00\x00\x08"), tableOf(o, 8, 54, textTag(0x010e, "abc"), tag{0x8769, 4, 1, there}, tag{0x8769, 4, 1, there})...)
	b = append(b[:54:54], tableOf(o, 54, 8, tag{0x8769, 4, 1, here}, tag{0x927c, 7, 4, []byte("note")})...)
	i, err := read(withChunks(plainPNG(t), chunkOf("eXIf", b)))
	if err != nil || others(i) != "Exif, description, maker note" || i.Others[1].Size != 4 || i.Others[2].Size != 4 {
		t.Errorf("%+v, %v", i, err)
	}
}

// endless is a file of a terabyte without taking any room: its beginning, and
// then nothing but zeros.
type endless string

func (e endless) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	if off < int64(len(e)) {
		n = copy(b, e[off:])
	}
	clear(b[n:])
	return len(b), nil
}

// allocated returns how many bytes fn allocates, those that it frees included.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// mostAllocated is what one file may make Read and Strip allocate together,
// those of samples that are large for their number of parts included, and what the
// race detector adds.
const mostAllocated = 40 << 20

func TestMemoryIsBounded(t *testing.T) {
	check := func(name string, r io.ReaderAt, size int64) {
		t.Helper()
		n := allocated(func() {
			Read(r, size)
			Strip(io.Discard, r, size)
		})
		if n > mostAllocated {
			t.Errorf("%s: %d bytes were allocated", name, n)
		}
	}
	for _, s := range append(broken(t), samples(t)...) {
		check(s.name, bytes.NewReader(s.data), int64(len(s.data)))
	}
	for _, s := range twisted() {
		b := withChunks(plainPNG(t), chunkOf("eXIf", s.data))
		check(s.name, bytes.NewReader(b), int64(len(b)))
	}
	var many [][]byte
	for i := range 20000 {
		many = append(many, chunkOf("tEXt", fmt.Appendf(nil, "%d\x00%0300d", i, i)))
	}
	b := withChunks(plainPNG(t), many...)
	check("20000 texts", bytes.NewReader(b), int64(len(b)))
	const terabyte = 1 << 40
	check("endless PNG", endless(pngSignature+"\x00\x00\x00\x0dIHDR"), terabyte)
	check("endless WebP", endless("RIFF\xfe\xff\xff\xffWEBPEXIF\xf0\xff\xff\xff"), terabyte)
	check("endless JPEG", endless("\xff\xd8\xff\xe1\xff\xff"), terabyte)
}

// A disk that fails is not a damaged image.
type failing struct{ io.ReaderAt }

var errDisk = errors.New("disk")

func (f failing) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > windowSize {
		return 0, errDisk
	}
	return f.ReaderAt.ReadAt(b, off)
}

func TestAReadThatFails(t *testing.T) {
	b := plainJPEG(t)
	b = append(append(b[:len(b)-2], make([]byte, 2*windowSize)...), "\xff\xd9"...)
	r := failing{bytes.NewReader(b)}
	if _, err := Read(r, int64(len(b))); !errors.Is(err, errDisk) || errors.Is(err, ErrDamaged) {
		t.Errorf("%v", err)
	}
	if err := Strip(io.Discard, r, int64(len(b))); !errors.Is(err, errDisk) {
		t.Errorf("%v", err)
	}
}
