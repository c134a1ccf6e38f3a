package hertzadapter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	hertzdiscovery "github.com/cloudwego/hertz/pkg/app/client/discovery"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/registry"
)

// A list is a source of one service, given by its versions.
type list []*registry.Service

func (l list) Follow(service string, _ ...registry.FollowOption) (registry.Follower, error) {
	f := make(following, 1)
	switch service {
	case "shop":
		f <- &registry.View{History: "h", Services: l}
	case "empty":
		f <- &registry.View{History: "h"}
	case "down":
	default:
		f <- &registry.View{}
	}
	return f, nil
}

type following chan *registry.View

func (f following) Next(ctx context.Context) (*registry.View, error) {
	select {
	case v := <-f:
		return v, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (following) Stop() {}

func TestResolveSelects(t *testing.T) {
	v := NewResolver(live(t, list{
		{Name: "shop", Version: "v1", Metadata: map[string]string{"tier": "gold"}, Nodes: []*registry.Node{
			{ID: "a", Address: "a:1", Zone: "eu", Metadata: map[string]string{"team": "blue", "version": "a lie"}},
			{ID: "b", Address: "b:1", Zone: "us"},
		}},
		{Name: "shop", Version: "v2", Nodes: []*registry.Node{
			{ID: "c", Address: "c:1", Zone: "eu", Status: registry.Draining},
		}},
		{Name: "shop", Version: "v3", Nodes: []*registry.Node{{ID: "d", Network: "unix", Address: "/run/d", Weight: 30}}},
	}))
	cases := []struct {
		service string
		tags    map[string]string
		want    []string
		err     error
	}{
		{"shop", nil, []string{"tcp a:1 10", "tcp b:1 10", "unix /run/d 30"}, nil},
		{"shop", map[string]string{"version": "v1"}, []string{"tcp a:1 10", "tcp b:1 10"}, nil},
		{"shop", map[string]string{"version": "v1", "zone": "us"}, []string{"tcp b:1 10"}, nil},
		{"shop", map[string]string{"version": "v1", "zone": "elsewhere"}, []string{"tcp a:1 10", "tcp b:1 10"}, nil},
		{"shop", map[string]string{"team": "blue"}, []string{"tcp a:1 10"}, nil},
		{"shop", map[string]string{"team": "", "version": "v1"}, []string{"tcp b:1 10"}, nil},
		{"shop", map[string]string{"tier": "gold"}, []string{"tcp a:1 10", "tcp b:1 10"}, nil},
		{"shop", map[string]string{"version": "v2"}, []string{"tcp c:1 10"}, nil}, // drains, but there is no other
		{"shop", map[string]string{"version": "v4"}, nil, nil},
		{"empty", nil, nil, nil},
		{"unknown", nil, nil, registry.ErrNotFound},
		{"down", nil, nil, registry.ErrUnavailable},
	}
	for _, c := range cases {
		desc := v.Target(t.Context(), &hertzdiscovery.TargetInfo{Host: c.service, Tags: c.tags})
		res, err := v.Resolve(t.Context(), desc)
		var got []string
		for _, in := range res.Instances {
			got = append(got, fmt.Sprintf("%s %s %d", in.Address().Network(), in.Address(), in.Weight()))
		}
		slices.Sort(got)
		if d := cmp.Diff(c.want, got); d != "" || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v; instances (-want +got):\n%s", desc, err, c.err, d)
		}
		if err == nil && res.CacheKey != desc {
			t.Errorf("%s: cache key %q", desc, res.CacheKey)
		}
	}
}

func TestInstanceTags(t *testing.T) {
	s := &registry.Service{Version: "v1"}
	n := &registry.Node{Zone: "eu", Metadata: map[string]string{"team": "blue", "version": "a lie"}}
	want := map[string]string{"team": "blue", "version": "v1", "zone": "eu"}
	if d := cmp.Diff(want, nodeTags(s, n)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[string]string{}, nodeTags(&registry.Service{}, &registry.Node{})); d != "" {
		t.Errorf("no tags (-want +got):\n%s", d)
	}
}

func TestResolverWithoutSource(t *testing.T) {
	if _, err := NewResolver(nil).Resolve(context.Background(), "shop"); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("Resolve: %v, want ErrInvalid", err)
	}
}

func TestNamesTellRegistriesApart(t *testing.T) {
	a, b := live(t, list{}), live(t, list{})
	names := map[string]string{
		"a":              NewResolver(a).Name(),
		"b":              NewResolver(b).Name(),
		"a in shop":      NewResolver(a, WithNamespace("shop")).Name(),
		"nil":            NewResolver(nil).Name(),
		"redis":          NewRedisResolver("127.0.0.1:1").Name(),
		"other redis":    NewRedisResolver("127.0.0.1:2").Name(),
		"other db":       NewRedisResolver("127.0.0.1:1", WithDB(1)).Name(),
		"other password": NewRedisResolver("127.0.0.1:1", WithPassword("secret")).Name(),
		"dialer":         NewRedisResolver("127.0.0.1:1", WithDialer(noDial)).Name(),
		"another dialer": NewRedisResolver("127.0.0.1:1", WithDialer(noDial)).Name(),
	}
	seen := map[string]string{}
	for what, name := range names {
		if other, ok := seen[name]; ok {
			t.Errorf("%s and %s have the same name %q", what, other, name)
		}
		seen[name] = what
		if len(name) != len("rollcall-0123456789abcdef") {
			t.Errorf("%s: the length of %q is %d", what, name, len(name))
		}
	}
}

// Hertz never forgets a balancer, so a program that makes a resolver for each
// call must not make as many names.
func TestNamesAreBounded(t *testing.T) {
	f := live(t, list{})
	names := map[string]bool{}
	for range 100 {
		names[NewResolver(f).Name()] = true
		names[NewResolver(f, WithNamespace("shop")).Name()] = true
		names[NewRedisResolver("127.0.0.1:1", WithPassword("secret"), WithDB(1)).Name()] = true
	}
	if len(names) != 3 {
		t.Errorf("%d names for three kinds of resolver", len(names))
	}
}
