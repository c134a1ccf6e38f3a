package hertzadapter

import (
	"context"
	"fmt"
	"hash/maphash"
	"reflect"

	"github.com/cloudwego/hertz/pkg/app/client/discovery"

	"github.com/rollcall-go/rollcall/registry"
)

// NewResolver returns a resolver for sd.Discovery that reads r at each Resolve,
// which Hertz's balancer calls once for a new target and then every 5 s, unless
// sd.WithLoadBalanceOptions says otherwise.
//
// The tags that a call sets by config.WithTag select: version and zone by what
// they say, any other one by the node's metadata. Nodes that drain are returned
// only when no other node stands. Each instance carries its weight, and its
// metadata, version and zone as tags.
//
// A service of which no node stands is an error that unwraps to
// registry.ErrNotFound, and a Redis that does not answer is one too; Hertz then
// goes on with the nodes that it knew.
//
// Hertz keeps one balancer, with two goroutines, for each resolver name for as
// long as the process lives. Resolvers of one registry and namespace share a
// name, and so a balancer; those of different registries never do. So make few
// registries, and close r only when the process ends.
func NewResolver(r registry.Registry, opts ...Option) discovery.Resolver {
	o := newOptions(opts)
	id := any(r)
	if r == nil || !reflect.ValueOf(r).Comparable() {
		id = new(byte) // a name of its own
	}
	return &resolver{r: r, o: o, name: resolverName(id, o.namespace)}
}

type resolver struct {
	r    registry.Registry
	o    options
	name string
}

// seed makes resolver names differ between processes, and tell nothing.
var seed = maphash.MakeSeed()

// resolverName is a name of fixed length, equal for equal parts. A pointer among
// them is as good as a number that is never used again: Hertz's balancers, which
// live for ever, hold the resolver and so what the pointer points to.
func resolverName(parts ...any) string {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, p := range parts {
		maphash.WriteComparable(&h, p)
	}
	return fmt.Sprintf("rollcall-%016x", h.Sum64())
}

// Name tells this resolver's registry and namespace from others.
func (v *resolver) Name() string { return v.name }

// Target describes the service and the tags that a call wants.
func (v *resolver) Target(_ context.Context, target *discovery.TargetInfo) string {
	if target == nil {
		return ""
	}
	return encodeTarget(target.Host, target.Tags)
}

// Resolve returns the nodes of what Target described, at least one.
func (v *resolver) Resolve(ctx context.Context, desc string) (discovery.Result, error) {
	if v.r == nil {
		return discovery.Result{}, invalid("NewResolver was given no registry")
	}
	name, tags, err := decodeTarget(desc)
	if err != nil {
		return discovery.Result{}, err
	}
	services, err := v.r.GetService(ctx, name, v.o.getOptions()...)
	if err != nil {
		return discovery.Result{}, fmt.Errorf("hertzadapter: resolve %q: %w", name, err)
	}
	instances := selectNodes(services, tags)
	if len(instances) == 0 {
		return discovery.Result{}, fmt.Errorf("hertzadapter: resolve %q: %w: no node has the tags %v", name, registry.ErrNotFound, tags)
	}
	return discovery.Result{CacheKey: desc, Instances: instances}, nil
}
