package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// files returns what a folder holds, by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(data)
	}
	return all
}

// theFile returns the path of the only file of a folder.
func theFile(t *testing.T, dir string) string {
	t.Helper()
	all := files(t, dir)
	if len(all) != 1 {
		t.Fatalf("%d files, want one: %v", len(all), all)
	}
	for name := range all {
		return filepath.Join(dir, name)
	}
	return ""
}

// saveShop leaves the snapshot of a shop in a folder, as a resolver does that is
// closed.
func saveShop(t *testing.T, dir string, nodes ...string) {
	t.Helper()
	src := newFakeSource()
	src.set("shop", shop(7, nodes...))
	r := discovery.New(src, discovery.SnapshotDir(dir))
	resolve(t, r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSnapshotIsWrittenRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "a", "b")
		src := newFakeSource()
		src.set("shop", shop(1, "a"))
		src.set("none", &registry.View{})
		src.set("empty", &registry.View{History: "h", Revision: 9})
		src.news("eu/shop", shop(1, "e"), nil)
		r := resolver(t, src, discovery.SnapshotDir(dir), discovery.IdleTimeout(4*time.Hour))
		resolve(t, r)
		resolve(t, r, discovery.Namespace("eu"))
		_, err := r.Resolve(t.Context(), "empty")
		wantErr(t, "empty", err)
		_, err = r.Resolve(t.Context(), "none")
		wantErr(t, "none", err, registry.ErrNotFound)
		time.Sleep(9 * time.Second)
		same(t, "files at once", len(files(t, dir)), 0)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		first := files(t, dir)
		same(t, "files of what exists", len(first), 3)
		for name := range first {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "mode of "+name, info.Mode(), 0o600)
		}
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "mode of the folder", info.Mode().Perm(), 0o700)

		// One change each 100 ms, and one write each 10 s.
		written, last := 0, ""
		for i := range 1200 {
			src.set("shop", shop(uint64(i), fmt.Sprint("n", i)))
			src.set("empty", &registry.View{History: "h", Revision: 9}) // no change
			time.Sleep(100 * time.Millisecond)
			for name, text := range files(t, dir) {
				if strings.HasPrefix(name, "shop-") && text != last {
					written, last = written+1, text
				}
			}
		}
		if written < 9 || written > 13 { // the first is the one from before
			t.Errorf("written %d times in two minutes", written)
		}
		now := files(t, dir)
		for name, text := range first {
			if !strings.HasPrefix(name, "shop-") && now[name] != text {
				t.Errorf("%s was written again without a change", name)
			}
		}
		time.Sleep(time.Hour + 15*time.Second)
		for name, text := range files(t, dir) {
			if now[name] == text {
				t.Errorf("%s has a time of more than an hour ago", name)
			}
		}
	})
}

// With the source away, the snapshot serves until the source's own view comes.
func TestSnapshotServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		src := newFakeSource()
		src.set("shop", shop(7, "1/a", "2/b"))
		r := discovery.New(src, discovery.SnapshotDir(dir), discovery.Preload("shop"))
		resolve(t, r)
		time.Sleep(time.Hour)
		saved := time.Now()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)

		opt, log := logged()
		src = newFakeSource()
		r = resolver(t, src, discovery.SnapshotDir(dir), opt)
		began := time.Now()
		v := resolve(t, r)
		same(t, "after a silence of", time.Since(began), 500*time.Millisecond)
		same(t, "nodes", ids(v.Nodes()), "a b")
		same(t, "of a version", ids(resolve(t, r, discovery.Version("2")).Nodes()), "b")
		same(t, "revision", v.Revision(), 7)
		same(t, "history", v.History(), "h")
		same(t, "live", v.Live(), false)
		same(t, "saved", v.Saved().Equal(saved), true)
		same(t, "stale since", v.StaleSince().Equal(saved), true)
		wantErr(t, "because", &registry.OpError{Err: v.Err()}, registry.ErrUnavailable)
		same(t, "picks", len(picks(t, r, 100)), 2)
		time.Sleep(time.Second)
		if !strings.Contains(log(), "shop") {
			t.Errorf("the log says nothing about it: %s", log())
		}
		const newer = "of another process, which knows more by now"
		if err := os.WriteFile(theFile(t, dir), []byte(newer), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		for name, text := range files(t, dir) {
			same(t, name, text, newer)
		}

		src.set("shop", shop(8, "c"))
		synctest.Wait()
		v = resolve(t, r)
		same(t, "the source's own", ids(v.Nodes()), "c")
		same(t, "live", v.Live(), true)
		same(t, "saved", v.Saved(), time.Time{})
		time.Sleep(15 * time.Second)
		if text := files(t, dir); !strings.Contains(fmt.Sprint(text), `"c:80"`) {
			t.Errorf("not written: %s", text)
		}
	})
}

// What a source says for good is not covered up, and neither is a view in time.
func TestSnapshotDoesNotServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		saveShop(t, dir, "a")
		for _, final := range []error{registry.ErrPermission, registry.ErrClosed} {
			src := newFakeSource()
			src.fail("shop", final)
			r := resolver(t, src, discovery.SnapshotDir(dir))
			_, err := r.Resolve(t.Context(), "shop")
			wantErr(t, "refused", err, final)
		}
		src := newFakeSource()
		src.fail("shop", errors.New("of a user's source"))
		began := time.Now()
		same(t, "after a failure", ids(resolve(t, resolver(t, src, discovery.SnapshotDir(dir))).Nodes()), "a")
		same(t, "it took", time.Since(began), 0)

		src = newFakeSource()
		r := resolver(t, src, discovery.SnapshotDir(dir))
		time.AfterFunc(400*time.Millisecond, func() { src.set("shop", shop(1, "b")) })
		same(t, "in time", ids(resolve(t, r).Nodes()), "b")
	})
}

func TestSnapshotAndMaxStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		saveShop(t, dir, "a")
		time.Sleep(time.Minute)
		opt, log := logged()
		maxStale := discovery.MaxStale(2 * time.Minute)
		r := resolver(t, newFakeSource(), discovery.SnapshotDir(dir), maxStale)
		picks(t, r, 1)
		time.Sleep(time.Minute)
		_, err := r.Resolve(t.Context(), "shop")
		wantErr(t, "older by now", err, discovery.ErrStale, registry.ErrUnavailable)
		_, err = r.Pick(t.Context(), "shop")
		wantErr(t, "older by now", err, discovery.ErrStale)

		r = resolver(t, newFakeSource(), discovery.SnapshotDir(dir), maxStale, opt)
		_, err = r.Resolve(t.Context(), "shop")
		wantErr(t, "too old from the start", err, registry.ErrUnavailable)
		if !strings.Contains(log(), discovery.ErrStale.Error()) {
			t.Errorf("the log says not why: %s", log())
		}
	})
}

// A process starts while Redis is away: it finds what the one before it knew.
func TestColdStartWithoutRedis(t *testing.T) {
	redis := redistest.Start(t)
	tp := redistest.Topology{Name: "standalone", Addrs: []string{redis.Addr()}}
	dir := t.TempDir()
	living := open(t, tp, registry.Timeout(time.Second))
	register(t, living, static("shop", "1", "a", "b", "c"))
	before := discovery.New(living, discovery.SnapshotDir(dir), discovery.Timeout(patience))
	resolve(t, before)
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	redis.Kill()

	r := resolver(t, open(t, tp, registry.Timeout(time.Second)), discovery.SnapshotDir(dir), discovery.Timeout(patience))
	began := time.Now()
	same(t, "nodes picked", len(picks(t, r, 1000)), 3)
	t.Logf("1000 picks after a start without Redis: %v", time.Since(began))
	v := resolve(t, r)
	if v.Live() || v.Saved().IsZero() || !errors.Is(v.Err(), registry.ErrUnavailable) {
		t.Errorf("live: %v, saved %v, because %v", v.Live(), v.Saved(), v.Err())
	}
	redis.Restart(false)
	until(t, r, func(v *discovery.View) bool { return v.Live() && v.Saved().IsZero() && ids(v.Nodes()) == "a b c" })
}

// A thousand services are written in one Close.
func BenchmarkSnapshotsAtClose(b *testing.B) {
	src := newFakeSource()
	for i := range 1000 {
		src.set(fmt.Sprint("s", i), shop(1, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"))
	}
	for b.Loop() {
		b.StopTimer()
		r := discovery.New(src, discovery.SnapshotDir(b.TempDir()))
		for i := range 1000 {
			if _, err := r.Resolve(context.Background(), fmt.Sprint("s", i)); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
