package rollcall_test

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

const (
	maxFile    = 300  // lines of a file of Go or Lua
	maxPackage = 2200 // lines of a package, without tests
)

// larger are the packages that may have over maxPackage lines.
var larger = map[string]bool{"registry": true}

// Files and packages stay so small that a reader remembers what is in them.
func TestSizes(t *testing.T) {
	files, packages := 0, map[string]int{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".lua") {
			return err
		}
		files++
		lines := strings.Count(read(t, path), "\n")
		if lines > maxFile {
			t.Errorf("%s has %d lines, want %d at most: split it", path, lines, maxFile)
		}
		if !strings.HasSuffix(path, "_test.go") {
			packages[filepath.Dir(path)] += lines
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files were read: %v", files, err)
	}
	for dir, lines := range packages {
		if lines > maxPackage && !larger[dir] {
			t.Errorf("package %s has %d lines, want %d at most: take a part out of it", dir, lines, maxPackage)
		}
	}
}
