package discovery

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// The defaults of RetryBudget.
const (
	DefaultRetryShare       = 0.2
	DefaultRetriesPerSecond = 10
)

// RetryBudget limits the retries of Do, Transport and DialContext for all services together,
// so that a fleet in trouble does not get several times as many calls as a healthy one. It
// allows one retry for each 1/share calls, and perSecond more each second. What is not used
// is kept for about ten seconds. Without budget, a call returns its first error. 0, 0 allows
// no retry; a share as large as Retries allows all. Default: DefaultRetryShare,
// DefaultRetriesPerSecond.
//
// Source: Finagle's RetryBudget, with a memory that fades instead of a sliding window.
func RetryBudget(share float64, perSecond int) Option {
	return func(o *options) { o.budget = budgetSize{share, perSecond} }
}

type budgetSize struct {
	share     float64
	perSecond int
}

func (b budgetSize) check() error {
	if !(b.share >= 0) || math.IsInf(b.share, 0) || b.perSecond < 0 {
		return invalid("RetryBudget(%v, %d): numbers of 0 or more are needed", b.share, b.perSecond)
	}
	return nil
}

// A budget holds retries that may still be made. Calls flow in, retries are taken
// out, and what stays there fades: to 1/e in a budgetMemory.
type budget struct {
	budgetSize
	calls atomic.Int64 // since at

	mu   sync.Mutex
	left float64
	at   time.Duration // by now
}

const budgetMemory = 10 * time.Second

// fill gives an empty budget what it holds when nothing happens.
func (b *budget) fill(size budgetSize, now time.Duration) {
	b.budgetSize, b.at = size, now
	b.left = float64(size.perSecond) * budgetMemory.Seconds()
}

// take takes a retry out, if there is one.
func (b *budget) take(now time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	passed := max(now-b.at, 0)
	b.left = faded(b.left, b.inflow(passed), passed)
	b.at += passed
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// inflow is what a time brought in. mu is held.
func (b *budget) inflow(passed time.Duration) float64 {
	return b.share*float64(b.calls.Swap(0)) + float64(b.perSecond)*passed.Seconds()
}

// faded is what a time leaves of a stock, and of an even inflow during that time.
func faded(stock, inflow float64, passed time.Duration) float64 {
	x := passed.Seconds() / budgetMemory.Seconds()
	if x == 0 {
		return stock + inflow
	}
	return stock*math.Exp(-x) - inflow*math.Expm1(-x)/x
}
