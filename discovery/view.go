package discovery

import (
	"time"

	"github.com/rollcall-go/rollcall/registry"
)

// A View is a service as it stood at one moment, and how far that may be trusted.
// It never changes; do not change what it hands out.
type View struct {
	namespace, service string

	members  []*member
	services func() map[*registry.Node]*registry.Service // of all nodes
	nodes    []*registry.Node
	ready    []*registry.Node // of a narrowed view; see Ready

	revision   uint64
	history    string
	staleSince time.Time
	err        error
	held       []string

	refusedSince time.Time
	refused      error

	guarded []string
	saved   time.Time
}

// Namespace returns the namespace that was asked for; "" is the source's own.
func (v *View) Namespace() string { return v.namespace }

// Service returns the name of the service.
func (v *View) Service() string { return v.service }

// Nodes returns the nodes of all versions, or those that the options of Resolve
// leave, ordered by version and ID. Draining ones are among them.
func (v *View) Nodes() []*registry.Node { return v.nodes }

// Ready returns those of the nodes that calls should go to: Pick with the same
// options picks among them, or did when the view was resolved. Nodes of the weight
// NoTraffic are left out always, draining and ejected ones while others stand, and so
// are those beyond the Zone and the Subset.
func (v *View) Ready() []*registry.Node { return v.ready }

// ServiceOf returns the version that a node of the service belongs to, as it stood
// with the view: its name, version, namespace, metadata, endpoints and TTL. Nil for
// any other node.
func (v *View) ServiceOf(n *registry.Node) *registry.Service { return v.services()[n] }

func servicesOf(members []*member) map[*registry.Node]*registry.Service {
	of := make(map[*registry.Node]*registry.Service, len(members))
	for _, m := range members {
		of[m.Node] = m.service
	}
	return of
}

// Revision counts the changes of the service within one History, as in a
// registry.Result. Views of the same revision may differ in health.
func (v *View) Revision() uint64 { return v.revision }

// History is the epoch that Revision counts in; "" for a service that has never
// existed.
func (v *View) History() string { return v.history }

// Live tells whether the view follows the source: every change shows in it.
func (v *View) Live() bool { return v.staleSince.IsZero() }

// StaleSince is when contact with the source was lost; zero while the view is live.
func (v *View) StaleSince() time.Time { return v.staleSince }

// Age is how long ago contact was lost; zero while the view is live.
func (v *View) Age() time.Duration {
	if v.staleSince.IsZero() {
		return 0
	}
	return time.Since(v.staleSince)
}

// Err says why the view is stale.
func (v *View) Err() error { return v.err }

// Held returns the IDs of nodes that the registry has lost, in a flush or a
// failover, and that are shown until they register again, or for a TTL at most.
func (v *View) Held() []string { return v.held }

// RefusedSince is when Redis, which goes on serving reads, began to refuse the renewal of
// leases; zero while leases are renewed. The nodes whose leases would run out are in
// Held meanwhile.
func (v *View) RefusedSince() time.Time { return v.refusedSince }

// Refused says why leases are not renewed, with registry.ErrUnavailable or
// registry.ErrPermission; nil where RefusedSince is zero.
func (v *View) Refused() error { return v.refused }

// Guarded returns the IDs of nodes whose leases ran out, and that are shown because too
// many ran out with them, because calls to them succeed, or because they are the last:
// see Guard.
func (v *View) Guarded() []string { return v.guarded }

// Saved is when the view was last known to be true, before it was written to
// SnapshotDir, if it was read from there; else zero. Such a view is stale since then.
func (v *View) Saved() time.Time { return v.saved }
