package registry

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/logs"
)

// The smallest times that are taken: below them a lease would not survive a
// hiccup of the network, or renewals would be all that a process does.
const (
	minTTL          = time.Second
	minInterval     = 50 * time.Millisecond
	minPollInterval = 100 * time.Millisecond
)

// resolve applies the options, fills in the defaults and refuses what is wrong.
func resolve(opts []Option) (Options, error) {
	o := Options{Logger: logs.Default()}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	if len(o.Addrs) == 0 {
		o.Addrs = []string{DefaultAddress}
	}
	def(&o.Timeout, DefaultTimeout)
	def(&o.TTL, DefaultTTL)
	def(&o.PollInterval, DefaultPollInterval)
	o.Namespace = keys.Namespace(o.Namespace)
	if o.Prefix == "" {
		o.Prefix = keys.DefaultPrefix
	}
	o.DB = o.database()
	return o, o.check()
}

// database returns the number of the database that the options lead to.
func (o *Options) database() int {
	if single, ok := o.Client.(*redis.Client); ok && single != nil {
		return single.Options().DB
	}
	if o.DB != 0 || o.URL == "" || o.Client != nil || o.Cluster || o.backend == "embedded" {
		return o.DB
	}
	// A URL that cannot be parsed shows when it is dialed.
	if o.MasterName != "" {
		if parsed, err := redis.ParseFailoverURL(o.URL); err == nil {
			return parsed.DB
		}
	} else if parsed, err := redis.ParseURL(o.URL); err == nil {
		return parsed.DB
	}
	return 0
}

func def(d *time.Duration, to time.Duration) {
	if *d == 0 {
		*d = to
	}
}

func (o *Options) check() error {
	if o.Timeout < 0 {
		return invalid("Timeout", "%v is negative", o.Timeout)
	}
	if o.PollInterval < minPollInterval {
		return invalid("PollInterval", "%v is under %v", o.PollInterval, minPollInterval)
	}
	if err := checkLease("TTL", o.TTL, "Interval", o.Interval); err != nil {
		return err
	}
	if err := checkNamespace("Namespace", o.Namespace); err != nil {
		return err
	}
	if _, err := keys.New(o.Prefix); err != nil {
		return invalid("Prefix", "%v", err)
	}
	switch {
	case o.DB < 0:
		return invalid("DB", "%d is negative", o.DB)
	case o.DB > 0 && o.clustered():
		return invalid("DB", "%d: a cluster has only database 0", o.DB)
	case o.Cluster && o.MasterName != "":
		return invalid("MasterName", "goes with sentinels, not with Cluster")
	}
	for _, a := range o.Addrs {
		if err := checkServer(a, !o.clustered() && o.MasterName == ""); err != nil {
			return err
		}
	}
	return checkClient(o.Client)
}

// checkServer wants host:port of a Redis, or the path of its socket where there is one
// server alone. What may hold a password is not printed.
func checkServer(addr string, alone bool) error {
	switch {
	case addr == "":
		return invalid("Addrs", "an address is empty")
	case strings.Contains(addr, "@"):
		return invalid("Addrs", "want host:port alone: user and password belong in Username and Password, or in URL")
	case isURL(addr):
		return invalid("Addrs", "%q is a URL: give it as URL", addr)
	case alone && strings.HasPrefix(addr, "/"):
		return nil
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return invalid("Addrs", "%q is not host:port, such as %s", addr, DefaultAddress)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return invalid("Addrs", "%q has no port from 1 to 65535", addr)
	}
	return nil
}

// clustered tells whether the options lead to a cluster client.
func (o *Options) clustered() bool {
	if o.Client != nil {
		_, ok := o.Client.(*redis.ClusterClient)
		return ok
	}
	return o.Cluster || o.MasterName == "" && o.URL == "" && len(o.Addrs) > 1
}

// checkClient refuses shared clients that may read from replicas, whose answers
// are behind, and those that spread keys over unrelated servers.
func checkClient(c redis.UniversalClient) error {
	switch c := c.(type) {
	case nil:
		return nil
	case *redis.Client:
		if c == nil {
			return invalid("Client", "it is a nil %T", c)
		}
		return nil
	case *redis.ClusterClient:
		if c == nil {
			return invalid("Client", "it is a nil %T", c)
		}
		if o := c.Options(); o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
			return invalid("Client", "reads from replicas: unset ReadOnly, RouteByLatency and RouteRandomly")
		}
		return nil
	default:
		return invalid("Client", "%T is not supported: share a *redis.Client or a *redis.ClusterClient", c)
	}
}

// checkLease refuses a lease that could not be kept. An interval of 0 is derived
// from the TTL later.
func checkLease(ttlField string, ttl time.Duration, intervalField string, interval time.Duration) error {
	switch {
	case ttl < minTTL:
		return invalid(ttlField, "%v is under %v", ttl, minTTL)
	case interval == 0:
		return nil
	case interval < minInterval:
		return invalid(intervalField, "%v is under %v", interval, minInterval)
	case interval > ttl/2:
		return invalid(intervalField, "%v is over half the TTL of %v: one late renewal would end the lease", interval, ttl)
	}
	return nil
}

func isURL(s string) bool { return strings.Contains(s, "://") }

// where says which Redis the options lead to, without credentials.
func (o *Options) where() string {
	addrs := strings.Join(o.Addrs, ",")
	if o.URL != "" {
		addrs = "?"
		if u, err := url.Parse(o.URL); err == nil {
			addrs = cmp.Or(u.Host, u.Path)
		}
	}
	switch {
	case o.Client != nil:
		return "a shared redis client"
	case o.MasterName != "":
		return fmt.Sprintf("redis master %s of sentinels %s", o.MasterName, addrs)
	case o.clustered():
		return "redis cluster " + addrs
	default:
		return fmt.Sprintf("redis %s, database %d", addrs, o.DB)
	}
}
