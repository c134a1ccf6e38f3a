package registry

import (
	"crypto/tls"
	"log/slog"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/logs"
)

// The defaults of Options.
const (
	DefaultAddress      = "127.0.0.1:6379"
	DefaultTimeout      = 3 * time.Second
	DefaultTTL          = 15 * time.Second
	DefaultPollInterval = 3 * time.Second
)

// Options are the settings of a registry. The Option functions set them;
// Registry.Options returns them, with defaults for what was not set. Each field is
// described at the function of its name.
type Options struct {
	// Where Redis is, and how to log in. Client overrides URL, and URL overrides Addrs.
	// The other fields override what the URL says.
	Client              redis.UniversalClient
	URL                 string
	Addrs               []string // default: DefaultAddress
	MasterName          string
	Cluster             bool
	DB                  int // default: that of Client or URL
	Username            string
	Password            string
	CredentialsProvider func() (username, password string)
	Secure              bool
	TLSConfig           *tls.Config

	Timeout      time.Duration // default: DefaultTimeout
	Namespace    string        // default: "default"
	Prefix       string        // default: "rollcall"
	TTL          time.Duration // default: DefaultTTL
	Interval     time.Duration // 0: a third of the TTL of each registration
	PollInterval time.Duration // default: DefaultPollInterval

	KeyspaceEvents KeyspaceMode // default: KeyspaceAsFound

	Logger  zerolog.Logger // default: warnings and errors to standard error
	Observe Observer
	Trace   Tracer

	backend   string        // of the flag -registry.default
	listen    string        // where an in-process server listens; "" means a free port
	untimed   bool          // the reaper uses hints alone: for the test of hints
	vacantFor time.Duration // how long a watch of all follows a service without nodes: for the test of it
}

// An Option sets a field of Options. Err, Init and the first call return ErrInvalid for
// a value that is wrong.
type Option func(*Options)

// Addrs sets the addresses of Redis, host:port each. One address is a single server,
// unless Cluster is set; several are seeds of a cluster; with MasterName they are
// sentinels. Default: DefaultAddress.
func Addrs(addrs ...string) Option {
	own := slices.Clone(addrs)
	return func(o *Options) { o.Addrs = slices.Clone(own) }
}

// URL sets address, user, password, database and TLS at once:
// redis://user:password@host:port/db, rediss:// for TLS, unix:///path?db=0. The
// query takes go-redis's settings. With Cluster, further seeds follow as
// ?addr=host:port. With MasterName, the hosts are sentinels, and the user in the URL
// logs in to the sentinels; Username and Password log in to Redis. Other options
// override what the URL says, except Addrs, which it overrides. Default: none; "" is
// none, too, so that Addrs or its default is in force.
func URL(url string) Option { return func(o *Options) { o.URL = url } }

// Client makes the registry use a client that the caller has made, a *redis.Client or
// a *redis.ClusterClient. Close does not close it. The client must read from masters:
// one with ReadOnly, RouteByLatency or RouteRandomly is ErrInvalid. Set its
// ContextTimeoutEnabled, or a context cannot bound a call to a Redis that hangs.
// Default: the registry makes a client and closes it.
func Client(c redis.UniversalClient) Option { return func(o *Options) { o.Client = c } }

// Username sets the ACL user. A user without a password is logged in too: the registry
// sends a made-up password, which Redis ignores if the user is nopass. Default: that of
// the URL, or else Redis's user "default".
func Username(name string) Option { return func(o *Options) { o.Username = name } }

// Password sets the password. Default: that of the URL, or else none.
func Password(password string) Option { return func(o *Options) { o.Password = password } }

// CredentialsProvider sets a function that returns user and password. It is called
// before each new connection, from many goroutines, and overrides Username and
// Password. Default: none.
func CredentialsProvider(f func() (username, password string)) Option {
	return func(o *Options) { o.CredentialsProvider = f }
}

// DB sets the number of the database. A cluster has only 0. A client that Client sets
// has a database of its own, which is used. Default, also for 0: that of the URL, or
// else 0.
func DB(n int) Option { return func(o *Options) { o.DB = n } }

// MasterName sets the name of the master that the sentinels at the addresses watch.
// Default: none, the addresses are those of Redis.
func MasterName(name string) Option { return func(o *Options) { o.MasterName = name } }

// Cluster says that Redis is a cluster, also where there is a single address or a URL.
// Default: it is one where Addrs sets several addresses without MasterName.
func Cluster(on bool) Option { return func(o *Options) { o.Cluster = on } }

// Secure turns TLS on, with the root certificates of the system. Default: off, unless
// the URL begins with rediss:// or TLSConfig is set.
func Secure(on bool) Option { return func(o *Options) { o.Secure = on } }

// TLSConfig turns TLS on with this configuration. Default: see Secure.
func TLSConfig(c *tls.Config) Option { return func(o *Options) { o.TLSConfig = c } }

// Timeout bounds every call whose context has no deadline. Default: DefaultTimeout.
func Timeout(d time.Duration) Option { return func(o *Options) { o.Timeout = d } }

// Namespace sets the namespace of services and calls that name none. Default:
// "default".
func Namespace(ns string) Option { return func(o *Options) { o.Namespace = ns } }

// Prefix sets what every key and channel in Redis begins with: letters, digits and
// "._:-". Registries with different prefixes do not see each other. Default: "rollcall".
func Prefix(prefix string) Option { return func(o *Options) { o.Prefix = prefix } }

// TTL sets how long a node stays registered after its last renewal, at least 1 s.
// Service.TTL and RegisterTTL override it. Default: DefaultTTL.
func TTL(d time.Duration) Option { return func(o *Options) { o.TTL = d } }

// Interval sets how often a lease is renewed: at least 50 ms, and at most half the TTL.
// A registration whose own TTL is less than two intervals is renewed every third of that
// TTL instead. RegisterInterval overrides it. Default: a third of the TTL of the registration.
func Interval(d time.Duration) Option { return func(o *Options) { o.Interval = d } }

// PollInterval bounds for how long Watch and Follow can miss a change whose event was lost:
// after so long without an event that follows from the one before, they compare what they
// know with Redis. While such events come, they compare every two intervals at the latest,
// or sooner where the TTL asks for that. At least 100 ms. Default: DefaultPollInterval.
func PollInterval(d time.Duration) Option { return func(o *Options) { o.PollInterval = d } }

// KeyspaceEvents switches the use of keyspace events on or off. Keyspace events of
// expired keys let the crash of a node show some 100 ms sooner; everything works
// without them.
//
// With true, the registry has every master send them: it adds what is missing to
// notify-keyspace-events, and leaves the flags that others set. With false, it neither
// listens to them nor changes the setting. Default: it listens where Redis sends them
// already, and changes no setting.
func KeyspaceEvents(on bool) Option {
	return func(o *Options) {
		if o.KeyspaceEvents = KeyspaceOff; on {
			o.KeyspaceEvents = KeyspaceOn
		}
	}
}

// KeyspaceMode is whether a registry uses the keyspace events of Redis. See
// KeyspaceEvents.
type KeyspaceMode int

// The modes of KeyspaceEvents.
const (
	KeyspaceAsFound KeyspaceMode = iota // listen to them where Redis sends them already
	KeyspaceOn                          // have Redis send them, and listen
	KeyspaceOff                         // do not listen
)

// String returns "as found", "on" or "off".
func (m KeyspaceMode) String() string {
	switch m {
	case KeyspaceAsFound:
		return "as found"
	case KeyspaceOn:
		return "on"
	case KeyspaceOff:
		return "off"
	default:
		return "unknown"
	}
}

// Logger sets the logger. Warn: Redis is away or refuses, nodes are lost or superseded.
// Info: nodes register, deregister and come back. A fault that lasts is one line when it
// begins, one a minute, and one when it ends. Default: warnings and errors go to standard
// error; Logger(zerolog.Nop()) turns the log off.
//
// go-redis logs each dial that fails. The registry turns that off for the clients that it
// makes. For a client set by Client, use redis.SetLogger.
func Logger(l zerolog.Logger) Option { return func(o *Options) { o.Logger = l } }

// Slog sets the logger as Logger does, to a *slog.Logger, whose handler decides which
// levels are logged. Default, also for nil: see Logger.
func Slog(l *slog.Logger) Option { return Logger(logs.FromSlog(l)) }

// Observe sets a function that is called with every Event. Default: none.
func Observe(f Observer) Option { return func(o *Options) { o.Observe = f } }

// Trace sets a function that is called for every call of the Registry interface. Default, also
// for nil: none, at no cost.
func Trace(t Tracer) Option { return func(o *Options) { o.Trace = t } }
