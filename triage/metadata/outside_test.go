package metadata

import (
	"bytes"
	"encoding/json"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tool runs a program that judges from outside.
func tool(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: sh demo/deps.sh", name)
	}
	out, err := exec.Command(path, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// exiftoolSays returns what exiftool finds of metadata, by group and name.
func exiftoolSays(t *testing.T, path string) map[string]any {
	t.Helper()
	var list []map[string]any
	if err := json.Unmarshal(tool(t, "exiftool", "-json", "-G", "-n", "-a", "-u", path), &list); err != nil {
		t.Fatal(err)
	}
	for name := range list[0] {
		group, _, _ := strings.Cut(name, ":")
		// What every image has, and what exiftool works out.
		if slices.Contains([]string{"SourceFile", "ExifTool", "File", "Composite", "JFIF", "RIFF", "PNG", "APP14"}, group) && !strings.HasSuffix(name, ":Comment") {
			delete(list[0], name)
		}
	}
	return list[0]
}

// written are the tags that exiftool writes, as cameras have them.
var written = []string{
	"-n", "-q", "-overwrite_original",
	"-EXIF:Make=MARK-Make", "-EXIF:Model=MARK-Model", "-EXIF:SerialNumber=MARK-Serial", "-EXIF:LensModel=MARK-Lens",
	"-EXIF:Artist=MARK-Artist", "-EXIF:OwnerName=MARK-Owner", "-EXIF:Software=MARK-Software", "-EXIF:Orientation=8",
	"-EXIF:DateTimeOriginal=2026:03:04 10:11:12", "-EXIF:OffsetTimeOriginal=+07:00",
	"-EXIF:GPSLatitude=12.9276", "-EXIF:GPSLatitudeRef=N", "-EXIF:GPSLongitude=100.8771", "-EXIF:GPSLongitudeRef=E",
	"-EXIF:GPSAltitude=7.5", "-EXIF:GPSAltitudeRef=0", "-EXIF:UserComment=MARK-UserComment",
	"-XMP-dc:Title=MARK-Title", "-XMP-photoshop:City=MARK-City", "-XMP-exif:GPSLatitude=1.5", "-XMP-exif:GPSLongitude=-2.5",
}

// exiftool writes what Read tells, and finds nothing in what Strip leaves but
// the orientation. dwebp sees the same pixels.
func TestOutsideJudges(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	put := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path(name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("a.jpg", plainJPEG(t))
	put("a.png", plainPNG(t))
	tool(t, "cwebp", "-quiet", path("a.png"), "-o", path("lossy.webp"))
	tool(t, "cwebp", "-quiet", "-lossless", path("a.png"), "-o", path("lossless.webp"))
	tool(t, "webpmux", "-frame", path("lossy.webp"), "+100", "-frame", path("lossless.webp"), "+100", "-o", path("film.webp"))
	tool(t, "exiftool", append(slices.Clone(written), "-IPTC:City=MARK-City", "-Comment=MARK-Comment", path("a.jpg"))...)
	tool(t, "exiftool", append(slices.Clone(written), path("a.png"), path("lossy.webp"), path("lossless.webp"), path("film.webp"))...)

	for _, name := range []string{"a.jpg", "a.png", "lossy.webp", "lossless.webp", "film.webp"} {
		t.Run(name, func(t *testing.T) {
			before, err := os.ReadFile(path(name))
			if err != nil {
				t.Fatal(err)
			}
			i, err := read(before)
			if err != nil {
				t.Fatal(err)
			}
			if want := (Device{Make: "MARK-Make", Model: "MARK-Model", Serial: "MARK-Serial", Lens: "MARK-Lens", Software: "MARK-Software", Owner: "MARK-Owner", Artist: "MARK-Artist"}); i.Device != want {
				t.Errorf("device %+v", i.Device)
			}
			if p := i.Place; p == nil || !near(p.Latitude, 12.9276) || !near(p.Longitude, 100.8771) || p.Altitude == nil || *p.Altitude != 7.5 {
				t.Errorf("place %+v", p)
			}
			if i.Time.Taken != "2026:03:04 10:11:12 +07:00" || i.Orientation != 8 || i.PlaceNames != "MARK-City" {
				t.Errorf("%+v", i)
			}
			after := stripped(t, before)
			if bytes.Contains(after, []byte("MARK")) {
				t.Error("metadata is left")
			}
			put("stripped-"+name, after)
			if says := exiftoolSays(t, path("stripped-"+name)); len(says) != 1 && (len(says) != 2 || says["EXIF:ExifByteOrder"] == nil) || says["EXIF:Orientation"] != 8.0 {
				t.Errorf("exiftool finds %v", says)
			}
		})
	}
	one, err := os.ReadFile(path("stripped-a.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jpeg.Decode(bytes.NewReader(one)); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"lossy.webp", "lossless.webp"} {
		before := tool(t, "dwebp", "-quiet", "-pam", path(name), "-o", "-")
		if after := tool(t, "dwebp", "-quiet", "-pam", path("stripped-"+name), "-o", "-"); !bytes.Equal(before, after) || len(before) < 33*17*3 {
			t.Errorf("%s shows something else", name)
		}
	}
	for _, n := range []string{"1", "2"} {
		var frames [2][]byte
		for i, name := range []string{"film.webp", "stripped-film.webp"} {
			tool(t, "webpmux", "-get", "frame", n, path(name), "-o", path("frame.webp"))
			frames[i] = tool(t, "dwebp", "-quiet", "-pam", path("frame.webp"), "-o", "-")
		}
		if !bytes.Equal(frames[0], frames[1]) || len(frames[0]) < 33*17*3 {
			t.Errorf("frame %s shows something else", n)
		}
	}
	for _, name := range []string{"stripped-lossy.webp", "stripped-lossless.webp", "stripped-film.webp"} {
		if out := tool(t, "webpinfo", path(name)); !bytes.Contains(out, []byte("No error detected.")) {
			t.Errorf("%s: %s", name, out)
		}
	}
}
