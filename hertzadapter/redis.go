package hertzadapter

import (
	"context"
	"errors"
	"time"

	hertzdiscovery "github.com/cloudwego/hertz/pkg/app/client/discovery"
	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// NewRedisRegistry is NewRegistry for the Redis at addr, host:port. It takes the
// place of the constructor of that name in the community package
// hertz-contrib/registry/redis.
//
// It connects at the first Register, and the Deregister of the last Info closes
// what it opened: nothing is left to close by the caller.
func NewRedisRegistry(addr string, opts ...RedisOption) hertzregistry.Registry {
	return newRegistrar(&holder{open: newRedisOptions(addr, opts).open}, newOptions(nil))
}

// NewRedisResolver is NewResolver for the Redis at addr, host:port. It takes the
// place of the constructor of that name in the community package
// hertz-contrib/registry/redis.
//
// It lives as long as the process, as Hertz's balancers do. Equal arguments give
// resolvers that share one balancer and one connection pool; with WithDialer
// each has its own. For who has to end it all the same, it is an io.Closer: calls
// fail from then on.
func NewRedisResolver(addr string, opts ...RedisOption) hertzdiscovery.Resolver {
	o := newRedisOptions(addr, opts)
	r, end := o.connect()
	return &redisResolver{resolver{r: discovery.New(r), o: newOptions(nil), name: o.resolverName()}, end}
}

// A redisResolver owns what it reads from.
type redisResolver struct {
	resolver
	end closer
}

func (v *redisResolver) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), v.o.timeout)
	defer cancel()
	return errors.Join(v.r.Close(), v.end(ctx))
}

// resolverName is the same for what reaches the same Redis in the same way.
// Functions cannot be compared, so a dialer is always one of its own.
func (o *redisOptions) resolverName() string {
	var dialer any
	if o.client.Dialer != nil {
		dialer = o
	}
	c := &o.client
	return resolverName(c.Addr, c.Password, c.DB, c.TLSConfig, c.ReadTimeout, c.WriteTimeout, dialer)
}

// open is connect for a holder.
func (o *redisOptions) open() (registry.Registry, closer) { return o.connect() }

// connect makes a registry that has not connected yet, and the way to end it.
func (o *redisOptions) connect() (*registry.Redis, closer) {
	c := o.client
	client := redis.NewClient(&c)
	r := registry.NewRegistry(append(o.lease(), registry.Client(client))...)
	return r, func(ctx context.Context) error {
		return errors.Join(r.Close(ctx), client.Close())
	}
}

// lease turns the community package's two times into ours, which are stricter: a
// lease is renewed at least twice before it runs out.
func (o *redisOptions) lease() []registry.Option {
	switch expire, refresh := o.expire, o.refresh; {
	case refresh == 0:
		return []registry.Option{registry.TTL(expire)} // 0 is the default
	case expire == 0:
		return []registry.Option{registry.TTL(max(registry.DefaultTTL, 3*refresh)), registry.Interval(refresh)}
	default:
		return []registry.Option{registry.TTL(expire), registry.Interval(min(refresh, expire/2))}
	}
}

func newRedisOptions(addr string, opts []RedisOption) *redisOptions {
	o := &redisOptions{client: redis.Options{
		Addr:                  addr,
		DialerRetries:         1,    // the registry itself tries again
		ContextTimeoutEnabled: true, // or a hung Redis outlasts our deadlines
		DisableIdentity:       true, // CLIENT SETINFO is unknown to Redis below 7.2, and forbidden to many users
		MaintNotificationsConfig: &maintnotifications.Config{
			Mode: maintnotifications.ModeDisabled,
		},
	}}
	for _, opt := range opts {
		opt(o)
	}
	return o
}

type redisOptions struct {
	client          redis.Options
	expire, refresh time.Duration
}
