package hertzadapter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/cloudwego/hertz/pkg/app/client"
	hertzerrors "github.com/cloudwego/hertz/pkg/common/errors"
	"github.com/cloudwego/hertz/pkg/protocol"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// Discovery returns a client middleware that takes the place of Hertz's sd.Discovery:
// it picks a node for each request that was made with config.WithSD(true) from the live
// view of r, in which changes show within about a millisecond. Other requests pass
// untouched.
//
// The host of the request is the service, and the tags of config.WithTag select as
// they do for NewResolver. The balancer is that of r, unless WithBalancer says
// otherwise.
//
// Every result is fed back to r: nodes that fail are ejected for a while. A request
// whose connection failed is tried on another node, as often as r's Retries and
// budget allow, if it is idempotent (GET, HEAD, OPTIONS, TRACE, PUT, DELETE), its body is no
// stream, and its config.WithRequestTimeout has not passed. Statuses are answers,
// whatever they say.
//
// While a request is under way its host is the address of a node, as with
// sd.Discovery; afterwards it is the service again. Nodes on unix sockets cannot be
// called by Hertz's client, and are an error.
func Discovery(r *discovery.Resolver, opts ...Option) client.Middleware {
	o := newOptions(opts)
	wrong := o.readable()
	return func(next client.Endpoint) client.Endpoint {
		return func(ctx context.Context, req *protocol.Request, resp *protocol.Response) error {
			if !req.Options().IsSD() {
				return next(ctx, req, resp)
			}
			c := call{next: next, req: req, resp: resp, service: string(req.Host())}
			defer req.SetHost(c.service)
			if c.timeout = req.Options().RequestTimeout(); c.timeout > 0 {
				c.began = time.Now()
			}
			if static := o.static[c.service]; static != nil {
				return c.send(ctx, static.next())
			}
			if wrong != nil {
				return wrong
			}
			if r == nil {
				return invalid("Discovery was given no resolver")
			}
			picks := o.selection(req.Options().Tags())
			if o.balancer != nil {
				picks = append(picks, o.balancer)
			}
			if o.hashKey != nil {
				picks = append(picks, discovery.HashKey(o.hashKey(ctx, req)))
			}
			if c.repeatable() {
				return r.Do(ctx, c.service, c.try, picks...)
			}
			p, err := r.Pick(ctx, c.service, picks...)
			if err != nil {
				return err
			}
			defer func() { p.Done(err) }()
			err = c.send(ctx, p.Node())
			return err
		}
	}
}

// A call is one request on its way to a service.
type call struct {
	next    client.Endpoint
	req     *protocol.Request
	resp    *protocol.Response
	service string
	timeout time.Duration // of config.WithRequestTimeout; 0: none
	began   time.Time
}

// send sends the request to a node.
func (c *call) send(ctx context.Context, n *registry.Node) error {
	if n.Network == "unix" {
		return fmt.Errorf("hertzadapter: call %q: node %s is the unix socket %s, which Hertz's client cannot dial", c.service, n.ID, n.Address)
	}
	c.req.SetHost(n.Address)
	return c.next(ctx, c.req, c.resp)
}

// try is send for Do, which tries again what is not permanent.
func (c *call) try(ctx context.Context, n *registry.Node) error {
	err := c.send(ctx, n)
	if err == nil || connectionFailed(err) && (c.timeout == 0 || time.Since(c.began) < c.timeout) {
		return err
	}
	return backoff.Permanent(err)
}

// repeatable tells whether the request does no harm if it comes twice, and can be
// sent twice.
func (c *call) repeatable() bool {
	if c.req.IsBodyStream() {
		return false
	}
	switch string(c.req.Method()) {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

// connectionFailed tells whether an error is one of the network, and not what another
// middleware says. That the client's own limit of connections is reached is not the
// node's fault.
func connectionFailed(err error) bool {
	var network net.Error
	var public *hertzerrors.Error // how Hertz's client says that the server hung up, or was late
	return errors.As(err, &network) || errors.As(err, &public) && public.IsType(hertzerrors.ErrorTypePublic) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, hertzerrors.ErrConnectionClosed) || errors.Is(err, hertzerrors.ErrBadPoolConn)
}

// addresses are nodes that stand in for a service.
type addresses struct {
	nodes []*registry.Node
	turn  atomic.Uint32
}

func (a *addresses) next() *registry.Node { return a.nodes[a.turn.Add(1)%uint32(len(a.nodes))] }
