package metadata

import "encoding/binary"

// The flags of a WebP's VP8X chunk, RFC 9649 section 2.7.
const (
	flagAnimation = 1 << 1
	flagExif      = 1 << 3
	flagAlpha     = 1 << 4
)

func (f *file) walkWebP() ([]part, error) {
	b, err := f.bytes(0, 12)
	if err != nil {
		return nil, err
	}
	end := 8 + int64(binary.LittleEndian.Uint32(b[4:]))
	if end > f.size {
		return nil, damaged("it says %d bytes and has %d", end, f.size)
	}
	var extended []byte
	var images, frames int
	var alpha, animation bool
	for off := int64(12); off < end; {
		c, err := f.chunk(off, end)
		if err != nil {
			return nil, err
		}
		switch c.name {
		case "VP8X":
			if off != 12 || c.size != 10 {
				return nil, damaged("chunk VP8X at byte %d is not as it should be", off)
			}
			if b, err = f.bytes(c.from, 10); err != nil {
				return nil, err
			}
			extended = append([]byte(nil), b...)
			extended[0] &= flagAnimation | flagAlpha
			extended[1], extended[2], extended[3] = 0, 0, 0
		case "VP8 ", "VP8L":
			images++
			err = f.keepChunk(c)
		case "ANIM":
			if c.size != 6 || extended == nil || animation {
				return nil, damaged("chunk ANIM at byte %d is not as it should be", off)
			}
			animation = true
			err = f.keepChunk(c)
		case "ALPH":
			if extended == nil || alpha || images > 0 {
				return nil, damaged("chunk ALPH at byte %d is not in its place", off)
			}
			alpha = true
			err = f.keepChunk(c)
		case "ANMF":
			if !animation {
				return nil, damaged("the frame at byte %d is not in its place", off)
			}
			frames++
			err = f.keepFrame(c)
		default:
			err = f.otherChunk(c, extended != nil)
		}
		if err != nil {
			return nil, err
		}
		off = c.end
	}
	if images > 1 || (images == 0) != (frames > 0) || animation != (frames > 0) || alpha && frames > 0 {
		return nil, damaged("it has %d images and %d frames", images, frames)
	}
	if err := f.trailing(end); err != nil {
		return nil, err
	}
	return f.webp(extended)
}

// webp makes the parts of the copy.
func (f *file) webp(extended []byte) ([]part, error) {
	var parts []part
	body := f.body
	if extended != nil {
		if o := f.turned(); o != 0 {
			extended[0] |= flagExif
			body = append(body, part{made: riffOf("EXIF", orientationOnly(o))})
		}
		parts = append(parts, part{made: riffOf("VP8X", extended)})
	}
	parts = append(parts, body...)
	head := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+sizeOf(parts)))
	return append([]part{{made: append(head, "WEBP"...)}}, parts...), nil
}

// A chunk of RIFF: its content is the size bytes at from, and the next one
// begins at end, which is even.
type chunk struct {
	name       string
	from, size int64
	end        int64
}

// chunk reads the head of the chunk at off, which must end at most at limit.
func (f *file) chunk(off, limit int64) (chunk, error) {
	b, err := f.bytes(off, 8)
	if err != nil {
		return chunk{}, err
	}
	c := chunk{string(b[:4]), off + 8, int64(binary.LittleEndian.Uint32(b[4:])), 0}
	if c.size > limit-c.from {
		return chunk{}, damaged("the chunk at byte %d is longer than what holds it", off)
	}
	// Some writers forget the last byte of padding.
	c.end = min(c.from+c.size+c.size&1, limit)
	return c, nil
}

// keepChunk keeps a chunk. The byte that pads it is made anew, so that it
// carries nothing.
func (f *file) keepChunk(c chunk) error {
	err := f.keep(c.from-8, 8+c.size)
	if err == nil && c.size&1 == 1 {
		err = f.put(part{made: []byte{0}})
	}
	return err
}

const frameHead = 16 // bytes of an ANMF before its chunks

// keepFrame keeps the image of a frame and no other chunk in it.
func (f *file) keepFrame(c chunk) error {
	if c.size < frameHead {
		return damaged("the frame at byte %d is too short", c.from-8)
	}
	head, err := f.bytes(c.from, frameHead)
	if err != nil {
		return err
	}
	// Its size is set once it is known.
	made := append([]byte("ANMF\x00\x00\x00\x00"), head...)
	if err := f.put(part{made: made}); err != nil {
		return err
	}
	at := len(f.body)
	images, alpha := 0, false
	for off, end := c.from+frameHead, c.from+c.size; off < end; {
		in, err := f.chunk(off, end)
		if err != nil {
			return err
		}
		switch in.name {
		case "VP8 ", "VP8L":
			images++
			err = f.keepChunk(in)
		case "ALPH":
			if alpha || images > 0 {
				return damaged("chunk ALPH at byte %d is not in its place", off)
			}
			alpha = true
			err = f.keepChunk(in)
		default:
			f.found("chunk "+identifier([]byte(in.name))+" in a frame", in.size, nil)
		}
		if err != nil {
			return err
		}
		off = in.end
	}
	if images != 1 {
		return damaged("the frame at byte %d has %d images", c.from-8, images)
	}
	binary.LittleEndian.PutUint32(made[4:], uint32(frameHead+sizeOf(f.body[at:])))
	return nil
}

// otherChunk looks into a chunk that is not kept. Without VP8X no program heeds
// the orientation that an Exif in it tells.
func (f *file) otherChunk(c chunk, extended bool) error {
	switch c.name {
	case "EXIF":
		b, err := f.bytes(c.from, int(min(c.size, maxTiff)))
		if err != nil {
			return err
		}
		before := f.info.Orientation
		if len(b) >= len(exifHeader) && string(b[:len(exifHeader)]) == exifHeader {
			b = b[len(exifHeader):]
		}
		f.exif(b)
		if !extended {
			f.info.Orientation = before
		}
	case "XMP ":
		b, err := f.bytes(c.from, int(min(c.size, maxXMP)))
		if err != nil {
			return err
		}
		f.xmp(b)
	case "ICCP":
		f.found("ICC profile", c.size, nil)
	default:
		f.found("chunk "+identifier([]byte(c.name)), c.size, nil)
	}
	return nil
}

// riffOf returns a new chunk.
func riffOf(name string, content []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(content)))
	b = append(b, content...)
	if len(content)&1 == 1 {
		b = append(b, 0)
	}
	return b
}
