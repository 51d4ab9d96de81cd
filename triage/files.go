package triage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/triage/metadata"
	"tocsin/triage/screen"
)

// A CaseFile is an attachment of a case. Texts in it are as a stranger wrote
// them.
type CaseFile struct {
	Number int `json:"number"` // by which it is asked for
	seal.File
	Metadata *metadata.Info `json:"metadata,omitempty"` // if it was looked into and is an image
	Saved    string         `json:"saved,omitempty"`    // where it is now
	Stripped string         `json:"stripped,omitempty"` // where its copy without metadata is
	Problem  string         `json:"problem,omitempty"`  // why something of this is not there, or not whole

	message, index int // which of the case's messages has it, and where
}

// ErrSealed means that a case is marked to be handed over sealed.
var ErrSealed = errors.New("this case is to be handed over sealed: none of its files is opened here; triage route hands them over as they are")

// maxLook is the largest image that is looked into, in bytes: nothing decrypted
// is written, so it is in memory whole.
const maxLook = 64 << 20

// Files lists a case's attachments without opening them: those of the report,
// then those of each addition that can be read. With only, which are numbers or
// whole names, it lists no other.
func (h *Home) Files(c *Case, only []string) ([]CaseFile, error) {
	_, files, err := h.chosen(c, only)
	return files, err
}

// Metadata opens a case's attachments, all or only some, in memory, and tells
// what those say that are images.
func (h *Home) Metadata(c *Case, only []string) ([]CaseFile, error) {
	o, files, err := h.chosen(c, only)
	if err != nil {
		return nil, err
	}
	if err := h.mayOpen(o); err != nil {
		return nil, err
	}
	return files, h.eachFile(o, files, (*CaseFile).look)
}

// mayOpen refuses to open the attachments of a case that is marked so.
func (h *Home) mayOpen(o *opened) error {
	if sealed, err := h.sealedOnly(o); err != nil {
		return err
	} else if sealed {
		return fmt.Errorf("case %s: %w", o.ID, ErrSealed)
	}
	return nil
}

// chosen opens a case and lists the attachments that are meant.
func (h *Home) chosen(c *Case, only []string) (*opened, []CaseFile, error) {
	o, err := h.openCase(c)
	if err != nil {
		return nil, nil, err
	}
	var files []CaseFile
	for i, e := range o.Messages {
		if e.Leaf.Kind != ledger.KindReport && e.Leaf.Kind != ledger.KindAddition {
			continue
		}
		msg, err := h.read(o, e, nil)
		if err == nil && e.Leaf.Kind == ledger.KindAddition {
			_, err = parseNote(msg)
		}
		if err != nil && e.Leaf.Kind == ledger.KindAddition && h.intact(e) {
			continue // it keeps nobody from the rest
		}
		if err != nil {
			return nil, nil, err
		}
		for j, f := range msg.Files {
			files = append(files, CaseFile{Number: len(files) + 1, File: f, message: i, index: j})
		}
	}
	if len(only) == 0 {
		return o, files, nil
	}
	wanted := map[int]bool{}
	for _, text := range only {
		n, err := numberOf(files, text)
		if err != nil {
			return nil, nil, fmt.Errorf("case %s: %w", c.ID, err)
		}
		wanted[n] = true
	}
	var some []CaseFile
	for _, f := range files {
		if wanted[f.Number] {
			some = append(some, f)
		}
	}
	return o, some, nil
}

// numberOf finds a file by its number, or by its name as a listing shows it.
func numberOf(files []CaseFile, text string) (int, error) {
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= len(files) {
		return n, nil
	}
	found := 0
	for _, f := range files {
		switch name := screen.Line(f.Name); {
		case name == "" || name != screen.Line(text):
		case found > 0:
			return 0, fmt.Errorf("files %d and %d are both named %s; say which by its number", found, f.Number, name)
		default:
			found = f.Number
		}
	}
	if found == 0 {
		return 0, fmt.Errorf("there is no file %s; see what there is: triage files CASE", screen.Line(text))
	}
	return found, nil
}

// eachFile opens the attachments one after the other. Those of an addition that
// can't be read to its end, though it is here as it was sent, get a Problem,
// whatever do made of them before; they keep nobody from the rest.
func (h *Home) eachFile(o *opened, files []CaseFile, do func(*CaseFile, io.Reader) error) error {
	for len(files) > 0 {
		n := 1
		for n < len(files) && files[n].message == files[0].message {
			n++
		}
		now, e := files[:n], o.Messages[files[0].message]
		files = files[n:]
		var own error // of do, rather than of what it reads
		at, next := 0, 0
		_, err := h.read(o, e, func(_ seal.File, content io.Reader) error {
			if at++; next == n || now[next].index != at-1 {
				return nil
			}
			next++
			watched := &watchedReader{r: content}
			err := do(&now[next-1], watched)
			if watched.err == nil {
				own = err
			}
			return err
		})
		switch {
		case own != nil:
			return own
		case err != nil && e.Leaf.Kind == ledger.KindAddition && h.intact(e):
			for i := range now {
				now[i].Problem = fmt.Sprintf("the addition that it came with can't be read: %v", err)
			}
		case err != nil:
			return err
		}
	}
	return nil
}

// A watchedReader remembers whether reading failed.
type watchedReader struct {
	r   io.Reader
	err error
}

func (w *watchedReader) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

// look tells what an image says that is read from content.
func (f *CaseFile) look(content io.Reader) error {
	start := make([]byte, min(f.Size, 12))
	if _, err := io.ReadFull(content, start); err != nil {
		return err
	}
	switch {
	case metadata.Type(start) == "":
		f.Problem = metadata.ErrUnknown.Error()
		return nil
	case f.Size > maxLook:
		f.Problem = fmt.Sprintf("larger than %d bytes: not looked into", maxLook)
		return nil
	}
	data := make([]byte, f.Size)
	defer clear(data)
	if _, err := io.ReadFull(content, data[copy(data, start):]); err != nil {
		return err
	}
	return f.tell(bytes.NewReader(data))
}

// tell sets what the metadata says.
func (f *CaseFile) tell(image io.ReaderAt) (err error) {
	f.Metadata, err = metadata.Read(image, f.Size)
	if errors.Is(err, metadata.ErrUnknown) || errors.Is(err, metadata.ErrDamaged) {
		f.Problem, err = err.Error(), nil
	}
	return err
}

// WriteMetadata lays out for a terminal what files say.
func WriteMetadata(w io.Writer, files []CaseFile) error {
	p := &layout{}
	for _, f := range files {
		p.line("%d  %s  %s, %d bytes", f.Number, shownName(f.Name), f.Type, f.Size)
		if f.Problem != "" {
			p.text(screen.Line(f.Problem), "  ")
		}
		if f.Metadata != nil {
			p.metadata(f.Metadata)
		}
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

func (p *layout) metadata(i *metadata.Info) {
	d, place, smaller := &i.Device, "", ""
	if at := i.Place; at != nil {
		place = fmt.Sprintf("%.6f, %.6f", at.Latitude, at.Longitude)
		if at.Altitude != nil {
			place += fmt.Sprintf(", %.1f m above the sea", *at.Altitude)
		}
	}
	if i.Thumbnail > 0 {
		smaller = fmt.Sprintf("%d bytes", i.Thumbnail)
	}
	told := false
	for _, f := range []struct{ label, value string }{
		{"place", place},
		{"place in words", i.PlaceNames},
		{"taken", i.Time.Taken},
		{"changed", i.Time.Changed},
		{"satellites' time (UTC)", i.Time.Satellite},
		{"device", strings.TrimSpace(d.Make + " " + d.Model)},
		{"serial number", d.Serial},
		{"lens", d.Lens},
		{"lens's serial number", d.LensSerial},
		{"software", d.Software},
		{"owner", d.Owner},
		{"artist", d.Artist},
		{"smaller image", smaller},
	} {
		if value := screen.Line(f.value); value != "" {
			p.field(f.label, value)
			told = true
		}
	}
	var others []string
	for _, o := range i.Others {
		line := o.Name
		if o.Size > 0 {
			line += fmt.Sprintf(", %d bytes", o.Size)
		}
		if o.Text != "" {
			line += ": " + o.Text
		}
		others = append(others, screen.Line(line))
	}
	if len(others) > 0 {
		p.field("also in it", strings.Join(others, "\n"))
	} else if !told {
		p.line("  no metadata")
	}
}
