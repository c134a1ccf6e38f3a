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

// DefaultTimeout bounds Deregister. It leaves two of the five seconds that Hertz
// gives a whole shutdown, unless server.WithExitWaitTime says otherwise.
const DefaultTimeout = 3 * time.Second

// An Option belongs to NewRegistry, NewResolver or Discovery, or to several of them,
// as its comment says. The others ignore it.
type Option func(*options)

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

func newOptions(opts []Option) options {
	o := options{timeout: DefaultTimeout, logger: logs.Default()}
	for _, opt := range opts {
		o.take(opt)
	}
	return o
}

func (o *options) take(opt Option) {
	if opt == nil {
		o.wrong = invalid("a nil Option: leave it out")
		return
	}
	opt(o)
}

// WithNamespace registers and resolves in this namespace instead of the
// registry's. It is for all.
func WithNamespace(ns string) Option { return func(o *options) { o.namespace = ns } }

// WithTTL sets how long a node outlives its last renewal, at least one second,
// instead of the registry's TTL. It is for NewRegistry.
func WithTTL(d time.Duration) Option { return func(o *options) { o.ttl = d } }

// WithAdvertise announces addr instead of what Info.Addr says: "host:port", or
// "host" to keep the port of Info.Addr, or ":port" to keep its host. It holds
// for every Info of the registry. It is for NewRegistry.
func WithAdvertise(addr string) Option { return func(o *options) { o.advertise = addr } }

// WithStrict makes Register fail, and so Hertz end the server, when Redis cannot
// be reached, instead of going on in the background. It is for NewRegistry.
func WithStrict() Option { return func(o *options) { o.strict = true } }

// WithTimeout bounds Deregister, its drain included. Keep it under Hertz's exit wait
// time, 5 s by default: what Deregister leaves of it is for the requests in hand. Zero
// or less means DefaultTimeout. It is for NewRegistry.
func WithTimeout(d time.Duration) Option {
	return func(o *options) {
		o.timeout = d
		if d <= 0 {
			o.timeout = DefaultTimeout
		}
	}
}

// WithDrain makes Deregister announce the node as draining first, so that callers
// turn to others while it still serves, and remove it after d. Callers with a live
// view need milliseconds; those that ask every so often need as long as that, and a
// little more. Where Redis does not take the announcement in time, the removal is what
// tells them, and the server serves on for d after that.
//
// Hertz does not tell a registry how long a shutdown may last. So d may take two
// thirds of WithTimeout at most, and WithTimeout in its turn has to leave the rest of
// server.WithExitWaitTime to the requests in hand: for a drain of 6 s, 9 s and 15 s.
// A longer d is an error of Register. It is for NewRegistry.
func WithDrain(d time.Duration) Option { return func(o *options) { o.drain = d } }

// WithCommunityKeys has servers announced in the layout of the community package
// hertz-contrib/registry/redis as well, and its servers found, for as long as a fleet
// moves from there. NewRedisRegistry and NewRedisResolver do so without being asked;
// WithCommunityKeys(false) ends it. That layout knows neither namespaces, nor
// draining, nor unix sockets. It is for NewRegistry; a client with a resolver of its
// own takes CommunitySource.
func WithCommunityKeys(on bool) Option { return func(o *options) { o.community = on } }

// WithLogger receives what a person with a pager wants to know of the adapter's own
// work; of registrations the registry itself tells, and of nodes the resolver. Without
// it warnings go to standard error; zerolog.Nop() silences it. With NewRedisRegistry and
// NewRedisResolver it receives all of that. It is for NewRegistry and these two.
func WithLogger(l zerolog.Logger) Option { return func(o *options) { o.logger = l } }

// WithSlog is WithLogger for a *slog.Logger, which says which levels it takes; nil is
// standard error.
func WithSlog(l *slog.Logger) Option { return WithLogger(logs.FromSlog(l)) }

// check says which options do not go together.
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
