package discovery

import (
	"github.com/rollcall-go/rollcall/internal/balance"
)

// P2C, the power of two choices, compares two nodes for each call: the next one in turn and
// another drawn at random. It is the default, and takes the same time for any number of nodes.
//
// Turns are given out by weight. The cost of a node is its recent latency, and it grows with the
// calls that the node is serving: three more calls at a time than the other node has cost a
// factor of 2.7. The node in turn gets the call unless it costs more than 1.5 times as much as
// the other node. If it costs r times as much, it gets 1.5/r of its turns, and the other node
// gets the rest.
//
// So idle nodes, and nodes that are a little faster or slower than others, get their shares by
// weight at any moment. A node that is a hundred times slower gets under a hundredth of the
// calls. If calls pile up, each node serves as many at a time as its weight asks for.
//
// A single slow answer raises the latency of a node by three eighths at most; five in a row
// raise it up to a hundred times. A new node counts as equal until it has answered five times.
// A failed call counts as a slow one; a cancelled call does not count. The latency of a node
// that gets no calls is forgotten within a minute, so that the node is tried again.
//
// Source: Mitzenmacher, "The power of two choices in randomized load balancing", 2001. That
// the costlier node keeps a share of its turns, by the ratio of the costs, is the rule of
// Metropolis et al., "Equation of state calculations by fast computing machines", 1953.
func P2C() Balancer { return p2c }

// LeastLoaded picks the node that is serving the fewest calls for its weight. It compares all
// nodes if there are up to eight, and else four: the next one in turn and three drawn at
// random. So its time does not grow with the number of nodes, and processes do not all pick
// the same one. Of equal nodes it picks the one in turn, so idle nodes get calls by weight. It
// counts the calls of this process by P2C or LeastLoaded.
//
// Source of the draws: Mitzenmacher, "The power of two choices in randomized load balancing",
// 2001.
func LeastLoaded() Balancer { return leastLoaded }

// RoundRobin picks the nodes one after the other, whatever their weights. It starts at a
// random node, and again when nodes or weights change, so that processes do not all start
// with the same one. It takes the same time for any number of nodes.
func RoundRobin() Balancer { return roundRobin }

// Random picks nodes at random, each equally often, whatever its weight. It takes the same
// time for any number of nodes.
func Random() Balancer { return random }

// WeightedRoundRobin picks every node as often as its weight asks for, and as evenly as
// possible: with weights 5, 1 and 1 it picks a a c a a b a, not a a a a a b c. The order is
// computed when nodes or weights change, in about 100 ms for 10,000 nodes with many weights,
// and starts at a random place. It has at most 64 turns of 8 bytes for each node on average.
// Weights are rounded to that; each node has at least one turn.
//
// Source: the smooth weighted round robin of nginx, computed by earliest deadline first as in
// gRPC.
func WeightedRoundRobin() Balancer { return weightedRoundRobin }

// WeightedRandom picks nodes at random, each as often as its weight asks for. It takes the same
// time for any number of nodes.
//
// Source: Vose, "A linear algorithm for generating random numbers with a given distribution",
// 1991 (the alias method).
func WeightedRandom() Balancer { return weightedRandom }

// Maglev picks the same node for the same HashKey, in every process that sees the same nodes
// and weights, and spreads the keys over the nodes by weight. Without a HashKey it picks at
// random, by weight. When a node comes or goes, few keys of other nodes move: with a hundred
// nodes about 1 in 100, at worst 1 in 50. All keys move when the table grows, at 40, 164, 655,
// 2621 and 10485 nodes. With SlowStart, a new node gets its keys step by step, and not in all
// processes at the same time.
//
// A pick takes the same time for any number of nodes. The table has 100 to 400 entries of 4
// bytes for each node, and at least 4099. It is built again when nodes or weights change: in
// about 70 ms for 10,000 nodes.
//
// Source: Eisenbud et al., "Maglev: a fast and reliable software network load balancer",
// 2016.
func Maglev() Balancer { return maglev }

// Ring picks the same node for the same HashKey as long as that node is not too busy. No node
// serves more than load times its share of the running calls, by weight and rounded up; a
// call above that goes to the next node on the ring that has room. load must be over 1; 1.25
// is usual. Nearer to 1, calls are spread more evenly, and more of them go to another node; a
// pick then looks at about 1/(load-1)² entries, whatever the number of nodes. Without a
// HashKey it starts at a random place.
//
// It counts the calls to the service that this process makes by Ring, of all selections
// together. So the limit of a selection that gets only a part of them is less strict.
//
// Source: Mirrokni, Thorup, Zadimoghaddam, "Consistent hashing with bounded loads", 2016, with
// the table of Maglev as the ring, so that the place of a key is found in one step.
func Ring(load float64) Balancer { return balancer{balance.Ring{Bound: load}} }

var (
	p2c                Balancer = balancer{balance.P2C{}}
	leastLoaded        Balancer = balancer{balance.LeastLoaded{}}
	roundRobin         Balancer = balancer{balance.RoundRobin{}}
	random             Balancer = balancer{balance.Random{}}
	weightedRoundRobin Balancer = balancer{balance.WeightedRoundRobin{}}
	weightedRandom     Balancer = balancer{balance.WeightedRandom{}}
	maglev             Balancer = balancer{balance.Maglev{}}
)
