package discovery

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/ejection"
)

// The defaults of Ejection.
const (
	DefaultFailures    = 5
	DefaultEjection    = 5 * time.Second
	DefaultMaxEjection = 5 * time.Minute
)

// Ejection takes a node out of the picks when so many calls to it in a row have failed. The
// node gets no calls for the time base. Then one call goes to it. If that succeeds, the node is
// back; if not, it is ejected again, for twice as long each time, up to longest. Once it has
// been back for as long as it was out, the next ejection begins with base again. Each time is
// shortened a little at random.
//
// At least half of the nodes are never ejected; nodes that drain or have NoTraffic are not
// counted. 0 failures turn ejection off.
// Default: DefaultFailures, DefaultEjection, DefaultMaxEjection.
func Ejection(failures int, base, longest time.Duration) Option {
	p := ejection.Policy{Failures: failures, Base: base, Longest: longest}
	if failures == 0 {
		p = ejection.Policy{Off: true, Failures: DefaultFailures} // of the guard
	}
	return func(o *options) { o.ejection = p }
}

// checkEjection returns what is wrong with an Ejection.
func checkEjection(p ejection.Policy) error {
	if !p.Off && (p.Failures < 0 || p.Base <= 0 || p.Longest < p.Base) {
		return invalid("Ejection(%d, %v, %v): failures of 0, for none, or more, and times over 0 that rise are needed",
			p.Failures, p.Base, p.Longest)
	}
	return nil
}
