package hertzadapter

import (
	"context"

	hertzdiscovery "github.com/cloudwego/hertz/pkg/app/client/discovery"
	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"

	"github.com/rollcall-go/rollcall/discovery"
)

// NewRedisRegistry is NewRegistry for the Redis at addr, host:port. It replaces the constructor
// of that name in the community package hertz-contrib/registry/redis.
//
// It connects at the first Register, and closes its connections at the Deregister of the last
// Info: the caller has nothing to close.
func NewRedisRegistry(addr string, opts ...RedisRegistryOption) hertzregistry.Registry {
	o := newRedisOptions(addr, opts)
	return newRegistrar(&holder{open: o.open}, o.options)
}

// NewRedisResolver is NewResolver for the Redis at addr, host:port. It replaces the constructor
// of that name in the community package hertz-contrib/registry/redis.
//
// The resolver makes its own registry and discovery.Resolver. The caller need not close it: it
// is meant to be used until the process ends. To end it earlier, close it as an io.Closer; its
// calls then return errors.
//
// Two resolvers with equal arguments share a connection pool and a balancer, unless WithDialer
// is given: each then has its own.
func NewRedisResolver(addr string, opts ...RedisResolverOption) hertzdiscovery.Resolver {
	o := newRedisOptions(addr, opts)
	r, end := o.connect()
	var src discovery.Source = r
	if o.community {
		src = CommunitySource(r)
	}
	d := discovery.New(src, discovery.Logger(o.logger))
	return &redisResolver{resolver{r: d, o: o.options, err: o.wrong, name: o.resolverName()}, o, end}
}

// A redisResolver owns what it reads from.
type redisResolver struct {
	resolver
	of  *redisOptions // kept, because its address may be in the name
	end closer
}

func (v *redisResolver) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), DefaultTimeout)
	defer cancel()
	return joined(v.r.Close(), v.end(ctx))
}

// resolverName is the same for what reaches the same Redis in the same way.
// Functions cannot be compared, so a dialer is always one of its own: the address of
// o is no other's for as long as Hertz's balancer holds the resolver, and so o.
func (o *redisOptions) resolverName() string {
	var dialer any
	if o.client.Dialer != nil {
		dialer = o
	}
	c := &o.client
	return resolverName(c.Addr, c.Password, c.DB, c.TLSConfig, c.ReadTimeout, c.WriteTimeout, dialer, o.namespace, o.community)
}
