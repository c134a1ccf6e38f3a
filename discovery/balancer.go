package discovery

// A Balancer says how to pick one of the nodes that may be called. It has no state: the
// Resolver keeps that, for each service and selection. Balancers with equal parameters are
// equal.
//
// A Balancer is a PickOption too, for calls that need another one than the Resolver has.
type Balancer interface {
	PickOption

	// String names the balancer and its parameters.
	String() string

	// picker makes what picks among members, of which there is at least one.
	picker(members []*member) picker

	// tracks tells what its picks go by: only that is kept up to date.
	tracks() tracking
}

// A tracking says what is noted of a call.
type tracking int8

const (
	untracked tracking = iota
	timed              // it is counted and timed
	bounded            // it is counted by its pick already
)

// A picker picks among the members that it was made for. It is called from many
// goroutines, takes no lock and allocates nothing, and its cost does not grow with
// the members. key is the hash of a HashKey, 0 where there is none. Of a bounded
// balancer, every pick has to be followed by the done of its load.
type picker interface {
	pick(key uint64) *member
}

// checkBalancer returns what is wrong with a balancer.
func checkBalancer(b Balancer) error {
	if r, ok := b.(ring); ok {
		return r.check()
	}
	return nil
}
