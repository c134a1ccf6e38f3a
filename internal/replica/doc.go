// Package replica follows the state of one service from what a reader receives:
// change events that may be lost, repeated, reordered or of a dead branch of
// history, versions that were probed or polled, and snapshots.
//
// A Replica is a value without timers and sockets. Its owner feeds it and does
// what the verdicts say:
//
//	          Event, chains            Event, odd
//	settled <-----------------> settled -----------> doubt
//	   ^                                               | 40 to 200 ms, Probe
//	   |  Probe: known since it was asked for          |
//	   +-----------------------------------------------+
//	   |                                               | Probe: unknown twice,
//	   |  Snapshot that counts                         v or older than asked
//	   +-------------------------------------------- reread
//
// # What it asks of its owner
//
// A snapshot begins once the subscription was acknowledged, and lies between two
// looks at the version; events of a subscription that has ended are dropped. Mark
// and Arrivals are those of when a question was sent. Pass counts contact alone,
// and comes only after a poll that settled. Missing gets what one master told of
// after half a TTL and a second of unbroken contact: a lease that has ended by an
// index that still lists it, and no hash. Live gets each message of nodes that they
// live, and Renewed the lease ends that a poll read.
//
// # What it guarantees
//
// Within one epoch the revisions of its changes never go back. What it shows is
// the state of Redis at the point it is at, and beside that only nodes that are
// held: those that the registry lost, until one TTL of contact after they were
// first missed, and those that told that they live while Redis refuses to renew
// leases, until one TTL of contact after they last did. A node that lives is never taken away because an event, an index
// or a replica of Redis was lost.
package replica
