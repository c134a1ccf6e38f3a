package redisconn

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
)

// Check refuses what is wrong, or does not go together.
func (o *Config) Check() error {
	if _, err := keys.New(o.Prefix); err != nil {
		return errdefs.Invalid("Prefix", "%v", err)
	}
	switch {
	case o.DB < 0:
		return errdefs.Invalid("DB", "%d is negative", o.DB)
	case o.DB > 0 && o.Clustered():
		return errdefs.Invalid("DB", "%d: a cluster has only database 0", o.DB)
	case o.Cluster && o.MasterName != "":
		return errdefs.Invalid("MasterName", "goes with sentinels, not with a cluster")
	}
	for _, a := range o.Addrs {
		if err := checkServer(a, !o.Clustered() && o.MasterName == ""); err != nil {
			return err
		}
	}
	if o.Client != nil {
		return checkClient(o.Client)
	}
	return o.checkURL()
}

// checkURL refuses a URL that does not lead to Redis in the way that the other options
// ask for.
func (o *Config) checkURL() error {
	switch {
	case o.URL == "":
		return nil
	case o.MasterName != "":
		f, err := redis.ParseFailoverURL(o.URL)
		if err != nil {
			return unparsed(o.URL, err)
		}
		if f.RouteByLatency || f.RouteRandomly || f.ReplicaOnly { // go-redis panics at the first two
			return errdefs.Invalid("URL", "reads from replicas: leave out route_by_latency, route_randomly and replica_only")
		}
	case o.Cluster:
		c, err := redis.ParseClusterURL(o.URL)
		if err != nil {
			return unparsed(o.URL, err)
		}
		if readsReplicas(c) {
			return errdefs.Invalid("URL", "reads from replicas: leave out read_only, route_by_latency and route_randomly")
		}
		return checkClusterPath(o.URL)
	default:
		if _, err := redis.ParseURL(o.URL); err != nil {
			return unparsed(o.URL, err)
		}
	}
	return nil
}

func readsReplicas(o *redis.ClusterOptions) bool {
	return o.ReadOnly || o.RouteByLatency || o.RouteRandomly
}

// Database returns the number of the database that the options lead to.
func (o *Config) Database() int {
	if single, ok := o.Client.(*redis.Client); ok && single != nil {
		return single.Options().DB
	}
	if o.DB != 0 || o.URL == "" || o.Client != nil || o.Cluster {
		return o.DB
	}
	// A URL that cannot be parsed is refused by Check.
	if o.MasterName != "" {
		if parsed, err := redis.ParseFailoverURL(o.URL); err == nil {
			return parsed.DB
		}
	} else if parsed, err := redis.ParseURL(o.URL); err == nil {
		return parsed.DB
	}
	return 0
}

// checkServer wants host:port of a Redis, or the path of its socket where there is one
// server alone. What may hold a password is not printed.
func checkServer(addr string, alone bool) error {
	switch {
	case addr == "":
		return errdefs.Invalid("Addrs", "an address is empty")
	case strings.Contains(addr, "@"):
		return &errdefs.FieldError{Field: "Addrs", What: "want host:port alone", Do: "user and password belong in Username and Password, or in URL"}
	case IsURL(addr):
		return &errdefs.FieldError{Field: "Addrs", What: strconv.Quote(addr) + " is a URL", Do: "give it as URL"}
	case alone && strings.HasPrefix(addr, "/"):
		return nil
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return errdefs.Invalid("Addrs", "%q is not host:port, such as %s", addr, defaultAddress)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errdefs.Invalid("Addrs", "%q has no port from 1 to 65535", addr)
	}
	return nil
}

// Clustered reports whether the options lead to a cluster client.
func (o *Config) Clustered() bool {
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
	case *redis.Client:
		if c == nil {
			return errdefs.Invalid("Client", "it is a nil %T", c)
		}
		return nil
	case *redis.ClusterClient:
		if c == nil {
			return errdefs.Invalid("Client", "it is a nil %T", c)
		}
		if readsReplicas(c.Options()) {
			return errdefs.Invalid("Client", "reads from replicas: unset ReadOnly, RouteByLatency and RouteRandomly")
		}
		return nil
	default:
		return errdefs.Invalid("Client", "%T is not supported: share a *redis.Client or a *redis.ClusterClient", c)
	}
}

// IsURL reports whether an address is a URL.
func IsURL(s string) bool { return strings.Contains(s, "://") }

// Where says which Redis the options lead to, without credentials.
func (o *Config) Where() string {
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
	case o.Clustered():
		return "redis cluster " + addrs
	default:
		return fmt.Sprintf("redis %s, database %d", addrs, o.DB)
	}
}

const defaultAddress = "127.0.0.1:6379" // an example, in errors
