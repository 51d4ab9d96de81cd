// Package metadata says what the containers around an image tell of the place,
// the device and the time, and makes a copy without it.
//
// It reads JPEG, PNG and WebP, told by their content and never by a name. What
// it reads is a stranger's and may be made to harm the reader, so:
//
//   - No pixel is ever decoded, no compressed text inflated. Only containers
//     are walked: segments, chunks, the tables of Exif, the elements of XMP.
//   - Every length is checked against what is there, every walk goes forward or
//     counts its steps, and memory is bounded whatever the file says: about
//     8 MiB, of which most is only used for files of tens of thousands of parts.
//   - Texts come out as they stand, shortened. Whoever shows them cleans them.
//
// [Strip] keeps a list of what decoding needs and drops the rest, known or not.
// The bytes of the image data stay as they are; so does what somebody hid among
// them, and what the picture itself shows.
package metadata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

var (
	// ErrUnknown is a file that is not a JPEG, PNG or WebP.
	ErrUnknown = errors.New("not a JPEG, PNG or WebP image")
	// ErrDamaged is one whose containers are not as their format says.
	ErrDamaged = errors.New("the image file is damaged")
)

// Info is what the metadata of an image says. Nothing of it need be true.
// Texts are valid UTF-8 of at most 256 bytes and otherwise as they stand in the
// file.
type Info struct {
	Type        string `json:"type"`                  // image/jpeg, image/png or image/webp
	Orientation int    `json:"orientation,omitempty"` // Exif's 1 to 8; 0 if not told
	Place       *Place `json:"place,omitempty"`
	PlaceNames  string `json:"place_names,omitempty"` // in words, as an editor wrote them
	Device      Device `json:"device"`
	Time        Time   `json:"time"`
	Thumbnail   int64  `json:"thumbnail,omitempty"` // bytes of smaller images: they may show what was cut out of the large one
	Others      []Item `json:"others,omitempty"`    // every container of metadata, and what is known in it but not told above
}

// A Place is where the device said it was, in WGS 84.
type Place struct {
	Latitude  float64  `json:"latitude"`           // degrees, north positive
	Longitude float64  `json:"longitude"`          // degrees, east positive
	Altitude  *float64 `json:"altitude,omitempty"` // metres above the sea
}

// A Device is what made the image, and for whom.
type Device struct {
	Make       string `json:"make,omitempty"`
	Model      string `json:"model,omitempty"`
	Serial     string `json:"serial,omitempty"`
	Lens       string `json:"lens,omitempty"`
	LensSerial string `json:"lens_serial,omitempty"`
	Software   string `json:"software,omitempty"`
	Owner      string `json:"owner,omitempty"`  // as set in the camera
	Artist     string `json:"artist,omitempty"` // who made the image
}

// Time is as the file has it: Exif writes 2026:03:04 10:00:00, XMP
// 2026-03-04T10:00:00. It is the device's clock, with the offset to UTC behind
// it if the file tells that.
type Time struct {
	Taken     string `json:"taken,omitempty"`
	Changed   string `json:"changed,omitempty"`
	Satellite string `json:"satellite,omitempty"` // UTC, from the GPS
}

// An Item is a piece of metadata by its name. Those of one name are counted as
// one.
type Item struct {
	Name string `json:"name"`
	Size int64  `json:"size"`           // bytes
	Text string `json:"text,omitempty"` // for a plain text, its beginning
}

const (
	maxItems = 64      // the rest is summed up under the name "more"
	maxText  = 256     // bytes of a text that is passed on
	maxParts = 1 << 16 // of a copy, and segments of a JPEG; progressive scans need some hundreds
	maxTiff  = 1 << 20 // bytes of Exif that are looked into
	maxXMP   = 1 << 18 // and of XMP
	maxLooks = 8       // Exifs and XMPs of a file that are looked into
)

// Read says what the metadata of an image of size bytes tells. The error is
// ErrUnknown, ErrDamaged or r's. With ErrDamaged, Info is not nil: it holds what
// was found before the damage.
func Read(r io.ReaderAt, size int64) (*Info, error) {
	f := &file{r: r, size: size}
	_, err := f.walk()
	if errors.Is(err, ErrUnknown) {
		return nil, err
	}
	return &f.info, err
}

// Strip writes the image without metadata: what decoding needs and nothing
// else. How the image is turned is kept, as an Exif of that single value if it
// is another than upright. A colour profile goes too, since it can name a
// device: colours of a wide-gamut photo look a little paler. So does all that
// stands behind the image's end, such as the film of a "motion photo".
//
// Nothing is written before the whole file was walked: for ErrUnknown and
// ErrDamaged w stays untouched. Stripping a stripped file changes nothing.
func Strip(w io.Writer, r io.ReaderAt, size int64) error {
	f := &file{r: r, size: size}
	parts, err := f.walk()
	if err != nil {
		return err
	}
	for _, p := range parts {
		var from io.Reader = bytes.NewReader(p.made)
		if p.made == nil {
			from = io.NewSectionReader(r, p.from, p.n)
		}
		n, err := io.Copy(w, from)
		if err == nil && n != p.size() {
			err = io.ErrUnexpectedEOF // the file became shorter
		}
		if err != nil {
			return fmt.Errorf("writing the copy without metadata: %w", err)
		}
	}
	return nil
}

// Type says what a file is by its first 12 bytes, or "" if it is none of ours.
func Type(start []byte) string {
	switch {
	case bytes.HasPrefix(start, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	case bytes.HasPrefix(start, []byte(pngSignature)):
		return "image/png"
	case len(start) >= 12 && string(start[:4]) == "RIFF" && string(start[8:12]) == "WEBP":
		return "image/webp"
	}
	return ""
}

// walk fills info and returns what a copy without metadata is made of.
func (f *file) walk() ([]part, error) {
	defer f.settle()
	start, err := f.bytes(0, int(min(12, max(f.size, 0))))
	if err != nil {
		return nil, err
	}
	switch f.info.Type = Type(start); f.info.Type {
	case "image/jpeg":
		return f.walkJPEG()
	case "image/png":
		return f.walkPNG()
	case "image/webp":
		return f.walkWebP()
	}
	return nil, ErrUnknown
}

// settle lets what was said second stand where nothing else was.
func (f *file) settle() {
	i, s := &f.info, &f.second
	for to, text := range map[*string]string{
		&i.Device.Make: s.Device.Make, &i.Device.Model: s.Device.Model, &i.Device.Serial: s.Device.Serial,
		&i.Device.Lens: s.Device.Lens, &i.Device.LensSerial: s.Device.LensSerial, &i.Device.Software: s.Device.Software,
		&i.Device.Owner: s.Device.Owner, &i.Device.Artist: s.Device.Artist,
		&i.Time.Taken: s.Time.Taken, &i.Time.Changed: s.Time.Changed, &i.Time.Satellite: s.Time.Satellite,
		&i.PlaceNames: s.PlaceNames,
	} {
		first(to, text)
	}
	const close = 1e-3 // degrees, about a hundred metres
	if one, two := i.Place, s.Place; one != nil && two != nil && (math.Abs(one.Latitude-two.Latitude) > close || math.Abs(one.Longitude-two.Longitude) > close) {
		f.list(Item{Name: "another place, in XMP", Text: fmt.Sprintf("%.6f, %.6f", two.Latitude, two.Longitude)})
	}
	first(&i.Place, s.Place)
}

// A file is one that is walked.
type file struct {
	r      io.ReaderAt
	size   int64
	info   Info
	second Info // what XMP and PNG's texts say: it gives way to Exif, which the device wrote
	body   []part
	window []byte // what was read last
	start  int64  // where in the file window begins
	room   []byte // behind window
	looked int    // into how many Exifs and XMPs
}

// A part of a copy is either made or taken from the original as it is.
type part struct {
	made    []byte
	from, n int64
}

func (p part) size() int64 {
	if p.made != nil {
		return int64(len(p.made))
	}
	return p.n
}

func sizeOf(parts []part) (n int64) {
	for _, p := range parts {
		n += p.size()
	}
	return n
}

// keep puts bytes of the original into the copy.
func (f *file) keep(from, n int64) error {
	if i := len(f.body) - 1; i >= 0 && f.body[i].made == nil && f.body[i].from+f.body[i].n == from {
		f.body[i].n += n
		return nil
	}
	return f.put(part{from: from, n: n})
}

func (f *file) put(p part) error {
	if len(f.body) >= maxParts {
		return damaged("it has more than %d parts", maxParts)
	}
	f.body = append(f.body, p)
	return nil
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}

const windowSize = 1 << 17 // two of the largest segments

// ahead returns bytes of the file from off on, at least one and no more than
// windowSize. They are valid until the next call.
func (f *file) ahead(off int64) ([]byte, error) {
	if off < 0 || off >= f.size {
		return nil, damaged("it ends at byte %d, in the middle of something", f.size)
	}
	if off >= f.start && off < f.start+int64(len(f.window)) {
		return f.window[off-f.start:], nil
	}
	if f.room == nil {
		f.room = make([]byte, windowSize)
	}
	n := int(min(windowSize, f.size-off))
	f.window = nil
	if got, err := f.r.ReadAt(f.room[:n], off); got < n {
		return nil, fmt.Errorf("reading the image file: %w", err)
	}
	f.window, f.start = f.room[:n], off
	return f.window, nil
}

// bytes returns n bytes at off, valid until the next call if they are at most
// windowSize. The caller bounds n.
func (f *file) bytes(off int64, n int) ([]byte, error) {
	switch {
	case n == 0:
		return nil, nil
	case off < 0 || off > f.size || int64(n) > f.size-off:
		return nil, damaged("it ends at byte %d, in the middle of something", f.size)
	case n > windowSize:
		b := make([]byte, n)
		if got, err := f.r.ReadAt(b, off); got < n {
			return nil, fmt.Errorf("reading the image file: %w", err)
		}
		return b, nil
	}
	b, err := f.ahead(off)
	if err == nil && len(b) < n {
		f.window = nil // begin a new one here
		b, err = f.ahead(off)
	}
	if err != nil {
		return nil, err
	}
	return b[:n:n], nil
}

// found lists a piece of metadata.
func (f *file) found(name string, size int64, text []byte) {
	f.list(Item{Name: name, Size: size, Text: plain(text)})
}

func (f *file) list(item Item) {
	for i, o := range f.info.Others {
		if o.Name == item.Name {
			f.info.Others[i].Size += item.Size
			return
		}
	}
	if len(f.info.Others) >= maxItems-1 {
		if len(f.info.Others) == maxItems {
			f.info.Others[maxItems-1].Size += item.Size
			return
		}
		item.Name, item.Text = "more", ""
	}
	f.info.Others = append(f.info.Others, item)
}

// trailing lists what stands behind the image's end.
func (f *file) trailing(end int64) error {
	if end >= f.size {
		return nil
	}
	start, err := f.bytes(end, int(min(12, f.size-end)))
	if err != nil {
		return err
	}
	name := "data after the image"
	switch {
	case Type(start) != "":
		name = "another image after the image"
	case len(start) >= 8 && string(start[4:8]) == "ftyp":
		name = "film after the image"
	}
	f.found(name, f.size-end, nil)
	return nil
}

// plain returns the beginning of a text that ends at its first NUL.
func plain(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	b = bytes.TrimSpace(b[:min(len(b), maxText)])
	b = bytes.ToValidUTF8(b, []byte("\uFFFD"))
	for len(b) > maxText { // marks are longer than what they stand for
		b = bytes.ToValidUTF8(b[:maxText], nil)
	}
	return string(b)
}

// first sets what nothing has set yet.
func first[T comparable](to *T, value T) {
	var none T
	if *to == none {
		*to = value
	}
}
