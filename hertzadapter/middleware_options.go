package hertzadapter

import (
	"context"

	"github.com/cloudwego/hertz/pkg/protocol"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// WithBalancer sets the balancer. Default: that of the resolver.
func WithBalancer(b discovery.Balancer) DiscoveryOption {
	return setting(func(o *redisOptions) { o.balancer = b })
}

// WithHashKey sets a function that returns the discovery.HashKey of a request: a user, a
// session, a document. Only the balancers discovery.Maglev and discovery.Ring use it.
// Default: none, these balancers pick at random.
func WithHashKey(key func(context.Context, *protocol.Request) string) DiscoveryOption {
	return setting(func(o *redisOptions) { o.hashKey = key })
}

// WithOnlyHosts makes Discovery treat only those hosts as services for which serves
// returns true, as discovery.OnlyHosts does for a Transport: for a client that sets
// config.WithSD(true) for all requests. serves is called for hosts that may be a service,
// from many goroutines at a time. Default: see Discovery.
func WithOnlyHosts(serves func(host string) bool) DiscoveryOption {
	return setting(func(o *redisOptions) { o.serves = serves })
}

// WithAddresses makes requests for a service go to these addresses in turn, without the
// resolver, which may be nil: for tests. It may be given for several services. Default:
// the nodes that the resolver knows.
func WithAddresses(service string, hostPorts ...string) DiscoveryOption {
	return setting(func(o *redisOptions) {
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
	})
}
