// Package record is the wire codec of what Rollcall keeps of a node in Redis,
// and of the events of its changes.
//
// # Node
//
// The field data of a node's hash is a JSON object. Here it has every field; all but
// address may be missing, and null is as good as missing. A missing v is 1, and version 1
// is written by leaving it out:
//
//	{"v":2, "version":"1.2.0", "network":"unix", "address":"10.0.0.7:8080",
//	 "weight":10, "zone":"eu-1a", "status":"draining", "metadata":{"k":"v"},
//	 "ttl":15000,
//	 "service":{"metadata":{"k":"v"}, "endpoints":[
//	  {"name":"Add", "request":{"name":"A", "type":"object", "values":[
//	   {"name":"n", "type":"int"}]},
//	   "response":{"name":"B", "type":"string"}, "metadata":{"k":"v"}}]},
//	 "apis":"<sha256 of the API document, hex>"}
//
// The encoding is deterministic, so equal records are equal bytes: fields in
// the order above, fields that others added after them by name, no spaces, what
// is empty left out. A weight of 0 is a node without traffic; one that is left out is
// the default. Fields this version does not know survive decoding and
// encoding, and so does a v that is higher than ours.
//
// # Holder
//
// The field lease of a node's hash says who holds the node, and that of a tombstone who ended
// the lease:
//
//	<lease> <seq> <ttl, ms> <rev>
//	<lease> <seq> <self|op>
//
// # Override
//
// What operators set on a node, or on all nodes of a service, one line for each aspect of
// it. Readers lay it over the record.
//
//	<status, weight or metadata:<key>> <until, ms> <set, ms> <lease> <JSON>
//
// See Setting. It is in force until its end, 0 being none, and for its lease, - being any.
//
// # Event
//
// A header line, a newline, and the record of a put or the override of a set:
//
//	1 <epoch> <rev> <prev-tag> <tag> <time, us> <put|set|del|exp> <lease> <id>
//
// # Live
//
// A registrar whose renewals Redis refuses publishes on the same channel that its
// nodes are alive: a header line, and a line for each node.
//
//	1 live <since, us> <what Redis said>
//	<lease> <id>
//
// # Log
//
// The log holds the newest changes, one line each:
//
//	<tag> <time, us> <kind> <lease> <id>
//
// What an operator did has a note behind it, in JSON. See Note.
//
// Nothing here panics on any input: what cannot be read is ErrMalformed,
// ErrTooLarge or ErrVersion.
package record

import "errors"

// Version is the protocol version that this package writes.
const Version = 1

// Caps, in bytes, of what is kept of one node.
const (
	MaxNode     = 8 << 10
	MaxAPIs     = 64 << 10
	MaxOverride = 8 << 10
	MaxSaid     = 2 << 10 // one line of an override
	MaxNote     = 8 << 10 // of an entry of the log
)

var (
	// ErrMalformed means that a field, which the message names, is not what the
	// format says.
	ErrMalformed = errors.New("malformed")
	// ErrTooLarge means that a cap of this package is exceeded.
	ErrTooLarge = errors.New("too large")
	// ErrVersion means that an event follows another protocol version. Its
	// reader cannot apply it and has to read Redis instead.
	ErrVersion = errors.New("unknown protocol version")
)
