package discovery

import (
	"cmp"
	"context"
	"net"
	"slices"
)

// DialContext picks a node of a service and connects to it, for any protocol on a connection.
// If that fails, it tries another node, as Do does. The address is the name of the service; a
// port after it is ignored, because many clients add one. The network is that of the node, or
// else the given one. Each dial ends after Timeout or with ctx.
//
// The call to the node lasts as long as the connection: balancers that count calls count it
// until Close. The connection has a method NetConn() net.Conn, which returns the one inside.
//
// It can be used as http.Transport.DialContext and as the Dialer of go-redis. For gRPC:
//
//	grpc.NewClient("passthrough:///shop", grpc.WithContextDialer(
//		func(ctx context.Context, address string) (net.Conn, error) {
//			return r.DialContext(ctx, "tcp", address)
//		}))
//
// Such clients keep their connections: they balance connections, not calls. Dialer makes
// such a function with options.
func (r *Resolver) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return r.dial(ctx, network, address, nil)
}

// Dialer returns a function that does what DialContext does, and picks by these options:
// a Namespace, a Version, a Zone.
func (r *Resolver) Dialer(opts ...PickOption) func(ctx context.Context, network, address string) (net.Conn, error) {
	opts = slices.Clone(opts)
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return r.dial(ctx, network, address, opts)
	}
}

func (r *Resolver) dial(ctx context.Context, network, address string, opts []PickOption) (net.Conn, error) {
	service := address
	if host, _, err := net.SplitHostPort(address); err == nil {
		service = host
	}
	dialer := net.Dialer{Timeout: r.o.timeout}
	var connected net.Conn
	err := r.try(ctx, job{"dial", service, opts, func(ctx context.Context, p Picked) error {
		n := p.Node()
		c, err := dialer.DialContext(ctx, cmp.Or(n.Network, network, "tcp"), n.Address)
		if err != nil {
			p.end(ctx, err)
			return err
		}
		p.call.Answers()
		connected = &conn{c, p}
		return nil
	}})
	return connected, err
}

// A conn is a connection to a picked node.
type conn struct {
	net.Conn
	p Picked
}

func (c *conn) Close() error {
	defer c.p.Done(nil)
	return c.Conn.Close()
}

func (c *conn) NetConn() net.Conn { return c.Conn }
