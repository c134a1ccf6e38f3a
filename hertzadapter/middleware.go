package hertzadapter

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/protocol"
	protocolclient "github.com/cloudwego/hertz/pkg/protocol/client"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/httpcall"
	"github.com/rollcall-go/rollcall/registry"
)

// Discovery returns a client middleware that replaces Hertz's sd.Discovery: it picks a node
// for each request with config.WithSD(true), from the live view of r, in which changes show
// within about a millisecond. Other requests pass unchanged.
//
// The host of such a request is a service unless it is an IP address or has a port; the host
// that a redirect leads to is a service only if r knows it. Requests for other hosts pass
// unchanged. WithOnlyHosts excludes further hosts.
//
// The tags of config.WithTag select nodes as they do for NewResolver. The balancer is that of
// r, unless WithBalancer sets another one.
//
// The result of each request is reported to r, and nodes that fail are ejected for a while.
// What the client has caused does not count against a node: a limit of its own, a body that
// cannot be read, an error of another middleware. A response is a success, whatever its
// status.
//
// A request that failed is sent to another node if it is idempotent (GET, HEAD, OPTIONS,
// TRACE, PUT, DELETE) and its body is no stream, or if the node has received nothing of it.
// This is done as often as Retries and RetryBudget of r allow, until config.WithRequestTimeout
// has passed.
//
// Hertz's client ignores the deadline of a context: set client.WithClientReadTimeout or
// config.WithRequestTimeout, or a call to a node that hangs never ends.
//
// While a request runs, its host is the address of a node, as with sd.Discovery; afterwards it
// is the service again. For a node with a unix socket the request returns an error, since
// Hertz's client cannot call it.
func Discovery(r *discovery.Resolver, opts ...DiscoveryOption) client.Middleware {
	o := newOptions(opts)
	return func(next client.Endpoint) client.Endpoint {
		return func(ctx context.Context, req *protocol.Request, resp *protocol.Response) error {
			service := string(req.Host())
			if !req.Options().IsSD() {
				return next(ctx, req, resp)
			}
			static := o.static[service]
			if static == nil && (!discovery.IsService(service) || o.serves != nil && !o.serves(service)) {
				return next(ctx, req, resp)
			}
			c := call{ctx: ctx, next: next, req: req, resp: resp, service: service}
			defer req.SetHost(service)
			if static != nil {
				return c.send(ctx, static.next())
			}
			if o.wrong != nil {
				return o.wrong
			}
			switch {
			case r == nil:
				return invalid("Discovery was given no resolver")
			case ctx == nil:
				return invalid("the context is nil")
			}
			picks := o.selection(req.Options().Tags())
			if redirected(req, resp) && !r.Knows(ctx, service, picks...) {
				return next(ctx, req, resp)
			}
			if o.balancer != nil {
				picks = append(picks, o.balancer)
			}
			if o.hashKey != nil {
				picks = append(picks, discovery.HashKey(o.hashKey(ctx, req)))
			}
			if !c.repeatable() {
				picks = append(picks, discovery.Once())
			}
			return c.do(r, picks)
		}
	}
}

// redirected reports whether Hertz's client makes a request because a redirect leads to its
// host: resp is then still the answer before.
func redirected(req *protocol.Request, resp *protocol.Response) bool {
	if resp == nil || !protocolclient.StatusCodeIsRedirect(resp.StatusCode()) {
		return false
	}
	to := protocol.AcquireURI()
	defer protocol.ReleaseURI(to)
	to.Parse(nil, resp.Header.PeekLocation())
	return len(to.Host()) > 0 && bytes.Equal(to.Host(), req.Host())
}

// A call is one request on its way to a service.
type call struct {
	ctx     context.Context
	next    client.Endpoint
	req     *protocol.Request
	resp    *protocol.Response
	service string
	body    *bodyReader // nil: it is no stream
	ends    time.Time   // by config.WithRequestTimeout; zero: never
	own     error       // what another middleware said, or a mistake of the caller's
}

// do sends the request to one node after the other. The context with the end of the
// call is for that alone: a client with deadlines in its contexts may use its own after the
// call, for a response that is a stream.
func (c *call) do(r *discovery.Resolver, picks []discovery.PickOption) error {
	if c.body = watchBody(c.req); c.body != nil {
		defer c.body.release(c.req)
	}
	ctx := c.ctx
	if timeout := c.req.Options().RequestTimeout(); timeout > 0 {
		c.ends = time.Now().Add(timeout)
		limited, cancel := context.WithDeadline(ctx, c.ends)
		defer cancel()
		defer c.req.SetOptions(config.WithRequestTimeout(timeout))
		ctx = limited
	}
	if err := r.Do(ctx, c.service, c.try, picks...); c.own == nil {
		return err
	}
	return c.own
}

// try is send for Do.
func (c *call) try(ctx context.Context, n *registry.Node) error {
	if !c.ends.IsZero() { // Hertz counts anew with every try
		c.req.SetOptions(config.WithRequestTimeout(max(1, time.Until(c.ends))))
	}
	err := c.send(httpcall.WithValues(c.ctx, ctx), n)
	if err == nil {
		return nil
	}
	failed := classify(err)
	if c.body.failed(err) {
		failed = discovery.CallError{Err: err, Fault: discovery.FaultCaller}
	}
	if failed.Fault == discovery.FaultCaller && !failed.Unsent {
		c.own = err
	}
	return &failed
}

// send sends the request to a node.
func (c *call) send(ctx context.Context, n *registry.Node) error {
	if n.Network == "unix" {
		return fmt.Errorf("hertzadapter: call %q: node %s is the unix socket %s, which Hertz's client cannot dial", c.service, n.ID, n.Address)
	}
	c.req.SetHost(n.Address)
	return c.next(ctx, c.req, c.resp)
}

// repeatable reports whether the request does no harm if it comes twice, and can be
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

// addresses are fixed nodes that are used for a service.
type addresses struct {
	nodes []*registry.Node
	turn  atomic.Uint32
}

func (a *addresses) next() *registry.Node { return a.nodes[a.turn.Add(1)%uint32(len(a.nodes))] }
