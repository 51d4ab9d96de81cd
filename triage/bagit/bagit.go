// Package bagit writes BagIt 1.0 bags (RFC 8493) as tar streams: a directory
// whose manifest anybody can check with sha512sum, without a tool of ours.
//
// The writer keeps nothing but digests: payload streams through, so a bag can
// be larger than memory and no part of it needs to exist on a disk. Callers
// add the payload in the order in which it is to be read and then call Close;
// without it the bag is incomplete.
package bagit

import (
	"archive/tar"
	"bytes"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrPath is returned for a path that can't stand in a manifest as it is.
var ErrPath = errors.New("not a path that a bag can hold")

// A Writer writes one bag.
type Writer struct {
	// Tags, if it is set, is called once by Close with what manifest-sha512.txt
	// will hold. The tag files that it returns, such as a signature of it,
	// stand beside the manifest and in the tag manifest.
	Tags func(manifest []byte) ([]Tag, error)

	tar      *tar.Writer
	dir      string
	seen     map[string]bool
	payload  bytes.Buffer // manifest-sha512.txt so far
	tags     bytes.Buffer // tagmanifest-sha512.txt so far
	octets   int64
	streams  int64
	unusable error // set once something was left half-written
}

// NewWriter begins a bag in the directory dir, the only one at the top of the
// archive (RFC 8493 leaves serialisation to the tar format).
func NewWriter(w io.Writer, dir string) (*Writer, error) {
	if path.Base(dir) != dir || !sound(dir) {
		return nil, fmt.Errorf("beginning a bag %q: %w", dir, ErrPath)
	}
	b := &Writer{tar: tar.NewWriter(w), dir: dir, seen: make(map[string]bool)}
	err := b.tag("bagit.txt", []byte("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"))
	if err != nil {
		return nil, err
	}
	return b, nil
}

// Add adds a payload file of exactly size bytes at data/name. name is a clean
// relative path without line breaks or percent signs, which a manifest would
// have to escape and sha512sum would not unescape (RFC 8493, section 2.1.3).
func (b *Writer) Add(name string, size int64, r io.Reader) error {
	name = "data/" + name
	if path.Clean(name) != name || !sound(name) || b.seen[name] {
		return fmt.Errorf("adding %q to the bag: %w", name, ErrPath)
	}
	b.seen[name] = true
	sum, err := b.write(name, size, r)
	if err != nil {
		return fmt.Errorf("adding %q to the bag: %w", name, err)
	}
	fmt.Fprintf(&b.payload, "%x  %s\n", sum, name)
	b.octets += size
	b.streams++
	return nil
}

// A Tag is a tag file beside those that every bag has.
type Tag struct {
	Name    string // no directory
	Content []byte
}

// An Info is a line of bag-info.txt.
type Info struct{ Label, Value string }

// Close writes bag-info.txt, with Payload-Oxum after what is given, and the
// manifests. It does not close what is underneath.
func (b *Writer) Close(info []Info) error {
	var text bytes.Buffer
	for _, i := range append(info, Info{"Payload-Oxum", fmt.Sprintf("%d.%d", b.octets, b.streams)}) {
		if strings.ContainsAny(i.Label, ":\r\n") || strings.ContainsAny(i.Value, "\r\n") || i.Value == "" {
			return fmt.Errorf("closing the bag: %q is not a label and a value on one line", i)
		}
		fmt.Fprintf(&text, "%s: %s\n", i.Label, i.Value)
	}
	if err := b.tag("bag-info.txt", text.Bytes()); err != nil {
		return err
	}
	if err := b.tag("manifest-sha512.txt", b.payload.Bytes()); err != nil {
		return err
	}
	if err := b.moreTags(); err != nil {
		return fmt.Errorf("closing the bag: %w", err)
	}
	// A tag manifest does not name itself: take what it holds before tag adds to it.
	if err := b.tag("tagmanifest-sha512.txt", bytes.Clone(b.tags.Bytes())); err != nil {
		return err
	}
	if err := b.tar.Close(); err != nil {
		return fmt.Errorf("closing the bag: %w", err)
	}
	return nil
}

func (b *Writer) moreTags() error {
	if b.Tags == nil {
		return nil
	}
	list, err := b.Tags(bytes.Clone(b.payload.Bytes()))
	if err != nil {
		return err
	}
	for _, t := range list {
		if path.Base(t.Name) != t.Name || !sound(t.Name) {
			return fmt.Errorf("tag file %q: %w", t.Name, ErrPath)
		}
		if err := b.tag(t.Name, t.Content); err != nil {
			return err
		}
	}
	return nil
}

func (b *Writer) tag(name string, text []byte) error {
	sum, err := b.write(name, int64(len(text)), bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("writing the bag's %s: %w", name, err)
	}
	fmt.Fprintf(&b.tags, "%x  %s\n", sum, name)
	return nil
}

// write writes one file. Owner, mode and time are the same for all: they would
// only speak of the machine that the bag was made on.
func (b *Writer) write(name string, size int64, r io.Reader) ([]byte, error) {
	if b.unusable != nil {
		return nil, b.unusable
	}
	err := b.tar.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg,
		Name:     b.dir + "/" + name,
		Size:     size,
		Mode:     0o600,
		ModTime:  time.Unix(0, 0),
	})
	h := sha512.New()
	if err == nil {
		var n int64
		n, err = io.Copy(io.MultiWriter(b.tar, h), r)
		if err == nil && n != size {
			err = fmt.Errorf("%d bytes came instead of %d: %w", n, size, io.ErrUnexpectedEOF)
		}
	}
	if err != nil {
		b.unusable = fmt.Errorf("the bag is broken: %w", err)
		return nil, err
	}
	return h.Sum(nil), nil
}

// sound reports whether name can be written into a manifest as it is.
func sound(name string) bool {
	return name != "" && !path.IsAbs(name) && name != "." && name != ".." && !strings.HasPrefix(name, "../") &&
		utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '%' || r == '\\'
	})
}
