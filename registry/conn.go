package registry

import (
	"errors"
	"fmt"

	"github.com/rollcall-go/rollcall/internal/backend"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/reporter"
)

// A conn is a registry's way to Redis, with the options that led there.
type conn struct {
	*redisconn.Conn
	o Options

	listing      logs.Trouble // the catalogues are not refreshed
	renewal      logs.Trouble // Redis answers, and renews nothing
	unpublished  logs.Trouble // changes stand whose events were refused
	unreadable   logs.Trouble // records of nodes cannot be read
	swept        logs.Trouble // indexes held foreign entries
	unsubscribed logs.Trouble // channels are refused
	panics       logs.Trouble // of checks
}

// connect makes the client, and starts an in-process server where the options ask for
// one. It does not wait for Redis.
func connect(o Options) (*conn, error) {
	var closers []func() error
	if o.embedded() {
		start, _ := backend.Lookup("embedded") // resolve has found it
		addr, stop, err := start(o.listen)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		// It knows neither TLS nor users, which the program may have set for another Redis.
		o.URL, o.Addrs, o.MasterName, o.Cluster = "", []string{addr}, "", false
		o.Username, o.Password, o.CredentialsProvider = "", "", nil
		o.Secure, o.TLSConfig = false, nil
		closers = append(closers, stop)
	}
	opened, err := redisconn.Open(o.config(), reporter.New(o.Logger), closers...)
	if err != nil {
		for _, stop := range closers {
			err = errors.Join(err, stop())
		}
		return nil, err
	}
	return &conn{Conn: opened, o: o}, nil
}

// observe hands an event to the observer, soon and by another goroutine.
func (c *conn) observe(e Event) {
	if c.o.Observe != nil {
		c.Log.Event(func() { c.o.Observe(e) })
	}
}
