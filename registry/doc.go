// Package registry registers the nodes of services in Redis, renews their leases, and
// finds and watches the nodes that are alive.
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
// A node is alive until its lease ends, by Redis's clock, never by the clock of this
// process. One goroutine renews all leases of a registry, batched by service, every third
// of their TTL:
//
//	absent --Register--> live --Deregister, Close--> absent
//	                      |  ^
//	  no renewal for a TTL v  | registered again, by itself
//	                      lost
//
// The caller has nothing to do when a lease is lost. If Redis has lost a node, after an
// outage, a flush, an eviction or an empty restart, the next renewal registers it again.
// This is retried until it succeeds. OnState and the log report the loss, state Lost with
// the reason, and the return, state Live.
//
// Leases of one node ID are ordered by when they were taken. A newer lease supersedes an
// older one. The process with the older lease gets state Superseded and stops renewing;
// calls of it that arrive late change nothing. The same holds when an operator removes a
// node: state Removed. Both are final until Deregister.
//
// If a process dies without Deregister, GetService stops returning its nodes when their
// leases end. Other registries that serve the same service then remove the nodes from
// Redis. They do so only after half a TTL and one second of unbroken contact with Redis:
// in an outage no registry can renew, and it must not remove all nodes.
//
// # Watching
//
// Watch returns changes one by one; Follow returns whole views. Both use one local copy
// of the service, which change events keep up to date within about a millisecond. Pub/sub
// may lose an event. Each event names the state that it follows, and after a
// PollInterval without one, a poll compares the copy with Redis. So a loss is noticed: the
// service is read again, and the difference is delivered.
//
// While Redis is away, a view keeps its nodes and shows since when it is stale. If Redis
// loses a node in a flush or a failover, the view holds the node for up to one TTL, until
// it is registered again.
//
// # Nodes that are not simply live
//
// Six words name what can be wrong with a node. The first two are states of a registration,
// in the process that registered the node; the others are fields of a view, in a process
// that calls it:
//
//	word      who decides               what it means                         where it shows
//	Lost      the registry that renews  Redis lost the node, or no renewal    OnState, the log
//	                                    arrived for a TTL; it is
//	                                    registered again by itself
//	Withheld  the RegisterCheck         the check fails, so the lease is      OnState, the log
//	                                    not renewed and will end
//	Held      the registry that reads   missing in Redis, and shown for one   View.Held
//	                                    TTL more, or until it is back
//	Refused   Redis                     Redis serves reads and refuses        View.Refused,
//	                                    renewals; nodes that publish that     View.RefusedSince
//	                                    they are alive are Held meanwhile
//	Lapse     the registry that reads   the node left without Deregister,     View.Lapsed
//	                                    and is not in the view any more
//	Guarded   the discovery.Resolver    a node whose lease ended, and that    discovery.View.Guarded
//	                                    still gets calls: too many ended at
//	                                    once, or calls to it succeed
//
// # Failures
//
// Every call ends with its context, or after Options.Timeout if the context has no
// deadline. In an outage a call returns ErrUnavailable, never an empty answer. Errors
// unwrap to the sentinels of this package and to the error of Redis or the network.
//
// # What is not promised
//
// Reads are not linearizable. A write that Redis acknowledged may be lost in a
// failover: the node is back within an interval. Nothing here is a lock or an
// election of a leader.
package registry
