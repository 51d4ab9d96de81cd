package triage

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// save saves all attachments of a case and returns the paths.
func (s *station) save(c *told, dir string) ([]string, error) {
	s.t.Helper()
	files, err := s.alice.Save(s.find(c), dir, SaveOptions{})
	var paths []string
	for _, f := range files {
		if f.Saved != "" {
			paths = append(paths, f.Saved)
		}
	}
	return paths, err
}

// photo is a JPEG that tells a place, a device and a time, with a comment that
// is made for a terminal.
func photo(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	ok(t, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil))
	segment := func(marker byte, s string) string {
		n := len(s) + 2
		return string([]byte{0xff, marker, byte(n >> 8), byte(n)}) + s
	}
	return []byte("\xff\xd8" +
		segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00"+`<r xmlns:x="x" exif:GPSLatitude="12,55.656N" exif:GPSLongitude="100,52.626E" exif:GPSAltitude="15/2" tiff:Make="MARK-MAKE" tiff:Model="MARK-MODEL" exif:DateTimeOriginal="2026-03-04T10:11:12+07:00"/>`) +
		segment(0xfe, "MARK-COMMENT\x1b]0;title\x07\u202egpj") + b.String()[2:])
}

func TestFilesAreAskedForByNumberOrName(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain, attachment{"a.jpg", []byte("one")}, attachment{"b.jpg", []byte("two")}, attachment{"b.jpg", []byte("three")}, attachment{"\x1b[2Jx\u202e", []byte("four")}, attachment{"9", []byte("five")}, attachment{"", nil})
	s.pull()
	s.add(c, "more", attachment{"c d.jpg", []byte("seven")})
	s.pull()
	for _, try := range []struct {
		only []string
		want string
		err  string
	}{
		{nil, "1 2 3 4 5 6 7", ""},
		{[]string{"2"}, "2", ""},
		{[]string{"7", "1", "a.jpg", "1"}, "1 7", ""},
		{[]string{"c d.jpg"}, "7", ""},
		{[]string{"9"}, "5", ""},
		{[]string{"\uFFFD[2Jx"}, "4", ""}, // as a listing shows it
		{[]string{"b.jpg"}, "", "files 2 and 3 are both named b.jpg"},
		{[]string{"8"}, "", "there is no file 8"},
		{[]string{"0"}, "", "there is no file 0"},
		{[]string{""}, "", "there is no file"},
		{[]string{"1", "A.jpg"}, "", "there is no file A.jpg"},
	} {
		files, err := s.alice.Files(s.find(c), try.only)
		if try.err != "" {
			if err == nil || !strings.Contains(err.Error(), try.err) {
				t.Errorf("%q: %v", try.only, err)
			}
			continue
		}
		ok(t, err)
		var numbers []string
		for _, f := range files {
			numbers = append(numbers, fmt.Sprint(f.Number))
		}
		if got := strings.Join(numbers, " "); got != try.want {
			t.Errorf("%q: %s", try.only, got)
		}
	}
	dir := filepath.Join(s.dir, "saved")
	files, err := s.alice.Save(s.find(c), dir, SaveOptions{Only: []string{"7", "2"}})
	ok(t, err)
	var names []string
	everyFile(t, dir, func(path string, data []byte) { names = append(names, filepath.Base(path)+"="+string(data)) })
	slices.Sort(names)
	if got := strings.Join(names, " "); got != "002-b.jpg=two 007-c_d.jpg=seven" || len(files) != 2 {
		t.Errorf("saved %s", got)
	}
}

// A number stays a file's, whatever can't be read beside it, and a broken
// addition is no reason to say that a disk is full.
func TestFilesOfABrokenAddition(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain, attachment{"first.jpg", []byte("first")})
	s.addRaw(c, s.brokenAddition(c))
	s.add(c, "good", attachment{"good.jpg", photo(t)})
	s.pull()
	listed, err := s.alice.Files(s.find(c), nil)
	ok(t, err)
	last := listed[len(listed)-1]
	if last.Name != "good.jpg" || len(listed) < 3 {
		t.Fatalf("listed: %+v", listed)
	}
	files, err := s.alice.Save(s.find(c), filepath.Join(s.dir, "saved"), SaveOptions{Strip: true})
	ok(t, err)
	for i, f := range files {
		broken := i > 0 && i < len(files)-1
		if f.Number != i+1 || (f.Saved == "") != broken || broken && !strings.Contains(f.Problem, "the addition that it came with can't be read") {
			t.Errorf("saved: %+v", f)
		}
	}
	if want := fmt.Sprintf("%03d-good.stripped.jpg", last.Number); filepath.Base(files[len(files)-1].Stripped) != want {
		t.Errorf("the copy is %s, want %s", files[len(files)-1].Stripped, want)
	}
	everyFile(t, s.dir+"/saved", func(path string, _ []byte) {
		if strings.HasPrefix(filepath.Base(path), "002") {
			t.Errorf("%s was left", path)
		}
	})
	told, err := s.alice.Metadata(s.find(c), nil)
	ok(t, err)
	if told[1].Problem == "" || told[len(told)-1].Metadata == nil {
		t.Errorf("told: %+v", told)
	}
	if _, err := s.alice.Save(s.find(c), filepath.Join(s.dir, "only"), SaveOptions{Only: []string{"2"}}); err == nil {
		t.Error("of a broken addition alone nothing was saved, and it was not said")
	}
	// What goes wrong here is not the addition's fault.
	own := errors.New("disk full")
	r, err := s.alice.Roster()
	ok(t, err)
	o, err := s.alice.open(s.find(c), r)
	ok(t, err)
	err = s.alice.eachFile(o, listed[len(listed)-1:], func(f *CaseFile, _ io.Reader) error { return own })
	if !errors.Is(err, own) {
		t.Errorf("a full disk: %v", err)
	}
}

func TestSaveHasALimit(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain, attachment{"a", random(3000)}, attachment{"b", random(5000)})
	s.pull()
	dir := filepath.Join(s.dir, "saved")
	for _, how := range []SaveOptions{{Limit: 7999}, {Limit: 4999, Only: []string{"b"}}} {
		if _, err := s.alice.Save(s.find(c), dir, how); !errors.Is(err, ErrLimit) {
			t.Errorf("%+v: %v", how, err)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a directory was made for nothing")
	}
	_, err := s.alice.Save(s.find(c), dir, SaveOptions{Limit: 8000})
	ok(t, err)
	_, err = s.alice.Save(s.find(c), filepath.Join(s.dir, "one"), SaveOptions{Limit: 3000, Only: []string{"a"}})
	ok(t, err)

	// Without one, the roster's policy.
	r, err := s.alice.Roster()
	ok(t, err)
	each, all := r.Policy.MaxFile, r.Policy.MaxReport
	file := func(size int64) (f CaseFile) { f.Size = size; return f }
	for _, try := range []struct {
		sizes []int64
		ok    bool
	}{
		{[]int64{each}, true}, {[]int64{each + 1}, false}, {[]int64{math.MaxInt64, math.MaxInt64}, false},
		{slices.Repeat([]int64{each}, int(all/each)), true}, {slices.Repeat([]int64{each}, int(all/each)+1), false},
	} {
		var files []CaseFile
		for _, n := range try.sizes {
			files = append(files, file(n))
		}
		if _, err := within(files, 0, &r.Policy); (err == nil) != try.ok || err != nil && !errors.Is(err, ErrLimit) {
			t.Errorf("%d files of %d: %v", len(files), files[0].Size, err)
		}
	}
	if err := room(s.dir, 1<<62); err == nil || !strings.Contains(err.Error(), "make room") {
		t.Errorf("on a disk that is too small: %v", err)
	}
	ok(t, room(s.dir, 1))
}

// What an image says is told without a byte of it on the disk, and cleaned.
func TestMetadataIsToldAndNotWritten(t *testing.T) {
	s := newStation(t)
	cut := photo(t)
	c := s.addCase(s.vault, plain, attachment{"photo.jpg", photo(t)}, attachment{"photo2.jpg", []byte("no image")}, attachment{"cut\x1b[2J.jpg", cut[:len(cut)-9]}, attachment{"empty.png", nil})
	s.pull()
	before := map[string]bool{}
	everyFile(t, s.dir, func(path string, _ []byte) { before[path] = true })
	files, err := s.alice.Metadata(s.find(c), nil)
	ok(t, err)
	everyFile(t, s.dir, func(path string, data []byte) {
		if !before[path] || bytes.Contains(data, []byte("MARK-")) {
			t.Errorf("%s was written", path)
		}
	})
	var out bytes.Buffer
	ok(t, WriteMetadata(&out, files))
	for _, want := range []string{
		"1 photo.jpg application/octet-stream", "12.927600, 100.877100, 7.5 m above the sea", "MARK-MAKE MARK-MODEL", "2026-03-04T10:11:12+07:00", "MARK-COMMENT\uFFFD]0;title\uFFFDgpj",
		"not a JPEG, PNG or WebP", "damaged", "cut\uFFFD[2J.jpg",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("told without %q:\n%s", want, out.String())
		}
	}
	if strings.ContainsAny(out.String(), "\x1b\x07\u202e") {
		t.Errorf("what can act on a terminal came through: %q", out.String())
	}
	if files[2].Metadata == nil || files[2].Metadata.Place == nil {
		t.Error("of a damaged image nothing is told")
	}
}

func TestCopiesWithoutMetadata(t *testing.T) {
	s := newStation(t)
	whole, cut := attachment{"photo.jpg", photo(t)}, attachment{"cut.jpg", photo(t)[:200]}
	text := attachment{"../plate.sh", []byte("#!/bin/sh\n")}
	c := s.addCase(s.vault, plain, whole, cut, text, attachment{"noending", whole.data})
	s.pull()
	dir := filepath.Join(s.dir, "saved")
	files, err := s.alice.Save(s.find(c), dir, SaveOptions{Strip: true})
	ok(t, err)
	got := map[string][]byte{}
	everyFile(t, dir, func(path string, data []byte) {
		got[filepath.Base(path)] = data
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
	})
	for name, want := range map[string]attachment{"001-photo.jpg": whole, "002-cut.jpg": cut, "003-plate.sh": text, "004-noending": whole} {
		if !bytes.Equal(got[name], want.data) {
			t.Errorf("%s is not as it was sent", name)
		}
		delete(got, name)
	}
	if len(got) != 2 || len(got["001-photo.stripped.jpg"]) == 0 || !bytes.Equal(got["001-photo.stripped.jpg"], got["004-noending.stripped"]) {
		t.Errorf("copies: %q", got)
	}
	for name, data := range got {
		if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil || bytes.Contains(data, []byte("MARK")) {
			t.Errorf("%s is no copy without metadata: %v", name, err)
		}
	}
	for i, f := range files {
		if stripped := i == 0 || i == 3; (f.Stripped != "") != stripped || (f.Problem == "") != stripped {
			t.Errorf("%+v", f)
		}
	}
	if files[0].Metadata == nil || files[0].Metadata.Place == nil {
		t.Errorf("the metadata is not told: %+v", files[0])
	}
}
