package hertzadapter

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/rollcall-go/rollcall/registry"
)

type redisOptions struct {
	options
	client          redis.Options
	expire, refresh time.Duration
}

// WithRedisOptions makes one option of several: for a slice that both constructors get.
// Default: none.
func WithRedisOptions(opts ...RedisOption) RedisOption {
	return setting(func(o *redisOptions) { apply(o, opts) })
}

// WithPassword sets the password of Redis. Default: none.
func WithPassword(password string) RedisOption {
	return setting(func(o *redisOptions) { o.client.Password = password })
}

// WithDB sets the number of the database. Default: 0.
func WithDB(db int) RedisOption { return setting(func(o *redisOptions) { o.client.DB = db }) }

// WithTLSConfig turns TLS on with this configuration. Default: no TLS.
func WithTLSConfig(c *tls.Config) RedisOption {
	return setting(func(o *redisOptions) { o.client.TLSConfig = c })
}

// WithDialer sets the function that makes every connection to Redis. It returns one that
// is ready for use, so WithTLSConfig has no effect with it. Default: a dialer that uses
// WithTLSConfig.
func WithDialer(dial func(ctx context.Context, network, addr string) (net.Conn, error)) RedisOption {
	return setting(func(o *redisOptions) { o.client.Dialer = dial })
}

// WithReadTimeout sets how long to wait for one answer of Redis. Default: 3 s.
func WithReadTimeout(d time.Duration) RedisOption {
	return setting(func(o *redisOptions) { o.client.ReadTimeout = d })
}

// WithWriteTimeout sets how long the sending of one command may take. Default: the read
// timeout.
func WithWriteTimeout(d time.Duration) RedisOption {
	return setting(func(o *redisOptions) { o.client.WriteTimeout = d })
}

// WithExpireTime sets how long a node stays registered after its last renewal, in
// seconds. Default: 15, or three times WithRefreshInterval if that is more.
func WithExpireTime(seconds int) RedisRegistryOption {
	return setting(func(o *redisOptions) { o.expire = time.Duration(seconds) * time.Second })
}

// WithRefreshInterval sets how often a node is renewed, in seconds. More than half of
// WithExpireTime is taken as that half. Default: a third of WithExpireTime.
func WithRefreshInterval(seconds int) RedisRegistryOption {
	return setting(func(o *redisOptions) { o.refresh = time.Duration(seconds) * time.Second })
}

// open is connect for a holder.
func (o *redisOptions) open() (registry.Registry, closer) { return o.connect() }

// connect makes a registry that has not connected yet, and the way to end it.
func (o *redisOptions) connect() (*registry.Redis, closer) {
	c := o.client
	client := redis.NewClient(&c)
	r := registry.NewRegistry(append(o.lease(), registry.Client(client), registry.Logger(o.logger))...)
	return r, func(ctx context.Context) error {
		return joined(r.Close(ctx), client.Close())
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

func newRedisOptions[O role](addr string, opts []O) *redisOptions {
	o := &redisOptions{options: defaultOptions(), client: redis.Options{
		Addr:                  addr,
		DialerRetries:         1,    // the registry itself tries again
		ContextTimeoutEnabled: true, // or a hung Redis outlasts our deadlines
		DisableIdentity:       true, // CLIENT SETINFO is unknown to Redis below 7.2, and forbidden to many users
		MaintNotificationsConfig: &maintnotifications.Config{
			Mode: maintnotifications.ModeDisabled,
		},
	}}
	o.community = true
	apply(o, opts)
	return o
}
