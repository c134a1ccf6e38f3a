package discovery_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// A fakeSource is a Source whose views a test sets.
type fakeSource struct {
	mu       sync.Mutex
	views    map[string]*registry.View // by namespace/name; without one it waits
	failing  map[string]error
	watchers map[string][]*fakeFollower
	follows  []string // every call
	refuse   error    // of Follow
}

func newFakeSource() *fakeSource {
	return &fakeSource{views: map[string]*registry.View{}, failing: map[string]error{}, watchers: map[string][]*fakeFollower{}}
}

type fakeFollower struct {
	t    *fakeSource
	key  string
	news chan struct{}
	stop chan struct{}
	once sync.Once
}

func (s *fakeSource) Follow(service string, opts ...registry.FollowOption) (registry.Follower, error) {
	namespace := registry.NewFollowOptions(opts...).Namespace
	s.mu.Lock()
	defer s.mu.Unlock()
	key := namespace + "/" + service
	s.follows = append(s.follows, key)
	if s.refuse != nil {
		return nil, s.refuse
	}
	f := &fakeFollower{t: s, key: key, news: make(chan struct{}, 1), stop: make(chan struct{})}
	if s.views[key] != nil || s.failing[key] != nil {
		f.news <- struct{}{}
	}
	s.watchers[key] = append(s.watchers[key], f)
	return f, nil
}

func (f *fakeFollower) Next(ctx context.Context) (*registry.View, error) {
	select {
	case <-f.news:
		f.t.mu.Lock()
		defer f.t.mu.Unlock()
		return f.t.views[f.key], f.t.failing[f.key]
	case <-f.stop:
		return nil, registry.ErrWatcherStopped
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *fakeFollower) Stop() {
	f.once.Do(func() {
		close(f.stop)
		f.t.mu.Lock()
		defer f.t.mu.Unlock()
		f.t.watchers[f.key] = slices.DeleteFunc(f.t.watchers[f.key], func(o *fakeFollower) bool { return o == f })
	})
}

// tell gives the followers of a service of the default namespace a new view.
func (s *fakeSource) set(service string, v *registry.View) { s.news("/"+service, v, nil) }

// fail gives them an error.
func (s *fakeSource) fail(service string, err error) { s.news("/"+service, nil, err) }

func (s *fakeSource) news(key string, v *registry.View, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.views[key], s.failing[key] = v, err
	for _, f := range s.watchers[key] {
		select {
		case f.news <- struct{}{}:
		default:
		}
	}
}

// followed returns the services that have a follower.
func (s *fakeSource) followed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for key, w := range s.watchers {
		if len(w) > 0 {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return all
}

// shop is a view of a service with these nodes, of one version each, given as
// "id" or "version/id".
func shop(revision uint64, nodes ...string) *registry.View {
	v := &registry.View{Revision: revision, History: "h"}
	for _, n := range nodes {
		version, id, ok := strings.Cut(n, "/")
		if !ok {
			version, id = "", n
		}
		if len(v.Services) == 0 || v.Services[len(v.Services)-1].Version != version {
			v.Services = append(v.Services, &registry.Service{Name: "shop", Version: version, TTL: 15 * time.Second})
		}
		s := v.Services[len(v.Services)-1]
		s.Nodes = append(s.Nodes, &registry.Node{ID: id, Address: id + ":80"})
	}
	return v
}

func resolver(t *testing.T, src discovery.Source, opts ...discovery.Option) *discovery.Resolver {
	t.Helper()
	r := discovery.New(src, append([]discovery.Option{discovery.Logger(zerolog.Nop())}, opts...)...)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// resolve is a Resolve that must succeed.
func resolve(t *testing.T, r *discovery.Resolver, opts ...discovery.PickOption) *discovery.View {
	t.Helper()
	v, err := r.Resolve(t.Context(), "shop", opts...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// ids names nodes as "a b c".
func ids(nodes []*registry.Node) string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.ID)
	}
	return strings.Join(all, " ")
}

// picks counts who is picked in n picks.
func picks(t *testing.T, r *discovery.Resolver, n int, opts ...discovery.PickOption) map[string]int {
	t.Helper()
	count := map[string]int{}
	for range n {
		p, err := r.Pick(t.Context(), "shop", opts...)
		if err != nil {
			t.Fatal(err)
		}
		count[p.Node().ID]++
		p.Done(nil)
	}
	return count
}

func wantErr(t *testing.T, what string, err error, want ...error) {
	t.Helper()
	for _, w := range want {
		if !errors.Is(err, w) {
			t.Errorf("%s: %v, want %v", what, err, w)
		}
	}
	var op *registry.OpError
	if err != nil && !errors.As(err, &op) {
		t.Errorf("%s: %T does not say what it is", what, err)
	}
}

func same[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
