package discovery_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// A sighting writes down the views that an Observer gets.
type sighting struct {
	mu    sync.Mutex
	views []*discovery.View
}

func (s *sighting) observe(e discovery.Event) {
	if v, ok := e.(discovery.ViewEvent); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.views = append(s.views, v.View)
	}
}

// take returns the views since the last call.
func (s *sighting) take() []*discovery.View {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	views := s.views
	s.views = nil
	return views
}

// Close, and letting a service go, change nothing that a user could want to know.
func TestTheEndIsNoEvent(t *testing.T) {
	for name, end := range map[string]func(*discovery.Resolver) error{
		"close":  (*discovery.Resolver).Close,
		"let go": func(*discovery.Resolver) error { time.Sleep(time.Hour); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, seen := newFakeSource(), &sighting{}
				src.set("shop", shop(1, "a"))
				r := resolver(t, src, discovery.Observe(seen.observe))
				resolve(t, r)
				same(t, "views", len(seen.take()), 1)
				v := resolve(t, r)
				if err := end(r); err != nil {
					t.Error(err)
				}
				for _, v := range seen.take() {
					t.Errorf("stale since %v for %v", v.StaleSince(), v.Err())
				}
				same(t, "followed", len(src.followed()), 0)
				same(t, "live", v.Live(), true)
			})
		})
	}
}

// A source that says again and again that it is away makes one view.
func TestAnOutageIsOneView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, seen := newFakeSource(), &sighting{}
		src.set("shop", shop(1, "a", "b"))
		r := resolver(t, src, discovery.Observe(seen.observe))
		resolve(t, r)
		seen.take()
		since := time.Now()
		stale := func(err error, nodes ...string) *registry.View {
			v := shop(1, nodes...)
			v.StaleSince, v.Err = since, err
			return v
		}
		for i := range 100 {
			src.set("shop", stale(fmt.Errorf("%w: try %d", registry.ErrUnavailable, i), "a", "b"))
			synctest.Wait()
		}
		same(t, "views of an outage", len(seen.take()), 1)
		src.set("shop", stale(registry.ErrPermission, "a", "b"))
		if v := seen.take(); len(v) != 1 || !errors.Is(v[0].Err(), registry.ErrPermission) {
			t.Errorf("of another kind: %v", v)
		}
		src.set("shop", stale(registry.ErrPermission, "a"))
		if v := seen.take(); len(v) != 1 || ids(v[0].Nodes()) != "a" {
			t.Errorf("of other nodes: %v", v)
		}
		src.set("shop", shop(1, "a"))
		if v := seen.take(); len(v) != 1 || !v[0].Live() {
			t.Errorf("live again: %v", v)
		}
	})
}

// Of a registry that cannot be watched, too.
func TestFromRegistryAnOutageIsOneView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := &scripted{services: []*registry.Service{static("shop", "", "a")}}
		f, err := discovery.FromRegistry(reg).Follow("shop")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Stop()
		if _, err := f.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		reg.set(func() { reg.watchErr = registry.ErrUnavailable })
		reg.end(fmt.Errorf("%w: it ends", registry.ErrUnavailable))
		if v, err := f.Next(t.Context()); err != nil || v.StaleSince.IsZero() {
			t.Fatalf("%+v, %v", v, err)
		}
		before := reg.count()
		next := make(chan error)
		go func() {
			v, err := f.Next(t.Context())
			next <- errors.Join(err, v.Err)
		}()
		select {
		case err := <-next:
			t.Errorf("news after %d watches that failed: %v", reg.count()-before, err)
		case <-time.After(time.Hour):
			reg.set(func() { reg.watchErr = nil })
			if err := <-next; err != nil {
				t.Error(err)
			}
		}
	})
}
