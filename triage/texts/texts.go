// Package texts reads the texts that are built into a program, one JSON file a
// language.
package texts

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Load reads dir/TAG.json for each language and returns them by their tags. The
// files are part of the program: a fault in one is a fault of the build, and Load
// panics with the file's name.
func Load[T any](files fs.FS, dir string) map[string]*T {
	names, err := fs.Glob(files, path.Join(dir, "*.json"))
	if err != nil {
		panic(err)
	}
	all := make(map[string]*T)
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			panic(err)
		}
		one := new(T)
		if err := json.Unmarshal(text, one); err != nil {
			panic(fmt.Sprintf("texts: %s: %v", name, err))
		}
		all[strings.TrimSuffix(path.Base(name), ".json")] = one
	}
	return all
}
