// Package redisconn is the way to Redis: a client for the topology that the options
// lead to, what its server is, what its replies mean, and the reads that both sides of
// the registry share.
package redisconn

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/reporter"
)

// Config says where Redis is, how to get in, and how long a call may take. Package
// registry documents the fields as options.
type Config struct {
	Client              redis.UniversalClient
	URL                 string
	Addrs               []string
	MasterName          string
	Cluster             bool
	DB                  int
	Username            string
	Password            string
	CredentialsProvider func() (username, password string)
	Secure              bool
	TLSConfig           *tls.Config

	Timeout time.Duration
	Prefix  string
}

// A Conn is one registry's way to Redis. Make it with Open.
type Conn struct {
	redis.UniversalClient
	Log   *reporter.Reporter
	Space keys.Space
	DB    int

	o      Config
	closes []func() error         // what Close ends, in order
	dialed atomic.Pointer[string] // the address that a sentinel client dialed last
	dials  []string               // what our own client dials, host:port
	secure bool                   // with TLS

	met       atomic.Bool  // the server was found to suit the options
	contacted atomic.Bool  // Redis has answered once
	outage    logs.Trouble // no contact with Redis
	foreign   logs.Trouble // lists hold entries that Rollcall did not write
	warned    sync.Once    // of eviction
}

// Open makes the client. It does not wait for Redis. Close calls the closers after it
// has closed the client.
func Open(o Config, log *reporter.Reporter, closers ...func() error) (*Conn, error) {
	space, err := keys.New(o.Prefix)
	if err != nil {
		return nil, errdefs.Invalid("Prefix", "%v", err)
	}
	c := &Conn{o: o, Space: space, DB: o.DB, Log: log}
	if o.Client != nil {
		c.UniversalClient = o.Client
		return c, nil
	}
	if err := c.dial(); err != nil {
		return nil, err
	}
	c.closes = append([]func() error{c.UniversalClient.Close}, closers...)
	return c, nil
}

// Bound gives a call the connection's time-out where it brings none.
func (c *Conn) Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.o.Timeout)
}

// Timeout is how long a call may take that brings no deadline.
func (c *Conn) Timeout() time.Duration { return c.o.Timeout }

// Close ends what connect started, and nothing of the caller's.
func (c *Conn) Close() error {
	var first error
	for _, f := range c.closes {
		if err := f(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Master returns the master that answers for a service now, so that a change shows: an
// address, or "" where it is not known.
func (c *Conn) Master(ctx context.Context, s keys.Service) string {
	switch client := c.UniversalClient.(type) {
	case *redis.ClusterClient:
		m, err := client.MasterForKey(ctx, s.Index())
		if err != nil {
			return ""
		}
		return m.Options().Addr
	case *redis.Client:
		return c.Address(client)
	}
	return ""
}

// EachMaster calls f for every master, in a cluster concurrently.
func (c *Conn) EachMaster(ctx context.Context, f func(context.Context, *redis.Client) error) error {
	switch client := c.UniversalClient.(type) {
	case *redis.ClusterClient:
		err := client.ForEachMaster(ctx, f)
		if err != nil {
			c.Reload(ctx)
		}
		return err
	case *redis.Client:
		return f(ctx, client)
	}
	return errors.ErrUnsupported // checkClient lets no other through
}

// Address returns the address of a master: the one dialed last, where that is known.
func (c *Conn) Address(m *redis.Client) string {
	if dialed := c.dialed.Load(); dialed != nil {
		return *dialed
	}
	return m.Options().Addr
}

// Reload has a cluster client ask who owns which slot: it would go on asking a
// dead master for as long as a minute.
func (c *Conn) Reload(ctx context.Context) {
	if cluster, ok := c.UniversalClient.(*redis.ClusterClient); ok {
		cluster.ReloadState(ctx)
	}
}

// MasterClient returns the client of the master that has a service.
func (c *Conn) MasterClient(ctx context.Context, k keys.Service) (*redis.Client, error) {
	switch client := c.UniversalClient.(type) {
	case *redis.ClusterClient:
		return client.MasterForKey(ctx, k.Index())
	case *redis.Client:
		return client, nil
	default:
		return nil, errors.ErrUnsupported // checkClient lets no other through
	}
}

// Clustered says whether Redis is a cluster. While one moves a slot, it refuses a
// transaction that names a missing key of the slot.
func (c *Conn) Clustered() bool { return c.o.Clustered() }

// Where says which Redis this is, without credentials.
func (c *Conn) Where() string { return c.o.Where() }

// Left takes a subject, such as a service, out of the outage: it has ended.
func (c *Conn) Left(subject string) {
	c.Log.Well(&c.outage, subject, "rollcall: redis is not tried any more: the calls that needed it have ended")
}
