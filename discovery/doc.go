// Package discovery finds the nodes of a service and picks one for each call.
//
// A Resolver follows each service that was asked for and keeps a view of it in memory: the
// nodes in the registry, with each change within about a millisecond. Picks read that view
// only, without a lock, a call to Redis or an allocation.
//
//	Source --views--> service --members--> table --set--> picker --> Picked
//	                     ^                                             |
//	                     +------- load, failures <------- Done --------+
//
// # Failures
//
//   - Redis is away: a view keeps its nodes and says since when it is stale. With MaxStale
//     it becomes an error; with SnapshotDir it survives a restart.
//   - Redis has lost nodes: the view holds them for up to one TTL, see registry.View.
//   - Many leases end at once: the guard keeps the further nodes for a while, see
//     Guard.
//   - Calls to a node fail: the node is ejected for a while, see Ejection, and Do tries
//     another one.
package discovery
