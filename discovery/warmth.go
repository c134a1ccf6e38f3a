package discovery

import (
	"time"

	"github.com/rollcall-go/rollcall/registry"
)

// members gives nodes their states and weights, and says when a weight changes next.
func (s *service) members(services []*registry.Service, now time.Time) (members []*member, next time.Time) {
	known, began := s.states(), s.table.Load() == nil
	for _, version := range services {
		for _, n := range version.Nodes {
			state := known[nodeKey{n.ID, n.Address}]
			if state == nil {
				state = &nodeState{load: load{ring: &s.ring}}
				if !began {
					state.since = now
				}
			}
			share, later := warmth(now.Sub(state.since), s.o.slowStart)
			if later > 0 {
				next = sooner(next, now.Add(later))
			}
			members = append(members, &member{Node: n, service: version, weight: weightOf(n) * share, state: state})
		}
	}
	return members, next
}

// warmth is the share of its calls that a node of an age gets in a slow start of d,
// in ten steps, and in how long that changes; 0 is never.
func warmth(age, d time.Duration) (share float64, later time.Duration) {
	if age >= d {
		return 1, 0
	}
	const steps = 10
	step := max(d/steps, 1)
	done := age / step
	return float64(done+1) / steps, (done+1)*step - age
}
