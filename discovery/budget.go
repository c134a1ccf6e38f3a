package discovery

import (
	"math"

	"github.com/rollcall-go/rollcall/internal/budget"
)

// The defaults of RetryBudget.
const (
	DefaultRetryShare       = 0.2
	DefaultRetriesPerSecond = 10
)

// RetryBudget limits the retries of Do, Transport and DialContext for all services together,
// so that retries do not multiply the load on services that are in trouble. share is the number
// of retries for each call: 0.2 allows one retry for every five calls. perSecond are further
// retries each second, for processes that make few calls. Retries that are not used are kept for
// about ten seconds. When none is left, a call returns its first error. 0, 0 allows no retry; a
// share as large as Retries allows all. Default: DefaultRetryShare, DefaultRetriesPerSecond.
//
// Source: Finagle's RetryBudget, with a memory that fades instead of a sliding window.
func RetryBudget(share float64, perSecond int) Option {
	return func(o *options) { o.budget = budget.Size{Share: share, PerSecond: perSecond} }
}

// checkBudget returns what is wrong with a RetryBudget.
func checkBudget(b budget.Size) error {
	if !(b.Share >= 0) || math.IsInf(b.Share, 0) || b.PerSecond < 0 {
		return invalid("RetryBudget(%v, %d): numbers of 0 or more are needed", b.Share, b.PerSecond)
	}
	return nil
}
