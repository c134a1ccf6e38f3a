package hertzadapter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	hertzdiscovery "github.com/cloudwego/hertz/pkg/app/client/discovery"
	"github.com/cloudwego/hertz/pkg/common/config"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// both resolves from both layouts of r.
func both(t *testing.T, r *registry.Redis, opts ...discovery.Option) *discovery.Resolver {
	t.Helper()
	return resolves(t, CommunitySource(r), opts...)
}

// messagesAlone reads both layouts, and the old one only by messages after the first read.
func messagesAlone(t *testing.T, r *registry.Redis) *discovery.Resolver {
	t.Helper()
	return resolves(t, communitySource{r, time.Hour})
}

func resolves(t *testing.T, s discovery.Source, opts ...discovery.Option) *discovery.Resolver {
	t.Helper()
	v := discovery.New(s, opts...)
	t.Cleanup(func() { must(t, v.Close()) })
	return v
}

// sees waits until the resolver's view has just these addresses.
func sees(t *testing.T, v *discovery.Resolver, want ...string) *discovery.View {
	t.Helper()
	var view *discovery.View
	await(t, fmt.Sprintf("the view has %v", want), func() bool {
		var err error
		view, err = v.Resolve(t.Context(), "shop")
		if errors.Is(err, registry.ErrNotFound) {
			return len(want) == 0
		}
		must(t, err)
		var got []string
		for _, n := range view.Nodes() {
			got = append(got, n.Address)
		}
		slices.Sort(got)
		return slices.Equal(got, want)
	})
	return view
}

func TestANewClientFindsAnOldServer(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		for publishes, open := range map[bool]func(*testing.T, *registry.Redis) *discovery.Resolver{
			false: func(t *testing.T, r *registry.Redis) *discovery.Resolver { return both(t, r) },
			true:  messagesAlone,
		} {
			old := oldPackage{c: clientOf(t, url), publishes: publishes}
			must(t, old.Register(shopAt("10.0.0.8:80"))) // before the first question
			v := open(t, connect(t, url))
			view, err := v.Resolve(t.Context(), "shop")
			must(t, err)
			if n := len(view.Nodes()); n != 1 {
				t.Errorf("the first view has %d nodes, want the one that is registered", n)
			}
			must(t, old.Register(shopAt("10.0.0.9:80")))
			sees(t, v, "10.0.0.8:80", "10.0.0.9:80")
			must(t, old.Deregister(shopAt("10.0.0.8:80")))
			must(t, old.Deregister(shopAt("10.0.0.9:80")))
			sees(t, v)
		}
	})
}

// The same with Hertz's own balancer, and a server of the old package.
func TestANewHertzClientFindsAnOldServer(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		s := serve(t, "old", oldPackage{c: clientOf(t, url)}, map[string]string{"version": "v1"})
		s.up(t)
		resolver := func(opts ...RedisResolverOption) hertzdiscovery.Resolver {
			own := WithDialer((&net.Dialer{}).DialContext) // a balancer of its own: this one is closed
			v := NewRedisResolver(hostOf(url), append(opts, own)...)
			t.Cleanup(func() { must(t, v.(io.Closer).Close()) })
			return v
		}
		c := dialer(t, resolver())
		if got, err := c.call(config.WithTag("version", "v1")); err != nil || got != "old" {
			t.Errorf("%q, %v", got, err)
		}
		if got, err := dialer(t, resolver(WithCommunityKeys(false))).call(); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("without the old layout: %q, %v, want ErrNotFound", got, err)
		}
		c.c.CloseIdleConnections() // a shutdown waits for them
	})
}

func TestOldAndNewServersInOneView(t *testing.T) {
	redistest.Each(t, func(t *testing.T, tp redistest.Topology) {
		r := registry.NewRegistry(registry.Client(tp.NewClient(t)))
		t.Cleanup(func() { _ = r.Close(context.Background()) })
		client, err := r.Client()
		must(t, err)
		value := `{"service_name":"shop","addr":"10.0.0.9:80","weight":10,"tags":{"version":"v1"}}`
		must(t, client.HSet(t.Context(), oldKey, "10.0.0.9:80", value).Err())
		a := NewRegistry(r, WithCommunityKeys(true))
		must(t, a.Register(shopAt("10.0.0.1:80")))
		v := both(t, r)
		sees(t, v, "10.0.0.1:80", "10.0.0.9:80")
		await(t, "both are in the old layout", func() bool { return client.HLen(t.Context(), oldKey).Val() == 2 })

		must(t, a.Register(shopAt("10.0.0.9:80"))) // the old one was replaced in place
		await(t, "its field is ours", func() bool { return client.HGet(t.Context(), oldKey, "10.0.0.9:80").Val() != value })
		sees(t, v, "10.0.0.1:80", "10.0.0.9:80")
		must(t, a.Deregister(shopAt("10.0.0.9:80")))
		must(t, a.Deregister(shopAt("10.0.0.1:80")))
		sees(t, v)
		if n := client.HLen(t.Context(), oldKey).Val(); n != 0 {
			t.Errorf("%d fields are left in the old layout", n)
		}
	})
}

// Ours come from the registry alone: a field that no process could take out any more
// brings no node back.
func TestAFieldOfOursIsNoNode(t *testing.T) {
	s := redistest.SharedStandalone(t)
	must(t, oldPackage{c: s.Client()}.Register(shopAt("10.0.0.9:80")))
	must(t, s.Client().HSet(t.Context(), oldKey, "10.0.0.1:80",
		`{"addr":"10.0.0.1:80","rollcall":{"prefix":"rollcall","namespace":"default","nonce":"abc"}}`).Err())
	sees(t, both(t, connect(t, s.URL())), "10.0.0.9:80")
}

func TestOtherNamespacesDoNotHaveOldServers(t *testing.T) {
	s := redistest.SharedStandalone(t)
	must(t, oldPackage{c: s.Client()}.Register(shopAt("10.0.0.9:80")))
	v := both(t, connect(t, s.URL()))
	sees(t, v, "10.0.0.9:80")
	if view, err := v.Resolve(t.Context(), "shop", discovery.Namespace("blue")); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("%v, %v, want ErrNotFound", view, err)
	}
}

func TestOldServersStayWhileRedisIsAway(t *testing.T) {
	s := redistest.Start(t)
	must(t, oldPackage{c: s.Client()}.Register(shopAt("10.0.0.9:80")))
	v := both(t, connect(t, s.URL(), registry.Timeout(500*time.Millisecond)))
	sees(t, v, "10.0.0.9:80")
	s.Kill()
	await(t, "the view says that it is stale", func() bool {
		view, err := v.Resolve(t.Context(), "shop")
		must(t, err)
		return !view.Live()
	})
	sees(t, v, "10.0.0.9:80")
	s.Restart(false)
	must(t, oldPackage{c: s.Client()}.Register(shopAt("10.0.0.8:80")))
	sees(t, v, "10.0.0.8:80")
}

func TestALayoutThatCannotBeReadIsAnError(t *testing.T) {
	s := redistest.SharedStandalone(t)
	must(t, s.Client().Set(t.Context(), oldKey, "a string", 0).Err())
	src := CommunitySource(connect(t, s.URL()))
	f, err := src.Follow("shop")
	must(t, err)
	defer f.Stop()
	await(t, "Next says why there is no view", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := f.Next(ctx)
		return errors.Is(err, context.DeadlineExceeded) && strings.Contains(err.Error(), "WRONGTYPE")
	})
}

func TestTheFollowerStops(t *testing.T) {
	s := redistest.SharedStandalone(t)
	src := CommunitySource(connect(t, s.URL()))
	f, err := src.Follow("shop")
	must(t, err)
	_, err = f.Next(t.Context())
	must(t, err)
	ended := make(chan error)
	go func() {
		_, err := f.Next(context.Background())
		ended <- err
	}()
	f.Stop()
	f.Stop()
	if err := <-ended; !errors.Is(err, registry.ErrWatcherStopped) {
		t.Errorf("Next: %v, want ErrWatcherStopped", err)
	}
	if _, err := src.Follow(""); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("Follow of no name: %v, want ErrInvalid", err)
	}
}
