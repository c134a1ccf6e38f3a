package redisconn

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/rollcall-go/rollcall/internal/errdefs"
)

// clusterReload is how often a cluster client asks anew who owns which slot. An
// error asks at once.
const clusterReload = 5 * time.Second

// dial makes a client of our own. Check has accepted the options.
func (c *Conn) dial() error {
	o := &c.o
	switch {
	case o.MasterName != "":
		f := &redis.FailoverOptions{SentinelAddrs: o.Addrs}
		if err := parseURL(o.URL, redis.ParseFailoverURL, &f); err != nil {
			return err
		}
		f.MasterName = o.MasterName
		f.DB = o.DB
		ownName(f.TLSConfig)
		withPassword(&f.SentinelUsername, &f.SentinelPassword)
		impose(o, settings{
			&f.Username, &f.Password, &f.CredentialsProvider, &f.TLSConfig,
			&f.DialTimeout, &f.ReadTimeout, &f.WriteTimeout, &f.ReadBufferSize, &f.WriteBufferSize, &f.PipelinePoolSize,
			&f.Dialer, &f.DialerRetries, &f.ContextTimeoutEnabled, &f.DisableIdentity,
		})
		c.dials, c.secure = f.SentinelAddrs, f.TLSConfig != nil
		client := redis.NewFailoverClient(f)
		client.AddHook(dialHook{c})
		c.UniversalClient = client
	case o.Clustered():
		cl := &redis.ClusterOptions{Addrs: o.Addrs}
		if err := parseURL(o.URL, redis.ParseClusterURL, &cl); err != nil {
			return err
		}
		ownName(cl.TLSConfig)
		cl.MaintNotificationsConfig = noMaintenance()
		cl.ClusterStateReloadInterval = clusterReload
		impose(o, settings{
			&cl.Username, &cl.Password, &cl.CredentialsProvider, &cl.TLSConfig,
			&cl.DialTimeout, &cl.ReadTimeout, &cl.WriteTimeout, &cl.ReadBufferSize, &cl.WriteBufferSize, &cl.PipelinePoolSize,
			&cl.Dialer, &cl.DialerRetries, &cl.ContextTimeoutEnabled, &cl.DisableIdentity,
		})
		c.dials, c.secure = cl.Addrs, cl.TLSConfig != nil
		c.UniversalClient = redis.NewClusterClient(cl)
	default:
		s := &redis.Options{Addr: o.Addrs[0]}
		if err := parseURL(o.URL, redis.ParseURL, &s); err != nil {
			return err
		}
		s.DB = o.DB
		s.MaintNotificationsConfig = noMaintenance()
		impose(o, settings{
			&s.Username, &s.Password, &s.CredentialsProvider, &s.TLSConfig,
			&s.DialTimeout, &s.ReadTimeout, &s.WriteTimeout, &s.ReadBufferSize, &s.WriteBufferSize, &s.PipelinePoolSize,
			&s.Dialer, &s.DialerRetries, &s.ContextTimeoutEnabled, &s.DisableIdentity,
		})
		client := redis.NewClient(s)
		if client.Options().Network == "tcp" {
			c.dials, c.secure = []string{s.Addr}, s.TLSConfig != nil
		}
		c.UniversalClient = client
	}
	return nil
}

// ownName has each server of a cluster, and each sentinel, proven to be the one that is
// dialed. go-redis would look for the name in the URL in all their certificates.
func ownName(t *tls.Config) {
	if t != nil {
		t.ServerName = ""
	}
}

func parseURL[T any](raw string, parse func(string) (*T, error), into **T) error {
	if raw == "" {
		return nil
	}
	parsed, err := parse(raw)
	if err != nil {
		return unparsed(raw, err)
	}
	*into = parsed
	return nil
}

// unparsed says what is wrong with a URL, and never its password: the errors of package
// url and of go-redis quote the whole or a part.
func unparsed(raw string, err error) error {
	if scheme, _, _ := strings.Cut(raw, "://"); !slices.Contains([]string{"redis", "rediss", "unix"}, strings.ToLower(scheme)) {
		return errdefs.Invalid("URL", "it must begin with redis:// or rediss://, for example redis://host:6379/0, or be unix:///path")
	}
	u, wrong := url.Parse(raw)
	if wrong != nil || strings.Contains(err.Error(), "@") || u.User == nil && strings.Contains(raw, "@") {
		return errdefs.Invalid("URL", "it cannot be parsed: write it like redis://user:password@host:6379/0, and percent-encode what is special in user and password")
	}
	return errdefs.Invalid("URL", "%v", err)
}

// checkClusterPath refuses a database, which go-redis overlooks in the URL of a
// cluster.
func checkClusterPath(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return nil // checkURL refuses it
	}
	if path := strings.Trim(u.Path, "/"); path != "" && path != "0" { // may be part of a password
		return errdefs.Invalid("URL", "its path names a database: a cluster has only 0")
	}
	return nil
}

// settings point at the fields that go-redis's three kinds of options share.
type settings struct {
	username, password      *string
	credentials             *func() (string, string)
	tls                     **tls.Config
	dial, read, write       *time.Duration
	readBuffer, writeBuffer *int
	pipelinePool            *int
	dialer                  *func(ctx context.Context, network, addr string) (net.Conn, error)
	dials                   *int
	contexts, unidentified  *bool
}

// impose lays our options over what a URL said.
func impose(o *Config, s settings) {
	if o.Username != "" {
		*s.username = o.Username
	}
	if o.Password != "" {
		*s.password = o.Password
	}
	withPassword(s.username, s.password)
	if ask := o.CredentialsProvider; ask != nil {
		*s.credentials = func() (string, string) {
			username, password := ask()
			withPassword(&username, &password)
			return username, password
		}
	}
	switch {
	case o.TLSConfig != nil:
		*s.tls = o.TLSConfig
	case o.Secure && *s.tls == nil:
		*s.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	for _, d := range []*time.Duration{s.dial, s.read, s.write} {
		*d = cmp.Or(*d, o.Timeout)
	}
	for _, size := range []*int{s.readBuffer, s.writeBuffer} {
		*size = cmp.Or(*size, bufferSize)
	}
	*s.pipelinePool = cmp.Or(*s.pipelinePool, -1) // none: it is a connection more, with 256 KiB of buffers
	*s.dialer = dialer(*s.dial, *s.tls)
	*s.dials = 1           // an attempt: our own retries have jitter and no end
	*s.contexts = true     // or a context cannot interrupt a read
	*s.unidentified = true // older servers and narrow ACLs refuse CLIENT SETINFO
}

// anyPassword is sent for a user without one: Redis takes any password of a user that
// is nopass, and refuses it of others. go-redis does not name the user to Redis unless
// there is a password, and would work as the user default.
const anyPassword = "nopass"

func withPassword(username, password *string) {
	if *username != "" && *password == "" {
		*password = anyPassword
	}
}

// bufferSize is half of go-redis's default: each of a pool's connections has two.
const bufferSize = 16 << 10

// noMaintenance keeps go-redis from a handshake that most servers refuse.
func noMaintenance() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// A dialHook notes which master a sentinel client dials.
type dialHook struct{ c *Conn }

func (h dialHook) DialHook(next redis.DialHook) redis.DialHook {
	return marked(func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := next(ctx, network, addr)
		if err == nil {
			remote := nc.RemoteAddr().String()
			h.c.dialed.Store(&remote)
		}
		return nc, err
	})
}

func (h dialHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h dialHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
