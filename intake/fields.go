package intake

import (
	"io"
	"slices"
)

// readFields reads a form of short text fields, of those names and no others,
// to its end.
func readFields(x *exchange, names ...string) (map[string]string, error) {
	parts, err := x.parts()
	if err != nil {
		return nil, err
	}
	fields, file, err := readSome(x, parts, names...)
	if err == nil && file != nil {
		err = refuse("other-form", nil, nil)
	}
	if err != nil {
		return nil, err
	}
	return fields, nil
}

// readSome reads text fields of those names up to the first file, or to the
// form's end if there is none. Each comes once at most.
func readSome(x *exchange, parts *partReader, names ...string) (map[string]string, *formPart, error) {
	fields := make(map[string]string)
	for {
		part, err := parts.next()
		switch {
		case err == io.EOF:
			return fields, nil, x.readEnd()
		case err != nil:
			return nil, nil, err
		case part.Name == "files":
			empty, err := noFile(part)
			if err != nil {
				return nil, nil, err
			}
			if empty {
				continue
			}
			return fields, part, nil
		case !slices.Contains(names, part.Name):
			return nil, nil, refuse("other-form", nil, nil)
		}
		if _, twice := fields[part.Name]; twice {
			return nil, nil, refuse("other-form", nil, nil)
		}
		if fields[part.Name], err = parts.readText(part); err != nil {
			return nil, nil, err
		}
	}
}

// maxTyped bounds what is shown again of what somebody typed for a codename, in
// bytes; what is longer is none.
const maxTyped = 1024
