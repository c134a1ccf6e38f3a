// Package replica follows the state of one service from what a reader receives:
// change events that may be lost, repeated, reordered or of an abandoned branch of
// history, versions that were probed or polled, and snapshots. Nothing in it does
// I/O or waits: it is driven by calls, and the time is an argument.
//
//	events, answers --> Feed --> Replica --> changes
//	                     |
//	                     +-- ServerClock
//
// A Replica is what is known of the service. Each input returns an outcome:
//
//	          Event, chains            Event, odd
//	settled <-----------------> settled -------> unexplained
//	   ^                                               | 40 to 200 ms, Probe
//	   |  Probe: known since it was asked for          |
//	   +-----------------------------------------------+
//	   |                                               | Probe: unknown twice,
//	   |  Snapshot that counts                         v or older than asked
//	   +-------------------------------------------- reread
//
// A Feed does what the outcomes ask for: it decides when to take a snapshot, to probe
// and to poll, for how long contact has lasted, and how far the view may be trusted. A
// ServerClock is what is known of Redis's clock from the answers of one master. StartAfter
// and StartAnew choose when a lease starts.
//
// # What it asks of its owner
//
// The owner of a Feed starts what is due (StartRead, StartProbe, StartPoll), hands in
// each answer or failure, calls Changes after each input, and makes a new subscription
// when an outcome is Missed. It reports each subscription that was acknowledged or has
// ended, and drops the events of one that has ended. A snapshot lies between two reads
// of the version. Missing gets what one answer shows: a lease that has ended by an index
// that still lists it, and no hash.
//
// # What it guarantees
//
// Within one epoch the revisions of its changes never go back. What it shows is
// the state of Redis at the point it is at, and beside that only nodes that are
// held: those that the registry lost, until one TTL of contact after they were
// first missed, or after history was lost once more, and those that reported that they are alive while Redis refuses to renew
// leases, until one TTL of contact after they last did. A node that lives is never
// taken away because an event, an index or a replica of Redis was lost.
package replica
