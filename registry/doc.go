// Package registry announces the nodes of a service in Redis, keeps the
// announcements alive, and finds them.
//
//	r := registry.NewRegistry(registry.Addrs("127.0.0.1:6379"))
//	defer r.Close(ctx)
//
//	err := r.Register(ctx, &registry.Service{
//		Name:  "shop",
//		Nodes: []*registry.Node{{Address: "10.0.0.1:8080"}},
//	})
//
//	services, err := r.GetService(ctx, "shop") // one for each version
//
// # Leases
//
// A node is alive until its lease runs out by Redis's clock, never by ours. A
// keeper renews all leases of a registry from one goroutine, batched by service,
// every third of their TTL:
//
//	absent --Register--> live --Deregister, Close--> absent
//	                      |  ^
//	  no renewal for a TTL v  | registered again, by itself
//	                      lost
//
// Losing a lease takes no action of the caller's: after an outage, a flush, an
// eviction or an empty restart the keeper registers again, without end. OnState and
// the log tell of both: Lost, with the reason, and Live.
//
// A lease is ordered by when it was taken. A newer lease of the same node ID
// supersedes an older one, whose process is told and stops: it neither fights
// nor, when its last calls arrive late, removes or revives anything. The same
// holds for an operator's removal. Both are final until Deregister.
//
// A process that dies without a goodbye is gone from GetService when its lease
// ends. Registries that serve the same service then remove it from the index.
// They judge only after they have been in contact with Redis for half a TTL and
// a second, so that an outage, in which nobody could renew, kills nobody.
//
// # Watching
//
// Watch reports changes one by one, Follow hands out whole views. Both stand on
// a replica of the service that change events keep up to date within about a
// millisecond. Events may be lost; each one proves which state it follows from,
// and a poll finds what never came. Then the service is read again, and what was
// missed comes as the difference.
//
// While Redis is away a view stays as it is, and says since when. A node that
// Redis lost, in a flush or a failover, is held in the view for as long as a TTL
// while it registers again.
//
// # Failures
//
// Every call is bounded by its context, or Options.Timeout. An outage is
// ErrUnavailable, never an empty answer. Errors unwrap to the sentinels of this
// package and to what Redis or the network said.
//
// # What is not promised
//
// Reads are not linearizable. A write that Redis acknowledged may be lost in a
// failover: the node is back within an interval. Nothing here is a lock or an
// election of a leader.
package registry
