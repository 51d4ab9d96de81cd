package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A catalogue is what the pages say in one language.
type catalogue struct {
	Dir      string
	Messages map[string]any
}

// languages returns the codes of all languages that the pages are written in.
func languages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../intake/locales/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("the catalogues: %v, error %v", files, err)
	}
	var codes []string
	for _, f := range files {
		codes = append(codes, strings.TrimSuffix(filepath.Base(f), ".json"))
	}
	return codes
}

func readCatalogue(t *testing.T, lang string) catalogue {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "intake", "locales", lang+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var c catalogue
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// says is the part of a message that stands before its first argument.
func (c catalogue) says(t *testing.T, key string) string {
	t.Helper()
	m, ok := c.Messages[key].(string)
	if !ok {
		t.Fatalf("the catalogue has no plain message %q", key)
	}
	m, _, _ = strings.Cut(m, "%")
	return strings.TrimSpace(m)
}
