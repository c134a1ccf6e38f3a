package discovery

import (
	"math"

	"github.com/rollcall-go/rollcall/internal/balance"
)

// A Balancer says how to pick one of the nodes that may be called. It has no state: the
// Resolver keeps that, for each service and selection. Balancers with equal parameters are
// equal.
//
// A Balancer is a PickOption too, for calls that need another one than the Resolver has.
type Balancer interface {
	PickOption

	// String names the balancer and its parameters.
	String() string

	policy() balance.Policy
}

type balancer struct{ balance.Policy }

func (balancer) pickOption()              {}
func (b balancer) policy() balance.Policy { return b.Policy }

// checkPolicy returns what is wrong with the policy of a balancer.
func checkPolicy(p balance.Policy) error {
	if r, ok := p.(balance.Ring); ok && (!(r.Bound > 1) || math.IsInf(r.Bound, 1)) {
		return invalid("Ring(%v): a finite number over 1 is needed", r.Bound)
	}
	return nil
}
