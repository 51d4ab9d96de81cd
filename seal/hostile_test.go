package seal

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"tocsin/seal/padme"
)

// The public half of a case key is no secret: whoever has it can seal any
// archive to it. These tests are about what somebody would who wants the
// program on the case worker's machine to do something else.

// piece is a stretch of an archive.
type piece []byte

// plainEntry is one as our writer makes it.
func plainEntry(name string, content []byte) piece {
	return slices.Concat(header(name, int64(len(content)))[:], content, make([]byte, gap(int64(len(content)))))
}

// tarEntry is one as archive/tar makes it.
func tarEntry(t *testing.T, h tar.Header, content string) piece {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if h.Size == 0 {
		h.Size = int64(len(content))
	}
	if h.Mode == 0 && h.Typeflag != tar.TypeXGlobalHeader {
		h.Mode = 0o600
	}
	if err := w.WriteHeader(&h); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if int64(len(content)) == h.Size {
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// manifestOf describes small whole files.
func manifestOf(body string, files ...string) *Manifest {
	m := &Manifest{Version: 1, Context: reportContext, Body: "report.json", BodySHA256: digestOf(body), Files: []File{}}
	for i, f := range files {
		m.Files = append(m.Files, File{Path: filePath(i + 1), Size: int64(len(f)), SHA256: digestOf(f), Parts: parts(int64(len(f)))})
	}
	return m
}

func digestOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func manifestEntry(t *testing.T, m *Manifest) piece {
	t.Helper()
	b, err := m.marshal()
	if err != nil {
		t.Fatal(err)
	}
	return plainEntry(manifestName, b)
}

// pad joins pieces to an archive of the right length.
func pad(pieces ...piece) []byte {
	var b []byte
	for _, p := range pieces {
		b = append(b, p...)
	}
	return append(b, make([]byte, padme.Size(int64(len(b)+1024))-int64(len(b)))...)
}

// openRaw seals an archive and reads it as a message, in full and for a
// listing.
func openRaw(t *testing.T, archive []byte) (full, listing error) {
	t.Helper()
	key := newKey(t)
	file := encrypt(t, archive, key.Recipient())
	_, _, full = read(file, key, reportContext)
	_, listing = ReadMessage(bytes.NewReader(file), int64(len(file)), key.Identity(), reportContext, nil)
	return full, listing
}

// The builder itself makes a message that opens, by our own entries and by
// those of archive/tar.
func TestBuilderMakesMessages(t *testing.T) {
	ours := pad(plainEntry("report.json", []byte("body")), plainEntry("files/001", []byte("one")),
		manifestEntry(t, manifestOf("body", "one")))
	if full, listing := openRaw(t, ours); full != nil || listing != nil {
		t.Error(full, listing)
	}
	theirs := pad(
		tarEntry(t, tar.Header{Name: "report.json", Format: tar.FormatUSTAR}, "body"),
		tarEntry(t, tar.Header{Name: "files/001", Format: tar.FormatUSTAR}, "one"),
		manifestEntry(t, manifestOf("body", "one")))
	if !bytes.Equal(ours, theirs) {
		t.Error("archive/tar writes the same entries in another way")
	}
}

func TestHostileArchives(t *testing.T) {
	body := plainEntry("report.json", []byte("body"))
	one := plainEntry("files/001", []byte("one"))
	manifest := manifestEntry(t, manifestOf("body", "one"))
	alone := manifestEntry(t, manifestOf("body"))
	part := pattern(PartSize)
	// fits is a manifest that would fit a reader who looked less closely.
	fits := func(files ...[]byte) piece {
		var text []string
		for _, f := range files {
			text = append(text, string(f))
		}
		return manifestEntry(t, manifestOf("body", text...))
	}
	twice := slices.Concat(part, part)
	huge := make([]byte, MaxBody+1)
	named := manifestOf("body")
	named.Body = "other.json"
	var many []piece
	for i := range MaxFiles + 1 {
		many = append(many, plainEntry(filePath(i+1), nil))
	}

	resized := func(size string) piece {
		h := header("files/001", 3)
		copy(h[124:136], size)
		fixChecksum(h)
		return slices.Concat(h[:], make([]byte, 512))
	}
	entry := func(h tar.Header, content string) piece { return tarEntry(t, h, content) }

	for name, archive := range map[string][]byte{
		"nothing":                       pad(),
		"no entry in full":              body[:100],
		"no manifest":                   pad(body, one),
		"manifest only":                 pad(alone),
		"manifest first":                pad(alone, body),
		"body twice":                    pad(body, body, alone),
		"another body too":              pad(body, plainEntry("message.json", nil), alone),
		"body after the files":          pad(one, body, manifest),
		"manifest twice":                pad(body, one, manifest, manifest),
		"file after the manifest":       pad(body, manifest, one),
		"file twice":                    pad(body, one, one, fits([]byte("one"), []byte("one"))),
		"file number 2 first":           pad(body, plainEntry("files/002", []byte("one")), manifest),
		"file number 0":                 pad(body, plainEntry("files/000", []byte("one")), manifest),
		"number in another form":        pad(body, plainEntry("files/1", []byte("one")), manifest),
		"name that climbs":              pad(body, plainEntry("../../files/001", []byte("one")), manifest),
		"absolute name":                 pad(body, plainEntry("/files/001", []byte("one")), manifest),
		"name of 100 characters":        pad(body, plainEntry(strings.Repeat("x", 100), nil), manifest),
		"file nobody asked for":         pad(body, one, plainEntry(".profile", []byte("x")), fits([]byte("one"), []byte("x"))),
		"whole file beyond a part":      pad(body, plainEntry("files/001", append(part, 1)), fits(append(part, 1))),
		"single part":                   pad(body, plainEntry("files/001.part0001", part), fits(part)),
		"short single part":             pad(body, plainEntry("files/001.part0001", []byte("one")), manifest),
		"parts end in a part too large": pad(body, plainEntry("files/001.part0001", part), plainEntry("files/001.part0002", append(part, 1)), fits(append(twice, 1))),
		"part 2 first":                  pad(body, plainEntry("files/001.part0002", part), plainEntry("files/001.part0003", part), fits(twice)),
		"part missing":                  pad(body, plainEntry("files/001.part0001", part), plainEntry("files/001.part0003", part), fits(twice)),
		"part twice":                    pad(body, plainEntry("files/001.part0001", part), plainEntry("files/001.part0001", part), fits(twice)),
		"part after a short one":        pad(body, plainEntry("files/001.part0001", part[1:]), plainEntry("files/001.part0002", part), fits(slices.Concat(part[1:], part))),
		"empty last part":               pad(body, plainEntry("files/001.part0001", part), plainEntry("files/001.part0002", nil), fits(part)),
		"large part":                    pad(body, plainEntry("files/001.part0001", append(part, 1)), plainEntry("files/001.part0002", part), fits(slices.Concat(append(part, 1), part))),
		"whole and then parts":          pad(body, one, plainEntry("files/001.part0001", part), plainEntry("files/001.part0002", part), fits([]byte("one"), twice)),
		"size of 8 GiB":                 pad(body, resized("77777777777\x00"), manifest),
		"size beyond the end":           pad(body, resized("00000100000\x00"), manifest),
		"body of an unknown name":       pad(plainEntry("other.json", []byte("body")), manifestEntry(t, named)),
		"body of another kind":          pad(plainEntry("message.json", []byte("body")), alone),
		"misnamed first part":           pad(body, plainEntry("files/001.part", part), plainEntry("files/001.part0002", part), fits(twice)),
		"1,000 files":                   pad(body, slices.Concat(many...), fits(make([][]byte, MaxFiles+1)...)),
		"binary size":                   pad(body, resized("\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"), manifest),
		"negative size":                 pad(body, resized("-0000000003\x00"), manifest),
		"size in blanks":                pad(body, resized("          3\x00"), manifest),
		"size without NUL":              pad(body, resized("000000000003"), manifest),
		"body too large":                pad(plainEntry("report.json", huge), manifestEntry(t, manifestOf(string(huge)))),
		"manifest too large":            pad(body, plainEntry(manifestName, append(bytes.Repeat([]byte(" "), maxManifest), "{}"...))),
		"symbolic link":                 pad(body, entry(tar.Header{Typeflag: tar.TypeSymlink, Name: "files/001", Linkname: "/etc/passwd"}, ""), manifest),
		"hard link":                     pad(body, entry(tar.Header{Typeflag: tar.TypeLink, Name: "files/001", Linkname: "report.json"}, ""), manifest),
		"directory":                     pad(body, entry(tar.Header{Typeflag: tar.TypeDir, Name: "files/"}, ""), one, manifest),
		"device":                        pad(body, entry(tar.Header{Typeflag: tar.TypeChar, Name: "files/001"}, ""), manifest),
		"fifo":                          pad(body, entry(tar.Header{Typeflag: tar.TypeFifo, Name: "files/001"}, ""), manifest),
		"extended header":               pad(body, entry(tar.Header{Name: "files/001", PAXRecords: map[string]string{"TOCSIN.x": "y"}}, "one"), manifest),
		"global extended header":        pad(entry(tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"path": "x"}}, ""), body, one, manifest),
		"GNU format":                    pad(body, entry(tar.Header{Name: "files/001", Format: tar.FormatGNU}, "one"), manifest),
		"GNU long name":                 pad(body, entry(tar.Header{Name: strings.Repeat("x", 300), Format: tar.FormatGNU}, "one"), manifest),
		"executable":                    pad(body, entry(tar.Header{Name: "files/001", Mode: 0o755, Format: tar.FormatUSTAR}, "one"), manifest),
		"set-user-ID":                   pad(body, entry(tar.Header{Name: "files/001", Mode: 0o4600, Format: tar.FormatUSTAR}, "one"), manifest),
		"owner":                         pad(body, entry(tar.Header{Name: "files/001", Uid: 1, Format: tar.FormatUSTAR}, "one"), manifest),
		"owner's name":                  pad(body, entry(tar.Header{Name: "files/001", Uname: "root", Format: tar.FormatUSTAR}, "one"), manifest),
		"no checksum":                   pad(body, spoil(one, 148), manifest),
		"something in the header":       pad(body, spoil(one, 505), manifest),
		"something behind the body":     pad(spoil(body, 512+4), one, manifest),
		"something behind a file":       pad(body, spoil(one, 512+3), manifest),
		"something behind manifest":     pad(body, one, spoil(manifest, len(manifest)-1)),
		"something in end of archive":   spoil(pad(body, one, manifest), len(body)+len(one)+len(manifest)),
		"something in the last byte":    spoil(pad(body, one, manifest), padme.Floor-1),
		"one block more":                append(pad(body, one, manifest), make([]byte, 512)...),
		"one step more":                 append(pad(body, one, manifest), make([]byte, 1024)...),
		"not padded":                    slices.Concat(body, one, manifest, make([]byte, 1024)),
		"no end of archive, on a step":  onStepWithoutEnd(t),
	} {
		full, listing := openRaw(t, archive)
		if !errors.Is(full, ErrContents) {
			t.Errorf("%s: %v, want ErrContents", name, full)
		}
		// A listing passes over contents and padding, and nothing else.
		if !errors.Is(listing, ErrContents) && !slices.Contains(unseenByListing, name) {
			t.Errorf("%s, listed: %v, want ErrContents", name, listing)
		}
	}
}

var unseenByListing = []string{"something behind a file", "something in the last byte"}

func fixChecksum(h *[blockSize]byte) {
	copy(h[148:156], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	const digits = "01234567"
	for i := 5; i >= 0; i-- {
		h[148+i] = digits[sum&7]
		sum >>= 3
	}
	h[154], h[155] = 0, ' '
}

// spoil sets a bit in a copy.
func spoil(b []byte, at int) []byte {
	b = slices.Clone(b)
	b[at] ^= 1
	return b
}

// onStepWithoutEnd is an archive whose manifest ends right at a step.
func onStepWithoutEnd(t *testing.T) []byte {
	t.Helper()
	rest := len(manifestEntry(t, manifestOf("")))
	body := strings.Repeat("x", padme.Floor-512-rest)
	b := slices.Concat(plainEntry("report.json", []byte(body)), manifestEntry(t, manifestOf(body)))
	if len(b) != padme.Floor {
		t.Fatalf("%d bytes", len(b))
	}
	return b
}

func TestManifestMismatch(t *testing.T) {
	body, one := "body", "one"
	change := func(f func(*Manifest)) piece {
		m := manifestOf(body, one)
		f(m)
		return manifestEntry(t, m)
	}
	good, err := manifestOf(body, one).marshal()
	if err != nil {
		t.Fatal(err)
	}
	text := func(old, new string) piece {
		if !strings.Contains(string(good), old) {
			t.Fatalf("the manifest has no %q", old)
		}
		return plainEntry(manifestName, []byte(strings.Replace(string(good), old, new, 1)))
	}
	for name, c := range map[string]struct {
		manifest piece
		want     error
	}{
		"another body":          {change(func(m *Manifest) { m.BodySHA256 = digestOf("x") }), ErrContents},
		"body's digest is none": {change(func(m *Manifest) { m.BodySHA256 = "x" }), ErrContents},
		"digest in capitals":    {change(func(m *Manifest) { m.BodySHA256 = strings.ToUpper(m.BodySHA256) }), ErrContents},
		"file's in capitals":    {change(func(m *Manifest) { m.Files[0].SHA256 = strings.ToUpper(m.Files[0].SHA256) }), ErrContents},
		"body of another name":  {change(func(m *Manifest) { m.Body = "message.json" }), ErrContents},
		"another file":          {change(func(m *Manifest) { m.Files[0].SHA256 = digestOf("x") }), ErrContents},
		"file's digest is none": {change(func(m *Manifest) { m.Files[0].SHA256 = "" }), ErrContents},
		"another size":          {change(func(m *Manifest) { m.Files[0].Size = 4 }), ErrContents},
		"other parts":           {change(func(m *Manifest) { m.Files[0].Parts = 2 }), ErrContents},
		"no parts":              {change(func(m *Manifest) { m.Files[0].Parts = 0 }), ErrContents},
		"another path":          {change(func(m *Manifest) { m.Files[0].Path = "../x" }), ErrContents},
		"a file less":           {change(func(m *Manifest) { m.Files = nil }), ErrContents},
		"a file more":           {change(func(m *Manifest) { m.Files = append(m.Files, m.Files[0]) }), ErrContents},
		"another instance":      {change(func(m *Manifest) { m.Instance = "x" }), ErrContext},
		"another case":          {change(func(m *Manifest) { m.Case = "x" }), ErrContext},
		"another kind":          {change(func(m *Manifest) { m.Kind = KindReply }), ErrContext},
		"another record":        {change(func(m *Manifest) { m.Record = digestOf("x") }), ErrContext},
		"version 2":             {change(func(m *Manifest) { m.Version = 2 }), ErrVersion},
		"version 2 and fields":  {text(`"version":1`, `"version":2,"new":{}`), ErrVersion},
		"no version":            {text(`"version":1,`, ``), ErrVersion},
		"unknown field":         {text(`"files"`, `"new":1,"files"`), ErrContents},
		"field of a file":       {text(`"parts"`, `"new":1,"parts"`), ErrContents},
		"size as text":          {text(`"size":3`, `"size":"3"`), ErrContents},
		"two manifests":         {text("}\n", "}{}\n"), ErrContents},
		"rubbish behind":        {text("}\n", "}x\n"), ErrContents},
		"not JSON":              {plainEntry(manifestName, []byte("{")), ErrContents},
		"nothing":               {plainEntry(manifestName, nil), ErrContents},
		"null":                  {plainEntry(manifestName, []byte("null")), ErrVersion},
	} {
		archive := pad(plainEntry("report.json", []byte(body)), plainEntry("files/001", []byte(one)), c.manifest)
		full, listing := openRaw(t, archive)
		if !errors.Is(full, c.want) {
			t.Errorf("%s: %v, want %v", name, full, c.want)
		}
		if !errors.Is(listing, c.want) && name != "another file" {
			t.Errorf("%s, listed: %v, want %v", name, listing, c.want)
		}
	}
}

// The error for a version says which one it met and which one it knows.
func TestUnknownVersionSaysSo(t *testing.T) {
	m := manifestOf("body")
	m.Version = 7
	err, _ := openRaw(t, pad(plainEntry("report.json", []byte("body")), manifestEntry(t, m)))
	if err == nil || !strings.Contains(err.Error(), "version 7") || !strings.Contains(err.Error(), "version 1") {
		t.Errorf("%v", err)
	}
}

// The manifest's form is what other programs read: it does not change.
func TestManifestIsFrozen(t *testing.T) {
	m := manifestOf("body", "one")
	m.Context = Context{"ab", "cd", KindReport, digestOf("record")}
	m.Files[0].Name, m.Files[0].Type = "Foto.jpg", "image/jpeg"
	got, err := m.marshal()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"version":1,"instance":"ab","case":"cd","kind":"report",` +
		`"record":"70ce871f8a3d3fb449bc3c3ace6547cef02dfc74ffe48d912532a724bfdbe5b9","body":"report.json",` +
		`"body_sha256":"230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5",` +
		`"files":[{"path":"files/001","name":"Foto.jpg","type":"image/jpeg","size":3,` +
		`"sha256":"7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed","parts":1}]}` + "\n"
	if string(got) != want {
		t.Errorf("got  %swant %s", got, want)
	}
	if !json.Valid(got) {
		t.Error("not JSON")
	}
}
