package hertzadapter

import (
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"

	hertzdiscovery "github.com/cloudwego/hertz/pkg/app/client/discovery"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/community"
	"github.com/rollcall-go/rollcall/registry"
)

// NewResolver returns a resolver for sd.Discovery, Hertz's own middleware. It returns the nodes
// that r knows, without a call to Redis.
//
// Hertz's balancer asks the resolver when a service is called for the first time, and then
// every 5 s, so Hertz sees a change up to 5 s late; sd.WithLoadBalanceOptions sets another
// interval. Use the middleware Discovery of this package instead to see changes at once.
//
// The tags of config.WithTag select nodes: "version" selects by the version, "zone" prefers
// nodes of a zone as discovery.Zone does, and any other tag selects by the metadata of the
// node or its service. Nodes that are draining or ejected are returned only if there are no
// others. Each instance has the weight of the node, and its metadata, version and zone as tags.
//
// While Redis is away, the resolver returns the last nodes that it knew. For a service that has
// never existed, it returns registry.ErrNotFound. For a service whose nodes are all gone, it
// returns an empty list, so that Hertz stops calling them.
//
// Make one resolver for a discovery.Resolver and namespace, and close r only when the process
// ends: Hertz keeps a balancer with two goroutines for each resolver name until then. Resolvers
// of the same r and namespace have the same name, and share a balancer.
func NewResolver(r *discovery.Resolver, opts ...ResolverOption) hertzdiscovery.Resolver {
	o := newOptions(opts)
	return &resolver{r: r, o: o, err: o.wrong, name: resolverName(r, o.namespace)}
}

type resolver struct {
	r    *discovery.Resolver
	o    options
	err  error // what is wrong with the options
	name string
}

// seed makes resolver names differ between processes, and hides what they are made from.
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

// Name differs from the names of resolvers of other registries and namespaces.
func (v *resolver) Name() string { return v.name }

// Target describes the service and the tags that a call wants.
func (v *resolver) Target(_ context.Context, target *hertzdiscovery.TargetInfo) string {
	if target == nil {
		return ""
	}
	return encodeTarget(target.Host, target.Tags)
}

// Resolve returns the nodes of what Target described.
func (v *resolver) Resolve(ctx context.Context, desc string) (hertzdiscovery.Result, error) {
	switch {
	case v.err != nil:
		return hertzdiscovery.Result{}, v.err
	case ctx == nil:
		return hertzdiscovery.Result{}, invalid("the context is nil")
	}
	if v.r == nil {
		return hertzdiscovery.Result{}, invalid("NewResolver was given no resolver")
	}
	name, tags, err := decodeTarget(desc)
	if err != nil {
		return hertzdiscovery.Result{}, err
	}
	view, err := v.r.Resolve(ctx, name, v.o.selection(tags)...)
	if err != nil {
		return hertzdiscovery.Result{}, err
	}
	res := hertzdiscovery.Result{CacheKey: desc}
	for _, n := range view.Ready() {
		network := n.Network
		if network == "" {
			network = "tcp"
		}
		res.Instances = append(res.Instances,
			hertzdiscovery.NewInstance(network, n.Address, n.Weight, nodeTags(view.ServiceOf(n), n)))
	}
	return res, nil
}

// selection is what the tags of a call select.
func (o options) selection(tags map[string]string) []discovery.PickOption {
	var opts []discovery.PickOption
	if o.namespace != "" {
		opts = append(opts, discovery.Namespace(o.namespace))
	}
	if len(tags) == 0 {
		return opts
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		switch key {
		case community.TagVersion:
			opts = append(opts, discovery.Version(tags[key]))
		case community.TagZone:
			opts = append(opts, discovery.Zone(tags[key]))
		default:
			opts = append(opts, discovery.Label(key, tags[key]))
		}
	}
	return opts
}

// nodeTags are a node's metadata, its version and its zone. The latter two win
// over metadata of the same name.
func nodeTags(s *registry.Service, n *registry.Node) map[string]string {
	tags := maps.Clone(n.Metadata)
	if tags == nil {
		tags = make(map[string]string, 2)
	}
	tags[community.TagVersion] = s.Version
	tags[community.TagZone] = n.Zone
	maps.DeleteFunc(tags, func(k, v string) bool { return v == "" && (k == community.TagVersion || k == community.TagZone) })
	return tags
}
