package hertzadapter

import (
	"context"
	"errors"
	"net"
	"testing"

	hertzdiscovery "github.com/cloudwego/hertz/pkg/app/client/discovery"
	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/protocol"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// What is nil, or a nil pointer, is an error and no panic.
func TestNilIsInvalid(t *testing.T) {
	info := shopAt("10.0.0.1:80")
	d := live(t, shops())
	follower, err := CommunitySource(connect(t, "redis://"+refused(t))).Follow("shop")
	must(t, err)
	defer follower.Stop()
	var none Option
	var noRedis *registry.Redis
	var noContext context.Context
	use := func(d *discovery.Resolver, opts ...DiscoveryOption) error {
		req, resp := protocol.AcquireRequest(), protocol.AcquireResponse()
		defer protocol.ReleaseRequest(req)
		defer protocol.ReleaseResponse(resp)
		req.SetRequestURI("http://shop/")
		req.SetOptions(config.WithSD(true))
		return Discovery(d, opts...)((&fakeEndpoint{}).endpoint)(context.Background(), req, resp)
	}
	resolve := func(r hertzdiscovery.Resolver, ctx context.Context) error {
		_, err := r.Resolve(ctx, "shop")
		return err
	}
	for name, call := range map[string]func() error{
		"Option of NewRegistry":           func() error { return NewRegistry(&fake{}, none).Register(info) },
		"Option of NewRedisRegistry":      func() error { return NewRedisRegistry("127.0.0.1:1", none).Register(info) },
		"RedisOption of NewRedisRegistry": func() error { return NewRedisRegistry("127.0.0.1:1", nil).Register(info) },
		"WithRedisOptions":                func() error { return NewRedisRegistry("127.0.0.1:1", WithRedisOptions(nil, WithDB(1))).Register(info) },
		"RedisOption of NewRedisResolver": func() error { return resolve(NewRedisResolver("127.0.0.1:1", nil), t.Context()) },
		"Option of NewResolver":           func() error { return resolve(NewResolver(d, none), t.Context()) },
		"Option of Discovery":             func() error { return use(d, none) },
		"registry":                        func() error { return NewRegistry(nil).Register(info) },
		"registry, a pointer":             func() error { return NewRegistry(noRedis).Register(info) },
		"registry, the old layout":        func() error { return NewRegistry(noRedis, WithCommunityKeys(true)).Register(info) },
		"registry of CommunitySource":     func() error { _, err := CommunitySource(nil).Follow("shop"); return err },
		"registry of its resolver":        func() error { return resolve(NewResolver(live(t, CommunitySource(nil))), t.Context()) },
		"registry of its Knows": func() error {
			_, err := CommunitySource(nil).(discovery.Knower).Knows(t.Context(), "shop")
			return err
		},
		"context of its Next":     func() error { _, err := follower.Next(noContext); return err },
		"resolver of NewResolver": func() error { return resolve(NewResolver(nil), t.Context()) },
		"resolver of Discovery":   func() error { return use(nil) },
		"context of Resolve":      func() error { return resolve(NewResolver(d), noContext) },
		"Info of Register":        func() error { return NewRegistry(&fake{}).Register(nil) },
		"Info of Deregister":      func() error { return NewRegistry(&fake{}).Deregister(nil) },
		"Addr":                    func() error { return NewRegistry(&fake{}).Register(&hertzregistry.Info{ServiceName: "shop"}) },
		"Addr, a pointer": func() error {
			return NewRegistry(&fake{}).Register(&hertzregistry.Info{ServiceName: "shop", Addr: (*net.UnixAddr)(nil)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := call(); !errors.Is(err, registry.ErrInvalid) {
				t.Errorf("%v, want ErrInvalid", err)
			}
		})
	}
	// What has a meaning without is none.
	if err := use(d, WithBalancer(nil), WithHashKey(nil), WithOnlyHosts(nil)); err != nil {
		t.Error(err)
	}
}
