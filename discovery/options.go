package discovery

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/budget"
	"github.com/rollcall-go/rollcall/internal/ejection"
	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/views"
)

// The defaults of the options.
const (
	DefaultIdleTimeout = 10 * time.Minute
	DefaultTimeout     = 3 * time.Second
	DefaultGuard       = 0.5
)

// An Option sets a property of a Resolver. If a value is wrong, Err and every call of the
// Resolver return registry.ErrInvalid. A nil Option has no effect.
type Option func(*options)

type options struct {
	balancer    Balancer
	timeout     time.Duration
	idleTimeout time.Duration
	maxStale    time.Duration
	preload     []listed.Name
	slowStart   time.Duration
	subset      int
	identity    string
	guard       float64
	ejection    ejection.Policy
	retries     int
	budget      budget.Size
	snapshotDir string
	logger      zerolog.Logger
	observe     Observer
	tracer      Tracer
}

func newOptions(opts []Option) options {
	o := options{
		balancer: P2C(), timeout: DefaultTimeout, idleTimeout: DefaultIdleTimeout, guard: DefaultGuard,
		ejection: ejection.Policy{Failures: DefaultFailures, Base: DefaultEjection, Longest: DefaultMaxEjection},
		retries:  DefaultRetries, budget: budget.Size{Share: DefaultRetryShare, PerSecond: DefaultRetriesPerSecond},
		identity: ownIdentity(), logger: logs.Default(),
	}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	return o
}

// ownIdentity is the default of Identity.
func ownIdentity() string {
	host, err := os.Hostname()
	if pid := os.Getpid(); err != nil || pid != 1 {
		return fmt.Sprint(host, "/", pid)
	}
	return host
}

// check returns what is wrong with the options.
func (o options) check() error {
	switch {
	case o.balancer == nil:
		return invalid("WithBalancer: nil")
	case o.timeout <= 0:
		return invalid("Timeout(%v): over 0 is needed", o.timeout)
	case o.idleTimeout <= 0:
		return invalid("IdleTimeout(%v): over 0 is needed", o.idleTimeout)
	case o.maxStale < 0:
		return invalid("MaxStale(%v): 0, for no limit, or more is needed", o.maxStale)
	case o.slowStart < 0:
		return invalid("SlowStart(%v): 0, for none, or more is needed", o.slowStart)
	case o.subset < 0:
		return invalid("Subset(%d): 0, for all, or more is needed", o.subset)
	case !(o.guard >= 0 && o.guard <= 1):
		return invalid("Guard(%v): 0, for none, to 1 is needed", o.guard)
	case o.retries < 0:
		return invalid("Retries(%d): 0, for none, or more is needed", o.retries)
	}
	return errors.Join(checkEjection(o.ejection), checkBudget(o.budget), checkPolicy(o.balancer.policy()))
}

// config returns the settings of the hub.
func (o options) config() views.Config {
	c := views.Config{
		Preload: o.preload, Balance: o.balancer.policy(), Timeout: o.timeout, IdleTimeout: o.idleTimeout,
		MaxStale: o.maxStale, SlowStart: o.slowStart, Subset: o.subset, Identity: o.identity, Guard: o.guard,
		Ejection: o.ejection, SnapshotDir: o.snapshotDir, Logger: o.logger,
		Public: func(v *views.View) any { return &View{v} },
	}
	if o.observe != nil {
		c.Viewed, c.Ejected = o.observe.viewed, o.observe.ejected
	}
	return c
}

// WithBalancer sets the balancer of calls without a Balancer among their options. Default: P2C.
func WithBalancer(b Balancer) Option { return func(o *options) { o.balancer = b } }

// Timeout sets how long a call waits for the first view of a service if its context has no
// deadline, and how long each dial of DialContext may take. Default: DefaultTimeout.
func Timeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// IdleTimeout sets how long a service is followed after the last call for it. It may be
// followed up to half as long again. The next call for it then reads it again from the
// source. Default: DefaultIdleTimeout.
func IdleTimeout(d time.Duration) Option { return func(o *options) { o.idleTimeout = d } }

// MaxStale limits how long a view may be used after contact with the source was lost: then
// calls return ErrStale. Default: 0, no limit, since old nodes are better than none.
func MaxStale(d time.Duration) Option { return func(o *options) { o.maxStale = d } }

// Preload makes the Resolver follow these services of the source's namespace from New on,
// before the first call, and as long as it is open. Default: none.
func Preload(services ...string) Option { return PreloadNamespace("", services...) }

// PreloadNamespace is Preload for services of another namespace, those of calls with
// Namespace. "" is the source's own. Default: none.
func PreloadNamespace(namespace string, services ...string) Option {
	return func(o *options) {
		for _, name := range services {
			o.preload = append(o.preload, listed.Name{Namespace: namespace, Service: name})
		}
	}
}

// SlowStart gives a new node time to warm up: for d after it was first seen it gets a smaller
// share of the calls, which rises in ten equal steps from a tenth to the whole. It has no effect
// on nodes that are there when the Resolver first sees the service, nor with balancers that
// ignore weights. Default: 0, a new node gets its whole share at once.
func SlowStart(d time.Duration) Option { return func(o *options) { o.slowStart = d } }

// Subset makes this process call only n nodes of a service, so that in a large fleet not
// every process connects to every node. Which nodes these are follows from the Identity of the
// process and the IDs of the nodes alone: after a restart with the same identity they are the
// same. When a node comes or goes, at most one node of the subset changes. Default: 0, all
// nodes.
//
// How even the load is depends on the identities, since processes do not know each other. If
// up to 1,000 identities end in the numbers 0, 1, 2 and so on, as the names of the pods of a
// StatefulSet do, the number of processes that call a node differs from the average by less
// than 3: of 20 processes that call 5 of 20 nodes each, 4 to 6 call each node. Names without
// such a number are spread at random: 1 to 10 in that example.
//
// Source: the deterministic aperture of Twitter's Finagle, a stretch of a circle of nodes.
// The number of processes need not be known, because each begins at a multiple of the golden
// ratio.
func Subset(n int) Option { return func(o *options) { o.subset = n } }

// Identity sets the name of this process for Subset. Processes with the same identity call
// the same nodes, so give the processes of a fleet one name with a number at its end: shop-0,
// shop-1, and so on. Default: the name of the host, followed by the process ID unless that is
// 1, as in a container.
func Identity(name string) Option { return func(o *options) { o.identity = name } }

// Guard protects against a registry that loses many nodes at once although they still serve:
// nodes that cannot reach Redis, say. share is a part of the nodes of a service, from 0 to 1. If
// many leases end within one TTL, only that share of the nodes leaves the view, or two nodes if
// that is more. The others stay for one TTL more. 0 turns the guard off. Default: DefaultGuard.
//
// A node whose lease has ended also stays while calls to it succeed, at least one in each TTL.
// And the last nodes of a service that had two or more stay until a node registers, a node
// deregisters, or as many calls to them fail in a row as Ejection says. View.Guarded returns
// the nodes that stay. A node that deregisters leaves at once, also the last one.
func Guard(share float64) Option { return func(o *options) { o.guard = share } }

// SnapshotDir sets a directory in which the last known nodes of every service are kept, one
// file for each service. A process that starts while Redis is away then finds its services:
// if the source fails, or has not answered for half a second, the view of the file is used.
// Such a view is stale, and Saved says from when it is. It is replaced by the first view of
// the source. A view that is older than MaxStale is not used. Default: none.
//
// A file is written about 10 s after a change, and when the service is let go, as Close does.
// It holds what the view shows, with nodes that are Held or Guarded. If nothing changes, its
// time is updated once an hour. The directory is created, for this user alone, if it is
// missing. Processes may share it if they have the same source. An error of a file is logged,
// and has no other effect.
func SnapshotDir(dir string) Option { return func(o *options) { o.snapshotDir = dir } }

// Logger sets the logger. Warn: views are stale, nodes are guarded or ejected, snapshots
// cannot be written or used. Of all services together this is one line when it begins, one a
// minute, and one when it ends. Info: each further node that is ejected or back, and views
// that are stale because a *registry.Redis is in an outage, for which that registry logs the
// warning. Default: warnings go to standard error, one line each; Logger(zerolog.Nop()) turns
// the log off.
func Logger(l zerolog.Logger) Option { return func(o *options) { o.logger = l } }

// Slog sets the logger as Logger does, to a *slog.Logger, whose handler decides which levels
// are logged. Default, also for nil: see Logger.
func Slog(l *slog.Logger) Option { return Logger(logs.FromSlog(l)) }

// Observe sets a function that gets every Event. Default, also for nil: none.
func Observe(f Observer) Option { return func(o *options) { o.observe = f } }
