// Package discovery finds the nodes of a service and picks one for each call.
//
// A Resolver follows each service that was asked for, and keeps a view of it in
// memory: the nodes as the registry shows them, with every change within about a
// millisecond. Picks read that view alone, without a lock, a trip or an allocation.
//
//	Source --views--> service --members--> table --set--> picker --> Picked
//	                     ^                                             |
//	                     +------- load, failures <------- Done --------+
//
// # What it does when something is wrong
//
//   - Redis is away: views stay as they are, and say since when they are stale.
//     MaxStale makes an error of that; SnapshotDir keeps them across a restart.
//   - The registry has lost nodes: they are held, as registry.View says.
//   - Many leases run out at once: the guard doubts it, and keeps the rest a while.
//   - Calls to a node fail: it is ejected for a while; Do tries another.
package discovery
