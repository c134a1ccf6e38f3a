package hertzadapter

import (
	"context"

	"github.com/cloudwego/hertz/pkg/protocol"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// WithBalancer picks by b instead of the resolver's balancer. It is for Discovery.
func WithBalancer(b discovery.Balancer) Option { return func(o *options) { o.balancer = b } }

// WithHashKey takes the key for discovery.Maglev and discovery.Ring out of the request:
// a user, a session, a document. It is for Discovery, and needs one of these balancers.
func WithHashKey(key func(context.Context, *protocol.Request) string) Option {
	return func(o *options) { o.hashKey = key }
}

// WithOnlyHosts makes Discovery treat only those hosts as services for which serves
// returns true, as discovery.OnlyHosts does for a Transport: for a client that sets
// config.WithSD(true) for all requests. serves is called for hosts that may be a service,
// from many goroutines at a time. Default: see Discovery.
func WithOnlyHosts(serves func(host string) bool) Option {
	return func(o *options) { o.serves = serves }
}

// WithAddresses has requests for a service go to these addresses in turn, whatever the
// resolver knows, which may be nil: for tests. It may be given for several services. It
// is for Discovery.
func WithAddresses(service string, hostPorts ...string) Option {
	return func(o *options) {
		if len(hostPorts) == 0 {
			return
		}
		if o.static == nil {
			o.static = make(map[string]*addresses)
		}
		a := &addresses{}
		for _, hostPort := range hostPorts {
			a.nodes = append(a.nodes, &registry.Node{ID: hostPort, Address: hostPort})
		}
		o.static[service] = a
	}
}
