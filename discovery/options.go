package discovery

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/logs"
)

// The defaults of the options.
const (
	DefaultIdleTimeout = 10 * time.Minute
	DefaultTimeout     = 3 * time.Second
	DefaultGuard       = 0.5
)

// An Option sets a part of a Resolver. Bad values show as registry.ErrInvalid from
// every call of the Resolver. A nil Option has no effect.
type Option func(*options)

type options struct {
	balancer    Balancer
	timeout     time.Duration
	idleTimeout time.Duration
	maxStale    time.Duration
	preload     []serviceName
	slowStart   time.Duration
	subset      int
	identity    string
	guard       float64
	ejection    ejection
	retries     int
	budget      budgetSize
	snapshotDir string
	logger      zerolog.Logger
	observe     Observer
}

func newOptions(opts []Option) options {
	o := options{
		balancer: P2C(), timeout: DefaultTimeout, idleTimeout: DefaultIdleTimeout, guard: DefaultGuard,
		ejection: ejection{DefaultFailures, DefaultEjection, DefaultMaxEjection},
		retries:  DefaultRetries, budget: budgetSize{DefaultRetryShare, DefaultRetriesPerSecond},
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
	return errors.Join(o.ejection.check(), o.budget.check(), checkBalancer(o.balancer))
}

// WithBalancer sets the balancer of calls that name none: P2C by default.
func WithBalancer(b Balancer) Option { return func(o *options) { o.balancer = b } }

// Timeout bounds the wait for the first view of a service where the context has no
// deadline, and each dial of DialContext: DefaultTimeout.
func Timeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// IdleTimeout sets after how long a service that nobody asks for is let go:
// DefaultIdleTimeout, at most half of that later. The next call reads it anew.
func IdleTimeout(d time.Duration) Option { return func(o *options) { o.idleTimeout = d } }

// MaxStale makes ErrStale of a view that lost contact with its source longer ago
// than this. By default views serve for ever: a list that was true a while ago
// finds more nodes than none.
func MaxStale(d time.Duration) Option { return func(o *options) { o.maxStale = d } }

// Preload makes the Resolver follow these services of the source's namespace from New on,
// before the first call, and as long as it is open. Default: none.
func Preload(services ...string) Option { return PreloadNamespace("", services...) }

// PreloadNamespace is Preload for services of another namespace, those of calls with
// Namespace. "" is the source's own. Default: none.
func PreloadNamespace(namespace string, services ...string) Option {
	return func(o *options) {
		for _, name := range services {
			o.preload = append(o.preload, serviceName{namespace, name})
		}
	}
}

// SlowStart has a node that comes to a service take its share of the calls slowly,
// from a tenth to the whole within d. Nodes that stood when the service was first
// seen are not held back, nor are the choices of balancers that know no weight.
func SlowStart(d time.Duration) Option { return func(o *options) { o.slowStart = d } }

// Subset has this process call only n nodes of a service, to spare large fleets
// connections from everybody to everybody. Which ones is settled by Identity and the
// nodes' IDs alone: the same ones after a restart under the same identity. When a node
// comes or goes, at most one node of a subset is another.
//
// How even that is depends on the identities, since processes do not know of each other.
// Of up to 1,000 with the numbers 0, 1, 2 and so on at their ends, as the pods of a
// StatefulSet have them, no node has 3 processes more or fewer than the average: of 20
// processes that call 5 of 20 nodes each it has 4 to 6. Names without such a number
// are spread by chance: 1 to 10 there.
//
// Source: the deterministic aperture of Twitter's Finagle, a stretch of a circle of nodes,
// where the number of processes need not be known, because each begins at a multiple of
// the golden ratio.
func Subset(n int) Option { return func(o *options) { o.subset = n } }

// Identity names this process for Subset. Processes of one identity call the same nodes;
// give those of a fleet one name with a number at its end, shop-0, shop-1, and so on. The
// default is the host name, and the number of the process unless that is 1, as it is in a
// container.
func Identity(name string) Option { return func(o *options) { o.identity = name } }

// Guard sets which share of a service's nodes may run out of their leases within
// one TTL before the rest is doubted: DefaultGuard, and at least two nodes. Further
// ones are kept a TTL longer, once for each absence. A node whose lease ran out is also
// kept for as long as calls to it succeed, at least one a TTL; and the last nodes of a
// service that had two or more are kept until one registers, one deregisters, or calls
// to them fail, as often in a row as Ejection says. Guarded tells of all that are kept. 0
// switches the guard off. Deregistrations apply at once, also the last.
func Guard(share float64) Option { return func(o *options) { o.guard = share } }

// SnapshotDir keeps the last known nodes of every service in this folder, one file
// each, so that a process that starts while Redis is away finds its services all
// the same: where the source fails, or has said nothing for half a second. Such a
// view is stale, tells when it was Saved, and serves until the source's own comes;
// one that MaxStale forbids is ignored.
//
// Files are written some 10 s after a change, at most as often, and when a service
// is let go, as by Close. They hold what was shown, with nodes that are Held or
// Guarded. Where nothing changes, the time in them is brought up to date once an
// hour, and when the service is let go. The folder is made, for this user alone, if
// it is missing. Processes of one source may share it; sources may not. A file that
// cannot be read or written is logged, and no more.
func SnapshotDir(dir string) Option { return func(o *options) { o.snapshotDir = dir } }

// Logger receives the log. Without it, warnings go to standard error, one line each;
// Logger(zerolog.Nop()) silences the resolver. Worth warnings are views that are stale,
// nodes that are guarded, nodes that are ejected, and snapshots that cannot be written or
// used: for all services together a line when it begins, one a minute, and one when it
// ends. Each further node that is ejected, or is back, is a line at the level Info. So are
// views of a *registry.Redis that go stale in an outage, which that registry warns of.
func Logger(l zerolog.Logger) Option { return func(o *options) { o.logger = l } }

// Slog is Logger for a *slog.Logger, whose handler decides on the levels. Nil is the
// default again.
func Slog(l *slog.Logger) Option { return Logger(logs.FromSlog(l)) }

// Observe hands every Event to f; nil is nobody. See Observer.
func Observe(f Observer) Option { return func(o *options) { o.observe = f } }
