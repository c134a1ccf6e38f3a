// Package informer is the read side of a registry: it follows services and informs its
// listeners of changes. All listeners of one service share one replica of it, and all
// services share one subscription.
//
//	            Redis
//	pub/sub |           | snapshots, polls, probes
//	        v           v
//	  subscription    async calls
//	        |           |
//	        +--> loop <-+      one goroutine, which owns a Feed for each service
//	              |
//	              +--> Listener: Initial, Changed, HealthChanged
//
// The decisions are package replica's: when to read a service, when it has lost an
// event, and when a node is gone. The loop carries them out. It never waits for Redis: a
// call to Redis runs in a goroutine of its own, and its answer is handed to the loop.
//
// A gap in the events of a service is found by replica.Feed, which wants a snapshot then:
// an event does not follow from the state (Event), a poll shows another state (Polled), or
// the subscription ended (Unsubscribed). The loop reads the snapshot, and informs the
// listeners of what differs (Changed). While that takes long, HealthChanged says so.
//
// A listener attaches to one service, or to all services of a namespace. For a namespace
// the catalogues and the event pattern show which services exist, and only those with
// nodes are followed.
//
// Keyspace events only make it faster: they show that Redis has removed a key, and the
// service is polled at once.
package informer
