package discovery

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/rollcall-go/rollcall/internal/httpcall"
	"github.com/rollcall-go/rollcall/registry"
)

// A TransportOption sets a property of a Transport. A nil one has no effect, and so has one
// made with nil.
type TransportOption func(*transport)

// OnlyHosts makes a Transport treat only those hosts as services for which serves returns
// true: for a client that calls other hosts too. serves is called for hosts that may be a
// service, from many goroutines at a time. Default: see Transport.
func OnlyHosts(serves func(host string) bool) TransportOption {
	return func(t *transport) {
		if serves != nil {
			t.serves = serves
		}
	}
}

// PickBy sets a function that returns the pick options for a request: a Namespace, a Zone, a
// HashKey from a header. It is called from many goroutines at a time. Default: none.
func PickBy(opts func(*http.Request) []PickOption) TransportOption {
	return func(t *transport) {
		if opts != nil {
			t.opts = opts
		}
	}
}

// Transport returns an http.RoundTripper for URLs that have the name of a service as their
// host, such as http://shop/carts/7. It picks a node for every request and sends the request
// to it by base, or by http.DefaultTransport if base is nil. The server sees the name of the
// service as Host, unless Request.Host is set.
//
// The host of a URL is a service unless it is an IP address or has a port; the host that a
// redirect leads to is a service only if the source knows it. Requests for other hosts go to
// base unchanged, and so do those that are neither http nor https. OnlyHosts excludes further
// hosts.
//
// The call to the node lasts until the body of the response was read to its end or closed. It
// has failed if there was no response, if the body broke off, or if the status is 502, 503 or
// 504. Classify says whose fault that is. A limit of the client, a request body that cannot
// be read, and a deadline that ends a stream do not count against the node.
//
// If there was no response, a GET, HEAD, OPTIONS, TRACE, PUT or DELETE request, or one with an
// Idempotency-Key, is sent to another node, as Do does it, if it has no body or has GetBody.
// Other requests are sent to another node only if the first one has received nothing of them.
// Nothing is buffered.
//
// With https the certificate of the node must match the host of its Address, as base checks
// it; if it is one for the name of the service, set TLSClientConfig.ServerName in base. For a
// node with a unix socket the error is ErrInvalid; for such nodes, and for services whose
// names cannot be in a URL, use DialContext.
//
// If no node can be called, the error is that of Do.
func Transport(r *Resolver, base http.RoundTripper, opts ...TransportOption) http.RoundTripper {
	t := &transport{
		r: r, base: base,
		serves: func(string) bool { return true },
		opts:   func(*http.Request) []PickOption { return nil },
	}
	if base == nil {
		t.base = http.DefaultTransport
	}
	for _, opt := range opts {
		if opt != nil {
			opt(t)
		}
	}
	return t
}

type transport struct {
	r      *Resolver
	base   http.RoundTripper
	serves func(host string) bool
	opts   func(*http.Request) []PickOption
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.check(req); err != nil {
		return nil, failure("call", "", "", err)
	}
	web := req.URL.Scheme == "http" || req.URL.Scheme == "https"
	if !web || !IsService(req.URL.Host) || !t.serves(req.URL.Host) {
		return t.base.RoundTrip(req)
	}
	opts := t.opts(req)
	redirected := req.Response != nil
	if redirected && !t.r.Knows(req.Context(), req.URL.Host, opts...) {
		return t.base.RoundTrip(req)
	}
	if !httpcall.Repeatable(req) {
		opts = append(slices.Clone(opts), Once())
	}
	var body *httpcall.Body // of the last try
	var resp *http.Response
	err := t.r.try(req.Context(), job{"call", req.URL.Host, opts, func(ctx context.Context, p Picked) (err error) {
		sent := false
		defer func() {
			if !sent { // it panics, or the body is not to be had: no fault of the node
				p.Done(context.Canceled)
			}
		}()
		if body, err = body.Next(req); err != nil {
			return Permanent(err)
		}
		resp, err = t.send(ctx, req, body, p)
		sent = true
		return err
	}})
	body.Settle(req)
	return resp, err
}

// check returns what is wrong with a request, which it then closes, or with the Transport.
func (t *transport) check(req *http.Request) (err error) {
	switch {
	case req == nil:
		return invalid("the request is nil")
	case req.URL == nil:
		err = invalid("the request has no URL")
	case t.r == nil:
		err = invalid("Transport: the Resolver is nil")
	default:
		return nil
	}
	(*httpcall.Body)(nil).Settle(req)
	return err
}

// CloseIdleConnections closes those of base.
func (t *transport) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// IsService says whether the host of a URL may be the name of a service: whether it is
// neither empty nor an IP address, and has no port and no brackets.
func IsService(host string) bool {
	if host == "" || strings.ContainsAny(host, ":[]") {
		return false
	}
	_, err := netip.ParseAddr(host)
	return err != nil
}

// send sends a request to a node.
func (t *transport) send(ctx context.Context, req *http.Request, body *httpcall.Body, p Picked) (*http.Response, error) {
	n := p.Node()
	if n.Network != "" && !strings.HasPrefix(n.Network, "tcp") {
		p.Done(context.Canceled) // no fault of the node
		return nil, Permanent(&registry.OpError{
			Op: "call", Namespace: p.call.Member.Namespace(), Service: req.URL.Host, Node: n.ID,
			Err: invalid("Network: %s is not for a Transport: use DialContext", n.Network),
		})
	}
	var seen httpcall.Progress
	to := req.WithContext(seen.Trace(ctx))
	if req.Body != nil {
		to.Body = body
	}
	to.Host = cmp.Or(req.Host, req.URL.Host)
	u := *req.URL
	u.Host = n.Address
	to.URL = &u

	resp, err := t.base.RoundTrip(to)
	if resp == nil && err == nil {
		p.Done(context.Canceled) // no fault of the node
		return nil, Permanent(fmt.Errorf("the RoundTripper %T returned neither a response nor an error", t.base))
	}
	if err != nil {
		c := t.classify(err, req, &seen, body)
		p.Done(&c)
		if t.unasked(&seen) && httpcall.Ended(req) == nil {
			return nil, Permanent(err) // the request is bad: no node is to blame
		}
		return nil, &c
	}
	resp.Request = req
	resp.Body = follow(resp, p)
	return resp, nil
}

// follow returns the body of a response, which calls Done when it ends.
func follow(resp *http.Response, p Picked) io.ReadCloser {
	var fault error
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		fault = fmt.Errorf("status %s", resp.Status)
	default:
		if p.call.Probe() { // which must not last as long as a stream may
			p.call.Answers()
		}
	}
	if resp.Body == nil || resp.Body == http.NoBody {
		p.Done(fault)
		return resp.Body
	}
	req := resp.Request
	return httpcall.Follow(resp.Body, func(err error, flowed bool) {
		if err == nil {
			p.Done(fault)
		} else {
			p.Done(broken(err, req, flowed))
		}
	})
}

// broken says what it means that a body broke off. If the caller's time is over, a stream
// that flowed says nothing of the node.
func broken(err error, req *http.Request, flowed bool) error {
	switch httpcall.Ended(req) {
	case context.Canceled:
		return &CallError{Err: err, Fault: FaultCaller}
	case context.DeadlineExceeded:
		if flowed {
			return &CallError{Err: err, Fault: FaultNeither}
		}
	}
	return err
}
