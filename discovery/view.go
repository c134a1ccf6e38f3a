package discovery

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/views"
	"github.com/rollcall-go/rollcall/registry"
)

// A View shows the nodes of a service at one moment, and whether the source is in contact with
// the registry. A View never changes; do not change what its methods return.
type View struct{ v *views.View }

// public returns the View of a set, which is made once.
func public(s *views.Set) *View { return s.Public.(*View) }

// Namespace returns the namespace that the call named; "" is that of the source.
func (v *View) Namespace() string { return v.v.Name.Namespace }

// Service returns the name of the service.
func (v *View) Service() string { return v.v.Name.Service }

// Nodes returns the nodes, draining ones too, ordered by version and ID: of all versions, or
// those that the options select.
func (v *View) Nodes() []*registry.Node { return v.v.Nodes }

// Ready returns the nodes of Nodes that Pick picks from with the same options. Nodes with
// NoTraffic are left out, and so are those outside of the Zone and the Subset. Draining and
// ejected nodes are left out unless there are no others.
func (v *View) Ready() []*registry.Node { return v.v.Ready }

// ServiceOf returns the version that a node of the service belongs to: its name, version,
// namespace, metadata, endpoints and TTL. For any other node it is nil.
func (v *View) ServiceOf(n *registry.Node) *registry.Service { return v.v.Versions()[n] }

// Revision counts the changes of the service within one History, as in a
// registry.Result. Views of the same revision may differ in health.
func (v *View) Revision() uint64 { return v.v.Revision }

// History identifies the data that Revision counts in, as in a registry.Result; "" for a
// service that has never existed.
func (v *View) History() string { return v.v.History }

// Live says whether the source is in contact with the registry, so that every change shows.
func (v *View) Live() bool { return v.v.Live() }

// StaleSince returns when contact with the registry was lost. It is zero while the view is live.
func (v *View) StaleSince() time.Time { return v.v.StaleSince }

// Age returns how long ago contact was lost. It is zero while the view is live.
func (v *View) Age() time.Duration { return v.v.Age() }

// Err says why the view is stale. It is nil while the view is live.
func (v *View) Err() error { return v.v.Err }

// Held returns the IDs of nodes that Redis has lost, in a flush or a failover, and that are
// shown until they register again, for one TTL at most. See registry.View.
func (v *View) Held() []string { return v.v.Held }

// RefusedSince returns when Redis began to refuse the renewal of leases while it still serves
// reads. It is zero while leases are renewed. The nodes that cannot renew are in Held.
func (v *View) RefusedSince() time.Time { return v.v.RefusedSince }

// Refused says why leases are not renewed: registry.ErrUnavailable or
// registry.ErrPermission. It is nil if RefusedSince is zero.
func (v *View) Refused() error { return v.v.Refused }

// Guarded returns the IDs of nodes whose leases have ended, and that are shown because too
// many ended together, because calls to them succeed, or because they are the last ones. See
// Guard.
func (v *View) Guarded() []string { return v.v.Guarded }

// Saved returns, for a view that was read from SnapshotDir, when it was last known to be true;
// else zero. Such a view is stale since then.
func (v *View) Saved() time.Time { return v.v.Saved }
