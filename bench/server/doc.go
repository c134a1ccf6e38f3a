// Package server measures what Rollcall costs a real Redis, and how long a change takes
// through it, beside other designs on the same server.
//
// Names are work/size/product. A product whose name begins with bare- does the least that
// any registry on Redis has to do: it is the limit, no registry. The other peers are
// written from the descriptions of their designs:
//
//   - set+hash: a set of IDs for each service and a hash for each node with a TTL.
//     No client is notified.
//   - script: a script for each instance writes its hash, the set of its service and a
//     PUBLISH, and another one renews it.
//   - polling: one hash for each service with a JSON document for each node; readers
//     read all of it and decode it. It has no leases.
//
// All of them use one go-redis client, and where many nodes are written, one pipeline of as
// many commands. Cost and Notify write the same record of 250 bytes, and one client
// subscribes. Read, FirstView and Memory store a node with five tags, each design in its own
// form without empty fields. Rollcall's own calls carry up to 100 nodes each, which is how a
// registry batches them. Package etcd measures the same works under the same names.
//
// What a peer does not do is not in its figure: none of these refuses an older lease,
// keeps a log of changes, or numbers its events.
package server
