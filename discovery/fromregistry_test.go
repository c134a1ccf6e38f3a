package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// A scripted registry watches and reads what a test says. Methods that it does not
// have panic.
type scripted struct {
	registry.Registry

	mu       sync.Mutex
	services []*registry.Service // of GetService
	getErr   error
	watchErr error
	watch    *scriptedWatch // the last
	watches  int
}

func (s *scripted) Watch(ctx context.Context, _ ...registry.WatchOption) (registry.Watcher, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watches++
	if s.watchErr != nil {
		return nil, s.watchErr
	}
	s.watch = &scriptedWatch{ctx: ctx, results: make(chan *registry.Result, 100), broken: make(chan error, 1), stopped: make(chan struct{})}
	return s.watch, nil
}

func (s *scripted) GetService(context.Context, string, ...registry.GetOption) ([]*registry.Service, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.getErr == nil && len(s.services) == 0 {
		return nil, registry.ErrNotFound
	}
	return s.services, s.getErr
}

// set changes what the registry says.
func (s *scripted) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// count returns how many watches were made.
func (s *scripted) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watches
}

func (s *scripted) result(a registry.Action, version, id, history string, revision uint64) {
	s.set(func() {
		s.watch.results <- &registry.Result{Action: a, Service: static("shop", version, id), History: history, Revision: revision}
	})
	synctest.Wait()
}

func (s *scripted) end(err error) {
	s.set(func() { s.watch.broken <- err })
	synctest.Wait()
}

type scriptedWatch struct {
	ctx     context.Context
	results chan *registry.Result
	broken  chan error
	once    sync.Once
	stopped chan struct{}
}

func (w *scriptedWatch) Next() (*registry.Result, error) {
	select {
	case r := <-w.results:
		return r, nil
	case err := <-w.broken:
		return nil, err
	case <-w.stopped:
		return nil, registry.ErrWatcherStopped
	}
}

func (w *scriptedWatch) Stop() { w.once.Do(func() { close(w.stopped) }) }

func TestFromRegistryFolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := &scripted{services: []*registry.Service{static("shop", "2", "c"), static("shop", "1", "a")}}
		r := resolver(t, discovery.FromRegistry(reg))
		v := resolve(t, r)
		same(t, "the first services", ids(v.Nodes()), "a c")
		same(t, "live", v.Live(), true)
		for _, step := range []struct {
			action       registry.Action
			version, id  string
			history      string
			revision     uint64
			want         string
			wantHistory  string
			wantRevision uint64
			description  string
		}{
			{registry.Create, "1", "a", "h", 7, "1/a 2/c", "h", 7, "the services again"},
			{registry.Create, "2", "c", "h", 7, "1/a 2/c", "h", 7, "and the other"},
			{registry.Create, "1", "b", "h", 8, "1/a 1/b 2/c", "h", 8, "one comes"},
			{registry.Update, "1", "b", "h", 9, "1/a 1/b 2/c", "h", 9, "changes"},
			{registry.Delete, "1", "a", "h", 10, "1/b 2/c", "h", 10, "leaves"},
			{registry.Delete, "2", "a", "h", 10, "1/b 2/c", "h", 10, "is of another version"},
			{registry.Delete, "2", "c", "h", 11, "1/b", "h", 11, "moves"},
			{registry.Create, "1", "c", "h", 11, "1/b 1/c", "h", 11, "to another version"},
			{registry.Update, "1", "c", "h", 3, "1/b 1/c", "h", 11, "revisions do not go back"},
			{registry.Update, "1", "c", "i", 1, "1/b 1/c", "i", 1, "but in another history"},
			{registry.Delete, "1", "b", "i", 2, "1/c", "i", 2, "which lost one"},
			{registry.Delete, "1", "c", "i", 3, "", "i", 3, "and the last"},
		} {
			reg.result(step.action, step.version, step.id, step.history, step.revision)
			v := resolve(t, r)
			var got string
			for i, n := range v.Nodes() {
				if i > 0 {
					got += " "
				}
				got += v.ServiceOf(n).Version + "/" + n.ID
			}
			want := fmt.Sprint(step.want, ", revision ", step.wantRevision, " of ", step.wantHistory)
			if diff := cmp.Diff(want, fmt.Sprint(got, ", revision ", v.Revision(), " of ", v.History())); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.description, diff)
			}
		}
		_, err := r.Pick(t.Context(), "shop")
		wantErr(t, "empty", err, discovery.ErrNoNodes)
		same(t, "watches", reg.count(), 1)
	})
}

// Unknown is no error of the source, but of who asks for it.
func TestFromRegistryUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := &scripted{}
		r := resolver(t, discovery.FromRegistry(reg))
		_, err := r.Resolve(t.Context(), "shop")
		wantErr(t, "unknown", err, registry.ErrNotFound)
		reg.result(registry.Create, "", "a", "", 0) // of a registry that counts nothing
		same(t, "it comes", ids(resolve(t, r).Nodes()), "a")
		reg.result(registry.Delete, "", "a", "", 0)
		same(t, "it is empty", ids(resolve(t, r).Nodes()), "")
		_, err = discovery.FromRegistry(reg).Follow("")
		wantErr(t, "no name", err, registry.ErrInvalid)
		_, err = discovery.FromRegistry(nil).Follow("shop")
		wantErr(t, "no registry", err, registry.ErrInvalid)
	})
}

// A watch that fails is made again, and the view is stale meanwhile.
func TestFromRegistryWatchesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := &scripted{services: []*registry.Service{static("shop", "", "a", "b")}}
		r := resolver(t, discovery.FromRegistry(reg), discovery.Preload("shop"))
		same(t, "live", resolve(t, r).Live(), true)
		failed, lost := errors.New("the connection broke"), time.Now()
		reg.set(func() { reg.watchErr = registry.ErrUnavailable })
		reg.end(failed)
		v := resolve(t, r)
		same(t, "nodes", ids(v.Nodes()), "a b")
		same(t, "stale since", v.StaleSince(), lost)
		same(t, "because", v.Err(), failed)

		before := reg.count()
		time.Sleep(time.Hour)
		v = resolve(t, r)
		same(t, "age", v.Age(), time.Hour)
		same(t, "because", v.Err(), registry.ErrUnavailable)
		if n := reg.count() - before; n < 300 || n > 1500 {
			t.Errorf("%d watches in an hour", n)
		}

		reg.set(func() { reg.watchErr, reg.getErr = nil, registry.ErrUnavailable })
		time.Sleep(time.Minute)
		same(t, "live, with a watch alone", resolve(t, r).Live(), false)
		reg.set(func() { reg.getErr, reg.services = nil, []*registry.Service{static("shop", "", "b", "c")} })
		time.Sleep(time.Minute)
		v = resolve(t, r)
		same(t, "live", v.Live(), true)
		same(t, "nodes", ids(v.Nodes()), "b c")
		same(t, "because", v.Err(), nil)

		reg.end(failed)
		reg.set(func() { reg.services = nil })
		time.Sleep(time.Minute)
		same(t, "known and empty", ids(resolve(t, r).Nodes()), "")

		reg.end(registry.ErrClosed)
		before = reg.count()
		time.Sleep(time.Hour)
		same(t, "watches of a closed registry", reg.count(), before)
		wantErr(t, "it is stale for", &registry.OpError{Err: resolve(t, r).Err()}, registry.ErrClosed)
	})
}

// A registry that breaks its contract causes no panic.
func TestFromRegistryBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hole := &registry.Service{Name: "shop", Nodes: []*registry.Node{nil}}
		reg := &scripted{services: []*registry.Service{nil, hole, static("shop", "", "a")}}
		r := resolver(t, discovery.FromRegistry(reg))
		resolve(t, r)
		reg.set(func() {
			for _, result := range []*registry.Result{nil, {}, {Service: hole}, {Action: registry.Delete, Service: hole}} {
				reg.watch.results <- result
			}
		})
		synctest.Wait()
		same(t, "nodes", ids(resolve(t, r).Nodes()), "a")
	})
}

// Before there is a view, callers get the reason.
func TestFromRegistryTellsWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := &scripted{watchErr: registry.ErrUnavailable}
		r := resolver(t, discovery.FromRegistry(reg))
		_, err := r.Resolve(t.Context(), "shop")
		wantErr(t, "away", err, registry.ErrUnavailable, context.DeadlineExceeded)
		reg.set(func() { reg.watchErr = registry.ErrPermission })
		time.Sleep(10 * time.Second)
		_, err = r.Resolve(t.Context(), "shop")
		wantErr(t, "refused", err, registry.ErrPermission)
		reg.set(func() { reg.watchErr, reg.services = nil, []*registry.Service{static("shop", "", "a")} })
		time.Sleep(20 * time.Second)
		same(t, "at last", ids(resolve(t, r).Nodes()), "a")
	})
}

// What Next says is one line.
func TestFromRegistryTellsWhyInOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := discovery.FromRegistry(&scripted{watchErr: registry.ErrUnavailable}).Follow("shop")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = f.Next(ctx)
		same(t, "Next", fmt.Sprint(err), "context deadline exceeded; redis unavailable")
		same(t, "is both", errors.Is(err, registry.ErrUnavailable) && errors.Is(err, context.DeadlineExceeded), true)
	})
}

func (s slowRegistry) GetService(ctx context.Context, name string, opts ...registry.GetOption) ([]*registry.Service, error) {
	time.Sleep(time.Second)
	return s.Registry.GetService(ctx, name, opts...)
}
