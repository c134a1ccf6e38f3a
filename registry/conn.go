package registry

import (
	"errors"
	"fmt"

	"github.com/rollcall-go/rollcall/internal/backend"
	"github.com/rollcall-go/rollcall/internal/informer"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/registrar"
	"github.com/rollcall-go/rollcall/internal/reporter"
)

// A conn is a registry's way to Redis, with the options that led there.
type conn struct {
	*redisconn.Conn
	o         Options
	registrar *registrar.Registrar
	informer  *informer.Informer

	unreadable logs.Trouble // records of nodes cannot be read
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
	c := &conn{Conn: opened, o: o}
	c.registrar = registrar.New(opened, registrar.Options{HintsAlone: o.untimed}, sink{c})
	c.informer = informer.New(opened, informer.Options{
		Poll: o.PollInterval, TTL: DefaultTTL, VacantFor: o.vacantFor,
		EnableHints: o.KeyspaceEvents == KeyspaceOn, IgnoreHints: o.KeyspaceEvents == KeyspaceOff,
		Expired: c.registrar.Expired, Namespaces: c.registrar.Namespaces, Sink: c.readSink(),
	})
	return c, nil
}
