package informer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/informer"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/internal/reporter"
	"github.com/rollcall-go/rollcall/registry"
)

// start returns an informer, its connection, and a registry of the same prefix.
func start(t *testing.T, o informer.Options) (*informer.Informer, *redisconn.Conn, *registry.Redis) {
	t.Helper()
	addrs := []string{redistest.SharedStandalone(t).Addr()}
	c, err := redisconn.Open(redisconn.Config{Addrs: addrs, Timeout: patience, Prefix: "informer"}, reporter.New(zerolog.Nop()))
	if err != nil {
		t.Fatal(err)
	}
	o.Poll, o.TTL = time.Second, registry.DefaultTTL
	i := informer.New(c, o)
	r := registry.NewRegistry(registry.Addrs(addrs...), registry.Prefix("informer"), registry.Logger(zerolog.Nop()))
	t.Cleanup(func() {
		i.Stop()
		if err := errors.Join(i.Wait(context.Background()), c.Close(), r.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return i, c, r
}

func register(t *testing.T, r *registry.Redis, name string, ids ...string) {
	t.Helper()
	s := &registry.Service{Name: name}
	for _, id := range ids {
		s.Nodes = append(s.Nodes, &registry.Node{ID: id, Address: "10.0.0.1:80"})
	}
	if err := r.Register(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

func attach(t *testing.T, i *informer.Informer, s keys.Service, l informer.Listener) *informer.Attachment {
	t.Helper()
	a, err := i.Attach(s, l)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A second listener gets at once what the first one got by changes, and one
// that has detached is not called any more.
func TestListenersShareAFeed(t *testing.T) {
	i, c, r := start(t, informer.Options{})
	shop := c.Space.Service("", "shared-feed")
	register(t, r, shop.Name(), "a")
	first, second := newRecorder(), newRecorder()
	a := attach(t, i, shop, first)
	first.awaitNodes(t, "shared-feed/a")
	first.await(t, "healthy", func() bool { return first.healthy[shop.Name()] })
	if d := cmp.Diff(map[string][]string{shop.Name(): {}}, first.initial); d != "" {
		t.Errorf("initial of the first (-want +got):\n%s", d)
	}

	defer attach(t, i, shop, second).Detach()
	second.await(t, "initial", func() bool { return slices.Equal(second.initial[shop.Name()], []string{"a"}) })
	second.await(t, "healthy", func() bool { return second.healthy[shop.Name()] })
	register(t, r, shop.Name(), "b")
	first.awaitNodes(t, "shared-feed/a", "shared-feed/b")
	second.awaitNodes(t, "shared-feed/b")

	a.Detach()
	a.Detach()
	register(t, r, shop.Name(), "c")
	second.awaitNodes(t, "shared-feed/b", "shared-feed/c")
	first.awaitNodes(t, "shared-feed/a", "shared-feed/b")
}

// What a listener has made of the state is kept. After a change it is stale, and the feed has
// the changes since then; with many, it is made anew.
func TestViewIsKept(t *testing.T) {
	i, c, r := start(t, informer.Options{})
	shop := c.Space.Service("", "view-kept")
	l := newRecorder()
	a := attach(t, i, shop, l)
	defer a.Detach()
	l.await(t, "healthy", func() bool { return l.healthy[shop.Name()] })
	see := func(look func(f *informer.Feed)) {
		t.Helper()
		if err := a.See(func(f *informer.Feed) { look(f); f.Keep("made") }); err != nil {
			t.Fatal(err)
		}
	}
	see(func(*informer.Feed) {})
	see(func(f *informer.Feed) {
		if f.View != "made" || f.Stale {
			t.Errorf("without a change: view %v, stale %v", f.View, f.Stale)
		}
	})
	register(t, r, shop.Name(), "a")
	l.awaitNodes(t, "view-kept/a")
	see(func(f *informer.Feed) {
		if f.View != "made" || !f.Stale || len(f.Changes) != 1 || f.Changes[0].Node.ID != "a" {
			t.Errorf("after a change: view %v, stale %v, changes %v", f.View, f.Stale, f.Changes)
		}
	})
	var many []string
	for n := range 300 {
		many = append(many, fmt.Sprint("n", n))
	}
	register(t, r, shop.Name(), many...)
	l.await(t, "all", func() bool { return l.shown["view-kept/n299"] })
	see(func(f *informer.Feed) {
		if f.View != nil || !f.Stale || len(f.Changes) != 0 {
			t.Errorf("after many changes: view %v, stale %v, %d changes", f.View, f.Stale, len(f.Changes))
		}
	})
}

// Services of a namespace are followed when they have nodes, those of one name alone
// where that is asked for.
func TestAttachAll(t *testing.T) {
	i, _, r := start(t, informer.Options{})
	register(t, r, "all-one", "a")
	every, one := newRecorder(), newRecorder()
	for l, name := range map[*recorder]string{every: "", one: "all-one"} {
		a, err := i.AttachAll(keys.DefaultNamespace, name, l)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Detach()
	}
	every.await(t, "listed", func() bool { return every.listed && every.shown["all-one/a"] })
	one.awaitNodes(t, "all-one/a")
	register(t, r, "all-two", "b") // whose first event the pattern brings
	every.await(t, "the second service", func() bool { return every.shown["all-two/b"] })
	one.awaitNodes(t, "all-one/a")
}

// Start without listeners passes on that a node of a wanted namespace has expired.
func TestHintsWithoutListeners(t *testing.T) {
	server := redistest.SharedStandalone(t)
	server.SetConfig("notify-keyspace-events", "")
	expired := make(chan keys.Service, 1)
	i, c, _ := start(t, informer.Options{
		EnableHints: true,
		Namespaces:  func() []string { return []string{"hints"} },
		Expired: func(s keys.Service, _ time.Time) {
			select {
			case expired <- s:
			default:
			}
		},
	})
	if err := i.Start(); err != nil {
		t.Fatal(err)
	}
	other, wanted := c.Space.Service("other", "shop"), c.Space.Service("hints", "shop")
	deadline := time.After(patience)
	for { // the subscription begins within seconds, and events before it are lost
		for _, s := range []keys.Service{other, wanted} {
			if err := c.Set(t.Context(), s.Node("a"), "", 10*time.Millisecond).Err(); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case s := <-expired:
			if s != wanted {
				t.Errorf("hint of %v, want %v", s, wanted)
			}
			return
		case <-deadline:
			t.Fatal("no hint came")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// After Stop nothing starts, and nothing waits.
func TestStop(t *testing.T) {
	for name, before := range map[string]func(*informer.Informer, keys.Service) *informer.Attachment{
		"before Start": func(*informer.Informer, keys.Service) *informer.Attachment { return nil },
		"while it follows": func(i *informer.Informer, s keys.Service) *informer.Attachment {
			return attach(t, i, s, newRecorder())
		},
	} {
		t.Run(name, func(t *testing.T) {
			i, c, _ := start(t, informer.Options{})
			s := c.Space.Service("", "stop")
			a := before(i, s)
			i.Stop()
			i.Stop()
			<-i.Done()
			if err := i.Wait(t.Context()); err != nil {
				t.Error(err)
			}
			_, attached := i.Attach(s, newRecorder())
			_, all := i.AttachAll("", "", newRecorder())
			for call, err := range map[string]error{"Start": i.Start(), "Attach": attached, "AttachAll": all} {
				if !errors.Is(err, errdefs.ErrClosed) {
					t.Errorf("%s: %v", call, err)
				}
			}
			if a != nil {
				if err := a.See(func(*informer.Feed) { t.Error("See has read") }); !errors.Is(err, errdefs.ErrClosed) {
					t.Errorf("See: %v", err)
				}
				a.Detach()
			}
		})
	}
}
