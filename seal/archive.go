package seal

import (
	"bytes"
	"fmt"

	"tocsin/seal/padme"
)

// The archive inside a message, all of it determined by the body, the
// attachments and the manifest:
//
//	report.json, message.json, note.json or draft.json
//	files/001                       an attachment of at most 1 MiB
//	files/002.part0001              a larger one, in parts of 1 MiB
//	files/002.part0002              whose last may be shorter
//	manifest.json
//	zero bytes up to a step of padme, the first 1024 of which end the archive
//
// tar wants an entry's size before its content, and the size of an upload is
// not known before its end; parts let it stream through a fixed buffer.
// `cat files/002.part*` joins them, because their numbers sort.
//
// Entries are plain POSIX ustar (IEEE Std 1003.1, pax, "ustar Interchange
// Format") with fixed owner, mode and time. archive/tar is not used to read
// them: it knows links, sparse files and extended headers, all of which are
// only ways to surprise here. For a name and a size just one header is right,
// so the reader builds it and compares.
const (
	blockSize = 512
	// PartSize is the length of all parts of an attachment but the last.
	PartSize = 1 << 20
	// MaxBody is the most that the body of a message may have, in bytes.
	MaxBody = 4 << 20
	// MaxFiles is how many attachments a message may have.
	MaxFiles = 999
	// MaxFileSize is the most that one attachment may have, in bytes.
	MaxFileSize = maxParts * PartSize

	maxParts     = 9999
	manifestName = "manifest.json"
	maxManifest  = 4 << 20 // bytes; 999 files with the longest names fit
)

func filePath(file int) string { return fmt.Sprintf("files/%03d", file) }

func partPath(file, part int) string { return fmt.Sprintf("%s.part%04d", filePath(file), part) }

// parts returns in how many entries an attachment is kept.
func parts(size int64) int { return int(max(1, (size+PartSize-1)/PartSize)) }

// gap returns how many zero bytes follow a content to the next whole block.
func gap(size int64) int64 { return -size & (blockSize - 1) }

// header returns the one right header of an entry.
func header(name string, size int64) *[blockSize]byte {
	var h [blockSize]byte
	copy(h[0:100], name)
	copy(h[100:], "0000600\x00") // mode
	copy(h[108:], "0000000\x00") // uid
	copy(h[116:], "0000000\x00") // gid
	copy(h[124:], fmt.Sprintf("%011o\x00", size))
	copy(h[136:], "00000000000\x00") // mtime
	copy(h[148:], "        ")        // checksum, as blanks while it is summed
	h[156] = '0'                     // regular file
	copy(h[257:], "ustar\x0000")
	copy(h[329:], "0000000\x00") // device numbers, of which a file has none
	copy(h[337:], "0000000\x00")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return &h
}

// parseHeader is the inverse of header and accepts nothing else.
func parseHeader(h *[blockSize]byte) (name string, size int64, err error) {
	before, _, _ := bytes.Cut(h[0:100], []byte{0})
	name = string(before)
	for _, c := range h[124:135] {
		if c < '0' || c > '7' {
			return "", 0, fmt.Errorf("%w: an entry has no octal size", ErrContents)
		}
		size = size<<3 | int64(c-'0')
	}
	if *header(name, size) != *h {
		return "", 0, fmt.Errorf("%w: an entry is not a plain file", ErrContents)
	}
	return name, size, nil
}

// extent is where a content lies in the archive.
type extent struct{ offset, size int64 }

// end returns where the block after the content begins.
func (e extent) end() int64 { return e.offset + e.size + gap(e.size) }

// layout is where everything lies in an archive. For an attachment, offset is
// that of its first header and size that of its joined parts.
type layout struct {
	bodyName       string
	body, manifest extent
	files          []extent
}

// survey reads the headers of an archive and its end, but no content and not
// the padding. What the first entry is called is for the manifest to judge.
func survey(r *window) (*layout, error) {
	var l layout
	name, body, err := r.entry(0)
	if err != nil {
		return nil, err
	}
	if body.size > MaxBody {
		return nil, fmt.Errorf("%w: it does not begin with a body", ErrContents)
	}
	l.bodyName, l.body = name, body
	for at := body.end(); ; {
		name, content, err := r.entry(at)
		if err != nil {
			return nil, err
		}
		if name == manifestName {
			l.manifest = content
			break
		}
		file, next, err := r.surveyFile(at, len(l.files)+1)
		if err != nil {
			return nil, err
		}
		l.files = append(l.files, file)
		at = next
	}
	if l.manifest.size > maxManifest {
		return nil, fmt.Errorf("%w: the manifest is too large", ErrContents)
	}
	if r.size != padme.Size(l.manifest.end()+2*blockSize) {
		return nil, fmt.Errorf("%w: the padding has the wrong length", ErrContents)
	}
	return &l, r.zeros(l.manifest.end(), l.manifest.end()+2*blockSize)
}

// surveyFile reads the headers of the attachment of that number, which begins
// at an offset, and returns where the next entry begins.
func (r *window) surveyFile(at int64, number int) (file extent, next int64, err error) {
	file.offset = at
	if number > MaxFiles {
		return extent{}, 0, fmt.Errorf("%w: more than %d files", ErrContents, MaxFiles)
	}
	for part := 1; ; part++ {
		name, content, err := r.entry(at)
		if err != nil {
			return extent{}, 0, err
		}
		whole := part == 1 && name == filePath(number) && content.size <= PartSize
		piece := part <= maxParts && name == partPath(number, part) && content.size > 0 && content.size <= PartSize
		if !whole && !piece {
			return extent{}, 0, fmt.Errorf("%w: an entry that does not belong there", ErrContents)
		}
		file.size += content.size
		at = content.end()
		if whole {
			return file, at, nil
		}
		// A full part is the last one if what follows is not its successor.
		more := false
		if content.size == PartSize {
			name, _, err := r.entry(at)
			if err != nil {
				return extent{}, 0, err
			}
			more = name == partPath(number, part+1)
		}
		if more {
			continue
		}
		if part == 1 {
			return extent{}, 0, fmt.Errorf("%w: a file in a single part", ErrContents)
		}
		return file, at, nil
	}
}

// entry reads the header at an offset. Whether the content fits in the archive
// shows at the next one, or in the end at the padding.
func (r *window) entry(at int64) (name string, content extent, err error) {
	var h [blockSize]byte
	if at > r.size-blockSize {
		return "", extent{}, fmt.Errorf("%w: an entry goes beyond the end", ErrContents)
	}
	if err := r.readFull(h[:], at); err != nil {
		return "", extent{}, err
	}
	name, size, err := parseHeader(&h)
	if err != nil {
		return "", extent{}, err
	}
	return name, extent{at + blockSize, size}, nil
}
