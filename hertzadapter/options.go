package hertzadapter

import (
	"context"
	"log/slog"
	"time"

	"github.com/cloudwego/hertz/pkg/protocol"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/registry"
)

// DefaultTimeout is the default of WithTimeout. It leaves two of the five seconds of
// server.WithExitWaitTime to Hertz.
const DefaultTimeout = 3 * time.Second

type options struct {
	namespace string
	ttl       time.Duration
	advertise string
	strict    bool
	community bool
	timeout   time.Duration
	drain     time.Duration
	logger    zerolog.Logger
	wrong     error // what is wrong with the options themselves

	balancer discovery.Balancer
	hashKey  func(context.Context, *protocol.Request) string
	serves   func(host string) bool
	static   map[string]*addresses // by service
}

func defaultOptions() options { return options{timeout: DefaultTimeout, logger: logs.Default()} }

func newOptions[O role](opts []O) options {
	o := redisOptions{options: defaultOptions()}
	apply(&o, opts)
	return o.options
}

// WithNamespace sets the namespace to register and resolve in. Default: that of the
// registry.
func WithNamespace(ns string) Option { return setting(func(o *redisOptions) { o.namespace = ns }) }

// WithTTL sets how long a node stays registered after its last renewal, at least 1 s.
// Default: the TTL of the registry.
func WithTTL(d time.Duration) RegistryOption {
	return setting(func(o *redisOptions) { o.ttl = d })
}

// WithAdvertise sets the address to register for every Info of the registry: "host:port",
// or "host" to keep the port of Info.Addr, or ":port" to keep its host. Default: Info.Addr,
// where registry.Advertise replaces an empty host, 0.0.0.0 and ::.
func WithAdvertise(addr string) RegistryOption {
	return setting(func(o *redisOptions) { o.advertise = addr })
}

// WithStrict makes Register return an error if Redis cannot be reached, which ends the
// server. Default: Register returns nil, and the server is registered in the background
// once Redis can be reached.
func WithStrict() RegistryOption { return setting(func(o *redisOptions) { o.strict = true }) }

// WithTimeout sets how long Deregister may take, with its drain. Keep it under
// server.WithExitWaitTime of Hertz, 5 s by default: the requests that are being served
// need the rest. Default, also for 0 and less: DefaultTimeout.
func WithTimeout(d time.Duration) RegistryOption {
	return setting(func(o *redisOptions) {
		o.timeout = d
		if d <= 0 {
			o.timeout = DefaultTimeout
		}
	})
}

// WithDrain makes Deregister first mark the node as draining, wait for d while the server
// still serves, and then remove the node. Meanwhile callers turn to other nodes: those
// with a live view within milliseconds, those that poll within their interval. If Redis
// does not take the mark in time, Deregister removes the node and then waits for d.
// Default: 0, the node is removed at once.
//
// A registry cannot ask Hertz how long a shutdown may take. So d may be two thirds of
// WithTimeout at most, and WithTimeout must leave the rest of server.WithExitWaitTime for
// the requests that are being served: for a drain of 6 s, use 9 s and 15 s. A longer d
// makes Register fail.
func WithDrain(d time.Duration) RegistryOption {
	return setting(func(o *redisOptions) { o.drain = d })
}

// WithCommunityKeys turns on or off the layout of the community package
// hertz-contrib/registry/redis, for a fleet that moves from there: if on, servers are registered
// in both layouts, and servers of both are found. That layout has no namespaces, no
// draining and no unix sockets. NewResolver and Discovery read it by CommunitySource.
// Default: on for NewRedisRegistry and NewRedisResolver, off for NewRegistry.
func WithCommunityKeys(on bool) SharedOption {
	return setting(func(o *redisOptions) { o.community = on })
}

// WithLogger sets the logger. For NewRegistry it is the logger of the adapter alone: the
// registry.Redis has its own, registry.Logger. NewRedisRegistry and NewRedisResolver use it also
// for the registry.Redis and the discovery.Resolver that they make. Default: warnings and errors
// go to standard error; WithLogger(zerolog.Nop()) turns the log off.
func WithLogger(l zerolog.Logger) SharedOption {
	return setting(func(o *redisOptions) { o.logger = l })
}

// WithSlog sets the logger as WithLogger does, to a *slog.Logger, whose handler decides
// which levels are logged. Default, also for nil: see WithLogger.
func WithSlog(l *slog.Logger) SharedOption { return WithLogger(logs.FromSlog(l)) }

// check returns an error for options that do not fit together.
func (o options) check() error {
	if o.wrong != nil {
		return o.wrong
	}
	if o.drain < 0 || o.drain > o.timeout*2/3 {
		return invalid("WithDrain(%v): use at most two thirds of WithTimeout, which is %v, and keep that under server.WithExitWaitTime, 5s by default", o.drain, o.timeout)
	}
	return nil
}

// registerOptions are the options of each Register of the registry underneath.
func (o options) registerOptions() []registry.RegisterOption {
	var opts []registry.RegisterOption
	if o.namespace != "" {
		opts = append(opts, registry.RegisterNamespace(o.namespace))
	}
	if o.ttl != 0 {
		opts = append(opts, registry.RegisterTTL(o.ttl))
	}
	return opts
}

func (o options) deregisterOptions() []registry.DeregisterOption {
	if o.namespace == "" {
		return nil
	}
	return []registry.DeregisterOption{registry.DeregisterNamespace(o.namespace)}
}
