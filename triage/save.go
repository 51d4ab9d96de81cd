package triage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"tocsin/seal/roster"
	"tocsin/triage/metadata"
	"tocsin/triage/screen"
)

// SaveOptions say which attachments Save saves, and how.
type SaveOptions struct {
	Only  []string // numbers or names as in Files; none means all
	Strip bool     // also write a copy without metadata of every JPEG, PNG and WebP
	Limit int64    // most bytes in all; 0 means what the roster's policy lets a report have, and a file
}

// ErrLimit means that what was to be saved is larger than is allowed.
var ErrLimit = errors.New("too large to save")

// Save decrypts attachments of a case into a new directory for it under dir and
// returns them with their paths. This is the one place where triage writes
// something decrypted to a disk, and it happens only when asked for.
//
// Files are for their owner only and never executable; their names are cleaned
// and begin with their number. A copy without metadata is called NAME.stripped.EXT
// and lies beside the file, which is as it was sent. The directory has its name
// only when every file in it was checked to its end; nothing that is there is
// written over. A file without a path has a Problem; one with it and a Problem
// has no copy. It is ErrSealed if the case is marked so, ErrLimit if the sizes
// that the messages' manifests give are over the limit. The caller holds the
// lock.
func (h *Home) Save(c *Case, dir string, how SaveOptions) ([]CaseFile, error) {
	o, files, err := h.chosen(c, how.Only)
	if err != nil {
		return nil, err
	}
	if err := h.mayOpen(o); err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, nil
	}
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	size, err := within(files, how.Limit, &r.Policy)
	if err != nil {
		return nil, fmt.Errorf("saving files: %w", err)
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	target := filepath.Join(dir, c.ID.String())
	if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("saving files: %s is there already; remove it or choose another directory", target)
	}
	// What a save that was killed left decrypted lies under this name.
	temp := filepath.Join(dir, ".saving-"+c.ID.String())
	if err := os.RemoveAll(temp); err != nil {
		return nil, fmt.Errorf("saving files: %w", err)
	}
	if how.Strip {
		size *= 2
	}
	if err := room(dir, size); err != nil {
		return nil, fmt.Errorf("saving files: %w", err)
	}
	if err := os.Mkdir(temp, 0o700); err != nil {
		return nil, fmt.Errorf("saving files: %w", err)
	}
	defer os.RemoveAll(temp)
	if err := h.saveInto(temp, o, files, how.Strip); err != nil {
		return nil, err
	}
	// Commit point: all messages were verified to their ends. Before it, the next
	// save or this one's end removes what is there; after it, all of it is there.
	if err := os.Rename(temp, target); err != nil {
		return nil, fmt.Errorf("saving files: %w", err)
	}
	for i := range files {
		f := &files[i]
		for _, path := range []*string{&f.Saved, &f.Stripped} {
			if *path != "" {
				*path = filepath.Join(target, *path)
			}
		}
	}
	return files, syncDir(dir)
}

// saveInto writes the files into a directory and names them in it. What can't
// be read of an addition is left out, unless it is all that was asked for.
func (h *Home) saveInto(temp string, o *opened, files []CaseFile, strip bool) error {
	err := h.eachFile(o, files, func(f *CaseFile, content io.Reader) error {
		return saveFile(filepath.Join(temp, f.name()), func(w io.Writer) error {
			_, err := io.Copy(w, content)
			return err
		})
	})
	if err != nil {
		return err
	}
	saved := 0
	for i := range files {
		f := &files[i]
		if f.Problem != "" { // nothing of it stays
			if err := os.Remove(filepath.Join(temp, f.name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("saving files: %w", err)
			}
			continue
		}
		saved++
		f.Saved = f.name()
		if strip {
			if err := f.strip(temp); err != nil {
				return err
			}
		}
	}
	if saved == 0 {
		return fmt.Errorf("saving files: %s", files[0].Problem)
	}
	return syncDir(temp)
}

// within returns how many bytes the files have together, as their manifests say
// it before anything is opened.
func within(files []CaseFile, limit int64, p *roster.Policy) (int64, error) {
	each, what := limit, "--limit allows"
	if limit == 0 {
		each, limit, what = p.MaxFile, p.MaxReport, "the roster's policy allows"
	}
	var sum int64
	for _, f := range files {
		if f.Size > each {
			return 0, fmt.Errorf("%w: file %d has %d bytes, and %s %d; to save it all the same give a larger --limit", ErrLimit, f.Number, f.Size, what, each)
		}
		if sum += f.Size; sum > limit {
			return 0, fmt.Errorf("%w: the files have more than the %d bytes that %s; save fewer with --only, or give a larger --limit", ErrLimit, limit, what)
		}
	}
	return sum, nil
}

// room checks that a directory's disk has room for more bytes.
func room(dir string, size int64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("asking for the room in %s: %w", dir, err)
	}
	if free := uint64(st.Bavail) * uint64(st.Bsize); uint64(size) > free {
		return fmt.Errorf("%d bytes are needed and the disk of %s has %d free; make room, choose another directory, or save fewer with --only", size, dir, free)
	}
	return nil
}

// saveFile writes a file whole, or an error.
func saveFile(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("saving files: %w", err)
	}
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("saving %s: %w", filepath.Base(path), err)
	}
	return nil
}

// strip writes the copy without metadata of a file that was saved in dir, if it
// is an image, and tells what it says.
func (f *CaseFile) strip(dir string) error {
	in, err := os.Open(filepath.Join(dir, f.Saved))
	if err != nil {
		return fmt.Errorf("saving files: %w", err)
	}
	defer in.Close()
	if err := f.tell(in); err != nil {
		return fmt.Errorf("saving files: %w", err)
	}
	if f.Problem != "" {
		return nil
	}
	f.Stripped = strippedName(f.Saved)
	return saveFile(filepath.Join(dir, f.Stripped), func(w io.Writer) error { return metadata.Strip(w, in, f.Size) })
}

func strippedName(path string) string {
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + ".stripped" + ext
}

func (f *CaseFile) name() string { return numberedName(f.Number, f.Name, true) }

// numberedName makes a safe name that no other file of the case has. Without
// full, only the ending is left of what the witness's device called it: a
// name can name its owner.
func numberedName(n int, name string, full bool) string {
	name = screen.FileName(name)
	if !full {
		name = filepath.Ext(name)
		if len(name) > 8 {
			name = ""
		}
		return fmt.Sprintf("%03d%s", n, name)
	}
	if name == "" {
		return fmt.Sprintf("%03d", n)
	}
	return fmt.Sprintf("%03d-%s", n, name)
}
