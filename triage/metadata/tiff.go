package metadata

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unicode/utf16"
)

// Limits of a walk over the tables (IFDs) of an Exif. Real ones have four
// tables and less than 200 entries.
const (
	maxTables  = 16
	maxEntries = 2048 // of all tables together
)

// A tiff is what an Exif segment or chunk holds: TIFF 6.0 tables in one buffer.
type tiff struct {
	data    []byte
	order   binary.ByteOrder
	file    *file
	tables  map[uint32]bool // that were walked: offsets may go in circles
	entries int

	taken, takenZone, changed, changedZone string
	lensMake, lensModel                    string
	latitude, longitude, altitude          *float64
	south, west, below                     bool
	satelliteDay, satelliteTime            string
}

// What a table is about decides what its tags mean.
type table string

const (
	imageTable     table = "Exif image"
	photoTable     table = "Exif photo"
	placeTable     table = "Exif GPS"
	thumbnailTable table = "Exif thumbnail"
)

// exif takes from an Exif what there is, and stops at what is damaged: damage
// there does not make the image unusable.
func (f *file) exif(data []byte) {
	if o := orientationOf(data); o != 0 && bytes.Equal(data, orientationOnly(o)) {
		first(&f.info.Orientation, o)
		return // what Strip leaves says nothing else
	}
	f.found("Exif", int64(len(data)), nil)
	if f.looked++; f.looked > maxLooks || len(data) < 8 {
		return
	}
	t := &tiff{data: data, file: f, tables: map[uint32]bool{}}
	switch string(data[:4]) {
	case "II*\x00":
		t.order = binary.LittleEndian
	case "MM\x00*":
		t.order = binary.BigEndian
	default:
		return
	}
	t.walk(t.order.Uint32(data[4:]), imageTable)
	t.tell()
}

// orientationOnly returns an Exif that tells how an image is turned and
// nothing else.
func orientationOnly(o int) []byte {
	return []byte("MM\x00*\x00\x00\x00\x08" + "\x00\x01" + "\x01\x12\x00\x03\x00\x00\x00\x01\x00" + string(rune(o)) + "\x00\x00" + "\x00\x00\x00\x00")
}

// orientationOf returns what such an Exif would tell.
func orientationOf(data []byte) int {
	if at := 19; len(data) > at && data[at] >= 1 && data[at] <= 8 {
		return int(data[at])
	}
	return 0
}

// turned is the orientation if it is another than upright, and otherwise 0.
func (f *file) turned() int {
	if f.info.Orientation > 1 {
		return f.info.Orientation
	}
	return 0
}

// walk reads the table at an offset, those it points to, and those that follow.
func (t *tiff) walk(at uint32, what table) {
	for at != 0 && !t.tables[at] && len(t.tables) < maxTables {
		t.tables[at] = true
		head := t.at(uint64(at), 2)
		if head == nil {
			return
		}
		n := uint64(t.order.Uint16(head))
		for i := range n {
			e := t.at(uint64(at)+2+12*i, 12)
			if t.entries++; e == nil || t.entries > maxEntries {
				return
			}
			t.entry(what, t.order.Uint16(e), t.value(e))
		}
		next := t.at(uint64(at)+2+12*n, 4)
		if next == nil || what != imageTable {
			return
		}
		at, what = t.order.Uint32(next), thumbnailTable
	}
}

// at returns n bytes of the buffer, or nil if they are not there.
func (t *tiff) at(off, n uint64) []byte {
	size := uint64(len(t.data))
	if off > size || n > size-off {
		return nil
	}
	return t.data[off : off+n]
}

// A value is that of an entry, nil if its place is not in the buffer.
type value struct {
	kind uint16
	n    uint32
	data []byte
}

// kinds are the sizes of TIFF's types 1 to 12, in bytes.
var kinds = [...]uint64{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8}

func (t *tiff) value(e []byte) value {
	v := value{kind: t.order.Uint16(e[2:]), n: t.order.Uint32(e[4:])}
	if int(v.kind) >= len(kinds) {
		return v
	}
	size := kinds[v.kind] * uint64(v.n) // at most 2^35
	if size <= 4 {
		v.data = e[8 : 8+size]
	} else {
		v.data = t.at(uint64(t.order.Uint32(e[8:])), size)
	}
	return v
}

// number returns the value if it is a single SHORT or LONG.
func (t *tiff) number(v value) (uint32, bool) {
	switch {
	case v.n != 1 || v.data == nil:
	case v.kind == 3:
		return uint32(t.order.Uint16(v.data)), true
	case v.kind == 4 || v.kind == 13:
		return t.order.Uint32(v.data), true
	}
	return 0, false
}

// rational returns the i-th RATIONAL of a value, or NaN.
func (t *tiff) rational(v value, i int) float64 {
	if v.kind != 5 || len(v.data) < 8*(i+1) {
		return math.NaN()
	}
	b := v.data[8*i:]
	return float64(t.order.Uint32(b)) / float64(t.order.Uint32(b[4:]))
}

// degrees returns a value of degrees, minutes and seconds, or nil.
func (t *tiff) degrees(v value, most float64) *float64 {
	d := t.rational(v, 0) + t.rational(v, 1)/60 + t.rational(v, 2)/3600
	if !(d >= 0 && d <= most) { // also what is no number
		return nil
	}
	return &d
}

// entry takes what a tag says. The numbers are those of Exif 2.32, 4.6.
func (t *tiff) entry(what table, tag uint16, v value) {
	i := &t.file.info
	text := func(to *string) {
		if v.kind == 2 || v.kind == 7 || v.kind == 1 || v.kind == 129 {
			first(to, plain(v.data))
		}
	}
	switch what {
	case imageTable:
		switch tag {
		case 0x010f:
			text(&i.Device.Make)
		case 0x0110:
			text(&i.Device.Model)
		case 0x0112:
			if o, ok := t.number(v); ok && o >= 1 && o <= 8 {
				first(&i.Orientation, int(o))
			}
		case 0x0131:
			text(&i.Device.Software)
		case 0x0132:
			text(&t.changed)
		case 0x013b:
			text(&i.Device.Artist)
		case 0x9c9d: // XPAuthor, as Windows writes it
			first(&i.Device.Artist, wide(v.data))
		case 0x8769, 0x8825: // pointers to more
			next := map[uint16]table{0x8769: photoTable, 0x8825: placeTable}[tag]
			if at, ok := t.number(v); ok {
				t.walk(at, next)
			}
		default:
			t.other(imageNames[tag], v)
		}
	case photoTable:
		switch tag {
		case 0x9003:
			text(&t.taken)
		case 0x9010:
			text(&t.changedZone)
		case 0x9011:
			text(&t.takenZone)
		case 0xa430:
			text(&i.Device.Owner)
		case 0xa431:
			text(&i.Device.Serial)
		case 0xa433:
			text(&t.lensMake)
		case 0xa434:
			text(&t.lensModel)
		case 0xa435:
			text(&i.Device.LensSerial)
		default:
			t.other(photoNames[tag], v)
		}
	case placeTable:
		t.place(tag, v)
	case thumbnailTable:
		if n, ok := t.number(v); ok && (tag == 0x0202 || tag == 0x0117) {
			i.Thumbnail += int64(min(n, uint32(len(t.data))))
		}
	}
}

// What is worth a name and a size, but says neither place, device nor time.
var (
	imageNames = map[uint16]string{
		0x010e: "description", 0x8298: "copyright", 0x013c: "computer", 0xc62f: "camera serial number",
		0x9c9b: "XPTitle", 0x9c9c: "XPComment", 0x9c9e: "XPKeywords", 0x9c9f: "XPSubject", 0x02bc: "XMP in Exif", 0x83bb: "IPTC in Exif",
	}
	photoNames = map[uint16]string{
		0x927c: "maker note", 0x9286: "user comment", 0xa420: "unique image ID", 0xa40b: "device setting description",
	}
)

func (t *tiff) other(name string, v value) {
	if name == "" || len(v.data) == 0 {
		return
	}
	var shown []byte
	if v.kind == 2 {
		shown = v.data
	}
	t.file.found(name, int64(len(v.data)), shown)
}

func (t *tiff) place(tag uint16, v value) {
	is := func(c byte) bool { return len(v.data) > 0 && v.data[0] == c }
	switch tag {
	case 1:
		t.south = is('S')
	case 2:
		t.latitude = t.degrees(v, 90)
	case 3:
		t.west = is('W')
	case 4:
		t.longitude = t.degrees(v, 180)
	case 5:
		t.below = is(1)
	case 6:
		if m := t.rational(v, 0); !math.IsNaN(m) && m < 1e6 {
			t.altitude = &m
		}
	case 7:
		h, m, s := t.rational(v, 0), t.rational(v, 1), t.rational(v, 2)
		if h < 24 && m < 60 && s < 61 {
			t.satelliteTime = fmt.Sprintf("%02d:%02d:%02d", int(h), int(m), int(s))
		}
	case 0x1d:
		t.satelliteDay = plain(v.data)
	case 0x1b, 0x1c:
		t.file.found(map[uint16]string{0x1b: "GPS method", 0x1c: "GPS area"}[tag], int64(len(v.data)), nil)
	}
}

// tell passes on what several tags say together.
func (t *tiff) tell() {
	i := &t.file.info
	first(&i.Time.Taken, strings.TrimSpace(t.taken+" "+t.takenZone))
	first(&i.Time.Changed, strings.TrimSpace(t.changed+" "+t.changedZone))
	first(&i.Time.Satellite, strings.TrimSpace(t.satelliteDay+" "+t.satelliteTime))
	if strings.HasPrefix(t.lensModel, t.lensMake) { // as many write it
		t.lensMake = ""
	}
	first(&i.Device.Lens, strings.TrimSpace(t.lensMake+" "+t.lensModel))
	if t.latitude == nil || t.longitude == nil {
		return
	}
	p := &Place{signed(t.south, *t.latitude), signed(t.west, *t.longitude), nil}
	if t.altitude != nil {
		m := signed(t.below, *t.altitude)
		p.Altitude = &m
	}
	first(&i.Place, p)
}

func signed(negative bool, f float64) float64 {
	if negative && f != 0 {
		return -f
	}
	return f
}

// wide returns a text of UTF-16 in little-endian order.
func wide(b []byte) string {
	b = b[:min(len(b), maxText)]
	var units []uint16
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, binary.LittleEndian.Uint16(b))
	}
	return plain([]byte(string(utf16.Decode(units))))
}
