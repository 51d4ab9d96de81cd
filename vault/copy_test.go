package vault_test

import (
	"os"
	"path/filepath"
	"testing"
)

// copyStore copies a store, for a test that changes it.
func copyStore(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}
