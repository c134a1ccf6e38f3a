package hertzadapter

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// A RedisOption belongs to NewRedisRegistry and NewRedisResolver. The names and
// types are those of the community package hertz-contrib/registry/redis. For
// anything else, make a registry of your own for NewRegistry and NewResolver.
type RedisOption func(*redisOptions)

// WithPassword sets Redis's password.
func WithPassword(password string) RedisOption {
	return func(o *redisOptions) { o.client.Password = password }
}

// WithDB sets the database number.
func WithDB(db int) RedisOption { return func(o *redisOptions) { o.client.DB = db } }

// WithTLSConfig turns TLS on with this configuration.
func WithTLSConfig(c *tls.Config) RedisOption {
	return func(o *redisOptions) { o.client.TLSConfig = c }
}

// WithDialer makes every connection to Redis. With it, WithTLSConfig does
// nothing: the dialer is to return a connection that is ready.
func WithDialer(dial func(ctx context.Context, network, addr string) (net.Conn, error)) RedisOption {
	return func(o *redisOptions) { o.client.Dialer = dial }
}

// WithReadTimeout bounds the wait for one answer, 3 s by default.
func WithReadTimeout(d time.Duration) RedisOption {
	return func(o *redisOptions) { o.client.ReadTimeout = d }
}

// WithWriteTimeout bounds the sending of one command; by default it is the read
// timeout.
func WithWriteTimeout(d time.Duration) RedisOption {
	return func(o *redisOptions) { o.client.WriteTimeout = d }
}

// WithExpireTime sets how long a node outlives its last renewal, in seconds. The
// default is 15, and three times WithRefreshInterval where that is more.
func WithExpireTime(seconds int) RedisOption {
	return func(o *redisOptions) { o.expire = time.Duration(seconds) * time.Second }
}

// WithRefreshInterval sets how often a node is renewed, in seconds: at most half
// of WithExpireTime, which is also what more than that becomes. The default is a
// third of WithExpireTime.
func WithRefreshInterval(seconds int) RedisOption {
	return func(o *redisOptions) { o.refresh = time.Duration(seconds) * time.Second }
}
