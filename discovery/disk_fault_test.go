package discovery_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// What is in the place of a snapshot is logged and left alone until there
// is a good one.
func TestSnapshotFaults(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string) error{
		"empty":   func(_ *testing.T, path string) error { return os.WriteFile(path, nil, 0o600) },
		"cut":     func(_ *testing.T, path string) error { return os.Truncate(path, 200) },
		"garbage": func(_ *testing.T, path string) error { return os.WriteFile(path, []byte("\x00\xff"), 0o600) },
		"foreign": func(t *testing.T, path string) error {
			src := newFakeSource()
			src.set("store", shop(1, "x"))
			other := filepath.Join(t.TempDir(), "other")
			r := discovery.New(src, discovery.SnapshotDir(other))
			if _, err := r.Resolve(t.Context(), "store"); err != nil {
				return err
			}
			if err := r.Close(); err != nil {
				return err
			}
			return os.Rename(theFile(t, other), path)
		},
		"huge":     func(_ *testing.T, path string) error { return os.Truncate(path, 1<<40) },
		"a folder": func(_ *testing.T, path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"a link to a good one": func(t *testing.T, path string) error {
			elsewhere := filepath.Join(t.TempDir(), "good")
			return errors.Join(os.Rename(path, elsewhere), os.Symlink(elsewhere, path))
		},
		"a link to itself": func(_ *testing.T, path string) error { return errors.Join(os.Remove(path), os.Symlink(path, path)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				saveShop(t, dir, "a")
				path := theFile(t, dir)
				if err := spoil(t, path); err != nil {
					t.Fatal(err)
				}
				opt, log := logged()
				src := newFakeSource()
				r := resolver(t, src, discovery.SnapshotDir(dir), opt)
				_, err := r.Resolve(t.Context(), "shop")
				wantErr(t, "Resolve", err, registry.ErrUnavailable)
				if !strings.Contains(log(), "ignored") || !strings.Contains(log(), filepath.Base(path)) {
					t.Errorf("the log says nothing about the file: %s", log())
				}

				src.set("shop", shop(8, "b"))
				synctest.Wait()
				same(t, "the source's own", ids(resolve(t, r).Nodes()), "b")
				if err := r.Close(); err != nil {
					t.Error(err)
				}
				after, err := os.Lstat(path)
				if err != nil {
					t.Fatal(err)
				}
				if name == "a folder" {
					same(t, "it is a folder yet", after.IsDir(), true)
					if !strings.Contains(log(), "cannot be written") {
						t.Errorf("the log says not that it cannot be written: %s", log())
					}
					return
				}
				same(t, "a good file has taken its place", after.Mode(), 0o600)
				same(t, "and serves", ids(resolve(t, resolver(t, newFakeSource(), discovery.SnapshotDir(dir))).Nodes()), "b")
				same(t, "files", theFile(t, dir), path)
			})
		})
	}
}

// A folder that cannot be written is logged when it begins, once a minute, and when it ends.
func TestSnapshotsCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "taken")
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		opt, log := logged()
		src := newFakeSource()
		src.set("shop", shop(1, "a"))
		r := resolver(t, src, discovery.SnapshotDir(dir), opt)
		for i := range uint64(100) {
			src.set("shop", shop(i+2, "a"))
			time.Sleep(time.Second)
			picks(t, r, 1)
		}
		same(t, "lines in 100 s", strings.Count(log(), "\n"), 2)
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second)
		synctest.Wait()
		theFile(t, dir)
		same(t, "lines", strings.Count(log(), "\n"), 3)
	})
}
