package discovery_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
)

// What a process left that died while it wrote is swept, once it is old; nothing else is.
func TestUnfinishedFilesAreSwept(t *testing.T) {
	dir, old := t.TempDir(), time.Now().Add(-2*time.Hour)
	for name, written := range map[string]time.Time{"rollcall-1.tmp": old, "rollcall-2.tmp": time.Now(), "other.tmp": old} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, written, written)); err != nil {
			t.Fatal(err)
		}
	}
	r := discovery.New(newFakeSource(), discovery.SnapshotDir(dir))
	defer r.Close()
	for began := time.Now(); ; <-time.After(10 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		want := []string{filepath.Join(dir, "other.tmp"), filepath.Join(dir, "rollcall-2.tmp")}
		if slices.Equal(files, want) {
			return
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("the folder holds %v, want %v", files, want)
		}
	}
}
