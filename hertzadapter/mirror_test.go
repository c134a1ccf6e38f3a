package hertzadapter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/cloudwego/hertz/pkg/common/utils"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/community"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

const oldKey = "/hertz/shop/server"

func TestWithoutCommunityKeysThereAreNone(t *testing.T) {
	url := redistest.SharedStandalone(t).URL()
	c := clientOf(t, url)
	for name, a := range map[string]hertzregistry.Registry{
		"NewRegistry":      NewRegistry(connect(t, url)),
		"NewRedisRegistry": NewRedisRegistry(hostOf(url), WithCommunityKeys(false)),
	} {
		must(t, a.Register(shopAt("10.0.0.1:80")))
		if n := c.Exists(t.Context(), oldKey).Val(); n != 0 {
			t.Errorf("%s wrote %s", name, oldKey)
		}
		must(t, a.Deregister(shopAt("10.0.0.1:80")))
	}
}

func TestCommunityKeysAndANamespace(t *testing.T) {
	r := connect(t, redistest.SharedStandalone(t).URL())
	err := NewRegistry(r, WithCommunityKeys(true), WithNamespace("blue")).Register(shopAt("10.0.0.1:80"))
	if !errors.Is(err, registry.ErrInvalid) || !strings.Contains(err.Error(), `WithNamespace("blue")`) {
		t.Errorf("%v, want ErrInvalid that names both options", err)
	}
	wantNoNodes(t, r)
}

func TestAUnixSocketStaysOutOfTheOldLayout(t *testing.T) {
	url := redistest.SharedStandalone(t).URL()
	var warned atomic.Bool
	var a hertzregistry.Registry
	log := zerolog.New(io.Discard).Hook(zerolog.HookFunc(func(_ *zerolog.Event, _ zerolog.Level, msg string) {
		if strings.Contains(msg, "TCP alone") {
			must(t, a.Deregister(shopAt("10.0.0.2:80"))) // no line is written under a lock
			warned.Store(true)
		}
	}))
	a = NewRegistry(connect(t, url), WithCommunityKeys(true), WithLogger(log))
	info := &hertzregistry.Info{ServiceName: "shop", Addr: utils.NewNetAddr("unix", "/run/shop.sock")}
	must(t, a.Register(info))
	must(t, a.Deregister(info))
	if n := clientOf(t, url).Exists(t.Context(), oldKey).Val(); n != 0 || !warned.Load() {
		t.Errorf("%d keys, warned: %v", n, warned.Load())
	}
}

// A process that dies changes neither layout. Another process of ours that serves
// the service removes its field, and no other.
func TestACrashedNodeLeavesTheOldLayout(t *testing.T) {
	const ttl = 2 * time.Second
	s := redistest.SharedStandalone(t)
	old := oldPackage{c: s.Client(), expire: time.Hour}
	must(t, old.Register(shopAt("10.0.0.9:80")))
	foreign := map[string]string{
		"not json":    "x",
		"10.0.0.8:80": community.Entry{Addr: "10.0.0.8:80", Mark: &community.Mark{Home: community.Home{Prefix: "rollcall", Namespace: "blue"}}}.Encode(),
	}
	must(t, s.Client().HSet(t.Context(), oldKey, foreign).Err())

	proxy := redistest.StartProxy(t, s.Addr())
	crashing := NewRegistry(connect(t, "redis://"+proxy.Addr(), registry.TTL(ttl), registry.Timeout(time.Second)), WithCommunityKeys(true))
	living := NewRegistry(connect(t, s.URL(), registry.TTL(ttl)), WithCommunityKeys(true))
	must(t, crashing.Register(shopAt("10.0.0.1:80")))
	must(t, living.Register(shopAt("10.0.0.2:80")))
	old.finds(t, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.8:80", "10.0.0.9:80")
	proxy.Cut()
	crash := time.Now()
	old.finds(t, "10.0.0.2:80", "10.0.0.8:80", "10.0.0.9:80")
	t.Logf("gone %v after the crash, with a TTL of %v", time.Since(crash), ttl)
	if v := s.Client().HGet(t.Context(), oldKey, "not json").Val(); v != "x" {
		t.Errorf("a field of another program holds %q", v)
	}
	if left := s.Client().TTL(t.Context(), oldKey).Val(); left < 59*time.Minute {
		t.Errorf("the expiry is %v: it was shortened", left)
	}

	proxy.Heal() // it was only cut off
	old.finds(t, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.8:80", "10.0.0.9:80")
	must(t, crashing.Deregister(shopAt("10.0.0.1:80")))
	must(t, living.Deregister(shopAt("10.0.0.2:80")))
	old.finds(t, "10.0.0.8:80", "10.0.0.9:80")
}

// If no process of ours is left to do it, the next one of ours does it.
func TestTheNextServerSweepsUpAfterOneThatCrashedAlone(t *testing.T) {
	s := redistest.SharedStandalone(t)
	old := oldPackage{c: s.Client()}
	crashed := community.Entry{Service: "shop", Addr: "10.0.0.1:80", Mark: &community.Mark{
		Home: community.Home{Prefix: "rollcall", Namespace: "default"}, Nonce: "abc",
	}}
	must(t, s.Client().HSet(t.Context(), oldKey, crashed.Addr, crashed.Encode()).Err())
	must(t, old.Register(shopAt("10.0.0.9:80")))
	a := NewRedisRegistry(s.Addr())
	must(t, a.Register(shopAt("10.0.0.2:80")))
	old.finds(t, "10.0.0.2:80", "10.0.0.9:80")
	must(t, a.Deregister(shopAt("10.0.0.2:80")))
}

func TestTheOldLayoutComesBackAfterAFlush(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		old := oldPackage{c: clientOf(t, url)}
		a := NewRedisRegistry(hostOf(url))
		must(t, a.Register(shopAt("10.0.0.1:80")))
		old.finds(t, "10.0.0.1:80")
		must(t, old.c.FlushAll(t.Context()).Err())
		old.finds(t, "10.0.0.1:80")
		must(t, a.Deregister(shopAt("10.0.0.1:80")))
		old.finds(t)
	})
}

func TestTheOldLayoutWaitsForRedis(t *testing.T) {
	s := redistest.Start(t)
	s.Kill()
	r := connect(t, s.URL(), registry.Timeout(500*time.Millisecond))
	h := serve(t, "one", NewRegistry(r, WithCommunityKeys(true)), nil)
	h.up(t)
	s.Restart(false)
	oldPackage{c: s.Client()}.finds(t, h.addr)
}

func TestSIGTERMInTheFirstSecondLeavesTheOldLayoutAlone(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		s := serve(t, "one", NewRedisRegistry(hostOf(url)), nil)
		s.stop(t)
		s.up(t) // Hertz registers all the same
		wantNoNodes(t, connect(t, url))
		if n := clientOf(t, url).Exists(t.Context(), oldKey).Val(); n != 0 {
			t.Error("the old layout has a zombie")
		}
	})
}

func TestTwoRedisesDoNotMixInTheOldLayout(t *testing.T) {
	var a [2]hertzregistry.Registry
	var old [2]oldPackage
	for i := range a {
		s := redistest.Start(t)
		a[i], old[i] = NewRedisRegistry(s.Addr()), oldPackage{c: s.Client()}
		must(t, a[i].Register(shopAt(fmt.Sprintf("10.0.0.%d:80", i))))
	}
	for i := range a {
		old[i].finds(t, fmt.Sprintf("10.0.0.%d:80", i))
		must(t, a[i].Deregister(shopAt(fmt.Sprintf("10.0.0.%d:80", i))))
		old[i].finds(t)
	}
}

// What a registration comes to decides what is in the field.
func TestTheFieldFollowsTheRegistration(t *testing.T) {
	s := redistest.SharedStandalone(t)
	old := oldPackage{c: s.Client()}
	m, err := newMirror(connect(t, s.URL()), service(shopAt("10.0.0.1:80"), "tcp", "10.0.0.1:80"), newOptions[Option](nil), zerolog.Nop())
	must(t, err)
	for _, c := range []struct {
		state registry.State
		want  []string
	}{
		{registry.Pending, nil},
		{registry.Live, []string{"10.0.0.1:80"}},
		{registry.Lost, []string{"10.0.0.1:80"}},
		{registry.Removed, nil},
		{registry.Live, []string{"10.0.0.1:80"}},
		{registry.Superseded, []string{"10.0.0.1:80"}},
		{registry.Left, nil},
		{registry.Live, []string{"10.0.0.1:80"}},
	} {
		m.follow(c.state)
		old.finds(t, c.want...)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	must(t, m.close(ctx))
	if got := old.addresses(t); got != nil {
		t.Errorf("after close an old client finds %v", got)
	}
}

func TestAMirrorEndsWithItsRegistry(t *testing.T) {
	s := redistest.SharedStandalone(t)
	r := connect(t, s.URL())
	m, err := newMirror(r, service(shopAt("10.0.0.1:80"), "tcp", "10.0.0.1:80"), newOptions[Option](nil), zerolog.Nop())
	must(t, err)
	m.follow(registry.Live)
	oldPackage{c: s.Client()}.finds(t, "10.0.0.1:80")
	must(t, r.Close(t.Context()))
	<-m.ctx.Done() // else the test hangs
	m.tasks.Wait()
}

// A registration may come through after its Deregister has given up waiting for it.
func TestAMirrorThatWasClosedDoesNotStart(t *testing.T) {
	m, err := newMirror(connect(t, redistest.SharedStandalone(t).URL()), service(shopAt("10.0.0.1:80"), "tcp", "10.0.0.1:80"), newOptions[Option](nil), zerolog.Nop())
	must(t, err)
	must(t, m.close(t.Context()))
	m.follow(registry.Live)
	if m.ctx != nil {
		m.cancel()
		t.Error("it started")
	}
}

func TestRegisteringAgainUpdatesTheOldLayout(t *testing.T) {
	s := redistest.SharedStandalone(t)
	old := oldPackage{c: s.Client()}
	a := NewRedisRegistry(s.Addr())
	info := shopAt("10.0.0.1:80")
	must(t, a.Register(info))
	old.finds(t, "10.0.0.1:80")
	info.Weight = 50
	must(t, a.Register(info))
	await(t, "an old client sees the weight", func() bool {
		res, _ := old.Resolve(t.Context(), "shop")
		return len(res.Instances) == 1 && res.Instances[0].Weight() == 50
	})
	must(t, a.Deregister(info))
	old.finds(t)
}

// A field that was taken out is not taken out again and again.
func TestARemovedNodeCostsNoFurtherCalls(t *testing.T) {
	s := redistest.Start(t)
	m, err := newMirror(connect(t, s.URL()), service(shopAt("10.0.0.1:80"), "tcp", "10.0.0.1:80"), newOptions[Option](nil), zerolog.Nop())
	must(t, err)
	old := oldPackage{c: s.Client()}
	scripts := func() (n int) {
		for line := range strings.Lines(s.Client().Info(t.Context(), "commandstats").Val()) {
			_, _ = fmt.Sscanf(line, "cmdstat_evalsha:calls=%d,", &n)
			if strings.HasPrefix(line, "cmdstat_evalsha:") {
				break
			}
		}
		return n
	}
	m.follow(registry.Live)
	old.finds(t, "10.0.0.1:80")
	m.follow(registry.Removed)
	old.finds(t)
	before := scripts()
	for range 5 {
		m.follow(registry.Removed)
		await(t, "it has looked", func() bool { return len(m.news) == 0 })
	}
	must(t, m.close(t.Context())) // waits for a call that is under way
	if n := scripts() - before; n > 0 {
		t.Errorf("%d further calls", n)
	}
}
