package registry

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/backend"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/redisconn"
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
	c := o.config()
	o.DB = c.Database()
	return o, o.check()
}

func def(d *time.Duration, to time.Duration) {
	if *d == 0 {
		*d = to
	}
}

func (o *Options) check() error {
	if o.Timeout < 0 {
		return errdefs.Invalid("Timeout", "%v is negative", o.Timeout)
	}
	if o.PollInterval < minPollInterval {
		return errdefs.Invalid("PollInterval", "%v is under %v", o.PollInterval, minPollInterval)
	}
	if err := checkLease("TTL", o.TTL, "Interval", o.Interval); err != nil {
		return err
	}
	if err := checkNamespace("Namespace", o.Namespace); err != nil {
		return err
	}
	if _, linked := backend.Lookup("embedded"); o.embedded() && !linked {
		return errdefs.Invalid("-registry.default", "embedded is not linked: import github.com/rollcall-go/rollcall/registry/embedded")
	}
	c := o.config()
	return c.Check()
}

// embedded reports whether the registry starts a server of its own.
func (o *Options) embedded() bool { return o.Client == nil && o.backend == "embedded" }

// checkLease refuses a lease that could not be kept. An interval of 0 is derived
// from the TTL later.
func checkLease(ttlField string, ttl time.Duration, intervalField string, interval time.Duration) error {
	switch {
	case ttl < minTTL:
		return errdefs.Invalid(ttlField, "%v is under %v; a Duration needs a unit, as in 15*time.Second", ttl, minTTL)
	case interval == 0:
		return nil
	case interval < minInterval:
		return errdefs.Invalid(intervalField, "%v is under %v", interval, minInterval)
	case interval > ttl/2:
		return errdefs.Invalid(intervalField, "%v is over half the TTL of %v: one late renewal would end the lease", interval, ttl)
	}
	return nil
}

// config is what leads to Redis.
func (o *Options) config() redisconn.Config {
	c := redisconn.Config{
		Client: o.Client, URL: o.URL, Addrs: o.Addrs, MasterName: o.MasterName, Cluster: o.Cluster, DB: o.DB,
		Username: o.Username, Password: o.Password, CredentialsProvider: o.CredentialsProvider,
		Secure: o.Secure, TLSConfig: o.TLSConfig, Timeout: o.Timeout, Prefix: o.Prefix,
	}
	if o.embedded() { // what the program has set for another Redis
		c = redisconn.Config{Addrs: o.Addrs[:1], DB: o.DB, Timeout: o.Timeout, Prefix: o.Prefix}
	}
	return c
}
