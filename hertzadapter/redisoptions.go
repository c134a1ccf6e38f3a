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

// A RedisOption belongs to NewRedisRegistry and NewRedisResolver. Every Option is one
// as well. The names and arguments of those below are those of the community package
// hertz-contrib/registry/redis. For anything else of Redis, make a registry of your
// own for NewRegistry and NewResolver.
type RedisOption interface{ applyRedis(*redisOptions) }

func (opt Option) applyRedis(o *redisOptions) { o.take(opt) }

type redisOptions struct {
	options
	client          redis.Options
	expire, refresh time.Duration
}

type redisOption func(*redisOptions)

func (opt redisOption) applyRedis(o *redisOptions) { opt(o) }

// WithPassword sets Redis's password.
func WithPassword(password string) RedisOption {
	return redisOption(func(o *redisOptions) { o.client.Password = password })
}

// WithDB sets the database number.
func WithDB(db int) RedisOption { return redisOption(func(o *redisOptions) { o.client.DB = db }) }

// WithTLSConfig turns TLS on with this configuration.
func WithTLSConfig(c *tls.Config) RedisOption {
	return redisOption(func(o *redisOptions) { o.client.TLSConfig = c })
}

// WithDialer makes every connection to Redis. With it, WithTLSConfig does
// nothing: the dialer is to return a connection that is ready.
func WithDialer(dial func(ctx context.Context, network, addr string) (net.Conn, error)) RedisOption {
	return redisOption(func(o *redisOptions) { o.client.Dialer = dial })
}

// WithReadTimeout bounds the wait for one answer, 3 s by default.
func WithReadTimeout(d time.Duration) RedisOption {
	return redisOption(func(o *redisOptions) { o.client.ReadTimeout = d })
}

// WithWriteTimeout bounds the sending of one command; by default it is the read
// timeout.
func WithWriteTimeout(d time.Duration) RedisOption {
	return redisOption(func(o *redisOptions) { o.client.WriteTimeout = d })
}

// WithExpireTime sets how long a node outlives its last renewal, in seconds. The
// default is 15, and three times WithRefreshInterval where that is more.
func WithExpireTime(seconds int) RedisOption {
	return redisOption(func(o *redisOptions) { o.expire = time.Duration(seconds) * time.Second })
}

// WithRefreshInterval sets how often a node is renewed, in seconds: at most half
// of WithExpireTime, which is also what more than that becomes. The default is a
// third of WithExpireTime.
func WithRefreshInterval(seconds int) RedisOption {
	return redisOption(func(o *redisOptions) { o.refresh = time.Duration(seconds) * time.Second })
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

func newRedisOptions(addr string, opts []RedisOption) *redisOptions {
	o := &redisOptions{options: newOptions([]Option{WithCommunityKeys(true)}), client: redis.Options{
		Addr:                  addr,
		DialerRetries:         1,    // the registry itself tries again
		ContextTimeoutEnabled: true, // or a hung Redis outlasts our deadlines
		DisableIdentity:       true, // CLIENT SETINFO is unknown to Redis below 7.2, and forbidden to many users
		MaintNotificationsConfig: &maintnotifications.Config{
			Mode: maintnotifications.ModeDisabled,
		},
	}}
	for _, opt := range opts {
		if opt == nil {
			opt = Option(nil)
		}
		opt.applyRedis(o)
	}
	return o
}
