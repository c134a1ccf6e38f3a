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

// Options is what a registry works with. It is filled by the Option functions;
// Registry.Options returns it with the defaults in place.
type Options struct {
	// Where Redis is, and how to get in. Client wins over URL, URL over Addrs, and
	// everything else over what the URL says of it.
	Client              redis.UniversalClient
	URL                 string
	Addrs               []string // DefaultAddress
	MasterName          string
	Cluster             bool
	DB                  int // that of the Client or URL in force
	Username            string
	Password            string
	CredentialsProvider func() (username, password string)
	Secure              bool
	TLSConfig           *tls.Config

	Timeout      time.Duration // DefaultTimeout
	Namespace    string        // "default"
	Prefix       string        // "rollcall"
	TTL          time.Duration // DefaultTTL
	Interval     time.Duration // a third of the TTL in force
	PollInterval time.Duration // DefaultPollInterval

	KeyspaceEvents KeyspaceMode // KeyspaceAsFound

	Logger  zerolog.Logger // warnings and errors to standard error
	Observe Observer

	backend   string        // of the flag -registry.default
	listen    string        // where an in-process server listens; "" means a free port
	untimed   bool          // the reaper goes by hints alone: for the test of hints
	vacantFor time.Duration // how long a watch of all follows a service without nodes: for the test of it
}

// An Option sets a part of Options. Bad values show as ErrInvalid from Init, or
// from the first call.
type Option func(*Options)

// Addrs sets host:port of one Redis, of the seeds of a cluster, or of the
// sentinels where MasterName is set. Several addresses without MasterName are
// the seeds of a cluster.
func Addrs(addrs ...string) Option {
	own := slices.Clone(addrs)
	return func(o *Options) { o.Addrs = slices.Clone(own) }
}

// URL sets address, user, password, database and TLS at once:
// redis://user:password@host:port/db, rediss:// for TLS, unix:///path?db=0. The
// query takes go-redis's settings. With Cluster, further seeds follow as
// ?addr=host:port; with MasterName, the hosts are sentinels, the user in the URL
// is theirs, and Redis's own is set by Username and Password. Other options that
// are set win over what the URL says, but for Addrs.
func URL(url string) Option { return func(o *Options) { o.URL = url } }

// Client shares a client of the caller's. Close leaves it open. It must read
// from masters: ReadOnly and RouteBy... are ErrInvalid. Set its
// ContextTimeoutEnabled, or contexts cannot bound a call to a Redis that hangs.
func Client(c redis.UniversalClient) Option { return func(o *Options) { o.Client = c } }

// Username sets the ACL user. One without a password is logged in, too: Redis is sent
// some password, which it does not look at where the user is nopass.
func Username(name string) Option { return func(o *Options) { o.Username = name } }

// Password sets the password.
func Password(password string) Option { return func(o *Options) { o.Password = password } }

// CredentialsProvider is asked for user and password before every connection.
func CredentialsProvider(f func() (username, password string)) Option {
	return func(o *Options) { o.CredentialsProvider = f }
}

// DB sets the database number, and wins over the URL unless it is 0. A cluster
// has only 0. A shared client brings its own.
func DB(n int) Option { return func(o *Options) { o.DB = n } }

// MasterName makes the addresses those of sentinels and names the master.
func MasterName(name string) Option { return func(o *Options) { o.MasterName = name } }

// Cluster says that even a single address is a Redis Cluster's.
func Cluster(on bool) Option { return func(o *Options) { o.Cluster = on } }

// Secure turns TLS on, with the system's roots unless TLSConfig says otherwise.
func Secure(on bool) Option { return func(o *Options) { o.Secure = on } }

// TLSConfig turns TLS on with this configuration.
func TLSConfig(c *tls.Config) Option { return func(o *Options) { o.TLSConfig = c } }

// Timeout bounds every call whose context has no deadline.
func Timeout(d time.Duration) Option { return func(o *Options) { o.Timeout = d } }

// Namespace sets the namespace of services and calls that name none.
func Namespace(ns string) Option { return func(o *Options) { o.Namespace = ns } }

// Prefix begins every key: letters, digits and "._:-".
func Prefix(prefix string) Option { return func(o *Options) { o.Prefix = prefix } }

// TTL sets how long a node outlives its last renewal, at least one second.
func TTL(d time.Duration) Option { return func(o *Options) { o.TTL = d } }

// Interval sets how often a lease is renewed, at most half its TTL.
func Interval(d time.Duration) Option { return func(o *Options) { o.Interval = d } }

// PollInterval sets how often a watch checks that it missed nothing, at least
// 100 ms.
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

// KeyspaceMode says whether a registry uses the keyspace events of Redis. See
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

// Logger receives the log. Without it, warnings and errors go to standard error, one
// line each; Logger(zerolog.Nop()) silences the registry. A trouble that lasts is a
// line when it begins, one a minute, and one when it ends.
//
// go-redis writes its own line for every dial that fails. It writes none for a client
// that the registry has made; lines of other clients, one given by Client included, go
// where redis.SetLogger says.
func Logger(l zerolog.Logger) Option { return func(o *Options) { o.Logger = l } }

// Slog is Logger for a *slog.Logger, whose handler decides on the levels. Nil is the
// default again.
func Slog(l *slog.Logger) Option { return Logger(logs.FromSlog(l)) }

// Observe hands every Event to f.
func Observe(f Observer) Option { return func(o *Options) { o.Observe = f } }
