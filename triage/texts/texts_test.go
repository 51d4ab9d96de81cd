package texts

import (
	"strings"
	"testing"
	"testing/fstest"
)

type words struct {
	Name string `json:"name"`
}

func TestLoad(t *testing.T) {
	files := fstest.MapFS{
		"words/en.json":   {Data: []byte(`{"name": "English"}`)},
		"words/sh.json":   {Data: []byte(`{"name": "srpskohrvatski"}`)},
		"words/notes.txt": {Data: []byte("no words")},
		"other/fr.json":   {Data: []byte("{")},
	}
	if got := Load[words](files, "words"); len(got) != 2 || got["en"].Name != "English" || got["sh"].Name != "srpskohrvatski" {
		t.Errorf("%v", got)
	}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(r.(string), "other/fr.json") {
			t.Errorf("of a broken file: %v", r)
		}
	}()
	Load[words](files, "other")
}
