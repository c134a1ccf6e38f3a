package discovery

import (
	"github.com/cespare/xxhash/v2"

	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/internal/views"
	"github.com/rollcall-go/rollcall/registry"
)

// A PickOption selects the nodes of one call, or says how to pick one of them. Version, Label,
// Filter, Zone, HashKey, Namespace and Once make one, and a Balancer is one. A nil PickOption
// has no effect.
type PickOption interface{ pickOption() }

type (
	versionOption   string
	labelOption     views.Label
	zoneOption      string
	hashKeyOption   string
	namespaceOption string
	onceOption      struct{}

	// A FilterOption is a filter for nodes, made by Filter.
	FilterOption struct{ filter *views.Filter }
)

func (versionOption) pickOption()   {}
func (labelOption) pickOption()     {}
func (zoneOption) pickOption()      {}
func (hashKeyOption) pickOption()   {}
func (namespaceOption) pickOption() {}
func (onceOption) pickOption()      {}
func (*FilterOption) pickOption()   {}

// Version selects the nodes of one version. Default: those of all versions.
func Version(version string) PickOption { return versionOption(version) }

// Label selects the nodes with this metadata. A node that does not have the key has the value
// of its service. Several labels must all match; there may be eight. Default: all nodes.
func Label(key, value string) PickOption { return labelOption{Key: key, Value: value} }

// Filter selects the nodes for which keep returns true. keep is called once for each node, and
// again when the node changes, not for each pick: so its answer must depend on the node alone.
// Make a filter once and use it for all calls: the Resolver remembers the selections of at least
// 128 filters for each service, and of as many as hold 262,144 nodes together. Default: all nodes.
func Filter(keep func(*registry.Node) bool) *FilterOption {
	return &FilterOption{&views.Filter{Keep: keep}}
}

// Zone prefers the nodes of a zone, while at least half of the nodes of that zone can be
// called; else nodes of all zones are used. Default: nodes of all zones.
func Zone(zone string) PickOption { return zoneOption(zone) }

// HashKey makes Maglev and Ring pick the same node for the same key, in every process, as long
// as the nodes stay the same. Other balancers ignore it. Default: none; Maglev and Ring then
// pick at random.
func HashKey(key string) PickOption { return hashKeyOption(key) }

// Namespace selects the namespace of the service. Default: that of the source.
func Namespace(namespace string) PickOption { return namespaceOption(namespace) }

// Once is for a call of Do that must not be made twice, such as the payment of an order. Do
// then tries another node only if it is certain that the one before has received nothing of the
// call. Other methods ignore it. Default: Do may make the call several times.
func Once() PickOption { return onceOption{} }

// A question is what the options of one call add up to.
type question struct {
	views.Selection
	narrow    bool // the selection is not the empty one
	namespace string
	policy    balance.Policy // nil: the resolver's
	key       uint64         // 0: none
	once      bool           // Do must not make the call twice
	err       error
}

// ask reads the options of a call. It copies what is in them and keeps none of them, and
// calls none of their methods: so options that are made for one call stay off the heap.
func ask(opts []PickOption) question {
	var q question
	labels := 0
	for _, opt := range opts {
		switch o := opt.(type) {
		case versionOption:
			q.narrow, q.ByVersion, q.Version = true, true, string(o)
		case labelOption:
			if labels == views.MaxLabels {
				q.err = invalid("over %d labels: use a Filter", views.MaxLabels)
				return q
			}
			q.narrow, q.Labels[labels] = true, views.Label(o)
			labels++
		case zoneOption:
			q.narrow, q.Zone = q.narrow || o != "", string(o)
		case *FilterOption:
			switch {
			case o == nil || o.filter == nil || o.filter.Keep == nil:
				q.err = invalid("Filter: is nil")
				return q
			case q.Filter != nil:
				q.err = invalid("two filters: make one of them")
				return q
			}
			q.narrow, q.Filter = true, o.filter
		case hashKeyOption:
			q.key = max(1, xxhash.Sum64String(string(o)))
		case namespaceOption:
			q.namespace = string(o)
		case onceOption:
			q.once = true
		case balancer:
			q.policy = o.Policy
			if q.err = checkPolicy(q.policy); q.err != nil {
				return q
			}
		case nil:
		default:
			q.err = invalid("a PickOption that is not of this package")
			return q
		}
	}
	return q
}

// set returns the set of a question.
func (q *question) set(t *views.Table) *views.Set {
	if !q.narrow {
		return &t.Set
	}
	return t.Select(&q.Selection)
}
