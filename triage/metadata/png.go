package metadata

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

const (
	pngSignature = "\x89PNG\r\n\x1a\n"
	maxChunks    = 1 << 18 // a PNG of 2 GB in pieces of 8 KiB
	maxKeyword   = 79      // bytes, W3C PNG 11.3.3.2
	xmpKeyword   = "XML:com.adobe.xmp"
)

// pngKept are the chunks that showing the image needs, and how long they are:
// W3C PNG (third edition) 11. What is not here and may be left out, is.
var pngKept = map[string]struct {
	least, most     int64
	many, animation bool
}{
	"IHDR": {least: 13, most: 13},
	"PLTE": {least: 3, most: 768},
	"IDAT": {most: 1<<31 - 1, many: true},
	"IEND": {},
	"tRNS": {least: 1, most: 256},
	"gAMA": {least: 4, most: 4},
	"cHRM": {least: 32, most: 32},
	"sRGB": {least: 1, most: 1},
	"sBIT": {least: 1, most: 4},
	"pHYs": {least: 9, most: 9},
	"acTL": {least: 8, most: 8},
	"fcTL": {least: 26, most: 26, many: true, animation: true},
	"fdAT": {least: 4, most: 1<<31 - 1, many: true, animation: true},
}

func (f *file) walkPNG() ([]part, error) {
	off := int64(len(pngSignature))
	var head int64 // end of the header
	seen := map[string]bool{}
	for range maxChunks {
		b, err := f.bytes(off, 8)
		if err != nil {
			return nil, err
		}
		n, name := int64(binary.BigEndian.Uint32(b)), string(b[4:8])
		if n > 1<<31-1 || n > f.size-off-12 {
			return nil, damaged("the chunk at byte %d is longer than the file", off)
		}
		if !letters(name) {
			return nil, damaged("the chunk at byte %d has no name", off)
		}
		if (head == 0) != (name == "IHDR") {
			return nil, damaged("chunk %s at byte %d is not in its place", name, off)
		}
		if err := f.checkCRC(off, n, name); err != nil {
			return nil, err
		}
		end := off + 12 + n
		kept, known := pngKept[name]
		switch {
		case known && (n < kept.least || n > kept.most || seen[name] && !kept.many):
			return nil, damaged("chunk %s at byte %d is there twice or has not its length", name, off)
		case name == "IHDR":
			head = end
		case known && (!kept.animation || seen["acTL"]):
			// What belongs to an animation is shown by no program without acTL.
			err = f.keep(off, end-off)
		case name[0]&0x20 == 0: // critical
			return nil, damaged("chunk %s at byte %d is none that a PNG has", name, off)
		default:
			err = f.otherPNG(name, off+8, n)
		}
		if err != nil {
			return nil, err
		}
		if known {
			seen[name] = true
		}
		off = end
		if name == "IEND" {
			if !seen["IDAT"] {
				return nil, damaged("it has no image in it")
			}
			parts := []part{{n: head}}
			if o := f.turned(); o != 0 {
				parts = append(parts, part{made: chunkOf("eXIf", orientationOnly(o))})
			}
			return append(parts, f.body...), f.trailing(off)
		}
	}
	return nil, damaged("it has more than %d chunks", maxChunks)
}

func letters(s string) bool {
	for _, c := range []byte(s) {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return true
}

func (f *file) checkCRC(off, n int64, name string) error {
	sum := uint32(0)
	for at, end := off+4, off+8+n; at < end; {
		b, err := f.ahead(at)
		if err != nil {
			return err
		}
		b = b[:min(int64(len(b)), end-at)]
		sum = crc32.Update(sum, crc32.IEEETable, b)
		at += int64(len(b))
	}
	b, err := f.bytes(off+8+n, 4)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint32(b) != sum {
		return damaged("chunk %s at byte %d is not what its checksum says", name, off)
	}
	return nil
}

// otherPNG looks into a chunk of n bytes that is not kept.
func (f *file) otherPNG(name string, off, n int64) error {
	most := int64(maxText + maxKeyword + 1)
	switch name {
	case "eXIf":
		most = maxTiff
	case "iTXt":
		most = maxXMP
	}
	b, err := f.bytes(off, int(min(n, most)))
	if err != nil {
		return err
	}
	switch name {
	case "eXIf":
		f.exif(b)
		return nil
	case "tIME":
		if n == 7 {
			first(&f.second.Time.Changed, fmt.Sprintf("%04d:%02d:%02d %02d:%02d:%02d +00:00", binary.BigEndian.Uint16(b), b[2], b[3], b[4], b[5], b[6]))
		}
	case "iCCP":
		name = "ICC profile"
	case "tEXt", "zTXt", "iTXt":
		keyword, text, _ := bytes.Cut(b, []byte{0})
		if name == "iTXt" {
			text = international(text)
		}
		if name == "zTXt" {
			text = nil // compressed
		}
		if string(keyword) == xmpKeyword {
			f.xmp(text)
			return nil
		}
		switch string(keyword) {
		case "Author":
			first(&f.second.Device.Artist, plain(text))
		case "Software":
			first(&f.second.Device.Software, plain(text))
		case "Creation Time":
			first(&f.second.Time.Taken, plain(text))
		}
		f.found(name+" "+plain(keyword[:min(len(keyword), maxKeyword)]), n, text)
		return nil
	}
	f.found(name, n, nil)
	return nil
}

// international returns the text of an iTXt chunk that follows the keyword, or
// nothing if it is compressed: flag, method, language, translated keyword.
func international(b []byte) []byte {
	if len(b) < 2 || b[0] != 0 {
		return nil
	}
	_, b, _ = bytes.Cut(b[2:], []byte{0})
	_, b, _ = bytes.Cut(b, []byte{0})
	return b
}

// chunkOf returns a new chunk.
func chunkOf(name string, content []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	b = append(append(b, name...), content...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}
