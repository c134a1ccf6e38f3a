package registry

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// Redis is the Registry on Redis. Make it with NewRegistry: the methods of a zero Redis
// return ErrInvalid.
type Redis struct {
	mu     sync.Mutex // guards all below
	opts   []Option
	conn   *conn // nil until the first call
	closed bool

	calls actor.Group   // all that may outlast the caller's patience
	gone  chan struct{} // closed when Close has done its work
}

var _ Registry = (*Redis)(nil)

// NewRegistry returns a registry. It does not connect to Redis: Init or the first call
// does. If an option is wrong, these return ErrInvalid, and so does Err at once.
func NewRegistry(opts ...Option) *Redis {
	return &Redis{opts: slices.Clone(opts), gone: make(chan struct{})}
}

// Init applies more options, connects to Redis and waits for an answer.
//
//	ErrUnavailable  Redis did not answer; the registry can still be used, and connects
//	                as soon as it can
//	ErrInvalid      an option is wrong or does not suit the server, or options are given
//	                after the first call
//	ErrPermission   Redis refused the user or a command
//
// If Redis allows CONFIG and may evict nodes by its maxmemory-policy, Init logs a
// warning.
func (r *Redis) Init(opts ...Option) error {
	if !r.made() {
		return failure("init", "", "", errNotMade)
	}
	r.mu.Lock()
	late := r.conn != nil && len(opts) > 0
	if !late {
		r.opts = append(r.opts, opts...)
	}
	r.mu.Unlock()
	if late {
		return failure("init", "", "", errdefs.Invalid("Option", "the registry is in use: give options to NewRegistry or to the first Init"))
	}
	c, err := r.connection()
	if err != nil {
		return failure("init", "", "", err)
	}
	ctx, cancel := c.Bound(context.Background())
	defer cancel()
	err = c.Meet(ctx)
	if err == nil {
		_, err = redisconn.Reply(ctx, c.Conn, c.Ping(ctx))
	}
	if err != nil {
		return failure("init", "", "", c.Located(err, "", ""))
	}
	c.WarnEviction(ctx)
	return nil
}

var errNotMade = errdefs.Invalid("Redis", "it was not made by NewRegistry: call registry.NewRegistry")

// made reports whether NewRegistry made it.
func (r *Redis) made() bool { return r != nil && r.gone != nil }

// Err returns ErrInvalid if an option is wrong, or nil, without a call to Redis. Init
// or the first call checks whether the options suit the server. Parse the flags of Flags
// before Err.
func (r *Redis) Err() error {
	if !r.made() {
		return failure("options", "", "", errNotMade)
	}
	r.mu.Lock()
	opts := r.opts
	r.mu.Unlock()
	_, err := resolve(opts)
	return failure("options", "", "", err)
}

// connection returns the way to Redis, made at the first call.
func (r *Redis) connection() (*conn, error) {
	if !r.made() {
		return nil, errNotMade
	}
	for {
		r.mu.Lock()
		c, opts, closed := r.conn, r.opts, r.closed
		r.mu.Unlock()
		switch {
		case closed:
			return nil, ErrClosed
		case c != nil:
			return c, nil
		}
		o, err := resolve(opts) // calls the options, and so code of the user's
		if err != nil {
			return nil, err
		}
		if err := r.connect(o, len(opts)); err != nil {
			return nil, err
		}
	}
}

// connect makes the way to Redis from what the first of the options say; it makes none
// if there is one, if Close came, or if Init has added options meanwhile.
func (r *Redis) connect(o Options, options int) (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil && !r.closed && len(r.opts) == options {
		r.conn, err = connect(o)
	}
	return err
}

// Options returns the options of the registry, with defaults for those not set.
func (r *Redis) Options() Options {
	if !r.made() {
		o, _ := resolve(nil)
		return o
	}
	r.mu.Lock()
	c, opts := r.conn, r.opts
	r.mu.Unlock()
	if c == nil {
		o, _ := resolve(opts) // what is wrong shows at the first call
		return o
	}
	o := c.o
	o.Addrs = slices.Clone(o.Addrs)
	return o
}

// Client returns the Redis client of the registry, so that the caller can use the same
// Redis for other keys. Close of the registry closes it, unless it was set by Client. If
// an option is wrong it returns ErrInvalid, and after Close ErrClosed.
func (r *Redis) Client() (redis.UniversalClient, error) {
	c, err := r.connection()
	if err != nil {
		return nil, failure("client", "", "", err)
	}
	return c.UniversalClient, nil
}

// String names the Redis and the prefix, without credentials, such as "rollcall on redis
// 127.0.0.1:6379, database 0, prefix rollcall".
func (r *Redis) String() string {
	if !r.made() {
		return "rollcall on nothing: " + errNotMade.Error()
	}
	o := r.Options()
	config := o.config()
	return fmt.Sprintf("rollcall on %s, prefix %s", config.Where(), o.Prefix)
}
