package metadata

import (
	"bytes"
	"encoding/xml"
	"math"
	"strconv"
	"strings"
)

// xmp takes from an XMP packet what says place, device or time. Its tokens are read one
// by one, so that nesting costs nothing; encoding/xml expands no entity that a
// document defines. The prefixes are those that Adobe's specification (part 2)
// gives and all known writers use.
func (f *file) xmp(packet []byte) {
	f.found("XMP", int64(len(packet)), nil)
	if f.looked++; f.looked > maxLooks {
		return
	}
	d := xml.NewDecoder(bytes.NewReader(packet[:min(len(packet), maxXMP)]))
	p := &properties{info: &f.second}
	name := ""
	for {
		token, err := d.RawToken()
		if err != nil {
			break
		}
		switch t := token.(type) {
		case xml.StartElement:
			if t.Name.Space != "rdf" { // lists stand between a name and its value
				name = t.Name.Space + ":" + t.Name.Local
			}
			for _, a := range t.Attr {
				p.set(a.Name.Space+":"+a.Name.Local, plain([]byte(a.Value)))
			}
		case xml.CharData:
			p.set(name, plain(t))
		case xml.EndElement:
			if t.Name.Space != "rdf" {
				name = ""
			}
		}
	}
	if p.latitude != nil && p.longitude != nil {
		first(&f.second.Place, &Place{*p.latitude, *p.longitude, p.altitude})
	}
}

// properties are those of an XMP packet that say place, device or time.
type properties struct {
	info                          *Info
	latitude, longitude, altitude *float64
	below                         bool
}

func (p *properties) set(name, value string) {
	if value == "" {
		return
	}
	i := p.info
	switch name {
	case "tiff:Make":
		first(&i.Device.Make, value)
	case "tiff:Model":
		first(&i.Device.Model, value)
	case "aux:SerialNumber", "exifEX:BodySerialNumber":
		first(&i.Device.Serial, value)
	case "aux:Lens", "exifEX:LensModel":
		first(&i.Device.Lens, value)
	case "aux:LensSerialNumber", "exifEX:LensSerialNumber":
		first(&i.Device.LensSerial, value)
	case "xmp:CreatorTool", "tiff:Software":
		first(&i.Device.Software, value)
	case "aux:OwnerName", "exifEX:CameraOwnerName":
		first(&i.Device.Owner, value)
	case "dc:creator", "tiff:Artist":
		first(&i.Device.Artist, value)
	case "exif:DateTimeOriginal", "photoshop:DateCreated", "xmp:CreateDate":
		first(&i.Time.Taken, value)
	case "xmp:ModifyDate":
		first(&i.Time.Changed, value)
	case "exif:GPSTimeStamp":
		first(&i.Time.Satellite, value)
	case "exif:GPSLatitude":
		p.latitude = degreesOf(value, "NS", 90)
	case "exif:GPSLongitude":
		p.longitude = degreesOf(value, "EW", 180)
	case "exif:GPSAltitudeRef":
		p.below = value == "1"
		p.altitude = sunk(p.altitude, p.below)
	case "exif:GPSAltitude":
		p.altitude = sunk(metres(value), p.below)
	case "photoshop:City", "photoshop:State", "photoshop:Country", "Iptc4xmpCore:Location", "iptcCore:Location":
		if have := i.PlaceNames; have == "" {
			i.PlaceNames = value
		} else if len(have)+2+len(value) <= maxText {
			i.PlaceNames += ", " + value
		}
	}
}

// degreesOf reads XMP's "50,51.018N" or "50,51,1N".
func degreesOf(s, signs string, most float64) *float64 {
	if s == "" {
		return nil
	}
	sign := strings.IndexByte(signs, s[len(s)-1])
	fields := strings.Split(s[:len(s)-1], ",")
	if sign < 0 || len(fields) > 3 {
		return nil
	}
	sum, unit := 0.0, 1.0
	for _, f := range fields {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil || n < 0 {
			return nil
		}
		sum += n / unit
		unit *= 60
	}
	if !(sum <= most) {
		return nil
	}
	sum = signed(sign == 1, sum)
	return &sum
}

// metres reads a rational, "231/10".
func metres(s string) *float64 {
	over, under, found := strings.Cut(s, "/")
	if !found {
		under = "1"
	}
	a, err := strconv.ParseFloat(over, 64)
	b, err2 := strconv.ParseFloat(under, 64)
	if m := a / b; err == nil && err2 == nil && math.Abs(m) < 1e6 {
		return &m
	}
	return nil
}

// sunk returns a height as one below the sea if it is that.
func sunk(m *float64, below bool) *float64 {
	if m == nil || !below {
		return m
	}
	n := -math.Abs(*m)
	return &n
}
