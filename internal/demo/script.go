package demo

import "time"

// A step changes some nodes, and the client is to know of it in time.
type step struct {
	say   string
	nodes []string
	do    action
	from  moment        // of each node, when its change began
	verb  string        // what the change is called in the summary
	there bool          // what the client has to see: the node is there, or it is not
	ends  bool          // the node's process is to end by itself after that
	soon  time.Duration // the client is to know within this
	then  time.Duration // let calls flow before the next step
}

// An action begins a change.
type action func(s *stage, node string) error

// soon is how long a message from one node to another may take. It is far over what
// is usual, for machines that are busy.
const soon = 2 * time.Second

var script = []step{
	{
		say:   "node-1, node-2 and node-3 start, each a process of its own; Hertz registers a server after one second",
		nodes: []string{"node-1", "node-2", "node-3"},
		do:    (*stage).start, from: registering, verb: "joins", there: true, soon: soon,
		then: 2 * time.Second,
	},
	{
		say:   "node-4 starts",
		nodes: []string{"node-4"},
		do:    (*stage).start, from: registering, verb: "joins", there: true, soon: soon,
		then: 2 * time.Second,
	},
	{
		say:   "node-2 is asked to leave: it drains first, still serving, then withdraws and ends",
		nodes: []string{"node-2"},
		do:    (*stage).leave, from: deregistering, verb: "drains", ends: true, soon: soon,
		then: time.Second,
	},
	{
		say:   "node-3 is killed, without Deregister; calls go to other nodes at once, and its lease runs out",
		nodes: []string{"node-3"},
		do:    (*stage).kill, from: killed, verb: "is killed", soon: ttl + time.Second,
		then: 2 * time.Second,
	},
}
