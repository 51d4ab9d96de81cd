package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// makePhoto writes a JPEG whose metadata tells a place, a device and a time,
// and has a comment made for a terminal: photo FILE.
func makePhoto(ts *testscript.TestScript, _ bool, args []string) {
	var b bytes.Buffer
	check(ts, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil))
	segment := func(marker byte, s string) string {
		n := len(s) + 2
		return string([]byte{0xff, marker, byte(n >> 8), byte(n)}) + s
	}
	whole := "\xff\xd8" +
		segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00"+`<r exif:GPSLatitude="12,55.656N" exif:GPSLongitude="100,52.626E" tiff:Make="MARK-MAKE" tiff:Model="MARK-MODEL" exif:DateTimeOriginal="2026-03-04T10:11:12+07:00"/>`) +
		segment(0xfe, "MARK-COMMENT\x1b]0;title\x07") + b.String()[2:]
	check(ts, os.WriteFile(ts.MkAbs(args[0]), []byte(whole), 0o600))
}
